import { publicId, sha256, uuidv5, type CredentialId, type DomainEvent, type TenantId } from '@cairn/kernel';
import { learnerStream } from '@cairn/contexts/learners';
import { issuerStream } from '@cairn/contexts/tenancy';
import { LogUnavailable, type EventLog } from '@cairn/eventlog';
import { TENANT, at } from '@cairn/testing';
import { credentialStream } from '../contracts/credential.events.js';
import { BASE_URL, POLICY, componentTemplate, issuerId, templateId } from '../domain/samples-spec.js';
import { clock, learner, world } from '../world-spec.js';
import { createCredentialReader, type CredentialReaderPorts } from './credential-reader.js';

type World = Awaited<ReturnType<typeof world>>;
const { learnerId, credentialId, stream: record } = learner(0);
const stream = credentialStream(TENANT, credentialId);
const about = { learnerId, credentialId, templateId };

const readerOf = ({ process, copies }: World, over: Partial<CredentialReaderPorts> = {}, through?: EventLog) => {
  const { executor } = process(through);
  return createCredentialReader({
    history: executor.history,
    loader: executor.loader,
    copies,
    now: () => Promise.resolve(at('2026-06-01')),
    baseUrl: BASE_URL,
    countsTowards: () => Promise.resolve([{ title: { en: 'Level 2' } }]),
    decideAgain: () => Promise.resolve({ matches: true, restsOn: [] }),
    ...over,
  });
};
const issuedWorld = async (): Promise<World> => {
  const made = await world();
  await made.process().issue(0);
  return made;
};
const revoked: DomainEvent = {
  type: 'credential-revoked',
  data: { ...about, reasonCode: 'issued-in-error', effectiveAt: at('2026-05-05'), authority: 'registrar' },
};
/** The log, with reads of some streams failing. */
const broken = (log: EventLog, fails: (name: string) => boolean): EventLog => ({
  ...log,
  read: (name, options) =>
    fails(name) ? Promise.reject(new LogUnavailable('not-written', 'down')) : log.read(name, options),
});

describe('verifying', () => {
  it('reads the stream, the signed copy and the decision', async () => {
    const answer = await readerOf(await issuedWorld()).verify(TENANT, credentialId);
    expect(answer).toMatchObject({
      credential: publicId('crd', credentialId),
      status: 'valid',
      holder: { name: 'Learner 0' },
      stack: { countsTowards: [{ title: { en: 'Level 2' } }] },
    });
    expect(answer?.checks.map(({ outcome }) => outcome)).toEqual(['pass', 'pass', 'pass', 'pass', 'pass']);
    expect(JSON.stringify(answer)).not.toContain(learnerId);
  });
  it('is revoked from the moment the event is in the log, with no projection in between (D5)', async () => {
    const made = await issuedWorld();
    const reader = readerOf(made);
    expect(await reader.verify(TENANT, credentialId)).toMatchObject({ status: 'valid' });
    await made.write(stream, 0, revoked);
    expect(await reader.verify(TENANT, credentialId)).toMatchObject({ status: 'revoked', reason: 'issued-in-error' });
    expect(await reader.verify(TENANT, credentialId, { asOf: at('2026-05-04') })).toMatchObject({ status: 'valid' });
  });
  it('does not find what was not known then, not issued, or of another tenant (D10)', async () => {
    const reader = readerOf(await issuedWorld());
    expect(await reader.verify(TENANT, credentialId, { knownAt: at('2026-03-10') })).toBeUndefined();
    expect(await reader.verify(TENANT, learner(1).credentialId)).toBeUndefined();
    expect(await reader.verify(POLICY as TenantId, credentialId)).toBeUndefined();
  });
  it('names what lapsed', async () => {
    const made = await issuedWorld();
    await made.write(stream, 0, {
      type: 'credential-flagged',
      data: {
        ...about,
        hold: 'h',
        cause: 'component-revoked',
        because: POLICY,
        componentTemplateId: componentTemplate,
        effectiveAt: at('2026-05-01'),
      },
    });
    expect(await readerOf(made).verify(TENANT, credentialId)).toMatchObject({
      status: 'valid',
      flags: [{ cause: 'component-revoked', since: at('2026-05-01') }],
    });
  });
});

describe('verifying fails closed', () => {
  const unknown = async (made: World, over: Partial<CredentialReaderPorts> = {}, through?: EventLog) =>
    (await readerOf(made, over, through).verify(TENANT, credentialId)) ?? { status: 'not-found', reason: undefined };

  it.each<[string, (name: string) => boolean, string]>([
    ['the whole log', () => true, 'stream-unreadable'],
    ['the stream', (name) => name === stream, 'stream-unreadable'],
    ['the record', (name) => name === record, 'basis-not-established'],
    ['the issuer', (name) => name.startsWith('issuer-'), 'signature-not-established'],
    ['the template', (name) => name.startsWith('template-'), 'content-not-established'],
  ])('when %s cannot be read', async (_what, fails, reason) => {
    const made = await issuedWorld();
    expect(await unknown(made, {}, broken(made.log, fails))).toMatchObject({ status: 'unknown', reason });
  });
  it('when an event cannot be decoded, though it is not the issuance', async () => {
    const made = await issuedWorld();
    const corrupt: EventLog = {
      ...made.log,
      read: async (name, options) => {
        const events = await made.log.read(name, options);
        return name === stream
          ? [...events, { ...events[0]!, revision: 1, type: 'credential-from-the-future' }]
          : events;
      },
    };
    expect(await unknown(made, {}, corrupt)).toMatchObject({ status: 'unknown', reason: 'stream-unreadable' });
  });
  it('when an event is missing in between: it could have been a revocation', async () => {
    const made = await issuedWorld();
    await made.write(stream, 0, revoked);
    const holed: EventLog = {
      ...made.log,
      read: async (name, options) =>
        (await made.log.read(name, options)).map((event) =>
          name === stream ? { ...event, revision: event.revision * 2 } : event,
        ),
    };
    expect(await unknown(made, {}, holed)).toMatchObject({ status: 'unknown', reason: 'stream-unreadable' });
  });
  it.each<[string, (jwt: string) => string | undefined, string]>([
    ['is missing', () => undefined, 'signature-not-established'],
    ['was tampered with', (jwt) => `${jwt.slice(0, -8)}AAAAAAAA`, 'signature-failed'],
    ['is no JWT', () => 'hello', 'signature-failed'],
  ])('when the signed copy %s', async (_what, change, reason) => {
    const made = await issuedWorld();
    const copies = {
      ...made.copies,
      read: async (...place: Parameters<typeof made.copies.read>) => {
        const jwt = await made.copies.read(...place);
        return jwt === undefined ? undefined : change(jwt);
      },
    };
    expect(await unknown(made, { copies })).toMatchObject({ status: 'unknown', reason });
  });
  it('when another good copy lies in its place', async () => {
    const made = await world({ learners: 2 });
    await made.process().issue(0);
    await made.process().issue(1);
    const [, other] = [...made.blobs.values()] as [string, string];
    expect(await unknown(made, { copies: { ...made.copies, read: () => Promise.resolve(other) } })).toMatchObject({
      status: 'unknown',
      reason: 'signature-failed',
    });
  });
  it('but a key that was only rotated keeps what it signed', async () => {
    const made = await issuedWorld();
    const retire = (reasonCode: string, revision: number) =>
      made.write(issuerStream(TENANT, issuerId), revision, {
        type: 'signing-key-retired',
        id: uuidv5(POLICY, reasonCode),
        data: { issuerId, keyId: 'k1', at: at('2026-03-01'), reasonCode },
      } as DomainEvent);
    await retire('rotated', 1);
    expect(await unknown(made)).toMatchObject({ status: 'valid' });
    await retire('compromised', 2);
    expect(await unknown(made)).toMatchObject({ status: 'unknown', reason: 'signature-failed' });
  });
  it('a broken program is no answer: its error goes on', async () => {
    const reader = readerOf(await issuedWorld(), { history: () => Promise.reject(new TypeError('bug')) });
    await expect(reader.verify(TENANT, credentialId)).rejects.toThrow('bug');
  });
});

describe('an erased holder', () => {
  const erasedWorld = async () => {
    const made = await issuedWorld();
    await made.write(learnerStream(TENANT, learnerId), 0, {
      type: 'learner-erased',
      data: { learnerId, approvedBy: 'user:dpo', reasonCode: 'data-subject-request' },
    });
    return made;
  };
  it('keeps the status and loses the name, from the decision on, though the copy still lies in the vault', async () => {
    const answer = await readerOf(await erasedWorld()).verify(TENANT, credentialId);
    expect(answer).toMatchObject({
      status: 'valid',
      holder: null,
      holderIs: 'erased',
      proof: { sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    expect(answer?.links).not.toHaveProperty('credential');
    expect(answer?.checks.find(({ check }) => check === 'signature')).toMatchObject({ outcome: 'skipped' });
  });
  it('leaves no signed copy to be had', async () => {
    expect(await readerOf(await erasedWorld()).signedCopy(TENANT, credentialId)).toBeUndefined();
    const jwt = await readerOf(await issuedWorld()).signedCopy(TENANT, credentialId);
    expect(sha256(jwt ?? '')).toHaveLength(64);
  });
});

describe('explaining', () => {
  it('names the decision and its fact', async () =>
    expect(await readerOf(await issuedWorld()).explain(TENANT, credentialId)).toMatchObject({
      decision: { kind: 'earned' },
      issued: { recordedAt: clock.now(), key: 'k1' },
      requirements: [{ requirement: 'L1/0', waived: false }],
      matches: null,
    }));
  it('is not found for what was never issued', async () =>
    expect(await readerOf(await world()).explain(TENANT, credentialId as CredentialId)).toBeUndefined());
  it('is no half answer: what cannot be read is an error', async () => {
    const made = await issuedWorld();
    await expect(
      readerOf(
        made,
        {},
        broken(made.log, (name) => name === record),
      ).explain(TENANT, credentialId),
    ).rejects.toThrow('down');
  });
});
