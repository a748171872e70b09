// A requirement in plain English, for learners and verifiers: what counts, how much of it, within which limits.
import { parseDuration, type PathwayRules, type Requirement, type Selector } from '@cairn/rules';
import type { LanguageMap } from '../contracts/verification-answer.js';
import { plainText } from './issue-preparation.js';

type TitleOf = (kind: 'module' | 'template', id: string) => LanguageMap | undefined;
type Node = Exclude<Requirement, string>;

/** The requirement as one sentence without its full stop. */
export const requirementInWords = (node: Requirement, rules: PathwayRules, titleOf: TitleOf): LanguageMap => ({
  en: capital(phrase(node, rules, titleOf)),
});

/** The same for a whole rule: one that is a single step is told by what the step asks. */
export function ruleInWords(rule: Requirement, rules: PathwayRules, titleOf: TitleOf): LanguageMap {
  const stepId = stepIn(rule);
  const step = rules.steps.find(({ id }) => id === stepId);
  return requirementInWords(step?.need ?? rule, rules, titleOf);
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
const stepIn = (node: Requirement): string | undefined =>
  typeof node === 'string' ? node : 'step' in node ? node.step : undefined;

function phrase(node: Requirement, rules: PathwayRules, titleOf: TitleOf): string {
  const stepId = stepIn(node);
  if (stepId !== undefined)
    return `the step “${rules.steps.find(({ id }) => id === stepId)?.title ?? stepId}”${limits(node)}`;
  return `${core(node as Node, rules, titleOf)}${limits(node)}`;
}

function core(node: Node, rules: PathwayRules, titleOf: TitleOf): string {
  const name = (kind: 'module' | 'template', id: string): string => quoted(titleOf(kind, id), id);
  const parts = (of: readonly Requirement[]): readonly string[] => of.map((part) => phrase(part, rules, titleOf));
  const nested = (of: readonly Requirement[]): boolean => of.some(isGroup);
  if ('module' in node)
    return `the module ${name('module', node.module)}${grade(node.minGrade)}${used(node.uses, 'it counts')}`;
  if ('credential' in node) return `the credential ${name('template', node.credential)}, valid at that time`;
  if ('all' in node) return listed(parts(node.all), 'and', nested(node.all));
  if ('any' in node) {
    if (node.any.length === 1) return parts(node.any)[0] as string;
    return `${node.any.length === 2 ? 'either ' : 'one of: '}${listed(parts(node.any), 'or', nested(node.any))}`;
  }
  if ('of' in node) return `at least ${node.atLeast} of: ${listed(parts(node.of), 'and', nested(node.of))}`;
  if ('step' in node) return `the step “${node.step}”`;
  const either = (id: string): string => quoted(titleOf('module', id) ?? titleOf('template', id), id);
  const caps = (node.cap ?? []).map(
    ({ from, max }) =>
      `at most ${typeof max === 'number' ? `${max} of them` : max.replace('%', ' % of them')}${selected(from, either)}`,
  );
  return [
    `${node.credits} credits${selected(node.from, either)}${grade(node.minGrade, ' each')}`,
    ...(node.distinct ? [`from at least ${node.distinct.min} areas`] : []),
    ...caps,
    ...(node.uses ? [used(node.uses, 'each counts').replace(/^, /, '')] : []),
  ].join(', ');
}

const isGroup = (node: Requirement): boolean =>
  typeof node !== 'string' && ('all' in node || 'any' in node || 'of' in node);

const quoted = (title: LanguageMap | undefined, id: string): string => `“${title ? plainText(title) : id}”`;
const grade = (minimum: number | undefined, each = ''): string =>
  minimum === undefined ? '' : ` with a grade of at least ${minimum}${each}`;
const used = (uses: { readonly n: number; readonly group: string } | undefined, counts: string): string =>
  uses === undefined ? '' : `, ${counts} for at most ${uses.n} ${uses.n === 1 ? 'award' : 'awards'} of “${uses.group}”`;

/** Parts that are lists themselves are held apart by semicolons. */
function listed(parts: readonly string[], word: 'and' | 'or', nested: boolean): string {
  if (parts.length <= 1) return parts[0] ?? '';
  const [comma, last] = nested ? ['; ', `; ${word} `] : [', ', ` ${word} `];
  return `${parts.slice(0, -1).join(comma)}${last}${parts.at(-1)}`;
}

function selected(from: Selector, either: (id: string) => string): string {
  if (isList(from)) return ` from ${listed(from.map(either), 'and', false)}`;
  const { area, level, origin } = from;
  return [
    area === undefined ? '' : ` in ${area}`,
    level === undefined ? '' : ` at level ${level}`,
    origin === undefined ? '' : origin === 'external' ? ' recognised from outside' : ' earned here',
  ].join('');
}

const isList = (from: Selector): from is readonly string[] => Array.isArray(from);

function limits(node: Requirement): string {
  if (typeof node === 'string') return '';
  return [
    node.within === undefined ? '' : `, within ${lengthInWords(node.within)} of each other`,
    node.notBefore === undefined ? '' : `, not before ${node.notBefore}`,
    node.notAfter === undefined ? '' : `, not after ${node.notAfter}`,
    node.maxAge === undefined ? '' : `, not older than ${lengthInWords(node.maxAge)}`,
  ].join('');
}

function lengthInWords(duration: string): string {
  const length = parseDuration(duration);
  if (!length) return duration;
  const count = (number: number, unit: string): readonly string[] =>
    number === 0 ? [] : [`${number} ${unit}${number === 1 ? '' : 's'}`];
  return [
    ...count(Math.floor(length.months / 12), 'year'),
    ...count(length.months % 12, 'month'),
    ...count(length.days, 'day'),
  ].join(' and ');
}
