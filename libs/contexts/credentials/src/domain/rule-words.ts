// A requirement in plain English, for learners and verifiers: the words of libs/rules, with titles for ids.
import { inWords, type Names, type PathwayRules, type Requirement } from '@cairn/rules';
import type { LanguageMap } from '../contracts/verification-answer.js';
import { plainText } from './issue-preparation.js';

type TitleOf = (kind: 'module' | 'template', id: string) => LanguageMap | undefined;

/** The requirement as one sentence without its full stop. */
export const requirementInWords = (node: Requirement, rules: PathwayRules, titleOf: TitleOf): LanguageMap => ({
  en: inWords(node, namesIn(rules, titleOf)),
});

/** The same for a whole rule: one that is a single step is told by what the step asks. */
export function ruleInWords(rule: Requirement, rules: PathwayRules, titleOf: TitleOf): LanguageMap {
  const stepId = typeof rule === 'string' ? rule : 'step' in rule ? rule.step : undefined;
  const step = rules.steps.find(({ id }) => id === stepId);
  return requirementInWords(step?.need ?? rule, rules, titleOf);
}

/** Titles in quotes, so that it is seen where one ends. */
function namesIn(rules: PathwayRules, titleOf: TitleOf): Names {
  const titled = (title: LanguageMap | undefined): string | undefined => title && `“${plainText(title)}”`;
  return {
    module: (id) => titled(titleOf('module', id)),
    credential: (id) => titled(titleOf('template', id)),
    step: (id) => `“${rules.steps.find((step) => step.id === id)?.title ?? id}”`,
  };
}
