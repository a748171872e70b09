// One fact never serves two children of a group: the search for a choice in which no fact has two roles.
// It runs only where the best choice without that demand does share a fact. Lint keeps what it can meet small.
import { leavesOf, nodesOf, type CreditsLeaf, type Leaf, type Node } from './compile.js';
import { creditsMet, leastCredits, type Attempt } from './credits.js';
import {
  ALL_DAYS,
  attemptsAt,
  bucketFor,
  choose,
  compareUses,
  entrySpans,
  useOf,
  waiversOf,
  windowsOf,
  type Days,
  type Use,
  type View,
} from './engine.js';
import { localDayNumber } from './calendar.js';
import type { Entry } from './fact-base.js';
import { spansHold } from './spans.js';

/**
 * Far above what rules that pass lint need. A choice not found by then is taken not to exist: a learner is not
 * awarded unproven, and the answer is the same each time.
 */
const STEP_LIMIT = 20_000;
class OutOfSteps extends Error {}

type Goal = {
  readonly node: Node;
  readonly days: Days;
  /** Its waiver and `within` are dealt with. */
  readonly opened: boolean;
};
/** One way to serve a demand: one of these facts, each in the role of its leaf. */
type Option = ReadonlyMap<Entry, Leaf>;
/** So many of the options have to be served, each by a fact of its own. */
type Demand = { readonly need: number; readonly options: readonly Option[] };
type CreditsGoal = { readonly leaf: CreditsLeaf; readonly days: Days };

/** What each fact can do at an instant. */
type Roles = {
  /** Facts that more than one leaf could take. */
  readonly shared: ReadonlySet<Entry>;
  /** Facts with one signature are interchangeable. */
  readonly signature: ReadonlyMap<Entry, string>;
  /** Facts that a leaf with a `uses` limit could take. */
  readonly limited: ReadonlySet<Entry>;
};

function rolesOf(root: Node, at: number, view: View): Roles {
  const takers = new Map<Entry, string[]>();
  const limited = new Set<Entry>();
  const note = (leaf: Leaf, entry: Entry, role: string): void => {
    const roles = takers.get(entry);
    if (roles) roles.push(role);
    else takers.set(entry, [role]);
    if (leaf.uses) limited.add(entry);
  };
  leavesOf(root).forEach((leaf, index) => {
    if (leaf.kind === 'credits') {
      const attempts = attemptsAt(leaf, at, view, ALL_DAYS);
      const seen = new Map<string, number>();
      for (const { key } of attempts) seen.set(key, (seen.get(key) ?? 0) + 1);
      for (const { entry, key, credits, area, caps } of attempts)
        note(
          leaf,
          entry,
          `${index}:${credits}:${caps}:${leaf.areas > 0 ? area : ''}:${(seen.get(key) as number) > 1 ? key : ''}`,
        );
    } else
      for (const entry of bucketFor(leaf, view.base))
        if (spansHold(entrySpans(leaf, entry, view, ALL_DAYS), at)) note(leaf, entry, `${index}`);
  });
  const dated = hasWithin(root);
  return {
    shared: new Set([...takers].filter(([, roles]) => roles.length > 1).map(([entry]) => entry)),
    signature: new Map(
      [...takers].map(([entry, roles]) => [
        entry,
        roles.join(' ') + (dated ? `@${localDayNumber(entry.own, view.zone)}` : ''),
      ]),
    ),
    limited,
  };
}

const hasWithin = (node: Node): boolean =>
  node.within !== undefined || (node.kind === 'group' && node.children.some(hasWithin));

/** The best choice at an instant in which every fact has one role; undefined if there is none. */
export function chooseApart(root: Node, at: number, view: View): readonly Use[] | undefined {
  const without = new Set(view.without);
  const withoutLimited = new Set(view.withoutLimited);
  const narrowed: View = { ...view, without, withoutLimited, known: undefined };
  const roles = rolesOf(root, at, view);
  let best = searchApart(root, at, narrowed, roles);
  if (!best) return undefined;
  // Worst use first: leave out each one without which there is still a choice.
  const ranked: Use[] = nodesOf(root).flatMap((node) =>
    waiversOf(node, view).map(({ entry }) => ({ entry, node, limited: false })),
  );
  for (const entry of roles.limited) ranked.push({ entry, node: root, limited: true });
  for (const entry of roles.signature.keys()) ranked.push({ entry, node: root, limited: false });
  for (const { entry, limited } of ranked.toSorted(compareUses).toReversed()) {
    const left = limited ? withoutLimited : without;
    left.add(entry);
    if (!best.some((use) => use.entry === entry && use.limited === limited)) {
      // Without its limited use the fact may still serve elsewhere, so the other way round too.
      if (!limited && best.some((use) => use.entry === entry)) left.delete(entry);
      continue;
    }
    const other = searchApart(root, at, narrowed, roles);
    if (other) best = other;
    else left.delete(entry);
  }
  return [...best].toSorted(compareUses).toReversed();
}

/** Is there any choice at an instant in which every fact has one role? */
export const holdsApart = (root: Node, at: number, view: View): boolean =>
  choose(root, at, view) !== undefined && searchApart(root, at, view, rolesOf(root, at, view)) !== undefined;

function searchApart(root: Node, at: number, view: View, roles: Roles): readonly Use[] | undefined {
  const taken = new Set(view.without);
  const open: View = { ...view, without: taken, known: undefined };
  const ownOnly: View = { ...view, without: new Set([...taken, ...roles.shared]), known: undefined };
  const uses: Use[] = [];
  let steps = 0;
  const step = (): void => {
    if (++steps > STEP_LIMIT) throw new OutOfSteps();
  };

  /**
   * Opens the goals, those first that leave no choice of nodes. What needs single facts only becomes a demand, and
   * waits as long as there are facts enough for all demands.
   */
  const attempt = (goals: readonly Goal[], demands: readonly Demand[], credits: readonly CreditsGoal[]): boolean => {
    step();
    const index = Math.max(0, goals.findIndex(isForced));
    const goal = goals[index];
    if (!goal) return serve(demands, credits);
    const rest = goals.toSpliced(index, 1);
    const { node, days } = goal;
    if (!goal.opened) {
      const waiver = waiverOf(node);
      // A waiver serves its node only, so nothing is lost by taking it.
      if (waiver) return withUses([{ entry: waiver, node, limited: false }], () => attempt(rest, demands, credits));
      return windowsOf(node, open, days).some((window) =>
        attempt([{ node, days: window, opened: true }, ...rest], demands, credits),
      );
    }
    if (node.kind === 'credits') {
      const own = leastCredits(node, attemptsAt(node, at, ownOnly, days));
      if (!own) return attempt(rest, demands, [...credits, { leaf: node, days }]);
      return withUses(
        own.map(({ entry }) => useOf(node, entry)),
        () => attempt(rest, demands, credits),
      );
    }
    const demand = demandOf(node, days);
    if (demand) {
      const waiting = [...demands, demand];
      return match([...waiting, ...credits.map(leastDemand)]) !== undefined && attempt(rest, waiting, credits);
    }
    if (node.kind !== 'group' || node.need < 1) return false;
    const able = node.children.filter((child) => choose(child, at, open, days));
    if (able.length < node.need) return false;
    const easy =
      node.need === node.children.length
        ? []
        : able.filter((child) => choose(child, at, ownOnly, days)).slice(0, node.need);
    const hard = able.filter((child) => !easy.includes(child));
    for (const some of combinations(hard, node.need - easy.length)) {
      const chosen = [...easy, ...some].map((child) => ({ node: child, days, opened: false }));
      if (attempt([...chosen, ...rest], demands, credits)) return true;
    }
    return false;
  };

  const waiverOf = (node: Node): Entry | undefined =>
    waiversOf(node, open).find(({ spans }) => spansHold(spans, at))?.entry;

  /** The node as a demand for single facts; undefined if it needs more at once. */
  const demandOf = (node: Node, days: Days): Demand | undefined => {
    if (node.kind !== 'group') {
      const option = optionOf(node, days);
      return option && { need: 1, options: [option] };
    }
    const options: Option[] = [];
    for (const child of node.children) {
      const option = waiverOf(child) ? undefined : optionOf(child, days);
      if (!option) return undefined;
      options.push(option);
    }
    return node.need < 1 ? undefined : { need: node.need, options };
  };

  const optionOf = (node: Node, days: Days): Option | undefined => {
    if (node.kind === 'credits') return undefined; // `within` says nothing about a single fact
    const option = new Map<Entry, Leaf>();
    if (node.kind !== 'group') {
      for (const entry of bucketFor(node, view.base))
        if (spansHold(entrySpans(node, entry, open, days), at)) option.set(entry, node);
      return option;
    }
    if (node.need !== 1) return undefined;
    for (const child of node.children) {
      const below = waiverOf(child) ? undefined : optionOf(child, days);
      if (!below) return undefined;
      for (const [entry, leaf] of below) if (!option.has(entry) || !leaf.uses) option.set(entry, leaf);
    }
    return option;
  };

  /** A credits node as the fewest facts that could do: what all nodes together demand at the very least. */
  const leastDemand = ({ leaf, days }: CreditsGoal): Demand => {
    const attempts = attemptsAt(leaf, at, open, days);
    const amounts = attempts.map(({ credits }) => credits).toSorted((a, b) => b - a);
    let need = 0;
    for (let sum = 0; sum < leaf.min && need < amounts.length; need++) sum += amounts[need] as number;
    return { need: Math.max(need, leaf.areas), options: attempts.map(({ entry }) => new Map([[entry, leaf]])) };
  };

  /** Gives each demand its facts. Only credits nodes care which. */
  const serve = (demands: readonly Demand[], credits: readonly CreditsGoal[]): boolean => {
    step();
    const matching = match([...demands, ...credits.map(leastDemand)])?.filter(({ node }) => node.kind !== 'credits');
    if (!matching) return false;
    if (credits.length === 0) {
      uses.push(...matching);
      return true;
    }
    if (withUses(matching, () => fillCredits(credits))) return true;
    const [first, ...rest] = demands.toSorted((a, b) => widthOf(a) - widthOf(b));
    if (!first || !credits.every(({ leaf, days }) => creditsMet(leaf, attemptsAt(leaf, at, open, days)))) return false;
    const tried = new Set<string>();
    for (const [index, option] of first.options.entries())
      for (const [entry, leaf] of option) {
        const signature = `${roles.signature.get(entry)} ${leaf.uses !== undefined}`;
        if (taken.has(entry) || tried.has(signature)) continue;
        tried.add(signature);
        // Of several options the later ones are left: which comes first makes no difference.
        const left = { need: first.need - 1, options: first.options.slice(index + 1) };
        const others = [...(left.need > 0 ? [left] : []), ...rest].map((demand) => lacking(demand, entry));
        if (withUses([useOf(leaf, entry)], () => serve(others, credits))) return true;
      }
    return false;
  };

  /** Takes the facts, goes on, and gives them back if that leads nowhere. */
  const withUses = (some: readonly Use[], goOn: () => boolean): boolean => {
    for (const use of some) taken.add(use.entry);
    uses.push(...some);
    if (goOn()) return true;
    for (const use of some) taken.delete(use.entry);
    uses.length -= some.length;
    return false;
  };

  /** Shares out what is left among the credits nodes that need it. */
  const fillCredits = (goals: readonly CreditsGoal[]): boolean => {
    const all = goals.map(({ leaf, days }) => attemptsAt(leaf, at, open, days));
    const takers = new Map<Entry, Map<number, Attempt>>();
    all.forEach((attempts, goal) => {
      for (const one of attempts) takers.set(one.entry, (takers.get(one.entry) ?? new Map()).set(goal, one));
    });
    const given = goals.map((): Attempt[] => []);
    const classes = new Map<string, Map<number, Attempt>[]>();
    for (const [entry, roleOf] of takers) {
      if (roleOf.size === 1) for (const [goal, one] of roleOf) (given[goal] as Attempt[]).push(one);
      else {
        const key = `${roles.signature.get(entry)}|${[...roleOf.keys()].join()}`;
        classes.set(key, [...(classes.get(key) ?? []), roleOf]);
      }
    }
    const worth = (roleOf: Map<number, Attempt>): number => Math.max(...Array.from(roleOf.values(), (a) => a.credits));
    const kinds = [...classes.values()].toSorted(
      (a, b) => worth(b[0] as Map<number, Attempt>) - worth(a[0] as Map<number, Attempt>),
    );
    const share = (index: number): boolean => {
      step();
      const undecided = kinds.slice(index).flat();
      const hopeful = goals.every(({ leaf }, goal) =>
        creditsMet(leaf, [...(given[goal] as Attempt[]), ...undecided.flatMap((roleOf) => roleOf.get(goal) ?? [])]),
      );
      const lack = goals.reduce((sum, { leaf }, goal) => {
        const has = (given[goal] as Attempt[]).reduce((credits, one) => credits + one.credits, 0);
        return sum + Math.max(0, leaf.min - has);
      }, 0);
      if (!hopeful || lack > undecided.reduce((sum, roleOf) => sum + worth(roleOf), 0)) return false;
      const kind = kinds[index];
      if (!kind) return true;
      const able = [...(kind[0] as Map<number, Attempt>).keys()];
      for (const counts of splits(kind.length, able.length)) {
        let next = 0;
        able.forEach((goal, i) => {
          for (let n = 0; n < (counts[i] as number); n++)
            (given[goal] as Attempt[]).push((kind[next++] as Map<number, Attempt>).get(goal) as Attempt);
        });
        if (share(index + 1)) return true;
        able.forEach((goal, i) => {
          (given[goal] as Attempt[]).length -= counts[i] as number;
        });
      }
      return false;
    };
    if (!share(0)) return false;
    goals.forEach(({ leaf }, goal) => {
      const oldestFirst = (given[goal] as Attempt[]).toSorted((a, b) =>
        compareUses(useOf(leaf, a.entry), useOf(leaf, b.entry)),
      );
      for (const { entry } of leastCredits(leaf, oldestFirst) as readonly Attempt[]) uses.push(useOf(leaf, entry));
    });
    return true;
  };

  try {
    return attempt([{ node: root, days: ALL_DAYS, opened: false }], [], []) ? uses : undefined;
  } catch (error) {
    if (error instanceof OutOfSteps) return undefined;
    throw error;
  }
}

/** Nothing to choose: a leaf, or a group that needs all its children. */
const isForced = ({ node, opened }: Goal): boolean =>
  (opened || node.within === undefined) && (node.kind !== 'group' || node.need === node.children.length);

const widthOf = ({ options }: Demand): number => options.reduce((sum, option) => sum + option.size, 0);

const lacking = ({ need, options }: Demand, entry: Entry): Demand => ({
  need,
  options: options.map((option) =>
    option.has(entry) ? new Map([...option].filter(([one]) => one !== entry)) : option,
  ),
});

/** A fact for as many options of each demand as it needs, no fact twice (augmenting paths); undefined if too few. */
function match(demands: readonly Demand[]): readonly Use[] | undefined {
  const servedBy = new Map<Entry, { readonly demand: Demand; readonly option: Option }>();
  const served = new Set<Option>();
  const serveOne = (demand: Demand, triedFacts: Set<Entry>, triedDemands: Set<Demand>): boolean => {
    if (triedDemands.has(demand)) return false;
    triedDemands.add(demand);
    return demand.options.some((option) => {
      if (served.has(option) || !place(demand, option, triedFacts, triedDemands)) return false;
      served.add(option);
      return true;
    });
  };
  const place = (demand: Demand, option: Option, triedFacts: Set<Entry>, triedDemands: Set<Demand>): boolean => {
    for (const entry of option.keys()) {
      if (triedFacts.has(entry)) continue;
      triedFacts.add(entry);
      const holder = servedBy.get(entry);
      if (holder) {
        const moved = place(holder.demand, holder.option, triedFacts, triedDemands);
        if (!moved) {
          if (!serveOne(holder.demand, triedFacts, triedDemands)) continue;
          served.delete(holder.option);
        }
      }
      servedBy.set(entry, { demand, option });
      return true;
    }
    return false;
  };
  for (const demand of demands)
    for (let n = 0; n < demand.need; n++) if (!serveOne(demand, new Set(), new Set())) return undefined;
  return Array.from(servedBy, ([entry, { option }]) => useOf(option.get(entry) as Leaf, entry));
}

/** All choices of `n` of the items, in order. */
function* combinations<T>(items: readonly T[], n: number): Generator<readonly T[], undefined> {
  if (n === 0) yield [];
  else
    for (let i = 0; i + n <= items.length; i++)
      for (const others of combinations(items.slice(i + 1), n - 1)) yield [items[i] as T, ...others];
}

/** All ways to give `count` equal things to `takers`. */
function* splits(count: number, takers: number): Generator<readonly number[], undefined> {
  if (takers === 1) yield [count];
  else
    for (let first = count; first >= 0; first--)
      for (const others of splits(count - first, takers - 1)) yield [first, ...others];
}
