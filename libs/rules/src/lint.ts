// Faults of rules that can be read: what could never work, what would never end, what is surely not meant.
import { parseDuration } from './calendar.js';
import { capMax, compile, hundredths, partsOf, type Compiled, type Node } from './compile.js';
import { mostUnderCaps } from './credits.js';
import { MAX_DEPTH, MAX_NODES } from './parse.js';
import { orderOf, stepsBefore } from './pathway.js';
import type { PathwayRules, Requirement, Selector, Step, StepId } from './types.js';

export type LintCode =
  | 'pathway-cycle'
  | 'step-unreachable'
  | 'milestone-without-requirement'
  | 'outcome-missing'
  | 'naming-breach'
  | 'duplicate-id'
  | 'step-unknown'
  | 'module-unknown'
  | 'template-unknown'
  | 'group-empty'
  | 'at-least-out-of-range'
  | 'credits-not-positive'
  | 'credits-unreachable'
  | 'areas-unreachable'
  | 'distinct-not-positive'
  | 'cap-not-positive'
  | 'selector-empty'
  | 'dates-contradict'
  | 'max-age-zero'
  | 'grade-out-of-range'
  | 'uses-not-positive'
  | 'too-deep'
  | 'too-large'
  | 'too-tangled'
  | 'never-met'
  | 'final-award-missing'
  | 'step-without-award'
  | 'step-award-of-several'
  | 'within-without-choice'
  | 'repeated-child'
  | 'cap-without-effect';

export type LintFault = {
  readonly code: LintCode;
  /** Errors keep a version from being published; warnings are shown. */
  readonly severity: 'error' | 'warning';
  /** JSON Pointer into the rules. */
  readonly pointer: string;
  readonly message: string;
  /** What to do about it. */
  readonly next: string;
};

/** What a module is worth to rules. */
export type ModuleWorth = { readonly credits: number; readonly area?: string; readonly level?: number };

/** What the names in rules stand for. Left out: names are not checked, nor what depends on them. */
export type LintCatalog = {
  readonly modules?: ReadonlyMap<string, ModuleWorth>;
  readonly templates?: ReadonlyMap<
    string,
    Partial<ModuleWorth> & {
      /** Templates that credentials of this one rest on, by the published pathways that award it (D9). */
      readonly restsOn?: readonly string[];
      /** False: nobody wrote down what it says was achieved. */
      readonly saysWhatWasAchieved?: boolean;
    }
  >;
  /** Where the rules stand in the document that faults point into. */
  readonly pointer?: string;
};

/** Ids as in slugs: kebab-case or the institution's own code. */
const ID = /^[A-Za-z0-9](-?[A-Za-z0-9]){0,62}$/;
/** Ways to share facts among nodes that one evaluation may have to try. */
const MAX_CHOICES = 100_000;
const HIGHEST_GRADE = 100;

type Report = (
  code: LintCode,
  pointer: string,
  message: string,
  next: string,
  severity?: LintFault['severity'],
) => void;

/** All faults of a pathway's rules, in the order of the rules. Errors come from rules that must not be published. */
export function lint(rules: PathwayRules, catalog: LintCatalog = {}): readonly LintFault[] {
  const faults: LintFault[] = [];
  const base = catalog.pointer ?? '';
  const report: Report = (code, pointer, message, next, severity = 'error') => {
    faults.push({ code, severity, pointer: `${base}${pointer}`, message, next });
  };
  const trees = treesOf(rules);
  lintNames(rules, report);
  lintSteps(rules, report);
  lintTrees(rules, trees, catalog, report);
  lintReach(rules, report);
  lintAwards(rules, catalog, report);
  return faults;
}

/** Faults of one requirement that belongs to no pathway, such as a renewal's. */
export function lintRequirement(requirement: Requirement, catalog: LintCatalog = {}): readonly LintFault[] {
  const faults: LintFault[] = [];
  const base = catalog.pointer ?? '';
  const report: Report = (code, pointer, message, next, severity = 'error') => {
    faults.push({ code, severity, pointer: `${base}${pointer}`, message, next });
  };
  lintTree({ tree: requirement, pointer: '' }, new Set(), catalog, report);
  return faults;
}

type Tree = { readonly tree: Requirement; readonly pointer: string };

function treesOf(rules: PathwayRules): readonly Tree[] {
  return [
    ...rules.entryPoints.flatMap(({ recognise = [] }, e) =>
      recognise.map(({ when }, r) => ({ tree: when, pointer: `/entryPoints/${e}/recognise/${r}/when` })),
    ),
    ...rules.steps.map(({ need }, i) => ({ tree: need, pointer: `/steps/${i}/need` })),
    ...rules.awards.map(({ when }, i) => ({ tree: when, pointer: `/awards/${i}/when` })),
  ];
}

const MEMBER = { all: 'all', any: 'any', atLeast: 'of' } as const;

/** A node, and below it all nodes, parents first. */
function* placed(tree: Requirement, pointer: string, depth = 1): Generator<Tree & { readonly depth: number }> {
  yield { tree, pointer, depth };
  if (typeof tree === 'string') return;
  const member = 'all' in tree ? MEMBER.all : 'any' in tree ? MEMBER.any : MEMBER.atLeast;
  for (const [index, part] of partsOf(tree).entries()) yield* placed(part, `${pointer}/${member}/${index}`, depth + 1);
}

const stepNamed = (node: Requirement): StepId | undefined =>
  typeof node === 'string' ? node : 'step' in node ? node.step : undefined;

const stepsNamedIn = (tree: Requirement): readonly StepId[] =>
  Array.from(placed(tree, ''), ({ tree: node }) => stepNamed(node)).filter((id) => id !== undefined);

// ── Names ───────────────────────────────────────────────────────────────────────────────────────────────────────────

function lintNames(rules: PathwayRules, report: Report): void {
  const lists = [
    { what: 'entry point', at: '/entryPoints', ids: rules.entryPoints.map(({ id }) => id) },
    { what: 'step', at: '/steps', ids: rules.steps.map(({ id }) => id) },
    { what: 'award', at: '/awards', ids: rules.awards.map(({ id }) => id) },
  ];
  for (const { what, at, ids } of lists)
    ids.forEach((id, index) => {
      const pointer = `${at}/${index}/id`;
      if (!ID.test(id))
        report(
          'naming-breach',
          pointer,
          `The id "${id}" is not kebab-case.`,
          'Use letters, digits and single dashes, at most 63, such as "level-1" or "DS-101".',
        );
      const first = ids.indexOf(id);
      const alike = ids.findIndex((other) => other.toLowerCase() === id.toLowerCase());
      if (first < index) report('duplicate-id', pointer, `Two ${what}s have the id "${id}".`, 'Rename one of them.');
      else if (alike < index)
        report(
          'naming-breach',
          pointer,
          `The ids "${ids[alike]}" and "${id}" differ in capitals only.`,
          'Give them names that people can tell apart.',
        );
    });
  const titles = new Map<string, number>();
  rules.steps.forEach(({ title }, index) => {
    if (title === undefined) return;
    const pointer = `/steps/${index}/title`;
    if (title.trim() !== title || title === '')
      report('naming-breach', pointer, 'The title is blank or has blanks around it.', 'Write the title alone.');
    const before = titles.get(title.trim().toLowerCase());
    if (before !== undefined)
      report(
        'naming-breach',
        pointer,
        `The steps "${rules.steps[before]?.id}" and "${rules.steps[index]?.id}" have the same title.`,
        'Give each step a title of its own.',
      );
    titles.set(title.trim().toLowerCase(), index);
  });
  const seen = new Map<string, string>();
  for (const { tree, pointer } of treesOf(rules))
    for (const node of placed(tree, pointer)) {
      const id = typeof node.tree === 'string' ? undefined : node.tree.id;
      if (id === undefined) continue;
      const other = seen.get(id);
      if (other !== undefined)
        report(
          'duplicate-id',
          `${node.pointer}/id`,
          `The requirement at ${other} has the id "${id}" too.`,
          'Rename one: a waiver names a requirement by its id.',
        );
      else seen.set(id, node.pointer);
    }
}

// ── Steps and entry points ──────────────────────────────────────────────────────────────────────────────────────────

function lintSteps(rules: PathwayRules, report: Report): void {
  const known = new Set(rules.steps.map(({ id }) => id));
  const check = (id: StepId, pointer: string): void => {
    if (!known.has(id))
      report(
        'step-unknown',
        pointer,
        `There is no step "${id}".`,
        `Name one of ${[...known].join(', ') || 'the steps'}, or add the step.`,
      );
  };
  rules.entryPoints.forEach(({ at, recognise = [] }, e) => {
    check(at, `/entryPoints/${e}/at`);
    recognise.forEach(({ step }, r) => check(step, `/entryPoints/${e}/recognise/${r}/step`));
  });
  rules.steps.forEach(({ after = [] }, i) => after.forEach((id, a) => check(id, `/steps/${i}/after/${a}`)));
}

// ── Requirement trees ───────────────────────────────────────────────────────────────────────────────────────────────

function lintTrees(rules: PathwayRules, trees: readonly Tree[], catalog: LintCatalog, report: Report): void {
  const known = new Set(rules.steps.map(({ id }) => id));
  let nodes = 0;
  for (const one of trees) nodes += lintTree(one, known, catalog, report);
  if (nodes > MAX_NODES)
    report('too-large', '', `The rules have ${nodes} nodes; ${MAX_NODES} are allowed.`, 'Split the pathway in two.');
}

/** Faults within one tree; returns its number of nodes. */
function lintTree({ tree, pointer }: Tree, known: ReadonlySet<StepId>, catalog: LintCatalog, report: Report): number {
  if (demandsNothing(tree)) {
    report(
      'milestone-without-requirement',
      pointer,
      'It demands nothing, so it would be met at once.',
      'Name a module, a credential, credits or a step that has to be there.',
    );
    return 1;
  }
  let nodes = 0;
  let deepest = 0;
  for (const { tree: node, pointer: at, depth } of placed(tree, pointer)) {
    nodes++;
    deepest = Math.max(deepest, depth);
    const step = stepNamed(node);
    if (step !== undefined && !known.has(step))
      report(
        'step-unknown',
        typeof node === 'string' ? at : `${at}/step`,
        `There is no step "${step}".`,
        known.size > 0 ? `Name one of ${[...known].join(', ')}.` : 'Name a module or a credential instead.',
      );
    if (typeof node !== 'string') lintNode(node, at, catalog, report);
  }
  lintDates(tree, pointer, undefined, undefined, report);
  if (deepest > MAX_DEPTH)
    report('too-deep', pointer, `It is nested ${deepest} levels deep.`, `Stay within ${MAX_DEPTH} levels.`);
  else if (choicesIn(compileIfReadable(tree)) > MAX_CHOICES)
    report(
      'too-tangled',
      pointer,
      'Too many of its nodes could take the same facts: finding out which takes which could last for ever.',
      'Let fewer nodes look at the same modules, or name the modules of each.',
    );
  return nodes;
}

const compileIfReadable = (tree: Requirement): Compiled | undefined => {
  try {
    return compile(tree);
  } catch {
    return undefined; // durations and dates are the parser's business
  }
};

/** A group without children, or needing none; credits of nothing. */
function demandsNothing(node: Requirement): boolean {
  if (typeof node === 'string') return false;
  if ('credits' in node) return node.credits <= 0;
  if ('all' in node) return node.all.every(demandsNothing);
  if ('any' in node) return node.any.length === 0 || node.any.some(demandsNothing);
  return 'of' in node && (node.atLeast <= 0 || node.of.filter(demandsNothing).length >= node.atLeast);
}

function lintNode(
  node: Exclude<Requirement, string>,
  at: string,
  { modules, templates }: LintCatalog,
  report: Report,
): void {
  if ('all' in node || 'any' in node || 'of' in node) lintGroup(node, at, report);
  if ('module' in node && modules && !modules.has(node.module))
    report(
      'module-unknown',
      `${at}/module`,
      `There is no module "${node.module}".`,
      'Define it first, or check the name.',
    );
  if ('credential' in node && templates && !templates.has(node.credential))
    report(
      'template-unknown',
      `${at}/credential`,
      `There is no credential template "${node.credential}".`,
      'Draft it first, or check the name.',
    );
  if (('module' in node || 'credits' in node) && node.minGrade !== undefined)
    if (node.minGrade > HIGHEST_GRADE || node.minGrade < 0)
      report(
        'grade-out-of-range',
        `${at}/minGrade`,
        `Nobody can have ${node.minGrade}: grades go from 0 to ${HIGHEST_GRADE}.`,
        'Ask for a grade on that scale.',
      );
  if (('module' in node || 'credits' in node) && node.uses && node.uses.n < 1)
    report('uses-not-positive', `${at}/uses/n`, 'It could never be used.', 'Allow at least 1 award.');
  if ('credits' in node) lintCredits(node, at, modules, templates, report);
  if (node.maxAge !== undefined) {
    const age = parseDuration(node.maxAge);
    if (age && age.months + age.days === 0)
      report('max-age-zero', `${at}/maxAge`, 'Facts would be too old from the start.', 'Allow at least one day: P1D.');
  }
  if (node.within !== undefined && ('step' in node || 'module' in node || 'credential' in node))
    report(
      'within-without-choice',
      `${at}/within`,
      'A single fact is always within any span of itself.',
      'Put `within` on the group whose facts have to be close together.',
      'warning',
    );
}

function lintGroup(
  node: Extract<Requirement, { all: unknown } | { any: unknown } | { of: unknown }>,
  at: string,
  report: Report,
): void {
  const member = 'all' in node ? MEMBER.all : 'any' in node ? MEMBER.any : MEMBER.atLeast;
  const parts = partsOf(node);
  if (parts.length === 0)
    report('group-empty', `${at}/${member}`, 'The list is empty.', 'Name what has to be met, or leave the group out.');
  if ('atLeast' in node && parts.length > 0 && (node.atLeast < 1 || node.atLeast > parts.length))
    report(
      'at-least-out-of-range',
      `${at}/atLeast`,
      `${node.atLeast} of ${parts.length} ${node.atLeast < 1 ? 'demands nothing' : 'can never be met'}.`,
      `Ask for 1 to ${parts.length}.`,
    );
  const seen = new Map<string, number>();
  parts.forEach((part, index) => {
    const text = JSON.stringify(part, (key, value: unknown) => (key === 'id' ? undefined : value));
    const before = seen.get(text);
    if (before === undefined) seen.set(text, index);
    else
      report(
        'repeated-child',
        `${at}/${member}/${index}`,
        `It says the same as number ${before + 1} of the list, and one fact never serves two of them.`,
        'Leave it out, unless it has to be met twice.',
        'warning',
      );
  });
}

function lintCredits(
  node: Extract<Requirement, { credits: unknown }>,
  at: string,
  modules: LintCatalog['modules'],
  templates: LintCatalog['templates'],
  report: Report,
): void {
  if (node.credits <= 0)
    report('credits-not-positive', `${at}/credits`, `${node.credits} credits demand nothing.`, 'Ask for more than 0.');
  if (node.distinct && node.distinct.min < 1)
    report('distinct-not-positive', `${at}/distinct/min`, 'It demands nothing.', 'Ask for 1 area at least.');
  const selectors = [
    { selector: node.from, pointer: `${at}/from` },
    ...(node.cap ?? []).map(({ from }, i) => ({ selector: from, pointer: `${at}/cap/${i}/from` })),
  ];
  for (const { selector, pointer } of selectors) {
    if (!isList(selector)) continue;
    if (selector.length === 0)
      report('selector-empty', pointer, 'The list is empty, so nothing is selected.', 'Name the modules that count.');
    if (modules && templates)
      selector.forEach((name, i) => {
        if (!modules.has(name) && !templates.has(name))
          report(
            'module-unknown',
            `${pointer}/${i}`,
            `There is no module or credential template "${name}".`,
            'Define it first, or check the name.',
          );
      });
  }
  const min = hundredths(node.credits);
  const caps = (node.cap ?? []).map(({ from, max }) => ({ from, max: capMax(max, min) }));
  caps.forEach(({ from, max }, i) => {
    if (max <= 0)
      report('cap-not-positive', `${at}/cap/${i}/max`, 'The cap lets nothing count.', 'Raise it, or narrow `from`.');
    else if (max < min && covers(from, node.from))
      report(
        'credits-unreachable',
        `${at}/cap/${i}/max`,
        `The cap bears on all that counts, and lets ${max / 100} of ${node.credits} credits through.`,
        'Raise the cap, or let it bear on a part only.',
      );
    else if (max >= min)
      report(
        'cap-without-effect',
        `${at}/cap/${i}/max`,
        'The cap is as high as what is asked for, so it trims nothing that matters.',
        'Lower it, or leave it out.',
        'warning',
      );
  });
  const items = modules && itemsFor(node.from, modules, templates);
  if (!items || node.credits <= 0) return;
  const most = mostCredits(items, caps);
  if (most < min)
    report(
      'credits-unreachable',
      `${at}/credits`,
      `All that counts together brings ${most / 100} of ${node.credits} credits.`,
      'Ask for less, or let more count.',
    );
  const areas = new Set(items.flatMap(({ area, credits }) => (area !== undefined && credits > 0 ? [area] : [])));
  if (node.distinct && areas.size < node.distinct.min)
    report(
      'areas-unreachable',
      `${at}/distinct/min`,
      `What counts spans ${areas.size} area${areas.size === 1 ? '' : 's'}: ${[...areas].join(', ') || 'none'}.`,
      'Ask for fewer areas, or let modules of other areas count.',
    );
}

const isList = (selector: Selector): selector is readonly string[] => Array.isArray(selector);

/** Does one selector take everything that the other takes, whatever there is? */
function covers(wide: Selector, narrow: Selector): boolean {
  if (isList(wide)) return isList(narrow) && narrow.every((name) => wide.includes(name));
  const by = isList(narrow) ? {} : narrow;
  return (['area', 'level', 'origin'] as const).every((key) => wide[key] === undefined || wide[key] === by[key]);
}

type Item = { readonly name: string; readonly credits: number; readonly area?: string; readonly level?: number };

/**
 * What a list can bring by the catalog. Undefined for selectors by area, level or origin: recognised credits of any
 * amount may come from outside. So may they for a listed module, but nobody should have to rely on that.
 */
function itemsFor(
  from: Selector,
  modules: NonNullable<LintCatalog['modules']>,
  templates: LintCatalog['templates'],
): readonly Item[] | undefined {
  if (!isList(from)) return undefined;
  const items: Item[] = [];
  for (const name of new Set(from)) {
    const worth = modules.get(name) ?? templates?.get(name);
    if (!worth) return undefined;
    const { credits = 0, area, level } = worth;
    items.push({
      name,
      credits: hundredths(credits),
      ...(area === undefined ? {} : { area }),
      ...(level === undefined ? {} : { level }),
    });
  }
  return items;
}

function mostCredits(items: readonly Item[], caps: readonly { from: Selector; max: number }[]): number {
  const picks = (from: Selector, { name, area, level }: Item): boolean =>
    isList(from)
      ? from.includes(name)
      : from.origin !== 'external' &&
        (from.area === undefined || from.area === area) &&
        (from.level === undefined || from.level === level);
  const classes = new Map<number, number>();
  for (const item of items) {
    const bits = caps.reduce((all, { from }, i) => (picks(from, item) ? all | (1 << i) : all), 0);
    classes.set(bits, (classes.get(bits) ?? 0) + item.credits);
  }
  const free = classes.get(0) ?? 0;
  classes.delete(0);
  const capped = mostUnderCaps(
    [...classes],
    caps.map(({ max }) => max),
  );
  return Math.floor(free + capped + 1e-6);
}

function lintDates(
  node: Requirement,
  pointer: string,
  notBefore: string | undefined,
  notAfter: string | undefined,
  report: Report,
): void {
  if (typeof node === 'string') return;
  const from = latest(notBefore, node.notBefore);
  const until = earliest(notAfter, node.notAfter);
  const changed = node.notBefore !== undefined || node.notAfter !== undefined;
  if (changed && from !== undefined && until !== undefined && from > until) {
    report(
      'dates-contradict',
      `${pointer}/${node.notBefore === undefined ? 'notAfter' : 'notBefore'}`,
      `No day is both from ${from} on and up to ${until}.`,
      'Correct the dates, here or further up.',
    );
    return;
  }
  const member = 'all' in node ? MEMBER.all : 'any' in node ? MEMBER.any : MEMBER.atLeast;
  partsOf(node).forEach((part, i) => lintDates(part, `${pointer}/${member}/${i}`, from, until, report));
}

const latest = (a: string | undefined, b: string | undefined): string | undefined =>
  a === undefined || (b !== undefined && b > a) ? b : a;
const earliest = (a: string | undefined, b: string | undefined): string | undefined =>
  a === undefined || (b !== undefined && b < a) ? b : a;

// ── Size of the search ──────────────────────────────────────────────────────────────────────────────────────────────

/** How many ways to share facts `exact.ts` may have to try, roughly and at most. */
function choicesIn(compiled: Compiled | undefined): number {
  if (!compiled || compiled.contended.size === 0) return 1;
  const { contended } = compiled;
  const hot = (node: Node): boolean => (node.kind === 'group' ? node.children.some(hot) : contended.has(node));
  const single = (node: Node): boolean =>
    node.kind === 'group' ? node.need === 1 && node.children.every(single) : node.kind !== 'credits';
  const count = (node: Node): number => {
    if (!hot(node)) return 1;
    if (node.kind === 'credits') return 8; // ways to deal out the facts it shares
    if (node.kind !== 'group') return 1;
    const spans = node.within ? 8 : 1;
    if (node.children.every(single)) return spans; // by matching, without search
    const each = node.children.map(count).toSorted((a, b) => b - a);
    const product = each.slice(0, node.need).reduce((all, one) => all * one, 1);
    return spans * combinations(node.children.length, node.need) * product;
  };
  return count(compiled.root);
}

function combinations(n: number, k: number): number {
  let result = 1;
  for (let i = 0; i < Math.min(k, n - k); i++) result = (result * (n - i)) / (i + 1);
  return result;
}

// ── Reach: cycles, and steps nobody can come to ─────────────────────────────────────────────────────────────────────

function lintReach(rules: PathwayRules, report: Report): void {
  const cycle = findCycle(rules);
  if (cycle) {
    const index = rules.steps.findIndex(({ id }) => id === cycle[0]);
    report(
      'pathway-cycle',
      `/steps/${index}`,
      `Steps wait for each other in a circle: ${[...cycle, cycle[0]].join(' → ')}.`,
      'Take one of them out of `after` or of the requirement.',
    );
    return; // what is unreachable through it would be the same fault again
  }
  if (rules.entryPoints.length === 0 && rules.steps.length > 0)
    report(
      'step-unreachable',
      '/entryPoints',
      'There is no entry point, so nobody can join.',
      'Add one at the first step.',
    );
  const byId = new Map(rules.steps.map((step) => [step.id, step]));
  const open = new Map<StepId, boolean>();
  /** Can some learner ever satisfy it? */
  const satisfiable = (id: StepId): boolean => {
    const known = open.get(id);
    if (known !== undefined) return known;
    const step = byId.get(id);
    const result =
      step !== undefined &&
      (demandsNothing(step.need) || canBeMet(step.need, satisfiable) ? reachable(step) : recognised(id));
    open.set(id, result);
    return result;
  };
  const recognised = (id: StepId): boolean =>
    rules.entryPoints.some(({ recognise = [] }) => recognise.some(({ step }) => step === id));
  const reachable = (step: Step): boolean =>
    [undefined, ...rules.entryPoints.map(({ id }) => id)].some((entryPoint) =>
      stepsBefore(rules, step.id, entryPoint).every(
        (earlier) => satisfiable(earlier) || (orderOf(rules, step) === 'advisory' && byId.has(earlier)),
      ),
    );
  rules.steps.forEach((step, index) => {
    if (!canBeMet(step.need, satisfiable) && !demandsNothing(step.need))
      report(
        'never-met',
        `/steps/${index}/need`,
        `No facts whatever can meet what the step "${step.id}" asks for.`,
        'See the faults within it, or what it waits for.',
      );
    if (!reachable(step)) {
      const missing = (step.after ?? []).filter((id) => !satisfiable(id));
      report(
        'step-unreachable',
        `/steps/${index}`,
        `Nobody can come to the step "${step.id}": it waits for ${missing.join(', ')}, which can never be met.`,
        'Correct `after`, or make the earlier steps possible.',
      );
    }
  });
  rules.awards.forEach(({ id, when }, index) => {
    if (!canBeMet(when, satisfiable) && !demandsNothing(when))
      report(
        'never-met',
        `/awards/${index}/when`,
        `No facts whatever can meet what the award "${id}" asks for.`,
        'See the faults within it, and the steps it names.',
      );
  });
}

/** A circle of steps, each waiting for the next: by `after` or by its requirement. */
function findCycle(rules: PathwayRules): readonly StepId[] | undefined {
  const waitsFor = new Map(
    rules.steps.map((step) => [step.id, [...(step.after ?? []), ...stepsNamedIn(step.need)]] as const),
  );
  const finished = new Set<StepId>();
  const path: StepId[] = [];
  const visit = (id: StepId): readonly StepId[] | undefined => {
    if (finished.has(id)) return undefined;
    const start = path.indexOf(id);
    if (start >= 0) return path.slice(start);
    path.push(id);
    for (const next of waitsFor.get(id) ?? []) {
      const cycle = visit(next);
      if (cycle) return cycle;
    }
    path.pop();
    finished.add(id);
    return undefined;
  };
  for (const { id } of rules.steps) {
    const cycle = visit(id);
    if (cycle) return cycle;
  }
  return undefined;
}

/** Could any facts meet the node, so far as can be seen from it alone? */
function canBeMet(node: Requirement, step: (id: StepId) => boolean): boolean {
  const named = stepNamed(node);
  if (named !== undefined || typeof node === 'string') return step(named ?? '');
  if ('credits' in node)
    return node.credits > 0 && !(isList(node.from) && node.from.length === 0) && (node.minGrade ?? 0) <= HIGHEST_GRADE;
  if ('module' in node) return (node.minGrade ?? 0) <= HIGHEST_GRADE && (node.uses?.n ?? 1) >= 1;
  if ('credential' in node) return true;
  const parts = partsOf(node);
  const need = 'all' in node ? parts.length : 'any' in node ? 1 : 'atLeast' in node ? node.atLeast : 0;
  return need >= 1 && parts.filter((part) => canBeMet(part, step)).length >= need;
}

// ── Awards ──────────────────────────────────────────────────────────────────────────────────────────────────────────

function lintAwards(rules: PathwayRules, { templates }: LintCatalog, report: Report): void {
  if (rules.awards.length === 0)
    report(
      'outcome-missing',
      '/awards',
      'The pathway leads to no credential at all.',
      'Add an award with the template that it issues; the one that completes the pathway is of kind "final".',
    );
  else if (!rules.awards.some(({ kind }) => kind === 'final'))
    report(
      'final-award-missing',
      '/awards',
      'No award is of kind "final", so nobody can complete the pathway.',
      'Make the award that completes it "final".',
      'warning',
    );
  rules.awards.forEach(({ template, kind, when }, index) => {
    const pointer = `/awards/${index}`;
    const known = templates?.get(template);
    if (templates && !known)
      report(
        'template-unknown',
        `${pointer}/template`,
        `There is no credential template "${template}".`,
        'Draft it first, or check the name.',
      );
    if (known?.saysWhatWasAchieved === false)
      report(
        'outcome-missing',
        `${pointer}/template`,
        `The template "${template}" does not say what was achieved.`,
        'Give it a description and criteria.',
      );
    if (kind === 'step' && new Set(stepsNamedIn(when)).size !== 1)
      report(
        'step-award-of-several',
        `${pointer}/when`,
        'An award of kind "step" that is not for exactly one step is not looked at by the order of steps.',
        'Let it be for one step, or make it "exit" or "final".',
        'warning',
      );
    const circle = templates && circleThrough(rules, index, templates);
    if (circle)
      report(
        'pathway-cycle',
        pointer,
        `Credentials would rest on each other in a circle: ${circle.join(' → ')}.`,
        'Take one of them out of the requirement.',
      );
  });
  const awarded = new Set<StepId>();
  const mark = (id: StepId): void => {
    if (awarded.has(id)) return;
    awarded.add(id);
    const step = rules.steps.find((one) => one.id === id);
    for (const earlier of step ? [...(step.after ?? []), ...stepsNamedIn(step.need)] : []) mark(earlier);
  };
  for (const { when } of rules.awards) for (const id of stepsNamedIn(when)) mark(id);
  if (rules.awards.length > 0)
    rules.steps.forEach(({ id }, index) => {
      if (!awarded.has(id))
        report(
          'step-without-award',
          `/steps/${index}`,
          `No award depends on the step "${id}".`,
          'Name it in an award, unless it is there to be seen only.',
          'warning',
        );
    });
}

/** Templates that an award needs, directly or by the steps it names. */
function templatesNeeded(rules: PathwayRules, award: number): ReadonlySet<string> {
  const needed = new Set<string>();
  const seen = new Set<StepId>();
  const visit = (tree: Requirement): void => {
    for (const { tree: node } of placed(tree, '')) {
      const id = stepNamed(node);
      if (id !== undefined && !seen.has(id)) {
        seen.add(id);
        const step = rules.steps.find((one) => one.id === id);
        if (step) visit(step.need);
      } else if (typeof node !== 'string' && 'credential' in node) needed.add(node.credential);
      else if (typeof node !== 'string' && 'credits' in node && isList(node.from))
        for (const name of node.from) needed.add(name);
    }
  };
  const when = rules.awards[award]?.when;
  if (when !== undefined) visit(when);
  return needed;
}

/** A way from an award's template back to it. Naming its own template alone is none: that is held by then. */
function circleThrough(
  rules: PathwayRules,
  award: number,
  templates: NonNullable<LintCatalog['templates']>,
): readonly string[] | undefined {
  const start = rules.awards[award]?.template as string;
  const edges = (template: string): readonly string[] => {
    const inside = rules.awards.flatMap((one, i) => (one.template === template ? [...templatesNeeded(rules, i)] : []));
    return [...new Set([...inside, ...(templates.get(template)?.restsOn ?? [])])].filter((one) => one !== template);
  };
  const seen = new Set<string>();
  const search = (path: readonly string[]): readonly string[] | undefined => {
    for (const next of edges(path.at(-1) as string)) {
      if (next === start) return [...path, next];
      if (seen.has(next)) continue;
      seen.add(next);
      const found = search([...path, next]);
      if (found) return found;
    }
    return undefined;
  };
  return search([start]);
}
