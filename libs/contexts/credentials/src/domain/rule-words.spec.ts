import type { PathwayRules, Requirement } from '@cairn/rules';
import { requirementInWords, ruleInWords } from './rule-words.js';

const rules: PathwayRules = {
  zone: 'Europe/Berlin',
  order: 'advisory',
  entryPoints: [{ id: 'start', at: 'L1' }],
  steps: [
    { id: 'L1', title: 'Foundations', need: { all: [{ module: 'a' }, { module: 'b' }] } },
    { id: 'L2', need: { module: 'c', minGrade: 60 } },
  ],
  awards: [],
};
const titles: Record<string, string> = { a: 'Data literacy', b: 'Spreadsheets', SEO: 'Search optimisation' };
const titleOf = (_kind: string, id: string) => (titles[id] === undefined ? undefined : { en: titles[id] });
const say = (requirement: Requirement): string | undefined => requirementInWords(requirement, rules, titleOf)['en'];

it.each<[string, Requirement, string]>([
  ['a module', { module: 'a' }, 'The module “Data literacy”'],
  ['its grade', { module: 'a', minGrade: 80 }, 'The module “Data literacy” with a grade of at least 80'],
  [
    'its double count',
    { module: 'a', uses: { n: 1, group: 'electives' } },
    'The module “Data literacy”, it counts for at most 1 award of “electives”',
  ],
  ['a name that is not known', { module: 'x' }, 'The module “x”'],
  ['a credential', { credential: 'SEO' }, 'The credential “Search optimisation”, valid at that time'],
  ['all', { all: [{ module: 'a' }, { module: 'b' }] }, 'The module “Data literacy” and the module “Spreadsheets”'],
  [
    'one of two within all',
    { all: [{ module: 'x' }, { any: [{ module: 'a' }, { module: 'b' }] }] },
    'The module “x”; and either the module “Data literacy” or the module “Spreadsheets”',
  ],
  [
    'one of three',
    { any: [{ module: 'a' }, { module: 'b' }, { module: 'x' }] },
    'One of: the module “Data literacy”, the module “Spreadsheets” or the module “x”',
  ],
  [
    'some of many',
    { atLeast: 2, of: ['L1', 'L2', { module: 'a' }] },
    'At least 2 of: the step “Foundations”, the step “L2” and the module “Data literacy”',
  ],
  [
    'credits',
    { credits: 20, from: ['a', 'b'], minGrade: 50, distinct: { by: 'area', min: 2 } },
    '20 credits from “Data literacy” and “Spreadsheets” with a grade of at least 50 each, from at least 2 areas',
  ],
  [
    'credits with cap and age',
    { credits: 30, from: { area: 'law' }, cap: [{ from: { origin: 'external' }, max: '50%' }], maxAge: 'P5Y' },
    '30 credits in law, at most 50 % of them recognised from outside, not older than 5 years',
  ],
  [
    'a span and a window',
    { all: [{ module: 'a' }, { module: 'b' }], within: 'P60D', notBefore: '2025-01-01' },
    'The module “Data literacy” and the module “Spreadsheets”, within 60 days of each other, not before 2025-01-01',
  ],
  ['one step', 'L1', 'The step “Foundations”'],
  ['the same with an id', { step: 'L2', id: 'L2!' }, 'The step “L2”'],
  ['several steps', { all: ['L1', 'L2'] }, 'The step “Foundations” and the step “L2”'],
])('%s', (_what, requirement, words) => expect(say(requirement)).toBe(words));

it('a rule that is one step says what the step asks', () => {
  expect(ruleInWords('L1', rules, titleOf)).toEqual({
    en: 'The module “Data literacy” and the module “Spreadsheets”',
  });
  expect(ruleInWords({ all: ['L1', 'L2'] }, rules, titleOf)).toEqual({
    en: 'The step “Foundations” and the step “L2”',
  });
});
