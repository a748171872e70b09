// Random histories against an independent oracle that knows no bookkeeping: after every command it looks at all facts
// that stand and asks, instant by instant, which steps and awards are met. Invariants D1, D2, D7, D8 over the events.
import type { TemplateId } from '@cairn/kernel';
import { localDay, mapGet, mapValues, type Award, type PathwayRules, type Requirement, type Step } from '@cairn/rules';
import { at, issued } from '@cairn/testing';
import fc from 'fast-check';
import { decideAgain } from './decide-again.js';
import { decideMarked } from './deciding.js';
import { createDraft, mark } from './draft.js';
import { loadRecordFacts } from './record.facts.js';
import { isOpen } from './record.state.js';
import type { EnrollmentState, RecordState } from './record.types.js';
import { createWorld, LEARNER, m, t, type RecordWorld } from './record-world-spec.js';
import { versionOf, type Version } from './version.js';

const ZONE = 'Europe/Berlin';
const NOW = '2025-12-31';
const MODULES = ['M1', 'M2', 'M3', 'M4', 'M5'] as const;
const TEMPLATES = ['T1', 'T2', 'T3'] as const;
const PATHWAYS = ['P1', 'P2'] as const;
const dayOf = (n: number): string => at(new Date(Date.UTC(2025, 0, n)).toISOString().slice(0, 10));

// ---- random rules -------------------------------------------------------------------------------------------------

type Leaf = { readonly module: string; readonly minGrade?: number };
const leaf = (module: string, graded: boolean): Leaf => ({ module: m(module), ...(graded ? { minGrade: 60 } : {}) });

/** A tree in which every module has one place, so that no fact could serve two children. */
const tree: fc.Arbitrary<Requirement> = fc
  .record({
    modules: fc.shuffledSubarray([...MODULES], { minLength: 1, maxLength: 4 }),
    graded: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
    shape: fc.constantFrom('all', 'any', 'two', 'credits', 'nested'),
  })
  .map(({ modules, graded, shape }): Requirement => {
    const leaves = modules.map((module, index) => leaf(module, graded[index] ?? false));
    const [first, ...others] = leaves as [Leaf, ...Leaf[]];
    if (shape === 'credits') return { credits: 5 * Math.min(2, modules.length), from: modules.map(m) };
    if (shape === 'any') return { any: leaves };
    if (shape === 'two' && leaves.length > 2) return { atLeast: 2, of: leaves };
    if (shape === 'nested' && others.length > 0) return { all: [first, { any: others }] };
    return { all: leaves };
  });

const rules: fc.Arbitrary<PathwayRules> = fc
  .record({
    order: fc.constantFrom('advisory' as const, 'gate' as const),
    needs: fc.array(tree, { minLength: 1, maxLength: 3 }),
    chained: fc.boolean(),
    final: fc.constantFrom(...TEMPLATES),
    stepTemplate: fc.option(fc.constantFrom(...TEMPLATES), { nil: undefined }),
    any: fc.boolean(),
    direct: fc.option(tree, { nil: undefined }),
  })
  .map(({ order, needs, chained, final, stepTemplate, any, direct }): PathwayRules => {
    const steps = needs.map((need, index): Step => ({
      id: `S${index + 1}`,
      ...(chained && index > 0 ? { after: [`S${index}`] } : {}),
      need,
    }));
    const all = steps.map(({ id }) => id);
    const awards: Award[] = [
      ...(stepTemplate === undefined
        ? []
        : [{ id: 'A1', template: t(stepTemplate), kind: 'step' as const, when: 'S1' }]),
      { id: 'A2', template: t(final), kind: 'final', when: any ? { any: all } : { all } },
      ...(direct === undefined ? [] : [{ id: 'A3', template: t('T3'), kind: 'exit' as const, when: direct }]),
    ];
    return { zone: ZONE, order, entryPoints: [{ id: 'start', at: 'S1' }], steps, awards };
  });

type Action =
  | { readonly kind: 'complete'; readonly module: string; readonly day: number; readonly score: number }
  | { readonly kind: 'enroll'; readonly pathway: string; readonly day: number; readonly attempt: number }
  | {
      readonly kind: 'invalidate' | 'waive' | 'unwaive' | 'leave' | 'return' | 'revoke';
      readonly n: number;
      readonly day: number;
    };
const day = fc.integer({ min: 1, max: 300 });
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('complete' as const),
      module: fc.constantFrom(...MODULES),
      day,
      score: fc.constantFrom(50, 70),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('enroll' as const),
      pathway: fc.constantFrom(...PATHWAYS),
      day,
      attempt: fc.constantFrom(1, 2),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'invalidate' as const,
        'waive' as const,
        'unwaive' as const,
        'leave' as const,
        'return' as const,
      ),
      n: fc.nat(50),
      day,
    }),
  },
);
const revocation: fc.Arbitrary<Action> = fc.record({ kind: fc.constant('revoke' as const), n: fc.nat(50), day });

const modelWorld = (): RecordWorld => {
  const world = createWorld({ zone: ZONE });
  for (const slug of MODULES) world.module(slug, { credits: 5 });
  return world.templates(...TEMPLATES, 'STACK');
};

async function perform(world: RecordWorld, action: Action): Promise<void> {
  const when = { now: NOW };
  const state = world.state();
  switch (action.kind) {
    case 'complete':
      await world.complete(action.module, dayOf(action.day), { score: action.score }, when);
      return;
    case 'enroll':
      await world.enroll(action.pathway, dayOf(action.day), { attempt: action.attempt }, when);
      return;
    case 'invalidate': {
      const valid = [...mapValues(state.completions)]
        .filter((one) => one.valid)
        .toSorted((a, b) => (a.ref < b.ref ? -1 : 1));
      const one = valid[action.n % Math.max(1, valid.length)];
      if (one)
        await world.send(
          {
            type: 'InvalidateModuleCompletion',
            data: { learnerId: LEARNER, completion: one.ref, reasonCode: 'error', occurredAt: at(dayOf(action.day)) },
          },
          when,
        );
      return;
    }
    case 'revoke': {
      const all = [...mapValues(state.holdings)]
        .filter(({ ended }) => !ended)
        .toSorted((a, b) => (a.ref < b.ref ? -1 : 1));
      const one = all[action.n % Math.max(1, all.length)];
      if (one) await world.revoke(one.data.credentialId, dayOf(action.day));
      return;
    }
    default: {
      const enrollment = state.enrollments[action.n % Math.max(1, state.enrollments.length)];
      if (!enrollment) return;
      if (action.kind === 'leave') await world.leave(enrollment.number, dayOf(action.day));
      else if (action.kind === 'return') await world.comeBack(enrollment.number, dayOf(action.day));
      else {
        const ids = [...versionIn(world, enrollment).ownerOf.keys()];
        const id = ids[action.n % ids.length] as string;
        if (action.kind === 'waive') await world.waive(enrollment.number, id, dayOf(action.day));
        else await world.withdrawWaiver(enrollment.number, id, dayOf(action.day));
      }
    }
  }
}

const published = new WeakMap<RecordWorld, Map<string, Version>>();
function versionIn(world: RecordWorld, { ref }: Pick<EnrollmentState, 'ref'>): Version {
  const known = published.get(world) ?? new Map<string, Version>();
  published.set(world, known);
  let version = known.get(ref.pathwayId);
  if (!version) known.set(ref.pathwayId, (version = versionOf(world.publishedPathway(ref.pathwayId, ref.version))));
  return version;
}

// ---- the oracle ---------------------------------------------------------------------------------------------------

type Known = {
  readonly completions: readonly { readonly moduleId: string; readonly at: string; readonly score: number }[];
  readonly waivers: ReadonlyMap<string, string>;
  readonly steps: ReadonlyMap<string, string>;
  /** Own credentials not revoked: template and beginning. */
  readonly credentials: readonly { readonly templateId: string; readonly from: string }[];
};

/** Does a requirement hold at an instant? Straight from the words of the rule. */
function holds(requirement: Requirement, instant: string, known: Known): boolean {
  if (typeof requirement === 'string') return (known.steps.get(requirement) ?? '~') <= instant;
  if ((known.waivers.get(requirement.id ?? '') ?? '~') <= instant) return true;
  const passed = (moduleId: string, minGrade = 0): boolean =>
    known.completions.some((one) => one.moduleId === moduleId && one.at <= instant && one.score >= minGrade);
  if ('step' in requirement) return (known.steps.get(requirement.step) ?? '~') <= instant;
  if ('module' in requirement) return passed(requirement.module, requirement.minGrade);
  if ('credential' in requirement)
    return known.credentials.some((one) => one.templateId === requirement.credential && one.from <= instant);
  if ('credits' in requirement)
    return 5 * (requirement.from as readonly string[]).filter((id) => passed(id)).length >= requirement.credits;
  const parts = 'all' in requirement ? requirement.all : 'any' in requirement ? requirement.any : requirement.of;
  const need = 'all' in requirement ? parts.length : 'any' in requirement ? 1 : requirement.atLeast;
  return parts.filter((part) => holds(part, instant, known)).length >= need;
}

/** The first instant, from `from` on, at which it holds. Everything here only ever begins to hold. */
function since(requirement: Requirement, known: Known, from = ''): string | undefined {
  const instants = [
    from,
    ...known.completions.map((one) => one.at),
    ...known.waivers.values(),
    ...known.steps.values(),
    ...known.credentials.map((one) => one.from),
  ];
  return instants
    .filter((one) => one >= from)
    .toSorted()
    .find((one) => holds(requirement, one, known));
}

function knownIn(world: RecordWorld, enrollment: EnrollmentState, steps?: ReadonlyMap<string, string>): Known {
  const state = world.state();
  return {
    completions: [...mapValues(state.completions)]
      .filter((one) => one.valid)
      .map((one) => ({ moduleId: one.data.moduleId, at: one.at, score: one.data.score ?? 0 })),
    waivers: new Map(Array.from(enrollment.waivers, ([id, waiver]) => [id, waiver.at])),
    steps: steps ?? new Map(Array.from(enrollment.steps, ([id, step]) => [id, step.data.at])),
    credentials: [...mapValues(state.holdings)]
      .filter((one) => !one.ended)
      .map((one) => ({ templateId: one.data.templateId, from: one.data.from })),
  };
}

/** Steps met by what stands, order included. */
function metSteps(world: RecordWorld, enrollment: EnrollmentState): ReadonlyMap<string, string> {
  const { rules: of } = versionIn(world, enrollment);
  const met = new Map<string, string>();
  for (const step of of.steps) {
    const gates = of.order === 'gate' ? (step.after ?? []).map((id) => met.get(id)) : [];
    if (gates.includes(undefined)) continue;
    const from = gates.reduce<string>((latest, one) => ((one as string) > latest ? (one as string) : latest), '');
    const found = since(step.need, knownIn(world, enrollment, met), from);
    if (found !== undefined) met.set(step.id, found);
  }
  return met;
}

function checkSteps(world: RecordWorld, enrollment: EnrollmentState): void {
  const { rules: of } = versionIn(world, enrollment);
  const met = metSteps(world, enrollment);
  for (const step of of.steps) {
    const satisfied = enrollment.steps.has(step.id);
    // What is met is satisfied, unless the learner is away; what is satisfied is met, its order apart: that stays.
    if (isOpen(enrollment) && met.has(step.id))
      expect({ step: step.id, satisfied }).toEqual({ step: step.id, satisfied: true });
    if (satisfied) expect(since(step.need, knownIn(world, enrollment))).toBeDefined();
    if (satisfied && (of.order === 'advisory' || !step.after)) expect(met.has(step.id)).toBe(true);
  }
  checkCourse(world, enrollment);
}

/** Reached and in order, from their definitions. */
function checkCourse(world: RecordWorld, { steps, opened, inOrder, ref }: EnrollmentState): void {
  const { rules: of } = versionIn(world, { ref });
  const counted = new Set<string>();
  const reached = new Set<string>();
  of.steps.forEach((step, index) => {
    const before = step.after ?? (index === 0 ? [] : [(of.steps[index - 1] as Step).id]);
    const here = steps.get(step.id)?.data.at;
    if (here !== undefined || before.every((id) => steps.has(id))) reached.add(step.id);
    const earlier = before.map((id) => (counted.has(id) ? steps.get(id)?.data.at : undefined));
    if (here !== undefined && earlier.every((one) => one !== undefined && localDay(one, ZONE) <= localDay(here, ZONE)))
      counted.add(step.id);
  });
  expect([...opened].toSorted()).toEqual([...reached].toSorted());
  expect([...inOrder].toSorted()).toEqual([...counted].toSorted());
}

function checkAwards(world: RecordWorld): void {
  const state = world.state();
  const awards = state.enrollments.flatMap((enrollment) =>
    versionIn(world, enrollment).rules.awards.map((award) => ({ enrollment, award })),
  );
  for (const { enrollment, award } of awards) {
    const holding = mapGet(state.holdings, award.template);
    if (
      isOpen(enrollment) &&
      since(award.when, knownIn(world, enrollment)) !== undefined &&
      revokedByPeople(state, award.template) === 0
    )
      expect({ award: award.id, held: holding !== undefined && !holding.ended }).toEqual({
        award: award.id,
        held: true,
      });
  }
  for (const { data, ended } of mapValues(state.holdings)) {
    if (ended) continue;
    const owner = awards.find(
      ({ enrollment, award }) =>
        enrollment.ref.enrollmentId === data.enrollment?.enrollmentId && award.id === data.awardId,
    );
    if (!owner) throw new Error(`nobody awards ${data.credentialId}`);
    expect(since(owner.award.when, knownIn(world, owner.enrollment))).toBeDefined();
  }
}

const revokedByPeople = (state: RecordState, template: string): number => {
  let count = 0;
  for (let one = mapGet(state.holdings, template); one; one = one.previous)
    if (one.ended?.because === 'revoked') count++;
  return count;
};

/** D1: one earning per credential, the next occurrence only after the end of the last. D7: nothing but the pinned version. */
function checkEvents(world: RecordWorld): void {
  const held = new Map<string, { readonly occurrence: number; ended: boolean; readonly credentialId: string }>();
  const pinned = new Map<string, string>();
  const ids = new Set<string>();
  for (const { type, data } of world.record) {
    if ('enrollment' in data && data.enrollment) {
      const { enrollmentId, ...rest } = data.enrollment;
      const key = JSON.stringify(rest);
      expect(pinned.get(enrollmentId) ?? key).toBe(key);
      pinned.set(enrollmentId, key);
    }
    if (type === 'credential-earned') {
      expect(ids.has(data.credentialId)).toBe(false);
      ids.add(data.credentialId);
      const last = held.get(data.templateId);
      expect(last?.ended ?? true).toBe(true);
      expect(data.occurrence).toBe((last?.occurrence ?? 0) + 1);
      expect(data.at <= data.from).toBe(true);
      held.set(data.templateId, { occurrence: data.occurrence, ended: false, credentialId: data.credentialId });
    }
    if (type === 'component-policy-applied' && data.effect === 'revoke') end(held, data.credentialId);
    if (type === 'stack-component-withdrawn') end(held, data.componentId);
  }
}

function end(held: Map<string, { ended: boolean; readonly credentialId: string }>, credentialId: string): void {
  for (const one of held.values()) if (one.credentialId === credentialId) one.ended = true;
}

/** Folding the events and deciding everything again gives nothing new. */
async function checkSettled(world: RecordWorld): Promise<void> {
  const [first] = world.state().enrollments;
  if (!first) return;
  const data = { enrollmentId: first.ref.enrollmentId, reasonCode: 'x', occurredAt: at(NOW) };
  const command = issued({ type: 'WithdrawEnrollment', data } as const, { now: at(NOW) });
  const facts = await loadRecordFacts(command, world.state(), world.loader);
  const draft = createDraft(command, world.state(), {
    ...facts,
    tenant: facts.tenant as NonNullable<typeof facts.tenant>,
  });
  for (const enrollment of world.state().enrollments) mark(draft, enrollment, draft.versionOf(enrollment).all);
  decideMarked(draft);
  expect(draft.events()).toEqual([]);
}

/** U3: whatever was decided follows again from the events that it names, and from no fewer facts than it used. */
async function checkNamed(world: RecordWorld): Promise<void> {
  for (const decision of world.events('credential-earned')) {
    const again = await decideAgain(world.loader, world.record, decision);
    expect({ data: decision.data, again }).toMatchObject({ again: { matches: true } });
    const named = again?.restsOn ?? [];
    // Nothing but those is at hand, and they name no others.
    expect(await decideAgain(world.loader, [...named, decision], decision)).toEqual(again);
    const [fact] = decision.data.satisfied.flatMap(({ by }) => by);
    if (fact === undefined) continue;
    const without = named.filter(({ id }) => id !== fact);
    expect(await decideAgain(world.loader, [...without, decision], decision)).toMatchObject({ matches: false });
  }
}

async function checkAll(world: RecordWorld): Promise<void> {
  for (const enrollment of world.state().enrollments) checkSteps(world, enrollment);
  checkAwards(world);
  checkEvents(world);
  await checkSettled(world);
}

// ---- the properties -----------------------------------------------------------------------------------------------

it('decides what the oracle finds met, after every command of a random history', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.tuple(rules, rules),
      fc.array(fc.oneof({ weight: 15, arbitrary: action }, { weight: 1, arbitrary: revocation }), {
        minLength: 5,
        maxLength: 30,
      }),
      async (versions, actions) => {
        const world = modelWorld();
        PATHWAYS.forEach((slug, index) => world.pathway(slug, { rules: versions[index] as PathwayRules }));
        for (const one of actions) {
          await perform(world, one);
          await checkAll(world);
        }
        await checkNamed(world);
      },
    ),
    { numRuns: 150, endOnFailure: true },
  );
});

it('gives one set of credentials, whatever the order of arrival (one attempt per module)', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.tuple(rules, rules),
      fc.uniqueArray(fc.record({ module: fc.constantFrom(...MODULES), day, score: fc.constantFrom(50, 70) }), {
        selector: (one) => one.module,
        minLength: 2,
      }),
      fc.infiniteStream(fc.nat(100)),
      async (versions, facts, picks) => {
        const run = async (order: typeof facts): Promise<readonly string[]> => {
          const world = modelWorld();
          PATHWAYS.forEach((slug, index) => world.pathway(slug, { rules: versions[index] as PathwayRules }));
          for (const slug of PATHWAYS) await world.enroll(slug, dayOf(1), {}, { now: NOW });
          for (const one of order) await world.complete(one.module, dayOf(one.day), { score: one.score }, { now: NOW });
          return world
            .events('credential-earned')
            .map(({ data }) => data.templateId)
            .toSorted();
        };
        const shuffled = facts.toSorted(() => ((picks.next().value as number) % 2 === 0 ? 1 : -1));
        expect(await run(shuffled)).toEqual(await run(facts));
      },
    ),
    { numRuns: 100 },
  );
});

it('stacks only credentials that are valid, each once, and flags a stack exactly while one is missing (D8)', async () => {
  const stack: PathwayRules = {
    zone: ZONE,
    order: 'advisory',
    entryPoints: [{ id: 'start', at: 'S1' }],
    steps: [{ id: 'S1', need: { atLeast: 2, of: TEMPLATES.map((slug) => ({ credential: t(slug) })) } }],
    awards: [{ id: 'STACK', template: t('STACK'), kind: 'final', when: 'S1' }],
  };
  await fc.assert(
    fc.asyncProperty(
      fc.tuple(rules, rules),
      fc.array(fc.oneof({ weight: 10, arbitrary: action }, { weight: 3, arbitrary: revocation }), {
        minLength: 8,
        maxLength: 30,
      }),
      async (versions, actions) => {
        const world = modelWorld();
        PATHWAYS.forEach((slug, index) => world.pathway(slug, { rules: versions[index] as PathwayRules }));
        world.pathway('STACK', { rules: stack });
        for (const slug of [...PATHWAYS, 'STACK']) await world.enroll(slug, dayOf(1), {}, { now: NOW });
        for (const one of actions) {
          await perform(world, one);
          checkEvents(world);
          await checkSettled(world);
          checkStacks(world);
        }
        await checkNamed(world);
      },
    ),
    { numRuns: 100, endOnFailure: true },
  );
});

function checkStacks(world: RecordWorld): void {
  const state = world.state();
  const ends = new Map(
    world.record.flatMap((event) =>
      event.type === 'stack-component-withdrawn' ? [[event.data.componentId, event.revision] as const] : [],
    ),
  );
  for (const { data, revision } of world.events('credential-earned')) {
    expect(new Set(data.components.map((one) => one.componentId)).size).toBe(data.components.length);
    for (const component of data.components) {
      const credited = world.record.find(({ id }) => id === component.ref);
      if (credited?.type !== 'stack-component-credited') throw new Error('a component without its note');
      expect(credited.revision).toBeLessThan(revision);
      expect(credited.data.validFrom <= data.from).toBe(true);
      expect(ends.get(component.componentId) ?? Infinity).toBeGreaterThan(revision);
    }
    const waived = world
      .events('requirement-waived')
      .some((one) => one.data.enrollment.enrollmentId === data.enrollment?.enrollmentId);
    if (data.awardId === 'STACK' && !waived) expect(data.components.length).toBeGreaterThanOrEqual(2);
  }
  const holding = mapGet(state.holdings, t('STACK'));
  if (!holding || holding.ended) return;
  const missing = new Set(
    holding.data.components.map(({ templateId }) => templateId).filter((template) => !validNow(state, template)),
  );
  expect(new Set([...holding.holds.values()].map((one) => one.componentTemplateId))).toEqual(missing);
}

const validNow = (state: RecordState, template: TemplateId): boolean =>
  (mapGet(state.componentsOf, template) ?? []).some((id) => mapGet(state.components, id)?.end === undefined);
