// Rules in plain English, for pages and for what changed between versions.
import { canonicalJson, type Json } from '@cairn/kernel';
import { parseDuration } from './calendar.js';
import { partsOf } from './compile.js';
import type { Award, EntryPoint, Fact, Order, PathwayRules, Requirement, Selector, Step } from './types.js';

/** What things are called; undefined: by their id. */
export type Names = {
  readonly module?: (id: string) => string | undefined;
  readonly credential?: (id: string) => string | undefined;
  readonly step?: (id: string) => string | undefined;
};

/** A requirement as one sentence without full stop: "Module DS-101 with at least 60, and any one of …". */
export function inWords(requirement: Requirement, names: Names = {}): string {
  return capital(phrase(requirement, names, true));
}

/** A fact in a few words: "module DS-320 with 50". */
export function factInWords(fact: Fact, names: Names = {}): string {
  switch (fact.kind) {
    case 'completion': {
      const grade = fact.grade === undefined ? '' : ` with ${fact.grade}`;
      return `${fact.external ? 'recognised ' : ''}module ${names.module?.(fact.moduleId) ?? fact.moduleId}${grade}`;
    }
    case 'credential':
      return `${fact.external ? 'recognised ' : ''}credential ${names.credential?.(fact.templateId) ?? fact.templateId}`;
    case 'step':
      return `step ${names.step?.(fact.stepId) ?? fact.stepId}`;
    case 'waiver':
      return 'a waiver';
  }
}

const capital = (text: string): string => text.replace(/[^(]/, (first) => first.toUpperCase());

function phrase(node: Requirement, names: Names, outermost: boolean): string {
  if (typeof node === 'string') return `step ${names.step?.(node) ?? node}`;
  const limits = limitsInWords(node);
  const core = corePhrase(node, names);
  const several = partsOf(node).length > 1;
  // Brackets where it would not be clear what belongs together.
  const bracketed = several && (limits !== '' || !outermost) ? `(${core})` : core;
  if (limits === '') return bracketed;
  return `${bracketed}${'credits' in node ? ', ' : ' '}${limits}`;
}

function corePhrase(node: Exclude<Requirement, string>, names: Names): string {
  if ('step' in node) return `step ${names.step?.(node.step) ?? node.step}`;
  if ('module' in node) {
    const grade = node.minGrade === undefined ? '' : ` with at least ${node.minGrade}`;
    return `module ${names.module?.(node.module) ?? node.module}${grade}${usesInWords(node.uses)}`;
  }
  if ('credential' in node) return `a valid credential ${names.credential?.(node.credential) ?? node.credential}`;
  if ('credits' in node) return creditsInWords(node, names);
  const parts = partsOf(node);
  const each = parts.map((part) => phrase(part, names, parts.length === 1));
  if (each.length === 0) return 'nothing at all';
  if ('all' in node) return each.length === 1 ? (each[0] as string) : list(each, 'and');
  if ('any' in node) return each.length === 1 ? (each[0] as string) : `any one of ${list(each, 'or')}`;
  const n = 'atLeast' in node ? node.atLeast : 1;
  return `at least ${n} of ${list(each, 'and')}`;
}

function creditsInWords(node: Extract<Requirement, { credits: number }>, names: Names): string {
  const clauses = [
    ...(node.minGrade === undefined ? [] : [`each with at least ${node.minGrade}`]),
    ...(node.distinct ? [`from at least ${node.distinct.min} ${node.distinct.min === 1 ? 'area' : 'areas'}`] : []),
    ...(node.cap ?? []).map(({ from, max }) => {
      const share = typeof max === 'number' ? credits(max) : max.replace('%', ' %');
      return `at most ${share} of them ${selectorInWords(from, names)}`;
    }),
  ];
  const text = [`${credits(node.credits)} ${selectorInWords(node.from, names)}`, ...clauses].join(', ');
  return `${text}${usesInWords(node.uses)}`;
}

const credits = (n: number): string => `${n} ${n === 1 ? 'credit' : 'credits'}`;

function selectorInWords(selector: Selector, names: Names): string {
  if (isList(selector))
    return `from ${list(
      selector.map((id) => names.module?.(id) ?? names.credential?.(id) ?? id),
      'or',
    )}`;
  const { area, level, origin } = selector;
  const parts = [
    ...(origin === undefined ? [] : [origin === 'external' ? 'recognised from outside' : 'earned here']),
    ...(area === undefined ? [] : [`in the area ${area}`]),
    ...(level === undefined ? [] : [`at level ${level}`]),
  ];
  return parts.length === 0 ? 'of any kind' : parts.join(' ');
}

const isList = (selector: Selector): selector is readonly string[] => Array.isArray(selector);

const usesInWords = (uses: { readonly n: number; readonly group: string } | undefined): string =>
  uses ? ` (counts for at most ${uses.n} ${uses.n === 1 ? 'award' : 'awards'} of the group ${uses.group})` : '';

function limitsInWords(node: Exclude<Requirement, string>): string {
  const limits = [
    ...(node.within === undefined ? [] : [`within ${durationInWords(node.within)} of each other`]),
    ...(node.notBefore === undefined ? [] : [`not before ${node.notBefore}`]),
    ...(node.notAfter === undefined ? [] : [`not after ${node.notAfter}`]),
    ...(node.maxAge === undefined ? [] : [`no older than ${durationInWords(node.maxAge)}`]),
  ];
  return limits.join(', ');
}

/** `P60D` as "60 days", `P18M` as "1 year and 6 months". */
export function durationInWords(duration: string): string {
  const length = parseDuration(duration);
  if (!length) return duration;
  const unit = (n: number, one: string): readonly string[] => (n === 0 ? [] : [`${n} ${one}${n === 1 ? '' : 's'}`]);
  const { months, days } = length;
  const parts = [
    ...unit(Math.floor(months / 12), 'year'),
    ...unit(months % 12, 'month'),
    ...(days % 7 === 0 && duration.includes('W') ? unit(days / 7, 'week') : unit(days, 'day')),
  ];
  return parts.length === 0 ? 'a day' : list(parts, 'and');
}

/** "A", "A and B", "A, B and C". */
function list(items: readonly string[], word: 'and' | 'or'): string {
  if (items.length < 2) return items.join('');
  return `${items.slice(0, -1).join(', ')} ${word} ${items.at(-1)}`;
}

// ── What changed ────────────────────────────────────────────────────────────────────────────────────────────────────

const ORDER: Record<Order, string> = {
  advisory: 'the order of steps is advice only',
  gate: 'a step counts from when the steps before it are met',
  enforced: 'a step counts only what was done while the steps before it were met and their awards valid',
};

/** What a new version of the rules changes, a sentence each, in the order of the rules; empty: nothing. */
export function diffInWords(before: PathwayRules, after: PathwayRules, names: Names = {}): readonly string[] {
  return [
    ...(before.zone === after.zone ? [] : [`Days are reckoned in ${after.zone} instead of ${before.zone}.`]),
    ...(before.order === after.order ? [] : [`From now on ${ORDER[after.order]}; before, ${ORDER[before.order]}.`]),
    ...compare(before.entryPoints, after.entryPoints, 'Entry point', (entry) => entry.id, {
      whole: (entry) => `begins at ${nameOfStep(entry.at, names)}`,
      changes: (old, now) => entryChanges(old, now, names),
    }),
    ...compare(before.steps, after.steps, 'Step', (step) => step.title ?? nameOfStep(step.id, names), {
      whole: (step) => `asks for ${phrase(step.need, names, true)}${afterInWords(step, names)}`,
      changes: (old, now) => stepChanges(old, now, names),
    }),
    ...reordered(before.steps, after.steps),
    ...compare(before.awards, after.awards, 'Award', (award) => nameOfAward(award, names), {
      whole: (award) => `is given for ${phrase(award.when, names, true)}`,
      changes: (old, now) => awardChanges(old, now, names),
    }),
  ];
}

const nameOfStep = (id: string, names: Names): string => names.step?.(id) ?? id;
const nameOfAward = (award: Award, names: Names): string => names.credential?.(award.template) ?? award.id;

function compare<T extends { readonly id: string }>(
  before: readonly T[],
  after: readonly T[],
  what: string,
  name: (item: T) => string,
  words: { whole: (item: T) => string; changes: (old: T, now: T) => readonly string[] },
): readonly string[] {
  const old = new Map(before.map((item) => [item.id, item]));
  const kept = new Set(after.map(({ id }) => id));
  return [
    ...after.flatMap((item) => {
      const was = old.get(item.id);
      if (!was) return [`${what} ${name(item)} is new: it ${words.whole(item)}.`];
      return words.changes(was, item).map((change) => `${what} ${name(item)} ${change}.`);
    }),
    ...before.filter(({ id }) => !kept.has(id)).map((item) => `${what} ${name(item)} is gone.`),
  ];
}

const afterInWords = ({ after }: Step, names: Names): string =>
  after && after.length > 0
    ? `, after ${list(
        after.map((id) => nameOfStep(id, names)),
        'and',
      )}`
    : '';

function stepChanges(old: Step, now: Step, names: Names): readonly string[] {
  const from = afterInWords(old, names).slice(2);
  const to = afterInWords(now, names).slice(2);
  const order = (step: Step): string =>
    step.order === undefined ? 'the order of the pathway' : `order "${step.order}"`;
  return [
    ...(old.title === now.title ? [] : [`was called ${old.title ?? old.id} before`]),
    ...(from === to
      ? []
      : [to === '' ? `does not come ${from} any more` : `comes ${to}${from === '' ? '' : `, not ${from}`}`]),
    ...(old.order === now.order ? [] : [`follows ${order(now)} instead of ${order(old)}`]),
    ...needChanges(old.need, now.need, names),
  ];
}

function awardChanges(old: Award, now: Award, names: Names): readonly string[] {
  return [
    ...(old.template === now.template
      ? []
      : [`issues ${nameOfAward(now, names)} instead of ${nameOfAward(old, names)}`]),
    ...(old.kind === now.kind ? [] : [`is of kind ${now.kind}, not ${old.kind}`]),
    ...needChanges(old.when, now.when, names),
  ];
}

function entryChanges(old: EntryPoint, now: EntryPoint, names: Names): readonly string[] {
  const trees = (entry: EntryPoint): ReadonlyMap<string, Requirement> =>
    new Map((entry.recognise ?? []).map(({ step, when }) => [step, when]));
  const before = trees(old);
  const after = trees(now);
  return [
    ...(old.at === now.at ? [] : [`begins at ${nameOfStep(now.at, names)}, not at ${nameOfStep(old.at, names)}`]),
    ...[...after].flatMap(([step, when]) => {
      const was = before.get(step);
      if (was !== undefined && same(was, when)) return [];
      const instead = was === undefined ? '' : ` instead of ${phrase(was, names, true)}`;
      return [`recognises step ${nameOfStep(step, names)} for ${phrase(when, names, true)}${instead}`];
    }),
    ...[...before.keys()]
      .filter((step) => !after.has(step))
      .map((step) => `does not recognise step ${nameOfStep(step, names)} any more`),
  ];
}

/** The children that came and went where both are "all of" the same kind; else the whole, before and after. */
function needChanges(old: Requirement, now: Requirement, names: Names): readonly string[] {
  if (same(old, now)) return [];
  const listed = (node: Requirement): readonly Requirement[] | undefined =>
    typeof node === 'object' && 'all' in node && limitsInWords(node) === '' ? node.all : undefined;
  const before = listed(old);
  const after = listed(now);
  if (before && after) {
    const added = after.filter((part) => !before.some((other) => same(part, other)));
    const dropped = before.filter((part) => !after.some((other) => same(part, other)));
    const say = (parts: readonly Requirement[]): string =>
      list(
        parts.map((part) => phrase(part, names, false)),
        'and',
      );
    if (added.length + dropped.length > 0 && added.length < after.length)
      return [
        ...(added.length === 0 ? [] : [`also asks for ${say(added)}`]),
        ...(dropped.length === 0 ? [] : [`does not ask for ${say(dropped)} any more`]),
      ];
  }
  return [`asks for ${phrase(now, names, true)} instead of ${phrase(old, names, true)}`];
}

/** Equal but for ids. */
const same = (a: Requirement, b: Requirement): boolean => canonicalJson(bare(a)) === canonicalJson(bare(b));

function bare(node: Requirement): Json {
  if (typeof node === 'string') return { step: node };
  const { id: _, ...rest } = node;
  if ('all' in rest) return { ...rest, all: rest.all.map(bare) };
  if ('any' in rest) return { ...rest, any: rest.any.map(bare) };
  if ('of' in rest) return { ...rest, of: rest.of.map(bare) };
  return rest;
}

function reordered(before: readonly Step[], after: readonly Step[]): readonly string[] {
  const ids = (steps: readonly Step[], others: readonly Step[]): readonly string[] =>
    steps.map(({ id }) => id).filter((id) => others.some((other) => other.id === id));
  const order = ids(after, before);
  return order.join('\n') === ids(before, after).join('\n')
    ? []
    : [`The steps are listed as ${list(order, 'and')} now.`];
}
