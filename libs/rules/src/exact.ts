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

/** Far above what rules that pass lint need: reached, it is a broken program, not an answer. */
const STEP_LIMIT = 500_000;

type Goal = {
  readonly node: Node;
  readonly days: Days;
  /** Its waiver and `within` are dealt with. */
  readonly opened: boolean;
};
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
  const narrowed: View = { ...view, without, withoutLimited };
  const roles = rolesOf(root, at, view);
  let best = searchApart(root, at, narrowed, roles);
  if (!best) return undefined;
  // Worst use first: leave out each one without which there is still a choice.
  const ranked: Use[] = nodesOf(root).flatMap((node) =>
    waiversOf(node, view).map(({ entry }) => ({ entry, node, limited: false })),
  );
  for (const entry of roles.limited) ranked.push({ entry, node: root, limited: true });
  for (const entry of roles.signature.keys()) ranked.push({ entry, node: root, limited: false });
  for (const { entry, limited } of ranked.sort(compareUses).reverse()) {
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
  return [...best].sort(compareUses).reverse();
}

function searchApart(root: Node, at: number, view: View, roles: Roles): readonly Use[] | undefined {
  const taken = new Set(view.without);
  const open: View = { ...view, without: taken };
  const ownOnly: View = { ...view, without: new Set([...taken, ...roles.shared]) };
  const uses: Use[] = [];
  let steps = 0;

  const attempt = (goals: readonly Goal[], credits: readonly CreditsGoal[]): boolean => {
    if (++steps > STEP_LIMIT) throw new RangeError(`requirement ${root.id}: too many ways to share facts; simplify it`);
    const goal = goals[0];
    if (!goal) return fillCredits(credits);
    const rest = goals.slice(1);
    const { node, days } = goal;
    if (!goal.opened) {
      const waiver = waiversOf(node, open).find(({ spans }) => spansHold(spans, at));
      // A waiver serves its node only, so nothing is lost by taking it.
      if (waiver) return withUses([{ entry: waiver.entry, node, limited: false }], () => attempt(rest, credits));
      return windowsOf(node, open, days).some((window) =>
        attempt([{ node, days: window, opened: true }, ...rest], credits),
      );
    }
    if (node.kind === 'group') {
      if (node.need < 1) return false;
      const able = node.children.filter((child) => choose(child, at, open, days));
      if (able.length < node.need) return false;
      const easy = able.filter((child) => choose(child, at, ownOnly, days)).slice(0, node.need);
      const hard = able.filter((child) => !easy.includes(child));
      for (const some of combinations(hard, node.need - easy.length)) {
        const chosen = [...easy, ...some].map((child) => ({ node: child, days, opened: false }));
        if (attempt([...chosen, ...rest], credits)) return true;
      }
      return false;
    }
    if (node.kind === 'credits') {
      const own = leastCredits(node, attemptsAt(node, at, ownOnly, days));
      if (!own) return attempt(rest, [...credits, { leaf: node, days }]);
      return withUses(
        own.map(({ entry }) => useOf(node, entry)),
        () => attempt(rest, credits),
      );
    }
    const free = bucketFor(node, view.base).filter((entry) => spansHold(entrySpans(node, entry, open, days), at));
    const own = free.find((entry) => !roles.shared.has(entry));
    if (own) return withUses([useOf(node, own)], () => attempt(rest, credits));
    const tried = new Set<string>();
    return free.some((entry) => {
      const signature = roles.signature.get(entry) as string;
      if (tried.has(signature)) return false;
      tried.add(signature);
      return withUses(
        [useOf(node, entry)],
        () =>
          rest.every((other) => choose(other.node, at, open, other.days)) &&
          credits.every(({ leaf, days: on }) => creditsMet(leaf, attemptsAt(leaf, at, open, on))) &&
          attempt(rest, credits),
      );
    });
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
    const kinds = [...classes.values()];
    const share = (index: number): boolean => {
      if (++steps > STEP_LIMIT)
        throw new RangeError(`requirement ${root.id}: too many ways to share facts; simplify it`);
      const undecided = kinds.slice(index).flat();
      const hopeful = goals.every(({ leaf }, goal) =>
        creditsMet(leaf, [...(given[goal] as Attempt[]), ...undecided.flatMap((roleOf) => roleOf.get(goal) ?? [])]),
      );
      if (!hopeful) return false;
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
      const oldestFirst = (given[goal] as Attempt[]).sort((a, b) =>
        compareUses(useOf(leaf, a.entry), useOf(leaf, b.entry)),
      );
      for (const { entry } of leastCredits(leaf, oldestFirst) as readonly Attempt[]) uses.push(useOf(leaf, entry));
    });
    return true;
  };

  return attempt([{ node: root, days: ALL_DAYS, opened: false }], []) ? uses : undefined;
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
