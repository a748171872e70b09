// D1–D12 at the end of a test, on whatever stores it ran: over the log by the command line's own check, and what a log
// alone does not show: what anyone is told (D5), where personal data lies (D11), that nothing was rewritten (D12).
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalJson, DecodeError, type Json, type Position, type StoredEvent } from '@cairn/kernel';
import type { EventLog } from '@cairn/eventlog';
import type { Installation } from '@cairn/platform';
import {
  createLogInvariants,
  type CredentialInLog,
  type EventPlace,
  type LogFault,
} from '../../apps/cli/src/log-invariants.js';

/** As one line that names invariant, place and matter. */
export const faultLine = ({ invariant, stream, revision, detail }: LogFault): string =>
  `${invariant} ${stream}@${revision}: ${detail}`;

const fault = (invariant: string, { stream, revision, id }: EventPlace, detail: string): LogFault => ({
  invariant,
  stream,
  revision,
  event: id,
  detail,
});

async function allOf(log: Pick<EventLog, 'readAll'>): Promise<readonly StoredEvent[]> {
  const events: StoredEvent[] = [];
  for (let after = '' as Position; ;) {
    const page = await log.readAll({ after, limit: 2_000 });
    events.push(...page.events);
    if (page.atEnd) return events;
    after = page.readUpTo;
  }
}

/** D5: a credential that has ended, or is suspended, is told to nobody as valid. `verdict` is what anyone would be told. */
export async function wrongVerdicts(
  credentials: readonly CredentialInLog[],
  verdict: (credentialId: string) => Promise<string>,
): Promise<readonly LogFault[]> {
  const faults: LogFault[] = [];
  for (const { credentialId, state, place } of credentials) {
    if (state === 'held-good') continue;
    const told = await verdict(credentialId);
    if (told === 'valid') faults.push(fault('D5', place, `the credential is ${state}, and answered as valid`));
  }
  return faults;
}

/** D11: none of the personal values stands in an event as it is stored. */
export function clearTextInLog(events: readonly StoredEvent[], personal: readonly string[]): readonly LogFault[] {
  return events.flatMap((event) => {
    const text = JSON.stringify([event.data, event.meta, event.stream]);
    return personal
      .filter((value) => text.includes(value))
      .map((value) => fault('D11', event, `the personal value ${JSON.stringify(value)} stands in the clear`));
  });
}

/** What a witness keeps of an event: D12 is about every byte of it. */
const digestOf = ({ id, type, stream, revision, position, data, meta }: StoredEvent): string =>
  createHash('sha256')
    .update(canonicalJson({ id, type, stream, revision, position, data, meta } as Json))
    .digest('base64');

export type LogWitness = {
  /** Looks at what is new since the last look. */
  readonly look: () => Promise<void>;
  /** D12: reads everything again; what was seen before is there still, in its place and unchanged. */
  readonly rewritten: () => Promise<readonly LogFault[]>;
};

export function createLogWitness(log: Pick<EventLog, 'readAll'>): LogWitness {
  const seen: { readonly place: EventPlace; readonly digest: string }[] = [];
  let after = '' as Position;
  return {
    look: async () => {
      for (;;) {
        const page = await log.readAll({ after, limit: 2_000 });
        for (const event of page.events)
          seen.push({
            place: { stream: event.stream, revision: event.revision, id: event.id },
            digest: digestOf(event),
          });
        after = page.readUpTo;
        if (page.atEnd) return;
      }
    },
    rewritten: async () => {
      const now = await allOf(log);
      const at = seen.findIndex(({ digest }, index) => {
        const event = now[index];
        return event === undefined || digestOf(event) !== digest;
      });
      const was = seen[at];
      return was ? [fault('D12', was.place, 'this event was seen before, and is not there as it was')] : [];
    },
  };
}

/** Everything that the checks need of a server under test. */
export type UnderTest = {
  readonly installation: Installation;
  readonly directory: string;
  readonly witness: LogWitness;
  /** Personal values that requests sent. */
  readonly personal: readonly string[];
  /** What consumers of the feed and of the metrics get. */
  readonly told: () => Promise<readonly string[]>;
  /** What anyone is told of the credential. */
  readonly verdict: (credentialId: string) => Promise<string>;
};

/** Every breach of D1–D12 that shows once everything has settled; none is the empty list. */
export async function breachesOf(server: UnderTest): Promise<readonly LogFault[]> {
  const { codec, log, views } = server.installation;
  const events = await allOf(log);
  const faults: LogFault[] = [];
  const invariants = createLogInvariants(codec.definitions, (invariant, place, detail) =>
    faults.push(fault(invariant, place, detail)),
  );
  for (const event of events) {
    invariants.stored(event);
    try {
      invariants.decoded(codec.decode(event));
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      faults.push(fault(error.code === 'tenant-mismatch' ? 'D10' : 'decode', event, error.message));
    }
  }
  invariants.settled();
  const credentials = invariants.credentials();
  faults.push(...(await wrongVerdicts(credentials, server.verdict)));
  // What bulk verification and status lists are made of says the same.
  for (const { credentialId, tenant, state, place } of credentials.filter(({ issued }) => issued)) {
    const document = await views.get('verification', `${tenant}:${credentialId}`);
    if (!document) faults.push(fault('D5', place, 'the read model of verification does not have the credential'));
    if ((state === 'revoked' || state === 'superseded') && document?.['state'] === 'issued')
      faults.push(fault('D5', place, `the credential is ${state}, and holds in the read model`));
  }
  const { personal } = server;
  faults.push(...clearTextInLog(events, personal));
  for (const file of ['events', 'read-models', 'blobs', 'keys'].flatMap((name) => [
    `${name}.sqlite`,
    `${name}.sqlite-wal`,
  ])) {
    const path = join(server.directory, file);
    if (!existsSync(path)) continue;
    const bytes = readFileSync(path);
    for (const value of personal)
      if (bytes.includes(value))
        faults.push(
          fault(
            'D11',
            { stream: file, revision: -1, id: '' },
            `the personal value ${JSON.stringify(value)} stands in this file in the clear`,
          ),
        );
  }
  const told = await server.told();
  for (const value of personal)
    if (told.some((text) => text.includes(value)))
      faults.push(
        fault(
          'D11',
          { stream: 'feed or metrics', revision: -1, id: '' },
          `the personal value ${JSON.stringify(value)} stands in the clear`,
        ),
      );
  faults.push(...(await server.witness.rewritten()));
  return faults;
}
