// What of one record goes into another: when it is absorbed, and back when it is released.
import type { Fold, Json, LearnerId, Recorded } from '@cairn/kernel';
import {
  learnerOf,
  MERGED,
  UNMERGED,
  type CopiedEvent,
  type EnrollmentRef,
  type RecordEvent,
} from '../contracts/record.events.js';

export type Copies = {
  readonly events: readonly CopiedEvent[];
  /** The record is closed for a merge into another. */
  readonly closedInto?: LearnerId;
};

const copyOf = ({ id, type, data, meta: { occurredAt } }: Recorded<RecordEvent>): CopiedEvent => ({
  id,
  type,
  occurredAt,
  data: data as unknown as { readonly [member: string]: Json },
});

/** A whole record as another takes it in: what was absorbed and released again is left out, what came back is in. */
export const copiesFold: Fold<Copies, RecordEvent> = {
  category: 'record',
  initial: { events: [] },
  evolve: ({ events, closedInto }, event) => {
    switch (event.type) {
      case 'record-closed':
        return { events, ...(event.data.into === undefined ? {} : { closedInto: event.data.into }) };
      case 'record-reopened':
        return { events: [...events, ...event.data.events] };
      case 'record-released': {
        const people = absorbedWith(events, event.data.from);
        return { events: events.filter((copy) => !belongsTo(people, copy) && !absorbs(copy, event.data.from)) };
      }
      default:
        return { events: [...events, copyOf(event)], ...(closedInto === undefined ? {} : { closedInto }) };
    }
  },
};

type Sent = Copies & { readonly people: ReadonlySet<LearnerId> };

/** Of the record that a learner was merged into: what was sent to that learner since, and what became of it. */
export function sentMeanwhile(learner: LearnerId): Fold<Sent, RecordEvent> {
  const nobody: Sent = { events: [], people: new Set() };
  return {
    category: 'record',
    initial: nobody,
    evolve: (state, event) => {
      if (event.type === 'record-absorbed' && event.data.from === learner)
        return { events: [], people: absorbedWith(event.data.events, learner) };
      // What it gave up is complete then; what follows there is another person's.
      if (event.type === 'record-released' && event.data.from === learner) return { ...state, people: new Set() };
      if (state.people.size === 0 || isAside(event)) return state;
      const copy = copyOf(event);
      return belongsTo(state.people, copy) ? { ...state, events: [...state.events, copy] } : state;
    },
  };
}

/** That two enrollments of one pathway stood for one person says nothing any more. */
const isAside = (event: Recorded<RecordEvent>): boolean =>
  (event.type === 'enrollment-withdrawn' && event.data.reasonCode === MERGED) ||
  (event.type === 'enrollment-reinstated' && event.data.reasonCode === UNMERGED);

/** A learner, and those whose records had been absorbed by then. */
function absorbedWith(events: readonly CopiedEvent[], learner: LearnerId): ReadonlySet<LearnerId> {
  const people = new Set([learner]);
  const visit = (copies: readonly CopiedEvent[]): void => {
    for (const { type, data } of copies) {
      if (type !== 'record-absorbed' || !people.has(data['learnerId'] as LearnerId)) continue;
      people.add(data['from'] as LearnerId);
      visit(data['events'] as unknown as readonly CopiedEvent[]);
    }
  };
  for (const copy of events)
    if (absorbs(copy, learner)) visit(copy.data['events'] as unknown as readonly CopiedEvent[]);
  visit(events);
  return people;
}

const absorbs = ({ type, data }: CopiedEvent, learner: LearnerId): boolean =>
  type === 'record-absorbed' && data['from'] === learner;

/** A fact sent to one of them, a step of one of their enrollments, or what became of one of their credentials. */
function belongsTo(people: ReadonlySet<LearnerId>, { type, data }: CopiedEvent): boolean {
  const { enrollmentId } = (data['enrollment'] ?? {}) as Partial<EnrollmentRef>;
  const isOfCredential = type.startsWith('credential-') || enrollmentId === undefined;
  return people.has(isOfCredential ? (data['learnerId'] as LearnerId) : learnerOf(enrollmentId));
}
