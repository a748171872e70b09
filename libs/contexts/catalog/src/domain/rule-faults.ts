// Faults of drafts, each with its JSON Pointer into the draft: what cannot be read, and what makes no sense.
import {
  lint,
  lintRequirement,
  parseDuration,
  parsePathwayRules,
  parseRequirement,
  type LintCatalog,
  type LintFault,
  type PathwayRules,
} from '@cairn/rules';
import type { PublishedPathway, PublishedTemplate } from '../contracts/catalog.events.js';
import { nodesOf } from '../contracts/nodes.js';
import type { RuleFault } from './references.js';

const unreadable = (faults: readonly { readonly pointer: string; readonly message: string }[]): readonly RuleFault[] =>
  faults.map(({ pointer, message }) => ({ pointer, code: 'unreadable', message }));

/** What keeps the rules from being read at all; none means that they are of their type. */
export function shapeFaults(rules: unknown): readonly RuleFault[] {
  const parsed = parsePathwayRules(rules, '/rules');
  return parsed.ok ? [] : unreadable(parsed.faults);
}

const DURATION_HINT = 'must be a duration of whole years, months, weeks or days, such as P60D or P3M';

/** Faults of how a template is renewed. */
export function renewalFaults(renewal: NonNullable<PublishedTemplate['renewal']>): readonly RuleFault[] {
  const pointer = '/renewal/requirement';
  const parsed = parseRequirement(renewal.requirement, pointer);
  const faults = parsed.ok ? errorsOf(lintRequirement(parsed.requirement, { pointer })) : unreadable(parsed.faults);
  const durations = (['window', 'grace'] as const).filter((member) => parseDuration(renewal[member]) === undefined);
  return [
    ...faults,
    ...durations.map((member) => ({
      pointer: `/renewal/${member}`,
      code: 'unreadable',
      message: DURATION_HINT,
    })),
  ];
}

/** Faults of the durations before the end of a term at which its holder is reminded. */
export const reminderFaults = (reminders: readonly string[]): readonly RuleFault[] =>
  reminders.flatMap((before, index) => {
    const pointer = `/reminders/${index}`;
    if (parseDuration(before) === undefined) return [{ pointer, code: 'unreadable', message: DURATION_HINT }];
    return reminders.indexOf(before) < index
      ? [{ pointer, code: 'doubled', message: `${before} is named before; one reminder is enough.` }]
      : [];
  });

const shown = ({ pointer, code, message, next }: LintFault): RuleFault => ({
  pointer,
  code,
  message: `${message} ${next}`,
});
const errorsOf = (faults: readonly LintFault[]): readonly RuleFault[] =>
  faults.filter(({ severity }) => severity === 'error').map(shown);

/**
 * What keeps a draft from being published, and what is only shown. `named`: what its names stand for, if all of them
 * stand for something; without it nothing is checked that depends on them.
 */
export function pathwayFaults(
  draft: Pick<PublishedPathway, 'rules' | 'enrollment'>,
  named?: LintCatalog,
): { readonly errors: readonly RuleFault[]; readonly warnings: readonly RuleFault[] } {
  const faults = lint(draft.rules, { ...named, pointer: '/rules' });
  return {
    errors: [...errorsOf(faults), ...(draft.enrollment === 'automatic' ? automaticFaults(draft.rules) : [])],
    warnings: faults.filter(({ severity }) => severity === 'warning').map(shown),
  };
}

/** An automatic pathway enrolls whoever has one of the things it names, so it has to name what it counts. */
const automaticFaults = (rules: PathwayRules): readonly RuleFault[] =>
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
