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

// The words themselves are tested in libs/rules.
it.each<[string, Requirement, string]>([
  ['a module', { module: 'a', minGrade: 80 }, 'Module “Data literacy” with at least 80'],
  ['a name that is not known', { module: 'x' }, 'Module x'],
  ['a credential', { credential: 'SEO' }, 'A valid credential “Search optimisation”'],
  ['credits', { credits: 20, from: ['a', 'SEO'] }, '20 credits from “Data literacy” or “Search optimisation”'],
  ['a step with a title', 'L1', 'Step “Foundations”'],
  ['a step without', { step: 'L2', id: 'L2!' }, 'Step “L2”'],
  ['several', { all: ['L1', { module: 'b' }] }, 'Step “Foundations” and module “Spreadsheets”'],
])('%s has its title', (_what, requirement, words) => expect(say(requirement)).toBe(words));

it('a rule that is one step says what the step asks', () => {
  const need = { en: 'Module “Data literacy” and module “Spreadsheets”' };
  expect(ruleInWords('L1', rules, titleOf)).toEqual(need);
  expect(ruleInWords({ step: 'L1' }, rules, titleOf)).toEqual(need);
  expect(ruleInWords({ all: ['L1', 'L2'] }, rules, titleOf)).toEqual({ en: 'Step “Foundations” and step “L2”' });
});
