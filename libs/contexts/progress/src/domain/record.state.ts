// The state of a learner's record, and how each event changes it. Every part that grows with the record is a persistent
// map: an event costs the same on ten events and on ten thousand, and an older state stays true.
import type {
  LearnerId,
  CredentialId,
  EnrollmentId,
  EventOf,
  Fold,
  Instant,
  ModuleId,
  Recorded,
  TemplateId,
} from '@cairn/kernel';
import {
  addFact,
  EMPTY_MAP,
  factOf,
  joinFacts,
  mapGet,
  mapSet,
  NO_FACTS,
  removeFact,
  type CredentialFact,
  type FactBase,
  type Interval,
  type StepId,
} from '@cairn/rules';
import { MERGED, type EnrollmentRef, type moduleCompleted, type RecordEvent } from '../contracts/record.events.js';
import { absorb, changeHeld, release, replay } from './merged-record.js';
import type {
  ComponentPolicyEvent,
  ComponentState,
  CreditedData,
  EnrollmentState,
  HoldingState,
  MovedData,
  RecordState,
  RenewalData,
  WaiverState,
  WithdrawnData,
} from './record.types.js';

const NOTHING: ReadonlyMap<never, never> = new Map<never, never>();
const NONE: ReadonlySet<never> = new Set();

const initial: RecordState = {
  closed: false,
  absorbed: NOTHING,
  enrollments: [],
  facts: NO_FACTS,
  modules: EMPTY_MAP,
  completions: EMPTY_MAP,
  bySource: EMPTY_MAP,
  byDay: EMPTY_MAP,
  fallen: EMPTY_MAP,
  components: EMPTY_MAP,
  componentsOf: EMPTY_MAP,
  holdings: EMPTY_MAP,
  templateOf: EMPTY_MAP,
  behindStep: EMPTY_MAP,
};

/** Key of a business key, sent to one learner; no part holds the separator. */
export const sourceKey = (learner: LearnerId, source: string, sourceId: string): string =>
  `${learner}\u0000${source}\u0000${sourceId}`;
/** Completions of one module and grade on one UTC day; a local day meets at most three of them. */
export const dayKey = (moduleId: ModuleId, utcDay: string, score: number | undefined): string =>
  `${moduleId} ${utcDay} ${score ?? ''}`;

const numberOf = (enrollment: EnrollmentId): number => Number(enrollment.slice(37));

/** Where an enrollment stands: by its number, unless records were merged. */
function indexOf({ enrollments }: RecordState, enrollment: EnrollmentId): number {
  const index = numberOf(enrollment) - 1;
  return enrollments[index]?.ref.enrollmentId === enrollment
    ? index
    : enrollments.findIndex(({ ref }) => ref.enrollmentId === enrollment);
}

export const enrollmentOf = (state: RecordState, enrollment: EnrollmentId): EnrollmentState | undefined =>
  state.enrollments[indexOf(state, enrollment)];

/** Not withdrawn: facts count in it. A completed one stays open for its other destinations. */
export const isOpen = (enrollment: EnrollmentState): boolean => {
  const last = enrollment.away.at(-1);
  return last === undefined || last.until !== undefined;
};

/** The learner's facts together with an enrollment's own. */
export const factsFor = (state: RecordState, enrollment: EnrollmentState): FactBase =>
  joinFacts(state.facts, enrollment.own);

export const recordFold: Fold<RecordState, RecordEvent> = { category: 'record', initial, evolve };

function evolve(state: RecordState, event: Recorded<RecordEvent>): RecordState {
  switch (event.type) {
    case 'learner-enrolled': {
      const { learnerId, enrollment, attempt, rulesHash, opens, because } = event.data;
      const joined: EnrollmentState = {
        number: state.enrollments.length + 1,
        ref: enrollment,
        attempt,
        rulesHash,
        joinedAt: event.meta.occurredAt,
        ...(because === undefined ? {} : { because }),
        away: [],
        steps: NOTHING,
        opened: new Set(opens),
        inOrder: NONE,
        onlyFrom: NOTHING,
        waivers: NOTHING,
        own: NO_FACTS,
      };
      return { ...state, learnerId, enrollments: [...state.enrollments, joined] };
    }
    case 'enrollment-withdrawn':
      return inEnrollment(state, event.data.enrollment, (enrollment) => ({
        ...enrollment,
        ...(event.data.reasonCode === MERGED ? { standsAside: true as const } : {}),
        away: [...enrollment.away, { from: event.meta.occurredAt }],
      }));
    case 'enrollment-reinstated':
      return inEnrollment(state, event.data.enrollment, ({ standsAside, ...enrollment }) => ({
        ...enrollment,
        // Who stood aside was never away.
        away: standsAside
          ? enrollment.away.slice(0, -1)
          : enrollment.away.map((interval) =>
              interval.until === undefined ? { ...interval, until: event.meta.occurredAt } : interval,
            ),
      }));
    case 'enrollment-moved-to-version':
      return inEnrollment(state, event.data.enrollment, (enrollment) => ({
        ...moved(enrollment, event.data),
        lastMove: {
          ref: event.id,
          from: { version: event.data.from.version, entryPoint: event.data.from.entryPoint },
          mapping: event.data.mapping,
          waivers: mapWithoutAll(enrollment.waivers, new Set(event.data.waivers.map(({ waiver }) => waiver))),
          command: event.meta.$causationId,
          decided: NONE,
        },
      }));
    case 'module-started': {
      const { learnerId, moduleId } = event.data;
      const module = mapGet(state.modules, moduleId) ?? { attempts: 0, begun: false };
      return { ...state, learnerId, modules: mapSet(state.modules, moduleId, { ...module, begun: true }) };
    }
    case 'module-completed':
      return completed(state, event);
    case 'module-completion-invalidated':
      return invalidated(state, event.data.completion);
    case 'requirement-waived': {
      const { enrollment, requirementId, authority, reasonCode, carries } = event.data;
      const at = event.meta.occurredAt;
      const waiver = { ref: event.id, at, authority, reasonCode, ...(carries === undefined ? {} : { carries }) };
      return inEnrollment(state, enrollment, (before) => ({
        ...before,
        waivers: new Map(before.waivers).set(requirementId, waiver),
        own: addFact(before.own, { kind: 'waiver', ref: event.id, requirementId, at }),
      }));
    }
    case 'requirement-waiver-withdrawn': {
      const { enrollment, requirementId, waiver } = event.data;
      const without = inEnrollment(state, enrollment, (before) => ({
        ...before,
        waivers: mapWithout(before.waivers, requirementId),
        own: removeFact(before.own, waiver),
      }));
      return { ...without, fallen: mapSet(without.fallen, waiver, true) };
    }
    case 'stack-component-credited':
      return credited(state, event.id, event.meta.occurredAt, event.data);
    case 'stack-component-withdrawn':
      return withdrawn(state, event.data);
    case 'step-satisfied': {
      const { enrollment, stepId, at, opens, inOrder, recognised, by } = event.data;
      const satisfied = inEnrollment(state, enrollment, (before) => ({
        ...before,
        ...decidedByMove(before, event),
        steps: new Map(before.steps).set(stepId, { ref: event.id, data: event.data }),
        opened: withAll(before.opened, opens),
        inOrder: withAll(before.inOrder, inOrder),
        own: addFact(before.own, {
          kind: 'step',
          ref: event.id,
          stepId,
          at,
          ...(recognised === undefined ? {} : { recognised }),
        }),
      }));
      return { ...satisfied, behindStep: mapSet(satisfied.behindStep, event.id, by) };
    }
    case 'step-reopened': {
      const { enrollment, stepId, undoes, closes, notInOrder, onlyFrom } = event.data;
      return inEnrollment(state, enrollment, (before) => ({
        ...before,
        steps: mapWithout(before.steps, stepId),
        opened: withoutAll(before.opened, closes),
        inOrder: withoutAll(before.inOrder, notInOrder),
        onlyFrom: onlyFrom === undefined ? before.onlyFrom : new Map(before.onlyFrom).set(stepId, onlyFrom),
        own: removeFact(before.own, undoes),
      }));
    }
    case 'credential-earned':
    case 'credential-granted': {
      const { learnerId, credentialId, templateId } = event.data;
      const previous = mapGet(state.holdings, templateId);
      const holding: HoldingState = {
        ref: event.id,
        data: event.data,
        granted: event.type === 'credential-granted' && !goesOn(previous, event.data.replaces),
        holds: NOTHING,
        renewals: [],
        ...(previous === undefined ? {} : { previous }),
      };
      const { enrollment } = event.data;
      const earnedIn =
        enrollment && state.enrollments[indexOf(state, enrollment.enrollmentId)]
          ? inEnrollment(state, enrollment, (before) => ({ ...before, ...decidedByMove(before, event) }))
          : state;
      return {
        ...earnedIn,
        learnerId,
        holdings: mapSet(state.holdings, templateId, holding),
        templateOf: mapSet(state.templateOf, credentialId, templateId),
      };
    }
    case 'credential-entitlement-withdrawn': {
      const { credentialId, templateId, effectiveAt } = event.data;
      return inHolding(state, templateId, credentialId, (holding) => ({ ...holding, withdrawn: effectiveAt }));
    }
    case 'renewal-earned': {
      const { credentialId, templateId } = event.data;
      return inHolding(state, templateId, credentialId, (holding) => renewed(holding, event.id, event.data));
    }
    case 'renewal-withdrawn': {
      const { credentialId, templateId, serial } = event.data;
      return inHolding(state, templateId, credentialId, (holding) => ({
        ...holding,
        renewals: holding.renewals.map((renewal) =>
          renewal.data.serial === serial ? { ...renewal, undecided: true as const } : renewal,
        ),
      }));
    }
    case 'component-policy-applied': {
      const { credentialId, templateId } = event.data;
      return inHolding(state, templateId, credentialId, (holding) => policyApplied(holding, event.data));
    }
    case 'record-closed': {
      const { learnerId, into } = event.data;
      // Merged it stays what it was, for whoever reopens it.
      return into === undefined
        ? { ...initial, closed: true, learnerId }
        : { ...state, closed: true, mergedInto: into };
    }
    case 'record-absorbed':
      return absorb(state, event.data, evolve);
    case 'record-released':
      return release(state, event.data, invalidated);
    case 'record-reopened': {
      const { mergedInto: _, ...open } = state;
      return replay({ ...open, closed: false }, event.data.events, evolve);
    }
    default:
      return event satisfies never;
  }
}

function inEnrollment(
  state: RecordState,
  { enrollmentId }: EnrollmentRef,
  change: (before: EnrollmentState) => EnrollmentState,
): RecordState {
  const index = indexOf(state, enrollmentId);
  const before = state.enrollments[index];
  if (!before) throw new RangeError(`the record has no enrollment ${enrollmentId}`);
  return { ...state, enrollments: state.enrollments.with(index, change(before)) };
}

function inHolding(
  state: RecordState,
  templateId: TemplateId,
  credentialId: CredentialId,
  change: (before: HoldingState) => HoldingState,
): RecordState {
  const before = mapGet(state.holdings, templateId);
  if (!before) return state;
  return { ...state, holdings: mapSet(state.holdings, templateId, changeHeld(before, credentialId, change)) };
}

/** What the append of the last move decided is remembered with it. */
function decidedByMove({ lastMove }: EnrollmentState, { id, meta }: Recorded): Pick<EnrollmentState, 'lastMove'> {
  // What is only tried, in a preview, has no command.
  if (!lastMove || lastMove.command !== meta.$causationId) return {};
  return { lastMove: { ...lastMove, decided: new Set([...lastMove.decided, id]) } };
}

/** Everything kept by step or requirement goes on under its new name; what was met stays met. */
function moved(before: EnrollmentState, data: MovedData): EnrollmentState {
  const { enrollment: ref, rulesHash, mapping, opens, inOrder } = data;
  const renamed = <T>(map: ReadonlyMap<StepId, T>, change: (value: T, id: StepId) => T): ReadonlyMap<StepId, T> =>
    new Map(
      Array.from(map).flatMap(([id, value]) => {
        const next = mapping[id];
        return next === undefined ? [] : [[next, change(value, next)] as const];
      }),
    );
  const steps = renamed(before.steps, (step, stepId) => ({ ...step, data: { ...step.data, enrollment: ref, stepId } }));
  const waivers = new Map<string, WaiverState>();
  for (const waiver of before.waivers.values()) {
    const goesOn = data.waivers.find((one) => one.waiver === waiver.ref);
    if (goesOn) waivers.set(goesOn.requirementId, waiver);
  }
  for (const waiver of before.lastMove?.waivers.values() ?? []) {
    const restored = data.restored?.find((one) => one.waiver === waiver.ref);
    if (restored) waivers.set(restored.requirementId, waiver);
  }
  let own = NO_FACTS;
  for (const { ref: fact, data: met } of steps.values())
    own = addFact(own, {
      kind: 'step',
      ref: fact,
      stepId: met.stepId,
      at: met.at,
      ...(met.recognised === undefined ? {} : { recognised: met.recognised }),
    });
  for (const [requirementId, { ref: waiver, at }] of waivers)
    own = addFact(own, { kind: 'waiver', ref: waiver, requirementId, at });
  return {
    ...before,
    ref,
    rulesHash,
    steps,
    opened: new Set(opens),
    inOrder: new Set(inOrder),
    onlyFrom: renamed(before.onlyFrom, (from) => from),
    waivers,
    own,
  };
}

function completed(state: RecordState, event: Recorded<EventOf<typeof moduleCompleted>>): RecordState {
  const { id: ref, data } = event;
  const at = event.meta.occurredAt;
  const { learnerId, moduleId, score, credits, area, level, source, sourceId } = data;
  const day = dayKey(moduleId, at.slice(0, 10), score);
  return {
    ...state,
    learnerId,
    modules: mapSet(state.modules, moduleId, {
      attempts: Math.max(data.attempt, mapGet(state.modules, moduleId)?.attempts ?? 0),
      begun: false,
    }),
    completions: mapSet(state.completions, ref, { ref, at, data, valid: true }),
    bySource:
      sourceId === undefined ? state.bySource : mapSet(state.bySource, sourceKey(learnerId, source, sourceId), ref),
    byDay: mapSet(state.byDay, day, [...(mapGet(state.byDay, day) ?? []), ref]),
    facts: addFact(state.facts, {
      kind: 'completion',
      ref,
      moduleId,
      at,
      credits,
      ...(score === undefined ? {} : { grade: score }),
      ...(area === undefined ? {} : { area }),
      ...(level === undefined ? {} : { level }),
    }),
  };
}

function invalidated(state: RecordState, ref: string): RecordState {
  const completion = mapGet(state.completions, ref);
  if (!completion) throw new RangeError(`the record has no completion ${ref}`);
  const { learnerId, moduleId, score, source, sourceId } = completion.data;
  const day = dayKey(moduleId, completion.at.slice(0, 10), score);
  const others = (mapGet(state.byDay, day) ?? []).filter((other) => other !== ref);
  return {
    ...state,
    completions: mapSet(state.completions, ref, { ...completion, valid: false }),
    bySource:
      sourceId === undefined
        ? state.bySource
        : mapSet(state.bySource, sourceKey(learnerId, source, sourceId), undefined),
    byDay: mapSet(state.byDay, day, others.length > 0 ? others : undefined),
    fallen: mapSet(state.fallen, ref, true),
    facts: removeFact(state.facts, ref),
  };
}

function credited(state: RecordState, ref: string, occurredAt: Instant, data: CreditedData): RecordState {
  const { learnerId, componentId, origin, templateId, moduleId, validFrom, validUntil, credits, area, level } = data;
  const recognised = origin === 'recognised';
  // Recognised: from acceptance on, but ageing from its own date.
  const from = recognised && validFrom < occurredAt ? occurredAt : validFrom;
  const common = {
    ref,
    achievedAt: data.achievedAt ?? validFrom,
    ...(recognised ? { external: true } : {}),
    ...(area === undefined ? {} : { area }),
    ...(level === undefined ? {} : { level }),
  };
  const before = mapGet(state.components, componentId);
  const component: ComponentState = {
    origin,
    of: learnerId,
    ...(templateId === undefined ? {} : { templateId }),
    ...(moduleId === undefined ? {} : { moduleId }),
    facts: [...(before?.facts ?? []), ref],
    noted: [...(before?.noted ?? []), data.ref],
    ...(before?.end?.cause === 'revoked' ? { end: before.end } : {}),
  };
  const facts =
    moduleId === undefined
      ? addFact(state.facts, {
          ...common,
          kind: 'credential',
          templateId: templateId as TemplateId,
          credentialId: componentId,
          valid: [{ from, ...(validUntil === undefined ? {} : { until: validUntil }) }],
          ...(credits === undefined ? {} : { credits }),
        })
      : addFact(state.facts, { ...common, kind: 'completion', moduleId, at: from, credits: credits ?? 0 });
  const next = { ...state, learnerId, facts, components: mapSet(state.components, componentId, component) };
  if (before || templateId === undefined) return next;
  const ofTemplate = [...(mapGet(state.componentsOf, templateId) ?? []), componentId];
  return { ...next, componentsOf: mapSet(state.componentsOf, templateId, ofTemplate) };
}

function withdrawn(state: RecordState, data: WithdrawnData): RecordState {
  const { learnerId, componentId, cause, effectiveAt } = data;
  const templateId = mapGet(state.templateOf, componentId);
  const before: ComponentState = mapGet(state.components, componentId) ?? {
    origin: templateId === undefined ? 'recognised' : 'own',
    of: learnerId,
    ...(templateId === undefined ? {} : { templateId }),
    facts: [],
    noted: [],
  };
  let facts = state.facts;
  for (const ref of before.facts) {
    const fact = factOf(facts, ref);
    if (fact?.kind === 'completion') facts = removeFact(facts, ref);
    if (fact?.kind === 'credential')
      facts = addFact(facts, { ...fact, valid: cause === 'revoked' ? [] : validUntil(fact, effectiveAt) });
  }
  const component: ComponentState = {
    ...before,
    noted: [...before.noted, data.ref],
    end: before.end?.cause === 'revoked' ? before.end : { cause, at: effectiveAt },
  };
  const next = { ...state, learnerId, facts, components: mapSet(state.components, componentId, component) };
  if (cause !== 'revoked' || templateId === undefined) return next;
  return inHolding(next, templateId, componentId as CredentialId, (holding) => ended(holding, effectiveAt, 'revoked'));
}

function validUntil(fact: CredentialFact, instant: Instant): readonly Interval[] {
  return fact.valid
    .filter(({ from }) => from < instant)
    .map((interval) =>
      interval.until === undefined || interval.until > instant ? { ...interval, until: instant } : interval,
    );
}

/** A replacement of what was earned rests on the same facts, unless these had taken the entitlement. */
const goesOn = (previous: HoldingState | undefined, replaces: CredentialId | undefined): boolean =>
  replaces !== undefined && previous?.granted === false && previous.ended?.because !== 'withdrawn';

/** An authority may decide a term anew that was taken back: it keeps its place. */
function renewed(holding: HoldingState, ref: string, data: RenewalData): HoldingState {
  const others = holding.renewals.filter((renewal) => renewal.data.serial !== data.serial);
  return { ...holding, renewals: [...others, { ref, data }].toSorted((a, b) => a.data.serial - b.data.serial) };
}

/** Names the hold on a credential whose renewal was taken back. */
export const renewalHold = (serial: number): string => `renewal-withdrawn:${serial}`;

/** Waivers whose ids are not among those that go on. */
const mapWithoutAll = (
  waivers: ReadonlyMap<string, WaiverState>,
  goOn: ReadonlySet<string>,
): ReadonlyMap<string, WaiverState> => new Map(Array.from(waivers).filter(([, { ref }]) => !goOn.has(ref)));

function withRenewal(holding: HoldingState, hold: string, withdrawn: Instant | undefined): HoldingState {
  return {
    ...holding,
    renewals: holding.renewals.map((renewal) => {
      if (renewalHold(renewal.data.serial) !== hold) return renewal;
      const { withdrawn: _, ...stands } = renewal;
      return { ...stands, ...(withdrawn === undefined ? {} : { withdrawn }) };
    }),
  };
}

function policyApplied(holding: HoldingState, data: ComponentPolicyEvent['data']): HoldingState {
  const { hold, cause, effect, effectiveAt, componentTemplateId } = data;
  if (effect === 'lift') {
    const { withdrawn: _, ...restored } = holding;
    return {
      ...(cause === 'entitlement-withdrawn' ? restored : withRenewal(holding, hold, undefined)),
      holds: mapWithout(holding.holds, hold),
    };
  }
  const held: HoldingState = {
    ...withRenewal(holding, hold, effectiveAt),
    holds: new Map(holding.holds).set(hold, {
      cause,
      effect,
      effectiveAt,
      ...(componentTemplateId === undefined ? {} : { componentTemplateId }),
    }),
  };
  return effect === 'revoke' ? ended(held, effectiveAt, 'revoked') : held;
}

/** The first end counts: a credential is revoked once. */
function ended(holding: HoldingState, at: Instant, because: 'revoked'): HoldingState {
  if (holding.ended) return holding;
  return { ...holding, ended: { at, because: holding.withdrawn === undefined ? because : 'withdrawn' } };
}

const withAll = <T>(set: ReadonlySet<T>, more: readonly T[]): ReadonlySet<T> => new Set([...set, ...more]);
const withoutAll = <T>(set: ReadonlySet<T>, less: readonly T[]): ReadonlySet<T> =>
  new Set([...set].filter((item) => !less.includes(item)));

function mapWithout<K, V>(map: ReadonlyMap<K, V>, key: K): ReadonlyMap<K, V> {
  const copy = new Map(map);
  copy.delete(key);
  return copy;
}
