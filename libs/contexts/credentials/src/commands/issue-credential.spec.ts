import { generateKeyPairSync } from 'node:crypto';
import {
  createCodec,
  publicId,
  sha256,
  uuidv5,
  Personal,
  type Cipher,
  type CredentialId,
  type DomainEvent,
  type Instant,
  type Issued,
  type Json,
  type LearnerId,
} from '@cairn/kernel';
import { catalogEvents, templateStream } from '@cairn/contexts/catalog';
import { learnerEvents, learnerStream } from '@cairn/contexts/learners';
import { recordEvents, recordStream } from '@cairn/contexts/progress';
import { issuerStream, tenancyEvents, tenantStream } from '@cairn/contexts/tenancy';
import { createMemoryEventLog } from '@cairn/eventlog';
import { verifyVcJwt, type PublicJwk, type SigningKey } from '@cairn/openbadges';
import { createCommandExecutor } from '@cairn/runtime';
import { TENANT, at } from '@cairn/testing';
import type { IssueCredential } from '../contracts/credential.commands.js';
import { credentialEvents, credentialStream, statusListEvents } from '../contracts/credential.events.js';
import { statusListDecider } from '../domain/status-list.decider.js';
import { BASE_URL, NAMESPACE, earnedData, issuer, issuerId, template, templateId } from '../domain/test-samples.js';
import { createPrepareIssue, type SignedCopies } from './prepare-issue.js';
import { credentialDecider, openSigningDesk } from './signing-desks.js';
import { createStatusLeases } from './status-leases.js';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const publicJwk = publicKey.export({ format: 'jwk' }) as PublicJwk;
const signingKey: SigningKey = { alg: 'ES256', privateKey, publicJwk };
const clock = { now: (): Instant => at('2026-03-11') };

/** Learner n, with a credential of the one template earned. */
const learner = (n: number) => {
  const learnerId = uuidv5(NAMESPACE, 'learner', n) as LearnerId;
  const credentialId = uuidv5(NAMESPACE, 'credential', n) as CredentialId;
  return { learnerId, credentialId, stream: recordStream(TENANT, learnerId), earned: uuidv5(NAMESPACE, 'earned', n) };
};

async function world({ learners = 1, withKey = true } = {}) {
  const erased = new Set<string>();
  const cipher: Cipher = {
    seal: ({ learner: who }, _field, value) => ({ who, value: value as Json }),
    open: ({ learner: who }, _field, sealed) => (erased.has(who) ? undefined : sealed['value']),
  };
  const codec = createCodec(
    [...tenancyEvents, ...catalogEvents, ...learnerEvents, ...recordEvents, ...credentialEvents, ...statusListEvents],
    cipher,
  );
  const log = createMemoryEventLog();
  const meta = (id: string, occurredAt = at('2026-03-10')) => ({
    $correlationId: id,
    $causationId: id,
    commandHash: '',
    actor: 'user:test',
    tenant: TENANT,
    occurredAt,
    recordedAt: at('2026-03-10'),
    app: 'test',
  });
  const write = async (
    stream: string,
    expected: 'none' | number,
    ...events: readonly (DomainEvent & { id?: string })[]
  ) => {
    const stored = events.map(({ id = uuidv5(NAMESPACE, stream, String(expected), 'event'), ...event }, n) =>
      codec.encode({ ...event, id: n === 0 ? id : uuidv5(id, n) }, meta(id)),
    );
    expect(await log.append(stream, expected, stored)).toMatchObject({ ok: true });
  };

  await write(tenantStream(TENANT), 'none', {
    type: 'tenant-registered',
    data: { tenantId: TENANT, slug: 'northlake', name: 'Northlake', zone: 'Europe/Berlin', namespace: NAMESPACE },
  });
  const keyAdded = {
    type: 'signing-key-added',
    data: { issuerId, keyId: 'k1', algorithm: 'ES256', publicJwk, notBefore: at('2026-01-01') },
  };
  await write(
    issuerStream(TENANT, issuerId),
    'none',
    { type: 'issuer-registered', data: issuer },
    ...(withKey ? [keyAdded] : []),
  );
  await write(templateStream(TENANT, templateId), 'none', { type: 'credential-template-published', data: template });
  for (let n = 0; n < learners; n++) {
    const { learnerId, credentialId, stream, earned } = learner(n);
    await write(learnerStream(TENANT, learnerId), 'none', {
      type: 'learner-registered',
      data: { learnerId, profile: Personal.of({ name: `Learner ${n}`, email: `l${n}@example.com` }) },
    });
    await write(stream, 'none', {
      type: 'credential-earned',
      id: earned,
      data: { ...earnedData, learnerId, credentialId },
    });
  }

  const blobs = new Map<string, string>();
  const stored: string[] = [];
  const copies: SignedCopies = {
    store: (_tenant, _learner, jwt) => {
      blobs.set(sha256(jwt), jwt);
      stored.push(sha256(jwt));
      return Promise.resolve(sha256(jwt));
    },
    read: (_tenant, _learner, hash) => Promise.resolve(blobs.get(hash)),
  };
  /** A process of its own: executor, leases and desk over the one log. */
  const process = (through = log) => {
    const executor = createCommandExecutor({
      log: through,
      codec,
      deciders: [credentialDecider, statusListDecider],
      clock,
      app: 'test',
    });
    openSigningDesk(
      executor.loader,
      createPrepareIssue({
        signingKey: () => Promise.resolve(signingKey),
        copies,
        leases: createStatusLeases({ execute: (command) => executor.execute(command), clock, blockSize: 16 }),
        baseUrl: BASE_URL,
      }),
    );
    const issue = (n: number, commandId = uuidv5(learner(n).earned, 'issue-on-earned', 0)) => {
      const { learnerId, credentialId, stream, earned } = learner(n);
      const command: Issued<IssueCredential> = {
        type: 'IssueCredential',
        data: { learnerId, credentialId, basis: { stream, revision: 0, eventId: earned } },
        tenant: TENANT,
        commandId,
        idSource: 'derived',
        actor: 'reactor:issue-on-earned',
        correlationId: earned,
        now: clock.now(),
      };
      return executor.execute(command);
    };
    return { executor, issue };
  };
  const issued = async (n: number) =>
    (await process().executor.history(credentialStream(TENANT, learner(n).credentialId))).map((event) => ({
      type: event.type,
      data: event.data as { vcHash: string; status: { listId: string; index: string } },
    }));
  return { log, write, process, issued, blobs, stored, erased };
}

describe('issuing', () => {
  it('signs an Open Badges 3.0 credential that an outsider can verify with the published key', async () => {
    const { process, issued, blobs } = await world();
    expect(await process().issue(0)).toMatchObject({ accepted: true, outcome: 'recorded' });
    const [event] = await issued(0);
    const jwt = blobs.get(event?.data.vcHash ?? '') as string;
    const report = await verifyVcJwt(jwt, {
      trustedKeys: (did) => (did === issuer.did ? [publicJwk] : undefined),
      now: '2026-04-01T00:00:00Z',
      lifeCycle: () => 'active',
    });
    expect(report.verdict).toBe('valid');
    expect(report.credential).toMatchObject({
      id: `https://cairn.example/c/${publicId('crd', learner(0).credentialId)}`,
      credentialStatus: { statusListIndex: event?.data.status.index },
    });
  });

  it('tells nobody the learner id or the e-mail address', async () => {
    const { process, blobs } = await world();
    await process().issue(0);
    const [, payload] = ([...blobs.values()][0] as string).split('.');
    const text = Buffer.from(payload as string, 'base64url').toString();
    expect(text).not.toContain(learner(0).learnerId);
    expect(text).not.toContain('l0@example.com');
    expect(text).toContain('sha256$');
  });

  it('has one effect, whoever asks how often (D1)', async () => {
    const { process, issued } = await world();
    const processes = [process(), process(), process()];
    const outcomes = await Promise.all(
      Array.from({ length: 60 }, (_, n) =>
        (processes[n % 3] as (typeof processes)[0]).issue(0, n % 2 === 0 ? undefined : uuidv5(NAMESPACE, 'other', n)),
      ),
    );
    expect(outcomes.every(({ accepted }) => accepted)).toBe(true);
    expect(await issued(0)).toHaveLength(1);
  });

  it('signs nothing for a repeated command', async () => {
    const { process, stored } = await world();
    await process().issue(0);
    const before = stored.length;
    expect(await process().issue(0)).toMatchObject({ accepted: true, replayed: true });
    expect(await process().issue(0, uuidv5(NAMESPACE, 'by hand'))).toMatchObject({ outcome: 'unchanged' });
    expect(stored).toHaveLength(before);
  });

  it('takes many at once: distinct entries, few leases, every signed copy stored', async () => {
    const { process, issued, blobs, log } = await world({ learners: 40 });
    const { issue } = process();
    await Promise.all(Array.from({ length: 40 }, (_, n) => issue(n)));
    const events = (await Promise.all(Array.from({ length: 40 }, (_, n) => issued(n)))).flat();
    expect(new Set(events.map(({ data }) => data.status.index)).size).toBe(40);
    expect(events.every(({ data }) => blobs.has(data.vcHash))).toBe(true);
    expect(await log.read(`statuslist-${TENANT}.northlake-1`)).toHaveLength(1 + 3); // opened, three blocks of 16
  });

  it('stores the signed copy before the event: an append that fails leaves a copy that no event names', async () => {
    const { process, issued, blobs, log } = await world();
    const { issue } = process({
      ...log,
      append: (stream, expected, events) =>
        stream.startsWith('credential-')
          ? Promise.reject(new Error('disk full'))
          : log.append(stream, expected, events),
    });
    await expect(issue(0)).rejects.toThrow('disk full');
    expect(blobs.size).toBe(1);
    expect(await issued(0)).toEqual([]);
    expect(await process().issue(0)).toMatchObject({ outcome: 'recorded' });
  });
});

describe('issuing is refused, and nothing signed', () => {
  it('without a signing key', async () => {
    const { process, stored } = await world({ withKey: false });
    expect(await process().issue(0)).toMatchObject({ code: 'signing-key-missing' });
    expect(stored).toEqual([]);
  });
  it('for an erased learner', async () => {
    const { process, write, stored, erased } = await world();
    const { learnerId } = learner(0);
    erased.add(learnerId);
    await write(learnerStream(TENANT, learnerId), 0, {
      type: 'learner-erased',
      data: { learnerId, approvedBy: 'user:dpo', reasonCode: 'data-subject-request' },
    });
    expect(await process().issue(0)).toMatchObject({ code: 'learner-erased' });
    expect(stored).toEqual([]);
  });
  it('for a template that makes no valid credential, naming what is wrong', async () => {
    const { process, write, stored } = await world();
    await write(templateStream(TENANT, templateId), 0, {
      type: 'credential-template-published',
      data: { ...template, version: 2, achievement: { ...template.achievement, achievementType: 'Sticker' } },
    });
    const { learnerId, stream, credentialId } = learner(0);
    const earned = uuidv5(NAMESPACE, 'second');
    await write(stream, 0, {
      type: 'credential-earned',
      id: earned,
      data: { ...earnedData, learnerId, credentialId, templateVersion: 2 },
    });
    const outcome = await process().executor.execute({
      type: 'IssueCredential',
      data: { learnerId, credentialId, basis: { stream, revision: 1, eventId: earned } },
      tenant: TENANT,
      commandId: earned,
      idSource: 'derived',
      actor: 'reactor:issue-on-earned',
      correlationId: earned,
      now: clock.now(),
    } as Issued);
    expect(outcome).toMatchObject({
      code: 'credential-unfit',
      errors: [{ pointer: '/credentialSubject/achievement/achievementType' }],
    });
    expect(stored).toEqual([]);
  });
});
