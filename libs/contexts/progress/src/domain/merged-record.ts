// How a record that absorbed another is folded: the events of the other one are replayed from their copies, so a stream
// stays readable by itself; released, everything that belongs to the other person is gone again, as if invalidated.
import type { CredentialId, LearnerId, Position, Recorded } from '@cairn/kernel';
import { mapEntries, mapGet, mapSet, mapValues, removeFact } from '@cairn/rules';
import { learnerOf, type CopiedEvent, type RecordEvent } from '../contracts/record.events.js';
import type { EnrollmentState, HoldingState, RecordState } from './record.types.js';

type Evolve = (state: RecordState, event: Recorded<RecordEvent>) => RecordState;
type Data<T extends RecordEvent['type']> = Extract<RecordEvent, { type: T }>['data'];

export const replay = (state: RecordState, events: readonly CopiedEvent[], evolve: Evolve): RecordState =>
  events.reduce((before, copy) => evolve(before, asRecorded(copy)), state);

/** The copy as the fold will see it; what it never looks at is left empty. */
const asRecorded = ({ id, type, occurredAt, data }: CopiedEvent): Recorded<RecordEvent> =>
  ({
    id,
    type,
    data,
    stream: '',
    revision: 0,
    position: '' as Position,
    meta: { occurredAt },
  }) as unknown as Recorded<RecordEvent>;

export function absorb(state: RecordState, data: Data<'record-absorbed'>, evolve: Evolve): RecordState {
  const { learnerId, from, events } = data;
  const united = replay(state, events, evolve);
  let holdings = united.holdings;
  for (const holding of mapValues(holdings)) holdings = mapSet(holdings, holding.data.templateId, bestFirst(holding));
  const ids = new Set(events.map(({ id }) => id));
  return { ...united, holdings, absorbed: new Map(united.absorbed).set(from, { under: learnerId, ids }) };
}

/** Whose records came with the one of a learner: theirs, and what that had absorbed before. */
export function peopleWith({ absorbed }: Pick<RecordState, 'absorbed'>, from: LearnerId): ReadonlySet<LearnerId> {
  const people = new Set([from]);
  for (const learner of people) for (const [other, { under }] of absorbed) if (under === learner) people.add(other);
  return people;
}

/** `invalidate` takes a completion out of a state. */
export function release(
  before: RecordState,
  { from }: Data<'record-released'>,
  invalidate: (state: RecordState, completion: string) => RecordState,
): RecordState {
  const people = peopleWith(before, from);
  let state: RecordState = {
    ...before,
    absorbed: new Map(Array.from(before.absorbed).filter(([learner]) => !people.has(learner))),
  };
  for (const { ref, data, valid } of mapValues(before.completions))
    if (people.has(data.learnerId) && valid) state = invalidate(state, ref);
  state = withoutComponents(state, people);
  let { fallen, holdings, templateOf } = state;
  for (const holding of mapValues(before.holdings)) {
    const chain = chainOf(holding);
    const left = chain.filter(({ data }) => !people.has(data.learnerId));
    if (left.length === chain.length) continue;
    for (const { data } of chain)
      if (people.has(data.learnerId)) templateOf = mapSet(templateOf, data.credentialId, undefined);
    holdings = mapSet(holdings, holding.data.templateId, chained(left));
  }
  const theirs = ({ ref }: EnrollmentState): boolean => people.has(learnerOf(ref.enrollmentId));
  for (const { waivers } of before.enrollments.filter(theirs))
    for (const { ref } of waivers.values()) fallen = mapSet(fallen, ref, true);
  return {
    ...state,
    fallen,
    holdings,
    templateOf,
    enrollments: before.enrollments
      .filter((enrollment) => !theirs(enrollment))
      .map((enrollment, index) => ({ ...enrollment, number: index + 1 })),
  };
}

function withoutComponents(state: RecordState, people: ReadonlySet<LearnerId>): RecordState {
  let { facts, fallen, components, componentsOf } = state;
  for (const [id, { of, facts: refs }] of mapEntries(state.components)) {
    if (!people.has(of)) continue;
    components = mapSet(components, id, undefined);
    for (const ref of refs) {
      facts = removeFact(facts, ref);
      fallen = mapSet(fallen, ref, true);
    }
  }
  for (const [templateId, ids] of mapEntries(state.componentsOf)) {
    const left = ids.filter((id) => mapGet(components, id) !== undefined);
    if (left.length < ids.length) componentsOf = mapSet(componentsOf, templateId, left.length > 0 ? left : undefined);
  }
  return { ...state, facts, fallen, components, componentsOf };
}

/** What is held of one template, the latest first. */
const chainOf = (holding: HoldingState): readonly HoldingState[] =>
  holding.previous ? [holding, ...chainOf(holding.previous)] : [holding];

function chained(chain: readonly HoldingState[]): HoldingState | undefined {
  let latest: HoldingState | undefined;
  for (const { previous: _, ...one } of chain.toReversed())
    latest = { ...one, ...(latest === undefined ? {} : { previous: latest }) };
  return latest;
}

const isShared = (chain: readonly HoldingState[]): boolean =>
  chain.some(({ data }) => data.learnerId !== chain[0]?.data.learnerId);

/**
 * What is followed of a template: the latest occurrence that decisions look at, the first; after a merge the latest of
 * each other learner as well. A credential of either may lose what it rests on.
 */
export function heldOf(holding: HoldingState | undefined): readonly HoldingState[] {
  if (holding === undefined) return [];
  const chain = chainOf(holding);
  if (!isShared(chain)) return [holding];
  return chain.filter(
    ({ data }, index) => chain.findIndex((other) => other.data.learnerId === data.learnerId) === index,
  );
}

/** All that is followed in a record. */
export const heldIn = ({ holdings }: Pick<RecordState, 'holdings'>): readonly HoldingState[] =>
  Array.from(mapValues(holdings)).flatMap(heldOf);

/** What is followed of one credential. */
export function holdingOf(
  { holdings, templateOf }: Pick<RecordState, 'holdings' | 'templateOf'>,
  credentialId: CredentialId,
): HoldingState | undefined {
  const templateId = mapGet(templateOf, credentialId);
  if (templateId === undefined) return undefined;
  return heldOf(mapGet(holdings, templateId)).find(({ data }) => data.credentialId === credentialId);
}

/** The end of its last term that stands; undefined: it has none. */
const lastEndOf = ({ data, renewals }: HoldingState): string | undefined =>
  renewals.findLast(({ withdrawn }) => withdrawn === undefined)?.data.until ?? data.until;

/**
 * Two learners who are one person may each hold a credential of one template. Decisions look at the better one: what
 * stands before what is revoked, then what holds longer.
 */
function bestFirst(holding: HoldingState): HoldingState {
  const chain = chainOf(holding);
  if (!isShared(chain)) return holding;
  const own = new Map<LearnerId, HoldingState[]>();
  for (const one of chain) own.set(one.data.learnerId, [...(own.get(one.data.learnerId) ?? []), one]);
  const rank = ([latest]: readonly HoldingState[]): string =>
    latest?.ended ? `0 ${latest.ended.at}` : `1 ${latest && (lastEndOf(latest) ?? '~')}`;
  const [best = [], ...others] = [...own.values()].toSorted((a, b) => (rank(a) < rank(b) ? 1 : -1));
  return chained([...best, ...others.flat()]) as HoldingState;
}

/** Changes what is held by its credential: the latest one, and after a merge that of the other learner as well. */
export function changeHeld(
  holding: HoldingState,
  credentialId: CredentialId,
  change: (before: HoldingState) => HoldingState,
): HoldingState {
  if (holding.data.credentialId !== credentialId && !isShared(chainOf(holding))) return holding; // nothing depends on it
  const chain = chainOf(holding);
  const changed = chained(chain.map((one) => (one.data.credentialId === credentialId ? change(one) : one)));
  return bestFirst(changed as HoldingState);
}

/** The number of the last occurrence, whoever of the merged learners it was recorded for. */
export const lastOccurrence = (holding: HoldingState | undefined): number =>
  holding === undefined ? 0 : Math.max(...chainOf(holding).map(({ data }) => data.occurrence));
