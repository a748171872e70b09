// Links to pages that are not for everybody: signed, expiring, without login. The signature binds tenant, page, subject
// and end; the key lies in the vault, so a link of another installation is worth nothing.
import { timingSafeEqual } from 'node:crypto';
import { base32OfUuid, hmacSha256, uuidOfBase32, type TenantId } from '@cairn/kernel';
import { ProblemException, type Installation } from '@cairn/platform';

export const LINKED_PAGES = ['why', 'funnel', 'trail'] as const;
export type LinkedPage = (typeof LINKED_PAGES)[number];

async function sign(
  { keyVault }: Installation,
  tenant: TenantId,
  page: LinkedPage,
  subject: string,
  until: number,
): Promise<string> {
  const key = await keyVault.secret(tenant, 'page-links');
  return hmacSha256(key, [page, subject, String(until)].join('\u0000')).slice(0, 40);
}

/** Path and query of a page: `/pages/funnel/data-skills?key=…`. */
export async function pageLink(
  installation: Installation,
  tenant: TenantId,
  page: LinkedPage,
  subject: string,
  until: number,
): Promise<string> {
  const key = [base32OfUuid(tenant), until.toString(36), await sign(installation, tenant, page, subject, until)].join(
    '.',
  );
  return `/pages/${page}/${encodeURIComponent(subject)}?key=${key}`;
}

/** The tenant that a link's key speaks for. Throws `not-found` for a wrong key and `share-link-expired` for an old one. */
export async function tenantOfLink(
  installation: Installation,
  page: LinkedPage,
  subject: string,
  key: string,
): Promise<TenantId> {
  const [tenantText = '', untilText = '', signature = ''] = key.split('.');
  const tenant = uuidOfBase32(tenantText) as TenantId | undefined;
  const until = Number.parseInt(untilText, 36);
  if (!tenant || !Number.isSafeInteger(until)) throw wrongLink();
  const expected = Buffer.from(await sign(installation, tenant, page, subject, until));
  const given = Buffer.from(signature);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw wrongLink();
  if (until * 1000 <= Date.parse(installation.clock.now()))
    throw new ProblemException('share-link-expired', 'The link has expired.');
  return tenant;
}

const wrongLink = (): ProblemException => new ProblemException('not-found', 'This link leads nowhere.');
