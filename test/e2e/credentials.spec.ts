// Credentials over HTTP on the embedded stores: issued by the reactor, verified by anyone, revoked, explained. What comes
// before (a template, a learner, an award) is written straight into the log.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Global, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import {
  bareId,
  Personal,
  publicId,
  uuidv5,
  type CredentialId,
  type DomainEvent,
  type IssuerId,
  type LearnerId,
  type TemplateId,
  type TenantId,
} from '@cairn/kernel';
import { catalogEvents, templateStream } from '@cairn/contexts/catalog';
import { RECORD_PREVIEW } from '@cairn/contexts/credentials';
import { learnerEvents, learnerStream } from '@cairn/contexts/learners';
import { recordEvents, recordStream } from '@cairn/contexts/progress';
import { verifyVcJwt, type PublicJwk } from '@cairn/openbadges';
import {
  configure,
  createAdapter,
  defineContext,
  INSTALLATION,
  openInstallation,
  PlatformModule,
  type Configuration,
  type Installation,
} from '@cairn/platform';
import { catalogProjection } from '../../libs/contexts/catalog/src/projections/catalog.projection.js';
import { credentialsContext, CredentialsModule } from '../../libs/contexts/credentials/src/credentials.module.js';
import { createRecordPreview } from '../../libs/contexts/progress/src/queries/record-preview.js';
import { learnersProjection } from '../../libs/contexts/learners/src/projections/learners.projection.js';
import { tenancyContext, TenancyModule } from '../../libs/contexts/tenancy/src/tenancy.module.js';

const OPERATOR = 'operator-token-of-the-tests-0123456789';
const given = defineContext({
  name: 'given',
  events: [...catalogEvents, ...learnerEvents, ...recordEvents],
  deciders: [],
  projections: [catalogProjection, learnersProjection],
  reactors: [],
  messages: [],
});

/** Who keeps the records is not here; what bulk acts ask of it is. */
@Global()
@Module({
  providers: [{ provide: RECORD_PREVIEW, inject: [INSTALLATION], useFactory: createRecordPreview }],
  exports: [RECORD_PREVIEW],
})
class RecordModule {}

@Module({ imports: [TenancyModule, CredentialsModule, RecordModule] })
class TestModule {}

let directory: string;
let installation: Installation;
let app: NestFastifyApplication;
let tenant: TenantId;
let issuerId: IssuerId;
let apiKey: string;
const templateId = uuidv5('00000000-0000-5000-8000-000000000000', 'template', 'L1') as TemplateId;

type Answer = { status: number; headers: Record<string, unknown>; text: string; json: Record<string, any> }; // oxlint-disable-line typescript/no-explicit-any

async function call(
  method: 'GET' | 'POST',
  url: string,
  body?: object,
  headers: Record<string, string> = { authorization: `Bearer ${apiKey}` },
): Promise<Answer> {
  const answer = await app.inject({ method, url, headers, ...(body === undefined ? {} : { payload: body }) });
  const { statusCode: status, body: text } = answer;
  const isJson = String(answer.headers['content-type']).includes('json');
  return { status, headers: answer.headers, text, json: isJson ? (JSON.parse(text) as Answer['json']) : {} };
}
const anyone = (url: string): Promise<Answer> => call('GET', url, undefined, {});

async function write(stream: string, expected: 'none' | number, ...events: readonly (DomainEvent & { id?: string })[]) {
  const now = installation.clock.now();
  const first = uuidv5(templateId, stream, String(expected));
  const stored = events.map(({ id, ...event }, n) =>
    installation.codec.encode(
      { ...event, id: id ?? uuidv5(first, n) },
      {
        $correlationId: first,
        $causationId: first,
        commandHash: '',
        actor: 'service:lms',
        tenant,
        occurredAt: now,
        recordedAt: now,
        app: 'test',
      },
    ),
  );
  expect(await installation.log.append(stream, expected, stored)).toMatchObject({ ok: true });
}

/** Learner n earns the template; the reactor does the rest. */
async function earn(n: number, issue: 'automatic' | 'manual' = 'automatic') {
  const learnerId = uuidv5(templateId, 'learner', n) as LearnerId;
  const credentialId = uuidv5(templateId, 'credential', n) as CredentialId;
  const earned = uuidv5(templateId, 'earned', n);
  await write(learnerStream(tenant, learnerId), 'none', {
    type: 'learner-registered',
    data: { learnerId, profile: Personal.of({ name: `Learner ${n}`, email: `l${n}@example.com` }) },
  });
  await write(recordStream(tenant, learnerId), 'none', {
    type: 'credential-earned',
    id: earned,
    data: {
      learnerId,
      credentialId,
      awardId: 'L1',
      awardKind: 'final',
      templateId,
      templateVersion: 1,
      occurrence: 1,
      edition: 1,
      at: '2026-01-10T09:00:00.000Z',
      from: '2026-01-10T09:00:00.000Z',
      satisfied: [],
      components: [],
      rulesHash: 'c'.repeat(64),
      issue,
    },
  });
  expect(await installation.settled(10_000)).toBe(true);
  return {
    id: publicId('crd', credentialId),
    learner: publicId('lrn', learnerId),
    earned: publicId('evt', earned),
    learnerId,
    name: `Learner ${n}`,
  };
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cairn-credentials-'));
  const configuration: Configuration = {
    dataDirectory: directory,
    port: 0,
    host: '127.0.0.1',
    baseUrl: 'http://127.0.0.1:3000',
    operatorToken: OPERATOR,
    logLevel: 'silent',
    ratePerMinute: 1_000_000,
  };
  installation = await openInstallation(configuration, [tenancyContext, given, credentialsContext]);
  app = await NestFactory.create<NestFastifyApplication>(
    { module: TestModule, imports: [PlatformModule.for(installation, configuration)] },
    createAdapter(),
    { logger: false, abortOnError: false },
  );
  configure(app);
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
  await installation.start();

  const operator = { authorization: `Bearer ${OPERATOR}`, 'idempotency-key': 'first' };
  const made = await call(
    'POST',
    '/api/tenants',
    { slug: 'northlake', name: 'Northlake', zone: 'Europe/Berlin' },
    operator,
  );
  tenant = bareId('ten', made.json['id'] as string) as TenantId;
  const key = await call(
    'POST',
    `/api/tenants/${made.json['id']}/api-keys`,
    {
      name: 'all',
      scopes: ['tenant:admin', 'credentials:read', 'credentials:issue', 'credentials:manage', 'learners:read'],
    },
    operator,
  );
  apiKey = key.json['key'] as string;
  const issuer = await call('POST', '/api/issuers', {
    slug: 'northlake',
    name: 'Northlake College',
    zone: 'Europe/Berlin',
  });
  issuerId = bareId('iss', issuer.json['id'] as string) as IssuerId;
  await call('POST', `/api/issuers/${issuer.json['id']}/keys`, { algorithm: 'ES256' });
  await write(
    templateStream(tenant, templateId),
    'none',
    {
      type: 'credential-template-drafted',
      data: { templateId, slug: 'L1', ...template() },
    },
    {
      type: 'credential-template-published',
      data: { templateId, slug: 'L1', version: 1, ...template(), hash: 'b'.repeat(64) },
    },
  );
}, 60_000);

const template = () => ({
  achievement: {
    name: { en: 'Data skills, level 1' },
    description: { en: 'Reads and cleans data.' },
    achievementType: 'MicroCredential',
    criteria: { en: 'Modules DS-101 and DS-102.' },
    level: 1,
  },
  componentPolicy: { revoked: 'flag', expired: 'flag', withdrawn: 'revoke' },
  issue: 'automatic',
  issuerId,
});

afterAll(async () => {
  installation.beginClose();
  await app.close();
  await installation.close();
  await rm(directory, { recursive: true, force: true });
});

describe('an automatic issue', () => {
  it('is verified by anyone, without login, naming holder and title but not the learner id', async () => {
    const { id, learnerId, name } = await earn(1);
    const answer = await anyone(`/c/${id}.json`);
    expect(answer).toMatchObject({
      status: 200,
      headers: { 'access-control-allow-origin': '*' },
      json: { credential: id, status: 'valid', holder: { name }, title: { en: 'Data skills, level 1' } },
    });
    expect((answer.json['checks'] as { outcome: string }[]).map(({ outcome }) => outcome)).toEqual(
      Array(5).fill('pass'),
    );
    expect(answer.text).not.toContain(learnerId);
    expect(answer.text).not.toContain(publicId('lrn', learnerId));
  });

  it('gives a signed copy that verifies by the published key alone', async () => {
    const { id } = await earn(2);
    const copy = await anyone(`/c/${id}.jwt`);
    expect(copy.headers['content-type']).toContain('application/vc+jwt');
    const { json: did } = await anyone(`/issuers/${publicId('iss', issuerId)}/did.json`);
    const keys = (did['verificationMethod'] as { publicKeyJwk: PublicJwk }[]).map(({ publicKeyJwk }) => publicKeyJwk);
    const report = await verifyVcJwt(copy.text, {
      trustedKeys: (issuer) => (issuer === did['id'] ? keys : undefined),
      now: installation.clock.now(),
      lifeCycle: () => 'active',
    });
    expect(report).toMatchObject({ verdict: 'valid', credential: { id: `http://127.0.0.1:3000/c/${id}` } });
  });

  it('answers as of an instant and as known at one', async () => {
    const { id } = await earn(3);
    expect((await anyone(`/c/${id}.json?asOf=2026-01-01T00:00:00Z`)).json).toMatchObject({ status: 'not-yet-valid' });
    expect(await anyone(`/c/${id}.json?knownAt=2026-01-11T00:00:00Z`)).toMatchObject({ status: 404 });
    expect(await anyone(`/c/${id}.json?asOf=yesterday`)).toMatchObject({
      status: 400,
      json: { code: 'validation-failed' },
    });
    expect(await anyone(`/c/${id}.json?colour=red`)).toMatchObject({ status: 400 });
  });

  it('is not found under an id that nobody issued, or that is none', async () => {
    expect(await anyone(`/c/${publicId('crd', uuidv5(templateId, 'nobody'))}.json`)).toMatchObject({ status: 404 });
    expect(await anyone('/c/crd_short.json')).toMatchObject({ status: 404, json: { code: 'not-found' } });
  });
});

describe('an issue by hand', () => {
  it('meets the one that the reactor would make, and is made once', async () => {
    const { id, learner, earned } = await earn(4, 'manual');
    expect(await anyone(`/c/${id}.json`)).toMatchObject({ status: 404 });
    const first = await call('POST', '/api/credentials', { learner, earned });
    expect(first).toMatchObject({ status: 201, json: { id, outcome: 'recorded' } });
    expect(await call('POST', '/api/credentials', { learner, earned })).toMatchObject({ json: { id, revision: 0 } });
    expect((await call('GET', `/api/credentials/${id}/history`)).json['items']).toHaveLength(1);
  });
  it('refuses a decision that is not in the record, and half a request', async () => {
    const { learner } = await earn(5);
    const other = publicId('evt', uuidv5(templateId, 'other'));
    expect(await call('POST', '/api/credentials', { learner, earned: other })).toMatchObject({
      status: 422,
      json: { code: 'basis-unknown' },
    });
    expect(await call('POST', '/api/credentials', { learner })).toMatchObject({ status: 400 });
    expect(await call('POST', '/api/credentials', { learner, earned: other, template: 'L1' })).toMatchObject({
      status: 400,
    });
  });
});

describe('a revocation', () => {
  const revoke = (id: string, body: object, etag?: string) =>
    call('POST', `/api/credentials/${id}/revoke`, body, {
      authorization: `Bearer ${apiKey}`,
      'idempotency-key': `revoke-${id}-${JSON.stringify(body)}-${etag}`,
      ...(etag === undefined ? {} : { 'if-match': etag }),
    });
  const reasoned = { reasonCode: 'issued-in-error', authority: 'registrar' };

  it('needs the state it was decided on, a reason and an authority', async () => {
    const { id } = await earn(6);
    expect(await revoke(id, reasoned)).toMatchObject({ status: 428 });
    expect(await revoke(id, reasoned, '"7"')).toMatchObject({ status: 412 });
    expect(await revoke(id, { authority: 'registrar' }, '"0"')).toMatchObject({
      status: 422,
      json: { code: 'reason-required' },
    });
    expect(await revoke(id, { reasonCode: 'x' }, '"0"')).toMatchObject({
      status: 422,
      json: { code: 'authority-required' },
    });
    expect((await anyone(`/c/${id}.json`)).json).toMatchObject({ status: 'valid' });
  });

  it('shows at once, whatever the projections do; before it took effect the credential was valid', async () => {
    const { id } = await earn(7);
    const { headers } = await call('GET', `/api/credentials/${id}`);
    const body = { ...reasoned, effectiveAt: '2026-05-05T00:00:00Z' };
    expect(await revoke(id, body, headers['etag'] as string)).toMatchObject({ status: 200, json: { revision: 1 } });
    expect((await anyone(`/c/${id}.json`)).json).toMatchObject({ status: 'revoked', reason: 'issued-in-error' });
    expect((await anyone(`/c/${id}.json?asOf=2026-05-04T00:00:00Z`)).json).toMatchObject({ status: 'valid' });
    expect(await revoke(id, body, headers['etag'] as string)).toMatchObject({ status: 200 });
    expect(await revoke(id, { ...reasoned, reasonCode: 'fraud' }, '"1"')).toMatchObject({
      json: { code: 'credential-revoked' },
    });
  });
});

describe('verifying what is presented', () => {
  const verify = (credential: string) => call('POST', '/api/verifications', { credential }, {});

  it('takes an id, an address and a signed copy', async () => {
    const { id } = await earn(8);
    const jwt = (await anyone(`/c/${id}.jwt`)).text;
    for (const presented of [id, `https://elsewhere.example/c/${id}`, `http://127.0.0.1:3000/c/${id}.json`, jwt])
      expect((await verify(presented)).json).toMatchObject({ verdict: 'valid', answer: { credential: id } });
  });
  it('tells forged, foreign and unreadable ones apart, one outcome for each', async () => {
    const { id } = await earn(9);
    const jwt = (await anyone(`/c/${id}.jwt`)).text;
    const [head, payload, signature] = jwt.split('.') as [string, string, string];
    const other = {
      ...(JSON.parse(Buffer.from(payload, 'base64url').toString()) as object),
      name: 'Doctor of everything',
    };
    const forged = [head, Buffer.from(JSON.stringify(other)).toString('base64url'), signature].join('.');
    const items = [id, forged, 'nonsense', publicId('crd', uuidv5(templateId, 'nobody'))].map((credential) => ({
      credential,
    }));
    const { json } = await call('POST', '/api/verifications/batch', { items }, {});
    expect((json['items'] as { verdict: string }[]).map(({ verdict }) => verdict)).toEqual([
      'valid',
      'tampered',
      'malformed',
      'not-found',
    ]);
  });
});

describe('for staff', () => {
  it('the register is paged newest first, by learner, template and state', async () => {
    const { id, learner } = await earn(10);
    expect(await installation.settled(10_000)).toBe(true);
    const page = await call('GET', '/api/credentials?limit=2');
    expect(page.json['items']).toHaveLength(2);
    const rest = await call('GET', `/api/credentials?limit=200&cursor=${page.json['nextCursor']}`);
    const all = [...page.json['items'], ...rest.json['items']] as { credential: string; issuedAt: string }[];
    expect(new Set(all.map(({ credential }) => credential)).size).toBe(all.length);
    expect(all.map(({ issuedAt }) => issuedAt)).toEqual(
      all
        .map(({ issuedAt }) => issuedAt)
        .toSorted()
        .toReversed(),
    );
    expect((await call('GET', `/api/credentials?learner=${learner}`)).json['items']).toMatchObject([
      { credential: id },
    ]);
    expect(
      (await call('GET', `/api/credentials?template=${publicId('tpl', templateId)}&state=revoked`)).json['items'],
    ).toHaveLength(1);
  });
  it('a wallet shows the standing of each credential', async () => {
    const { id, learner } = await earn(11);
    expect((await call('GET', `/api/learners/${learner}/wallet`)).json).toMatchObject({
      items: [{ credential: id, state: 'valid' }],
    });
    expect((await call('GET', `/api/learners/${learner}/wallet?asOf=2026-01-01T00:00:00Z`)).json).toMatchObject({
      items: [{ state: 'not-yet-valid' }],
    });
  });
  it('an explanation names the decision, and needs a key', async () => {
    const { id } = await earn(12);
    expect((await call('GET', `/api/credentials/${id}/explain`)).json).toMatchObject({
      credential: id,
      decision: { kind: 'earned' },
      staff: { events: [{ type: 'credential-earned' }, { type: 'credential-issued' }] },
    });
    expect(await anyone(`/api/credentials/${id}/explain`)).toMatchObject({ status: 401 });
  });
});

describe('after an erasure', () => {
  it('the status stays, the name and the signed copy are gone', async () => {
    const { id, learner, learnerId, name } = await earn(13);
    await write(learnerStream(tenant, learnerId), 0, {
      type: 'learner-erased',
      data: { learnerId, approvedBy: 'user:dpo', reasonCode: 'data-subject-request' },
    });
    expect(await installation.settled(10_000)).toBe(true);
    const answer = await anyone(`/c/${id}.json`);
    expect(answer.json).toMatchObject({ status: 'valid', holder: null, holderIs: 'erased' });
    expect(answer.text).not.toContain(name);
    expect(await anyone(`/c/${id}.jwt`)).toMatchObject({ status: 404 });
    expect(await call('GET', `/api/learners/${learner}/wallet`)).toMatchObject({ status: 410 });
  });
});
