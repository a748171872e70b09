// Faults of drafts, each with its JSON Pointer into the draft: what cannot be read, and what makes no sense.
import { parseDuration, parsePathwayRules, parseRequirement, type PathwayRules, type Requirement } from '@cairn/rules';
import type { PublishedTemplate } from '../contracts/catalog.events.js';
import { nodesOf } from '../contracts/nodes.js';
import type { RuleFault } from './references.js';

const unreadable = (faults: readonly { readonly pointer: string; readonly message: string }[]): readonly RuleFault[] =>
  faults.map(({ pointer, message }) => ({ pointer, code: 'unreadable', message }));

/** What keeps the rules from being read at all; none means that they are of their type. */
export function shapeFaults(rules: unknown): readonly RuleFault[] {
  const parsed = parsePathwayRules(rules, '/rules');
  return parsed.ok ? [] : unreadable(parsed.faults);
}

/** Faults of how a template is renewed. */
export function renewalFaults(renewal: NonNullable<PublishedTemplate['renewal']>): readonly RuleFault[] {
  const parsed = parseRequirement(renewal.requirement, '/renewal/requirement');
  const faults = parsed.ok ? stepsNamed(parsed.requirement, '/renewal/requirement') : unreadable(parsed.faults);
  const durations = (['window', 'grace'] as const).filter((member) => parseDuration(renewal[member]) === undefined);
  return [
    ...faults,
    ...durations.map((member) => ({
      pointer: `/renewal/${member}`,
      code: 'unreadable',
      message: 'must be a duration of whole years, months, weeks or days, such as P60D or P3M',
    })),
  ];
}

/** Steps belong to a pathway; a renewal looks at the learner's facts alone. */
const stepsNamed = (requirement: Requirement, at: string): readonly RuleFault[] =>
  nodesOf(requirement, at)
    .filter(({ node }) => typeof node === 'string' || 'step' in node)
    .map(({ pointer }) => ({
      pointer,
      code: 'step-in-renewal',
      message: 'A renewal cannot rest on a step; name a module or a credential.',
    }));

/** An automatic pathway enrolls whoever has one of the things it names, so it has to name what it counts. */
export const automaticFaults = (rules: PathwayRules): readonly RuleFault[] =>
  [
    ...rules.steps.flatMap(({ need }, index) => nodesOf(need, `/rules/steps/${index}/need`)),
    ...rules.awards.flatMap(({ when }, index) => nodesOf(when, `/rules/awards/${index}/when`)),
  ]
    .filter(({ node }) => typeof node === 'object' && 'credits' in node && !Array.isArray(node.from))
    .map(({ pointer }) => ({
      pointer: `${pointer}/from`,
      code: 'automatic-unnamed',
      message: 'With automatic enrollment list the modules that count: whoever completes one of them is enrolled.',
    }));
