// A world of specs: one tenant, issuer and template, learners who earned, and processes that issue over one log.
import { generateKeyPairSync } from 'node:crypto';
import {
  createCodec,
  sha256,
  uuidv5,
  Personal,
  type CredentialId,
  type DomainEvent,
  type Instant,
  type Issued,
  type LearnerId,
} from '@cairn/kernel';
import { catalogEvents, templateStream } from '@cairn/contexts/catalog';
import { learnerEvents, learnerStream } from '@cairn/contexts/learners';
import { recordEvents, recordStream } from '@cairn/contexts/progress';
import { issuerStream, tenancyEvents, tenantStream } from '@cairn/contexts/tenancy';
import { createMemoryEventLog } from '@cairn/eventlog';
import type { PublicJwk, SigningKey } from '@cairn/openbadges';
import { createCommandExecutor } from '@cairn/runtime';
import { TENANT, at, createMemoryCipher } from '@cairn/testing';
import type { IssueCredential } from './contracts/credential.commands.js';
import { credentialEvents, credentialStream, statusListEvents } from './contracts/credential.events.js';
import { statusListDecider } from './domain/status-list.decider.js';
import { BASE_URL, NAMESPACE, earnedData, issuer, issuerId, template, templateId } from './domain/samples-spec.js';
import { createPrepareIssue, type SignedCopies } from './commands/prepare-issue.js';
import { credentialDecider, openSigningDesk } from './commands/signing-desks.js';
import { createStatusLeases } from './commands/status-leases.js';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
export const publicJwk = publicKey.export({ format: 'jwk' }) as PublicJwk;
const signingKey: SigningKey = { alg: 'ES256', privateKey, publicJwk };
export const clock = { now: (): Instant => at('2026-03-11') };

/** Learner n, with a credential of the one template earned. */
export const learner = (n: number) => {
  const learnerId = uuidv5(NAMESPACE, 'learner', n) as LearnerId;
  const credentialId = uuidv5(NAMESPACE, 'credential', n) as CredentialId;
  return { learnerId, credentialId, stream: recordStream(TENANT, learnerId), earned: uuidv5(NAMESPACE, 'earned', n) };
};

export async function world({ learners = 1, withKey = true } = {}) {
  const cipher = createMemoryCipher();
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
  return { log, codec, cipher, copies, write, process, issued, blobs, stored };
}
