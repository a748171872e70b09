// Status lists: which credentials of an issuer are revoked, for verifiers that ask about no single one (Bitstring Status
// List v1.0). Signed as the credentials are; the bits are what the `verification` read model says up to the log's head.
import { Controller, Get, Inject, Injectable, Param, Query as QueryString, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { sha256, type CredentialId, type Instant, type Position, type TenantId } from '@cairn/kernel';
import { issuerFold, issuerStream, type IssuerKeyState } from '@cairn/contexts/tenancy';
import { buildStatusListCredential, signVcJwt } from '@cairn/openbadges';
import {
  CONFIGURATION,
  INSTALLATION,
  InstantField,
  instantOf,
  ProblemException,
  Public,
  type CairnRequest,
  type Configuration,
  type Installation,
} from '@cairn/platform';
import { SigningDesk } from '../commands/signing-desk.js';
import { credentialStream, type CredentialEvent, type StatusListEvent } from '../contracts/credential.events.js';
import { jwtKeyAt, statusListUrl } from '../domain/issue-preparation.js';
import { issuerOfList, statusListStream } from '../domain/status-list.decider.js';
import type { VerificationDocument } from '../projections/verification.projection.js';

/** How long a verifier may keep a list, and with it how late it may learn of a revocation (D5). */
const TTL_SECONDS = 60;
/** A list as it stood does not change any more. */
const PAST_SECONDS = 86_400;
const WAIT_MS = 2_000;
/** States whose bit is set, for good; what ends a credential otherwise is no matter of this list (credentials.md §3). */
const ENDED: readonly VerificationDocument['state'][] = ['revoked', 'superseded'];
const ENDINGS: readonly string[] = ['credential-revoked', 'credential-superseded'] satisfies CredentialEvent['type'][];
const PAGE = 10_000;

type Opened = Extract<StatusListEvent, { type: 'status-list-opened' }>['data'];
type List = { readonly tenant: TenantId; readonly opened: Opened; readonly openedAt: Instant };
type Entry = { readonly credentialId: CredentialId; readonly index: number };
type Signed = { readonly jwt: string; readonly etag: string };
type Kept = Signed & { readonly head: Position; readonly content: string };

@Injectable()
export class StatusLists {
  /** The last signature of each list: while the same bits stand under the same key, the same bytes are served. */
  readonly #kept = new Map<string, Kept>();

  constructor(
    @Inject(INSTALLATION) private readonly installation: Installation,
    @Inject(CONFIGURATION) private readonly configuration: Configuration,
    private readonly desk: SigningDesk,
  ) {}

  /** Undefined if there is no such list, or was not at `timestamp`. Throws if its bits cannot be established. */
  async signed(listId: string, timestamp?: Instant): Promise<Signed | undefined> {
    const list = await this.listOf(listId);
    if (!list || (timestamp !== undefined && timestamp < list.openedAt)) return undefined;
    const { tenant } = list;
    const now = await this.installation.now(tenant);
    if (timestamp !== undefined) {
      if (timestamp > now) throw new ProblemException('date-in-future', `It is ${now}: nobody knows yet.`);
      const { entries } = await this.ended(list);
      return this.sign(list, await this.endedBy(tenant, entries, timestamp), timestamp, await this.keyAt(list, now));
    }
    const { entries, head } = await this.ended(list);
    const set = entries.map(({ index }) => index);
    const key = await this.keyAt(list, now);
    const content = sha256(`${key.keyId} ${set.join()}`);
    const kept = this.#kept.get(listId);
    if (kept?.content === content) return kept;
    const made = await this.sign(list, set, now, key);
    // Of two that were made at once, the one that knows more stays.
    const newest = this.#kept.get(listId);
    if (!newest || newest.head <= head) this.#kept.set(listId, { ...made, head, content });
    return made;
  }

  /** The list's first event; an issuer's id says whose tenant's it is (ADR 0003). */
  private async listOf(listId: string): Promise<List | undefined> {
    const { views, executor } = this.installation;
    const issuerId = issuerOfList(listId);
    const [issuer] = issuerId === undefined ? [] : await views.find('issuers', { issuerId }, { limit: 1 });
    if (!issuer) return undefined;
    const tenant = issuer['tenant'] as TenantId;
    const [first] = await executor.history(statusListStream(tenant, listId), { limit: 1 });
    if (first?.type !== 'status-list-opened') return undefined;
    return { tenant, opened: first.data as Opened, openedAt: first.meta.recordedAt };
  }

  /** Whatever the log said when asked: behind, or with a document that waits for a person, it is no answer (D5). */
  private async ended({ tenant, opened }: List): Promise<{ entries: readonly Entry[]; head: Position }> {
    const { installation } = this;
    const head = await installation.log.head();
    if (!(await installation.waitFor(['verification'], head, WAIT_MS)))
      throw new ProblemException('read-model-behind', 'The list is not up to date with the log.', {
        retryAfterSeconds: 1,
        next: 'Ask again after Retry-After.',
      });
    const parked = await installation.parked();
    if (parked.some(({ name, key }) => name === 'verification' && key.startsWith(`${tenant}:`)))
      throw new ProblemException('read-model-behind', 'The state of a credential cannot be established now.', {
        next: 'Ask again later; until then take what it lists as unknown.',
      });
    const entries: Entry[] = [];
    for (let after: string | undefined; ;) {
      const page = await installation.views.find(
        'verification',
        { tenant, statusList: opened.listId, state: { $in: ENDED } },
        { sort: [['_id', 1]], limit: PAGE, ...(after === undefined ? {} : { after: [after] }) },
      );
      for (const document of page as unknown as readonly VerificationDocument[])
        entries.push({ credentialId: document.credentialId as CredentialId, index: Number(document.statusIndex) });
      after = page.at(-1)?._id;
      if (page.length < PAGE || after === undefined) return { entries, head };
    }
  }

  /** Those whose end was on record then: it is final, so none is missing. */
  private async endedBy(tenant: TenantId, entries: readonly Entry[], instant: Instant): Promise<readonly number[]> {
    const set: number[] = [];
    for (const { credentialId, index } of entries) {
      const events = await this.installation.executor.history(credentialStream(tenant, credentialId));
      const ending = events.find(({ type }) => ENDINGS.includes(type));
      if (ending && ending.meta.recordedAt <= instant) set.push(index);
    }
    return set;
  }

  private async keyAt({ tenant, opened }: List, now: Instant): Promise<IssuerKeyState> {
    const { executor } = this.installation;
    const key = jwtKeyAt(await executor.loader.fold(issuerFold, issuerStream(tenant, opened.issuerId)), now);
    if (!key) throw new ProblemException('signing-key-missing', 'The issuer has no key in force that signs it.');
    return key;
  }

  private async sign(
    { tenant, opened }: List,
    set: readonly number[],
    validFrom: Instant,
    key: IssuerKeyState,
  ): Promise<Signed> {
    const { registered } = await this.installation.executor.loader.fold(
      issuerFold,
      issuerStream(tenant, opened.issuerId),
    );
    const signingKey = await this.desk.signingKey(tenant, key);
    if (!registered || !signingKey)
      throw new ProblemException('signing-key-missing', 'The key that signs the list is not in the vault.');
    const credential = buildStatusListCredential({
      url: statusListUrl(this.configuration.baseUrl, opened.listId),
      issuer: registered.did,
      purpose: opened.purpose,
      validFrom,
      size: opened.size,
      set,
      ttlMs: TTL_SECONDS * 1000,
    });
    const jwt = await signVcJwt(credential, signingKey);
    return { jwt, etag: `"${sha256(jwt).slice(0, 32)}"` };
  }
}

class StatusListQuery {
  @InstantField({ optional: true, description: 'The list as it stood then, by what was recorded; now if left out.' })
  timestamp?: string;
}

@ApiTags('verification')
@Public()
@Controller('status')
export class StatusListRoute {
  constructor(private readonly lists: StatusLists) {}

  @Get(':list')
  @ApiOperation({ summary: 'A status list: which credentials of an issuer are revoked, as a signed credential' })
  @ApiProduces('application/vc+jwt')
  async list(
    @Req() request: CairnRequest,
    @Res() reply: FastifyReply,
    @Param('list') listId: string,
    @QueryString() { timestamp }: StatusListQuery,
  ) {
    const found = await this.lists.signed(listId, timestamp === undefined ? undefined : instantOf(timestamp));
    if (!found) throw new ProblemException('not-found', 'There is no such status list, or was none at that time.');
    void reply.headers({
      'Access-Control-Allow-Origin': '*',
      'Cache-Control': `public, max-age=${timestamp === undefined ? TTL_SECONDS : PAST_SECONDS}`,
      ETag: found.etag,
    });
    const seen = (request.headers['if-none-match'] ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
    if (seen.includes(found.etag)) return reply.status(304).send();
    return reply.type('application/vc+jwt').send(found.jwt);
  }
}
