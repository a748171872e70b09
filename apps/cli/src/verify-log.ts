// Checks the whole log: revisions, decoding, and the invariants that can be seen in it; and decides every completion and
// enrollment again, from nothing but the record and immutable versions.
import {
  categoryOf,
  DecodeError,
  type DomainEvent,
  type Fold,
  type FactLoader,
  type Issued,
  type LearnerId,
  parseStream,
  type Position,
  type Recorded,
  canonicalJson,
  type Json,
} from '@cairn/kernel';
import type { CredentialEvent, StatusListEvent } from '@cairn/contexts/credentials';
import type { PathwayEvent } from '@cairn/contexts/catalog';
import type { CompleteModule, InRecord, RecordEvent } from '@cairn/contexts/progress';
import type { Installation } from '@cairn/platform';
import { recordDecider } from '../../../libs/contexts/progress/src/domain/record.decider.js';

export type LogFault = {
  readonly invariant: string;
  readonly stream: string;
  readonly revision: number;
  readonly event: string;
  readonly detail: string;
};
export type LogVerification = {
  readonly events: number;
  readonly streams: number;
  readonly credentials: number;
  /** Decisions made again and compared. */
  readonly redecided: number;
  readonly faults: readonly LogFault[];
};

const PAGE = 2_000;
const MAX_FAULTS = 1_000;

type Entitlement = { readonly credentialId: string; withdrawnAt?: string };
type RecordWalk = { state: Parameters<typeof recordDecider.evolve>[0]; batch: Recorded<RecordEvent>[] };

export async function verifyLog(
  installation: Installation,
  options: { readonly redecide: boolean; readonly onProgress?: (position: Position) => void },
): Promise<LogVerification> {
  const { log, codec } = installation;
  const faults: LogFault[] = [];
  const report = (invariant: string, event: { stream: string; revision: number; id: string }, detail: string): void => {
    if (faults.length < MAX_FAULTS)
      faults.push({ invariant, stream: event.stream, revision: event.revision, event: event.id, detail });
  };
  const tips = new Map<string, { revision: number; recordedAt: string }>();
  const ids = new Set<string>();
  const entitlements = new Map<string, Entitlement>();
  const issued = new Set<string>();
  const revoked = new Set<string>();
  /** Ended for good: revoked or superseded. */
  const superseded = new Set<string>();
  const serials = new Map<string, number>();
  const renewals = new Map<string, { readonly credentialId: string; readonly serial: number }>();
  const indexes = new Set<string>();
  const leased = new Map<string, number>();
  const rulesHashes = new Map<string, string>();
  const records = new Map<string, RecordWalk>();
  let events = 0;
  let redecided = 0;

  const checks: { readonly [category: string]: (event: Recorded) => void } = {
    pathway: (any) => {
      const event = any as Recorded<PathwayEvent>;
      if (event.type !== 'pathway-version-published') return;
      rulesHashes.set(`${event.data.pathwayId} ${event.data.version}`, event.data.hash);
    },
    record: (any) => {
      const event = any as Recorded<RecordEvent>;
      if (event.type === 'learner-enrolled') {
        const { pathwayId, version } = event.data.enrollment;
        if (rulesHashes.get(`${pathwayId} ${version}`) !== event.data.rulesHash)
          report('D7', event, 'the pinned hash is not that of the published version');
      }
      if (event.type === 'credential-earned' || event.type === 'credential-granted')
        entitlements.set(event.id, { credentialId: event.data.credentialId });
      if (event.type === 'renewal-earned')
        renewals.set(event.id, { credentialId: event.data.credentialId, serial: event.data.serial });
      if (event.type === 'credential-entitlement-withdrawn') {
        const earned = entitlements.get(event.data.earned);
        if (earned) earned.withdrawnAt = event.position;
        else report('D2', event, 'it takes back an entitlement that was never there');
      }
      if (
        event.type === 'stack-component-credited' &&
        event.data.origin === 'own' &&
        !issued.has(event.data.componentId)
      )
        report('D8', event, 'an own credential was noted before it was issued');
    },
    credential: (any) => {
      const event = any as Recorded<CredentialEvent>;
      if (event.type === 'credential-issued') {
        const { basis, credentialId, status } = event.data;
        if (issued.has(credentialId)) report('D1', event, 'the award was issued before');
        issued.add(credentialId);
        const earned = entitlements.get(basis.eventId);
        if (!earned || earned.credentialId !== credentialId) report('D2', event, 'no earning event entitles to it');
        const entry = `${status.listId} ${status.index}`;
        if (indexes.has(entry)) report('D6', event, `status entry ${entry} is used twice`);
        indexes.add(entry);
      }
      if (event.type === 'credential-renewed') {
        const { credentialId, serial, basis } = event.data;
        const earned = renewals.get(basis.eventId);
        if (earned?.credentialId !== credentialId || earned.serial !== serial)
          report('D2', event, 'no renewal entitles to this term');
        if (revoked.has(credentialId) || superseded.has(credentialId))
          report('D4', event, 'it was renewed after its end');
        const last = serials.get(credentialId) ?? 1;
        if (!issued.has(credentialId) || serial !== last + 1)
          report('D4', event, `term ${serial} follows term ${issued.has(credentialId) ? last : 0}`);
        serials.set(credentialId, serial);
      }
      if (event.type === 'credential-superseded') {
        if (superseded.has(event.data.credentialId)) report('D4', event, 'it was superseded before');
        if (!issued.has(event.data.by)) report('D4', event, 'the edition in its place was not issued');
        superseded.add(event.data.credentialId);
      }
      if (event.type === 'credential-revoked') {
        if (revoked.has(event.data.credentialId)) report('D4', event, 'it was revoked before');
        revoked.add(event.data.credentialId);
      }
    },
    statuslist: (any) => {
      const event = any as Recorded<StatusListEvent>;
      if (event.type !== 'status-block-leased') return;
      const from = leased.get(event.data.listId) ?? 0;
      if (event.data.from !== from) report('D6', event, `a block begins at ${event.data.from} instead of ${from}`);
      leased.set(event.data.listId, event.data.to);
    },
  };

  for (let after = '' as Position; ;) {
    const page = await log.readAll({ after, limit: PAGE });
    for (const stored of page.events) {
      events++;
      const tip = tips.get(stored.stream);
      const expected = (tip?.revision ?? -1) + 1;
      if (stored.revision !== expected) report('R3', stored, `revision ${stored.revision} follows ${expected - 1}`);
      const recordedAt = stored.meta['recordedAt'] ?? '';
      if (tip && recordedAt < tip.recordedAt) report('R3', stored, 'it was recorded before the event before it');
      tips.set(stored.stream, { revision: stored.revision, recordedAt });
      if (ids.has(stored.id)) report('R3', stored, 'its id was used before');
      ids.add(stored.id);
      let event: Recorded;
      try {
        event = codec.decode(stored);
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        report(error.code === 'tenant-mismatch' ? 'D10' : 'decode', stored, error.message);
        continue;
      }
      checks[categoryOf(event.stream)]?.(event);
      if (options.redecide && categoryOf(event.stream) === 'record') await walk(event as Recorded<RecordEvent>);
    }
    options.onProgress?.(page.readUpTo);
    if (page.atEnd) break;
    after = page.readUpTo;
  }
  for (const [stream, record] of records) await close(stream, record);
  return { events, streams: tips.size, credentials: issued.size, redecided, faults };

  /** Gathers the events of one command, then decides it again on the state before them. */
  async function walk(event: Recorded<RecordEvent>): Promise<void> {
    const record = records.get(event.stream) ?? { state: recordDecider.initial, batch: [] };
    records.set(event.stream, record);
    const [first] = record.batch;
    if (first && first.meta.$causationId !== event.meta.$causationId) await close(event.stream, record);
    record.batch.push(event);
  }

  async function close(stream: string, record: RecordWalk): Promise<void> {
    const [first] = record.batch;
    const command = first && commandBehind(first);
    if (first && command) {
      redecided++;
      const facts = await recordDecider.loadFacts?.(command, record.state, withErased(installation.executor.loader));
      const decision = facts && recordDecider.decide(command, record.state, facts);
      // What the fact itself copied from the module may have been revised since; what was decided from it may not differ.
      const again = decision?.accepted ? decision.events.slice(1).map(({ type, data }) => ({ type, data })) : undefined;
      const then = record.batch.slice(1).map(({ type, data }) => ({ type, data }));
      if (!again || canonicalJson(again as unknown as Json) !== canonicalJson(then as unknown as Json))
        report(
          'U3',
          { stream, revision: first.revision, id: first.id },
          `decided again, ${command.type} gives ${again ? again.map(({ type }) => type).join(', ') || 'nothing more' : 'a refusal'} instead of ${then.map(({ type }) => type).join(', ') || 'nothing more'}`,
        );
    }
    for (const event of record.batch) record.state = recordDecider.evolve(record.state, event);
    record.batch = [];
  }
}

/** The command that a fact came from; undefined for those whose words the log does not keep. */
function commandBehind(event: Recorded<RecordEvent>): Issued<CompleteModule & { data: InRecord }> | undefined {
  if (event.type !== 'module-completed') return undefined;
  const { learnerId, moduleId, score, honours, evidenceRef, assessor, source, sourceId } = event.data;
  const record = parseStream(event.stream).id as LearnerId;
  return {
    type: 'CompleteModule',
    data: {
      learnerId,
      // Sent to one who was merged, it is decided in the record of whom they go on as.
      ...(record === learnerId ? {} : { record }),
      moduleId,
      ...(score === undefined ? {} : { score }),
      ...(honours === undefined ? {} : { honours }),
      ...(evidenceRef === undefined ? {} : { evidenceRef }),
      ...(assessor === undefined ? {} : { assessor }),
      source,
      ...(sourceId === undefined ? {} : { sourceId }),
      occurredAt: event.meta.occurredAt,
    },
    tenant: event.meta.tenant,
    commandId: event.meta.$causationId,
    idSource: 'derived',
    actor: event.meta.actor,
    correlationId: event.meta.$correlationId,
    now: event.meta.recordedAt,
  };
}

/** Who is erased now was not then: their decisions are made again as for anybody. */
function withErased(loader: FactLoader): FactLoader {
  return {
    ...loader,
    fold: async <S, E extends DomainEvent>(fold: Fold<S, E>, stream: string): Promise<S> => {
      const state = await loader.fold(fold, stream);
      return fold.category === 'learner' && (state as { status?: string }).status === 'erased'
        ? ({ ...state, status: 'registered' } as S)
        : state;
    },
  };
}
