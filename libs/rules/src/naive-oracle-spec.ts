// The requirement language a second time, as slowly and plainly as possible: at every instant at which anything may
// change, all choices of facts are listed and looked at one by one. It shares no code with the evaluator.
import type { CompletionFact, CredentialFact, EvaluationContext, Fact, Requirement, Selector } from './types.js';

type OracleUse = { readonly ref: string; readonly limited: boolean; readonly day?: string };
type Choice = readonly OracleUse[];
type Limit = { readonly maxAge?: string; readonly notBefore?: string; readonly notAfter?: string };
export type OracleAnswer = { readonly since: string; readonly by: readonly string[] } | undefined;

const dayFormats = new Map<string, Intl.DateTimeFormat>();
const dayCache = new Map<string, string>();

function dayOf(ms: number, zone: string): string {
  const key = `${zone} ${ms}`;
  let day = dayCache.get(key);
  if (day === undefined) {
    let format = dayFormats.get(zone);
    if (!format) {
      format = new Intl.DateTimeFormat('en-CA', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' });
      dayFormats.set(zone, format);
    }
    day = format.format(ms);
    dayCache.set(key, day);
  }
  return day;
}

/** Months one by one, each clamped to its last day; then days one by one. */
function later(date: string, duration: string): string {
  const [, years = 0, months = 0, weeks = 0, days = 0] = (
    /^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?$/.exec(duration) as RegExpExecArray
  ).map((part) => Number(part ?? 0));
  const [y, m, d] = date.split('-').map(Number) as [number, number, number];
  const month = m - 1 + years * 12 + months;
  const lastDay = new Date(Date.UTC(y, month + 1, 0)).getUTCDate();
  return new Date(Date.UTC(y, month, Math.min(d, lastDay) + weeks * 7 + days)).toISOString().slice(0, 10);
}

const ms = (instant: string): number => new Date(instant).getTime();

/** When a fact begins to count. */
const begins = (fact: Fact): readonly number[] =>
  fact.kind === 'credential'
    ? fact.valid.filter(({ from, until }) => until === undefined || ms(from) < ms(until)).map(({ from }) => ms(from))
    : [ms(fact.at)];

const oldest = (fact: Fact): number => Math.min(...begins(fact));

function ownTime(fact: Fact): number {
  if ((fact.kind === 'completion' || fact.kind === 'credential') && fact.achievedAt) return ms(fact.achievedAt);
  return oldest(fact);
}

class Oracle {
  constructor(
    readonly facts: readonly Fact[],
    readonly context: EvaluationContext,
    readonly now: number,
  ) {}

  /** Does the fact count at `now`, limits apart? */
  counts(fact: Fact): boolean {
    const { window } = this.context;
    const inWindow = (begin: number): boolean =>
      !window || (begin >= ms(window.from) && (window.until === undefined || begin < ms(window.until)));
    if (fact.kind !== 'credential') return ms(fact.at) <= this.now && inWindow(ms(fact.at));
    return fact.valid.some(
      ({ from, until }) => ms(from) <= this.now && (until === undefined || this.now < ms(until)) && inWindow(ms(from)),
    );
  }

  within(fact: Fact, limits: readonly Limit[]): boolean {
    const own = dayOf(ownTime(fact), this.context.zone);
    return limits.every(
      ({ maxAge, notBefore, notAfter }) =>
        (maxAge === undefined || dayOf(this.now, this.context.zone) < later(own, maxAge)) &&
        (notBefore === undefined || own >= notBefore) &&
        (notAfter === undefined || own <= notAfter),
    );
  }

  use(fact: Fact, limited: boolean): OracleUse {
    return { ref: fact.ref, limited, day: dayOf(ownTime(fact), this.context.zone) };
  }

  usedUp(fact: Fact, uses: { n: number; group: string } | undefined): boolean {
    if (!uses || fact.kind !== 'completion') return false;
    return (this.context.used?.get(uses.group)?.get(fact.moduleId) ?? 0) >= uses.n;
  }

  /** Every choice of facts, none used twice, by which the node holds now. */
  choices(node: Requirement, above: readonly Limit[], place: string): readonly Choice[] {
    if (typeof node === 'string') return this.choices({ step: node }, above, place);
    const limits = [...above, node];
    let found = this.coreChoices(node, limits, place);
    const span = node.within;
    if (span !== undefined)
      found = found.filter((choice) => {
        const days = choice.flatMap((use) => use.day ?? []).toSorted();
        const first = days[0];
        return first === undefined || (days.at(-1) as string) <= later(first, span);
      });
    const waivers = this.facts.filter(
      (fact) => fact.kind === 'waiver' && fact.requirementId === (node.id ?? place) && this.counts(fact),
    );
    return [...found, ...waivers.map((waiver) => [{ ref: waiver.ref, limited: false }])];
  }

  coreChoices(node: Exclude<Requirement, string>, limits: readonly Limit[], place: string): readonly Choice[] {
    const here = this.facts.filter((fact) => this.counts(fact) && this.within(fact, limits));
    if ('step' in node)
      return here.filter((f) => f.kind === 'step' && f.stepId === node.step).map((f) => [this.use(f, false)]);
    if ('credential' in node)
      return here
        .filter((f) => f.kind === 'credential' && f.templateId === node.credential)
        .map((f) => [this.use(f, false)]);
    if ('module' in node)
      return here
        .filter(
          (f) =>
            f.kind === 'completion' &&
            f.moduleId === node.module &&
            !this.usedUp(f, node.uses) &&
            (node.minGrade === undefined || (f.grade !== undefined && f.grade >= node.minGrade)),
        )
        .map((f) => [this.use(f, node.uses !== undefined)]);
    if ('credits' in node)
      return subsets(
        here.filter(
          (f): f is CompletionFact | CredentialFact =>
            (f.kind === 'completion' || f.kind === 'credential') &&
            (f.credits ?? 0) > 0 &&
            picks(node.from, f) &&
            !this.usedUp(f, node.uses) &&
            (node.minGrade === undefined || (f.kind === 'completion' && (f.grade ?? -1) >= node.minGrade)),
        ),
      )
        .filter((set) => enough(node, set))
        .map((set) => set.map((f) => this.use(f, node.uses !== undefined)));
    const parts = 'all' in node ? node.all : 'any' in node ? node.any : node.of;
    const need = 'all' in node ? parts.length : 'any' in node ? 1 : node.atLeast;
    if (need < 1 || need > parts.length) return [];
    const each = parts.map((part, i) => this.choices(part, limits, place === '/' ? `/${i}` : `${place}/${i}`));
    return subsets(each)
      .filter((some) => some.length === need)
      .flatMap((some) =>
        some.reduce<readonly Choice[]>(
          (before, options) =>
            before.flatMap((a) =>
              options
                .filter((b) => !b.some((use) => a.some((other) => other.ref === use.ref)))
                .map((b) => [...a, ...b]),
            ),
          [[]],
        ),
      );
  }
}

function picks(selector: Selector, fact: CompletionFact | CredentialFact): boolean {
  const id = fact.kind === 'completion' ? fact.moduleId : fact.templateId;
  if (Array.isArray(selector)) return (selector as readonly string[]).includes(id);
  const by = selector as Exclude<Selector, readonly string[]>;
  return (
    (by.area === undefined || by.area === fact.area) &&
    (by.level === undefined || by.level === fact.level) &&
    (by.origin === undefined || by.origin === (fact.external ? 'external' : 'own'))
  );
}

/** One attempt per item at most; each cap trims. With two caps at most, the sum is the least of these bounds. */
function enough(
  node: Extract<Requirement, { credits: number }>,
  set: readonly (CompletionFact | CredentialFact)[],
): boolean {
  const items = set.map((f) => (f.kind === 'completion' ? `m ${f.moduleId}` : `t ${f.templateId}`));
  if (new Set(items).size < items.length) return false;
  const areas = new Set(set.flatMap((f) => f.area ?? []));
  if (areas.size < (node.distinct?.min ?? 0)) return false;
  const caps = node.cap ?? [];
  if (caps.length > 2) throw new Error('the oracle knows two caps');
  const bounds = subsets(caps).map((tight) => {
    const outside = set.filter((f) => !tight.some((cap) => picks(cap.from, f)));
    const maxima = tight.map(({ max }) =>
      typeof max === 'number' ? max : (node.credits * Number(max.replace('%', ''))) / 100,
    );
    return outside.reduce((sum, f) => sum + (f.credits ?? 0), 0) + maxima.reduce((a, b) => a + b, 0);
  });
  return node.credits > 0 && Math.min(...bounds) >= node.credits - 1e-9;
}

function subsets<T>(items: readonly T[]): readonly (readonly T[])[] {
  return items.reduce<readonly (readonly T[])[]>((sets, item) => [...sets, ...sets.map((set) => [...set, item])], [[]]);
}

/** Every instant at which something may begin to hold, up to `at`. */
function instants(facts: readonly Fact[], at: number, context: EvaluationContext): readonly number[] {
  const during = context.during;
  const all = [...facts.flatMap(begins), ...(during ?? []).map(({ from }) => ms(from))];
  return [...new Set(all)]
    .filter((t) => t <= at)
    .filter((t) => !during || during.some(({ from, until }) => t >= ms(from) && (until === undefined || t < ms(until))))
    .toSorted((a, b) => a - b);
}

/** The answer by trying everything. */
export function oracle(
  requirement: Requirement,
  facts: readonly Fact[],
  at: string,
  context: EvaluationContext,
): OracleAnswer {
  // Worth of a use: with limit, then newer, then higher id. A choice is as bad as its worst use not shared.
  const worse = facts
    .flatMap((fact) => [true, false].map((limited) => ({ ref: fact.ref, limited, from: oldest(fact) })))
    .toSorted((a, b) => Number(a.limited) - Number(b.limited) || a.from - b.from || (a.ref < b.ref ? -1 : 1));
  const cost = (choice: Choice): bigint =>
    choice.reduce((sum, use) => {
      const rank = worse.findIndex((other) => other.ref === use.ref && other.limited === use.limited);
      return sum + (1n << BigInt(rank));
    }, 0n);
  for (const now of instants(facts, ms(at), context)) {
    const choices = new Oracle(facts, context, now).choices(requirement, [], '/');
    let best = choices[0];
    for (const choice of choices) if (cost(choice) < cost(best as Choice)) best = choice;
    if (best) return { since: new Date(now).toISOString(), by: best.map((use) => use.ref).toSorted() };
  }
  return undefined;
}
