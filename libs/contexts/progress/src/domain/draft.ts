// A decision in the making: what it records so far, and the record as it would be then.
import {
  eventIdOf,
  type Decided,
  type Instant,
  type Issued,
  type LearnerId,
  type Position,
  type Recorded,
  type TemplateId,
} from '@cairn/kernel';
import { mapGet } from '@cairn/rules';
import type { RecordCommand } from '../contracts/record.commands.js';
import type { RecordEvent } from '../contracts/record.events.js';
import { learnerIn, recordIn, type RecordFacts } from './record.facts.js';
import { recordFold } from './record.state.js';
import type { EnrollmentState, RecordState } from './record.types.js';
import { versionKey, type Target, type Version } from './version.js';

export type Draft = {
  readonly command: Issued<RecordCommand>;
  /** Whose record this is. */
  readonly learnerId: LearnerId;
  /** Whom the command is about: the same, or one who was merged into them. */
  readonly addressee: LearnerId;
  readonly facts: RecordFacts & { readonly tenant: NonNullable<RecordFacts['tenant']> };
  /** The record before the command. */
  readonly before: RecordState;
  /** The record with everything recorded so far. */
  readonly state: () => RecordState;
  readonly events: () => readonly Decided<RecordEvent>[];
  /** Records an event, true since `occurredAt`; its id. */
  readonly record: (event: RecordEvent, occurredAt: Instant) => string;
  readonly versionOf: (enrollment: EnrollmentState) => Version;
  /** Steps and awards that have to be looked at, by enrollment number. */
  readonly dirty: Map<number, Set<Target>>;
  /** Templates whose held credential may have been renewed. */
  readonly renewing: Set<TemplateId>;
};

export function createDraft(command: Issued<RecordCommand>, before: RecordState, facts: Draft['facts']): Draft {
  let state = before;
  const events: Decided<RecordEvent>[] = [];
  return {
    command,
    learnerId: recordIn(command),
    addressee: learnerIn(command),
    facts,
    before,
    state: () => state,
    events: () => events,
    record: (event, occurredAt) => {
      const id = eventIdOf(command.commandId, events.length);
      state = recordFold.evolve(state, inEnvelope(event, id, occurredAt, command));
      events.push({ ...event, occurredAt });
      return id;
    },
    versionOf: ({ ref }) => {
      const version = facts.versions.get(versionKey(ref.pathwayId, ref.version));
      if (!version) throw new RangeError(`version ${ref.version} of pathway ${ref.pathwayId} was not loaded`);
      return version;
    },
    dirty: new Map(),
    renewing: new Set(),
  };
}

/** The event as the fold will see it; what the fold never looks at is left empty. */
function inEnvelope(
  event: RecordEvent,
  id: string,
  occurredAt: Instant,
  { tenant, now, commandId, correlationId, actor }: Issued<RecordCommand>,
): Recorded<RecordEvent> {
  return {
    ...event,
    id,
    stream: '',
    revision: 0,
    position: '' as Position,
    meta: {
      $correlationId: correlationId,
      $causationId: commandId,
      commandHash: '',
      actor,
      tenant,
      schemaVersion: '1',
      occurredAt,
      recordedAt: now,
      app: '',
    },
  };
}

/** Marks steps and awards of an enrollment to be looked at; with a step the awards of a further occurrence behind it. */
export function mark(draft: Draft, enrollment: EnrollmentState, targets: readonly Target[]): void {
  if (targets.length === 0) return;
  const dirty = draft.dirty.get(enrollment.number) ?? new Set<Target>();
  draft.dirty.set(enrollment.number, dirty);
  const { steps, awards, awardsThrough } = draft.versionOf(enrollment);
  const { holdings } = draft.state();
  for (const target of targets) {
    dirty.add(target);
    if (holdings.size === 0) continue;
    for (const through of awardsThrough.get(target) ?? [])
      if (mapGet(holdings, awards[through - steps.length]?.template ?? '')) dirty.add(through);
  }
}
