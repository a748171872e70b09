// The register for staff: lists, one credential on both time axes, its events, and a learner's wallet.
import { Controller, Get, Inject, Param, Query as QueryString, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import {
  bareId,
  publicId,
  type CredentialId,
  type LearnerId,
  type Recorded,
  type TemplateId,
  type TenantId,
} from '@cairn/kernel';
import { learnerFold, learnerStream, onePerson } from '@cairn/contexts/learners';
import {
  Caller,
  idFromPath,
  idOrSlug,
  INSTALLATION,
  OneOf,
  pageAnswer,
  pageOf,
  PageQuery,
  ProblemException,
  PublicId,
  ReadGate,
  RequireScope,
  Text,
  type CairnRequest,
  type Installation,
  type TenantCaller,
} from '@cairn/platform';
import { credentialStream, type CredentialEvent } from '../contracts/credential.events.js';
import type { CredentialStatus } from '../contracts/verification-answer.js';
import type { Standing } from '../domain/credential-status.js';
import { renewalOf, termsOf } from '../domain/verification.js';
import type { RegisterDocument } from '../projections/register.projection.js';
import type { WalletDocument, WalletItem } from '../projections/wallet.projection.js';
import { CredentialReading } from './credential-reading.js';
import { AxesQuery, axesOf } from './verify-credential.js';

class RegisterQuery extends PageQuery {
  @Text({ optional: true, max: 64, description: 'Id or slug of a template.' }) template?: string;
  @PublicId('lrn', { optional: true }) learner?: string;
  @OneOf(['issued', 'revoked', 'superseded', 'barred'], { optional: true, description: 'All but barred if left out.' })
  state?: string;
}

@ApiTags('credentials')
@RequireScope('credentials:read')
@Controller('api/credentials')
export class CredentialRegisterRoute {
  constructor(
    @Inject(INSTALLATION) private readonly installation: Installation,
    private readonly reading: CredentialReading,
    private readonly gate: ReadGate,
  ) {}

  @Get()
  @ApiOperation({ summary: 'The issuance history, newest first' })
  async list(
    @Req() request: CairnRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Caller() { tenant }: TenantCaller,
    @QueryString() query: RegisterQuery,
  ) {
    await this.gate.pass(request, reply, 'register');
    const filter = {
      tenant,
      ...(query.state === undefined ? { issuedAt: { $gt: '' } } : { state: query.state }),
      ...(query.template === undefined ? {} : { templateId: idOrSlug<TemplateId>('tpl', tenant, query.template) }),
      ...(query.learner === undefined
        ? {}
        : { learnerId: { $in: await this.person(tenant, bareId('lrn', query.learner) as LearnerId) } }),
    };
    const page = await pageOf(this.installation.views, 'register', filter, query, [['issuedAt', -1]]);
    return pageAnswer(reply, request, page, (document) => listed(document as unknown as RegisterDocument));
  }

  @Get(':id')
  @ApiOperation({ summary: 'One credential, as of an instant and as known at one, with its references' })
  async one(
    @Res({ passthrough: true }) reply: FastifyReply,
    @Caller() { tenant }: TenantCaller,
    @Param('id') id: string,
    @QueryString() axes: AxesQuery,
  ) {
    const credentialId = idFromPath<CredentialId>('crd', id);
    const [answer, standing] = await Promise.all([
      this.reading.reader.verify(tenant, credentialId, axesOf(axes)),
      this.reading.reader.standing(tenant, credentialId, axesOf(axes)),
    ]);
    if (!answer || !standing) throw new ProblemException('not-found', 'No such credential was known at that time.');
    if (standing === 'unknown') throw new ProblemException('log-unavailable', 'The credential cannot be read now.');
    const { data } = standing.issued;
    const revision = await this.revisionOf(tenant, credentialId);
    void reply.header('ETag', `"${revision}"`);
    return {
      ...answer,
      revision,
      learner: publicId('lrn', data.learnerId),
      template: publicId('tpl', data.templateId),
      templateVersion: data.templateVersion,
      issuerId: publicId('iss', data.issuerId),
      occurrence: data.occurrence,
      edition: data.edition,
      statusEntry: data.status,
      earned: publicId('evt', data.basis.eventId),
      ...(data.replaces === undefined ? {} : { replaces: publicId('crd', data.replaces) }),
    };
  }

  @Get(':id/history')
  @ApiOperation({ summary: 'Every event of one credential, with actor and both times' })
  async history(@Caller() { tenant }: TenantCaller, @Param('id') id: string) {
    const events = await this.eventsOf(tenant, idFromPath<CredentialId>('crd', id));
    if (events.length === 0) throw new ProblemException('not-found', 'No such credential was issued.');
    return {
      items: events.map(({ id: eventId, type, revision, meta, data }) => ({
        event: publicId('evt', eventId),
        type,
        revision,
        at: meta.occurredAt,
        recordedAt: meta.recordedAt,
        actor: meta.actor,
        correlation: meta.$correlationId,
        ...('reasonCode' in data && data.reasonCode !== undefined ? { reason: data.reasonCode } : {}),
        ...('authority' in data && data.authority !== undefined ? { authority: data.authority } : {}),
        ...('because' in data && data.because !== undefined ? { because: publicId('evt', data.because) } : {}),
      })),
    };
  }

  private person(tenant: TenantId, learner: LearnerId) {
    const { executor, views } = this.installation;
    return onePerson({ fold: executor.loader.fold, find: views.find }, tenant, learner);
  }

  private async eventsOf(tenant: TenantId, id: CredentialId): Promise<readonly Recorded<CredentialEvent>[]> {
    const events = await this.installation.executor.history(credentialStream(tenant, id));
    return events as readonly Recorded<CredentialEvent>[];
  }

  private async revisionOf(tenant: TenantId, id: CredentialId): Promise<number> {
    return (await this.eventsOf(tenant, id)).at(-1)?.revision ?? -1;
  }
}

const listed = (document: RegisterDocument) => ({
  credential: publicId('crd', document.credentialId),
  state: document.state,
  learner: publicId('lrn', document.learnerId),
  template: publicId('tpl', document.templateId),
  ...(document.templateVersion === undefined ? {} : { templateVersion: document.templateVersion }),
  ...(document.issuerId === undefined ? {} : { issuer: publicId('iss', document.issuerId) }),
  ...present(document, [
    'occurrence',
    'edition',
    'serial',
    'awardedAt',
    'issuedAt',
    'validFrom',
    'validUntil',
    'revokedAt',
    'revocationReason',
    'supersededAt',
    'renewal',
    'vcHash',
    'keyId',
    'statusList',
    'statusIndex',
  ]),
  ...(document.supersededBy === undefined ? {} : { supersededBy: publicId('crd', document.supersededBy) }),
  ...(document.replaces === undefined ? {} : { replaces: publicId('crd', document.replaces) }),
  flags: document.holds.map(({ cause, since }) => ({ cause, since })),
  ...(document.suspensions?.length ? { suspensions: document.suspensions } : {}),
  revision: document.revision,
});

const present = (document: RegisterDocument, keys: readonly string[]) =>
  Object.fromEntries(keys.flatMap((key) => (document[key] === undefined ? [] : [[key, document[key]]])));

@ApiTags('learners')
@RequireScope('learners:read')
@Controller('api/learners')
export class WalletRoute {
  constructor(
    @Inject(INSTALLATION) private readonly installation: Installation,
    private readonly reading: CredentialReading,
    private readonly gate: ReadGate,
  ) {}

  @Get(':id/wallet')
  @ApiOperation({ summary: "A learner's credentials and their standing at an instant" })
  async wallet(
    @Req() request: CairnRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Caller() { tenant }: TenantCaller,
    @Param('id') id: string,
    @QueryString() axes: AxesQuery,
  ) {
    const learnerId = idFromPath<LearnerId>('lrn', id);
    const { executor, views } = this.installation;
    const { status } = await executor.loader.fold(learnerFold, learnerStream(tenant, learnerId));
    if (status === 'erased') throw new ProblemException('learner-erased', 'The learner was erased.');
    if (status === 'unknown') throw new ProblemException('not-found', 'There is no such learner.');
    await this.gate.pass(request, reply, 'wallet');
    const people = await onePerson({ fold: executor.loader.fold, find: views.find }, tenant, learnerId);
    const wallets = (await Promise.all(
      people.map((one) => views.get('wallet', `${tenant}:${one}`)),
    )) as unknown as readonly (WalletDocument | undefined)[];
    const credentials = wallets.flatMap((wallet) => wallet?.credentials ?? []);
    if (people.length > 1) credentials.sort((a, b) => (a.issuedAt < b.issuedAt ? -1 : 1));
    const items = await Promise.all(
      credentials.map(async (item) => {
        const standing = await this.reading.reader.standing(tenant, item.credentialId as CredentialId, axesOf(axes));
        if (standing === undefined) return [];
        const known = standing === 'unknown' ? undefined : standing;
        const state: CredentialStatus = known?.status ?? 'unknown';
        return [
          {
            credential: publicId('crd', item.credentialId),
            template: publicId('tpl', item.templateId),
            templateVersion: item.templateVersion,
            state,
            ...(known ? { since: known.since, ...(known.reason === undefined ? {} : { reason: known.reason }) } : {}),
            occurrence: item.occurrence,
            edition: item.edition,
            awardedAt: item.awardedAt,
            ...termsIn(item, known),
            ...(item.supersededBy === undefined ? {} : { supersededBy: publicId('crd', item.supersededBy) }),
            flags: (known?.flags ?? []).map(({ cause, since }) => ({ cause, since })),
            restsOn: item.components.map(({ templateId }) => publicId('tpl', templateId)),
          },
        ];
      }),
    );
    return { learner: publicId('lrn', people[0]), items: items.flat() };
  }
}

/** The running term and all of them, as they stood; of one that cannot be read, the last known. */
function termsIn({ serial, validFrom, validUntil, terms }: WalletItem, known: Standing | undefined) {
  const last = { serial, validFrom, ...(validUntil === undefined ? {} : { validUntil }) };
  const all = known ? termsOf(known) : (terms ?? [last]);
  const running = known ? (all.find((term) => term.serial === known.term.serial) ?? last) : last;
  const renewal = known && renewalOf(known);
  return { ...running, terms: all, ...renewal };
}
