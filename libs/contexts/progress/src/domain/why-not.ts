// Why not yet: what is missing in an enrollment, by its pinned version, in words and with the shortest way there.
import type { Instant } from '@cairn/kernel';
import {
  evaluateStep,
  factInWords,
  inWords,
  joinFacts,
  mapGet,
  whyNotYetAward,
  whyNotYetStep,
  type Fact,
  type ModuleWorth,
  type Names,
  type PathwayContext,
  type Requirement,
  type UnmetNode,
  type WhyNotYet,
  type Worths,
} from '@cairn/rules';
import { lastTerm } from './awards.js';
import { isOpen } from './record.state.js';
import type { EnrollmentState, RecordState } from './record.types.js';
import { usedByOthers } from './uses.js';
import { nodesOf, type Target, type Version } from './version.js';

export type MissingRequirement = {
  /** What a waiver names. */
  readonly requirement: string;
  readonly rule: Requirement;
  readonly text: string;
  /** Facts that, added now, meet it; left out: nothing that happens now can. */
  readonly metBy?: readonly string[];
};
export type WhyNotAnswer = {
  readonly pathway: string;
  readonly version: string;
  /** `withdrawn`: nothing counts until the learner is reinstated. */
  readonly state: 'open' | 'withdrawn';
  /** Steps that are not satisfied, in the order of the pathway. */
  readonly steps: readonly {
    readonly id: string;
    readonly title?: string;
    readonly reached: boolean;
    /** The whole requirement in words. */
    readonly text: string;
    /** Steps to be met first, or whose award has to be valid. */
    readonly waitsFor: readonly string[];
    /** Unmet requirements nearest to the leaves. */
    readonly missing: readonly MissingRequirement[];
    /** The fewest facts known that satisfy the step, through the steps before it. */
    readonly route?: readonly string[];
    /** Facts that are kept but came before the steps they needed (`enforced` order). */
    readonly outOfOrder: readonly string[];
  }[];
  /** Awards whose tree is not met and whose template is not held. */
  readonly awards: readonly {
    readonly id: string;
    readonly kind: string;
    readonly text: string;
    readonly missing: readonly MissingRequirement[];
    readonly route?: readonly string[];
  }[];
};

/** What the catalog knows about modules and templates that a version names; without it, ids stand for names. */
export type CatalogWords = { readonly names: Names; readonly modules: ReadonlyMap<string, ModuleWorth> };

/** Modules and templates that a version's rules and other requirements name, whichever they are. */
export function namesNeeded({ steps, awards }: Version, more: readonly Requirement[] = []): readonly string[] {
  const ids = new Set<string>(awards.map(({ template }) => template));
  for (const tree of [...steps.map(({ need }) => need), ...awards.map(({ when }) => when), ...more])
    for (const node of nodesOf(tree)) {
      if ('module' in node) ids.add(node.module);
      else if ('credential' in node) ids.add(node.credential);
      else if ('credits' in node && Array.isArray(node.from))
        for (const id of node.from as readonly string[]) ids.add(id);
    }
  return [...ids];
}

/** `versionOf` gives the version of any enrollment of the record: uses of a module count over all of them. */
export function whyNot(
  state: RecordState,
  enrollment: EnrollmentState,
  versionOf: (enrollment: EnrollmentState) => Version,
  now: Instant,
  { names: given, modules }: CatalogWords = { names: {}, modules: new Map() },
): WhyNotAnswer {
  const version = versionOf(enrollment);
  const { published, rules, steps, awards } = version;
  const facts = joinFacts(state.facts, enrollment.own);
  const names: Names = { step: (id) => rules.steps.find((step) => step.id === id)?.title, ...given };
  const contextOf = (target: Target): PathwayContext & Worths => {
    const used = usedByOthers(state, versionOf, enrollment, target);
    return {
      zone: rules.zone,
      entryPoint: enrollment.ref.entryPoint,
      enrolledAt: enrollment.joinedAt,
      modules,
      ...(used ? { used } : {}),
    };
  };
  const words = (some: readonly Fact[]): readonly string[] => some.map((fact) => factInWords(fact, names));
  const routeOf = ({ route }: WhyNotYet) => (route ? { route: words(route) } : {});
  const missingOf = (nodes: readonly UnmetNode[]): readonly MissingRequirement[] => missingIn(nodes, names);
  return {
    pathway: published.slug,
    version: published.label,
    state: isOpen(enrollment) ? 'open' : 'withdrawn',
    steps: rules.steps
      .filter(({ id }) => !enrollment.steps.has(id))
      .map(({ id, title, need }) => {
        const from = enrollment.onlyFrom.get(id);
        const during = from === undefined ? {} : { during: [{ from }] };
        const context = { ...contextOf(steps.findIndex((step) => step.id === id)), ...during };
        const why = whyNotYetStep(id, rules, facts, now, context);
        return {
          id,
          ...(title === undefined ? {} : { title }),
          reached: enrollment.opened.has(id),
          text: inWords(need, names),
          waitsFor: why.waitsFor,
          missing: missingOf(why.nodes),
          ...routeOf(why),
          outOfOrder: evaluateStep(id, rules, facts, now, context).outOfOrder,
        };
      }),
    awards: awards.flatMap((award, index) => {
      if (isHeld(state, award.template, now)) return [];
      const why = whyNotYetAward(award.id, rules, facts, now, contextOf(steps.length + index));
      if (why.met) return [];
      const { id, kind, when } = award;
      return [{ id, kind, text: inWords(when, names), missing: missingOf(why.nodes), ...routeOf(why) }];
    }),
  };
}

/** Unmet nodes nearest to the leaves, in words. */
export const missingIn = (nodes: readonly UnmetNode[], names: Names): readonly MissingRequirement[] =>
  nearestToLeaves(nodes).map(({ requirementId, requirement, facts }) => ({
    requirement: requirementId,
    rule: requirement,
    text: inWords(requirement, names),
    ...(facts ? { metBy: facts.map((fact) => factInWords(fact, names)) } : {}),
  }));

/** Parents come first; one is left out if a child of it is unmet too. */
function nearestToLeaves(nodes: readonly UnmetNode[]): readonly UnmetNode[] {
  const unmet = new Set(nodes.map(({ requirementId }) => requirementId));
  return nodes.filter(({ requirement, requirementId }) =>
    nodesOf(requirement).every(({ id }) => id === undefined || id === requirementId || !unmet.has(id)),
  );
}

function isHeld(state: RecordState, template: string, now: Instant): boolean {
  const holding = mapGet(state.holdings, template);
  if (holding === undefined || holding.ended) return false;
  const { until } = lastTerm(holding);
  return until === undefined || now < until;
}
