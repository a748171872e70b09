// Checks the whole log: revisions, decoding, and the invariants that can be seen in it; and decides every completion
// again, from nothing but the record and immutable versions.
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
  eventIdOf,
  hashJson,
  type Json,
} from '@cairn/kernel';
import type { CompleteModule, InRecord, RecordEvent } from '@cairn/contexts/progress';
import type { Installation } from '@cairn/platform';
import { createLogInvariants, type LogFault, type ReportFault } from './log-invariants.js';
import { recordDecider } from '../../../libs/contexts/progress/src/domain/record.decider.js';

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

type RecordWalk = { state: Parameters<typeof recordDecider.evolve>[0]; batch: Recorded<RecordEvent>[] };

export async function verifyLog(
  installation: Installation,
  options: {
    readonly redecide: boolean;
    /** Reactors have answered everything: then what a decision asks of a credential stands in its stream (D3). */
    readonly settled?: boolean;
    readonly onProgress?: (position: Position) => void;
  },
): Promise<LogVerification> {
  const { log, codec } = installation;
  const faults: LogFault[] = [];
  const report: ReportFault = (invariant, event, detail) => {
    if (faults.length < MAX_FAULTS)
      faults.push({ invariant, stream: event.stream, revision: event.revision, event: event.id, detail });
  };
  const tips = new Map<string, { revision: number; recordedAt: string; command: string; place: number }>();
  const ids = new Set<string>();
  const records = new Map<string, RecordWalk>();
  let events = 0;
  let redecided = 0;

  const invariants = createLogInvariants(codec.definitions, report);

  for (let after = '' as Position; ;) {
    const page = await log.readAll({ after, limit: PAGE });
    for (const stored of page.events) {
      events++;
      const tip = tips.get(stored.stream);
      const expected = (tip?.revision ?? -1) + 1;
      if (stored.revision !== expected) report('R3', stored, `revision ${stored.revision} follows ${expected - 1}`);
      const recordedAt = stored.meta['recordedAt'] ?? '';
      if (tip && recordedAt < tip.recordedAt) report('R3', stored, 'it was recorded before the event before it');
      // Ids derive from the command, so that neither of both can be changed alone.
      const command = stored.meta['$causationId'] ?? '';
      const place = tip?.command === command ? tip.place + 1 : 0;
      const isOurs = categoryOf(stored.stream) !== 'installation'; // the log's own first event answers no command
      if (isOurs && stored.id !== eventIdOf(command, place))
        report('D12', stored, 'its id does not follow from its command');
      tips.set(stored.stream, { revision: stored.revision, recordedAt, command, place });
      if (ids.has(stored.id)) report('R3', stored, 'its id was used before');
      ids.add(stored.id);
      invariants.stored(stored);
      let event: Recorded;
      try {
        event = codec.decode(stored);
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        report(error.code === 'tenant-mismatch' ? 'D10' : 'decode', stored, error.message);
        continue;
      }
      invariants.decoded(event);
      if (options.redecide && categoryOf(event.stream) === 'record') await walk(event as Recorded<RecordEvent>);
    }
    options.onProgress?.(page.readUpTo);
    if (page.atEnd) break;
    after = page.readUpTo;
  }
  for (const [stream, record] of records) await close(stream, record);
  if (options.settled) invariants.settled();
  const credentials = invariants.credentials().filter(({ issued }) => issued).length;
  return { events, streams: tips.size, credentials, redecided, faults };

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
      if (!isWhatWasSaid(first, command))
        report(
          'D12',
          { stream, revision: first.revision, id: first.id },
          'it differs from the command that it was recorded from, whose hash stands beside it',
        );
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

/** Whether the hash beside the fact is that of the command that it tells of: then nothing in it was changed since. */
function isWhatWasSaid(
  { type, data, meta }: Recorded<RecordEvent>,
  command: Issued<CompleteModule & { data: InRecord }>,
): boolean {
  if (type !== 'module-completed') return true;
  // The event does not tell whether the route named an enrollment, nor whether the client left out when it was; what
  // was left out is not in the hash.
  const { occurredAt: _occurredAt, ...undated } = command.data;
  const named = [{}, ...data.enrollments.map(({ enrollmentId }) => ({ enrollmentId }))];
  return named.some((enrollment) =>
    [command.data, undated].some(
      (said) => hashJson({ type: command.type, data: { ...said, ...enrollment } as Json }) === meta.commandHash,
    ),
  );
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
