// The requirement language: rules over a learner's facts, and the calendar they are reckoned in.
export * from './types.js';
export {
  addToLocalDay,
  daysBetween,
  instantsOfLocalTime,
  isoWeek,
  isZone,
  localDay,
  parseDuration,
  reminderTimes,
  renewalWindow,
  startOfLocalDay,
  termEnd,
} from './calendar.js';
export { addFact, factBase, factOf, factsOf, NO_FACTS, removeFact, type FactBase } from './fact-base.js';
export { evaluate, holdsAt, holdsDuring } from './evaluate.js';
export {
  evaluateAward,
  evaluateStep,
  stepsBefore,
  stepsShownBefore,
  type PathwayContext,
  type StepEvaluation,
} from './pathway.js';
export { withIds, withRequirementIds } from './requirement-ids.js';
export { joinFacts } from './joined-facts.js';
export { EMPTY_MAP, mapEntries, mapGet, mapSet, mapValues, type PersistentMap } from './persistent-map.js';
export { parsePathwayRules, parseRequirement } from './parse.js';
export { lint, lintRequirement, type LintCatalog, type LintCode, type LintFault, type ModuleWorth } from './lint.js';
export { diffInWords, durationInWords, factInWords, inWords, type Names } from './words.js';
export { explain, type CreditLedger, type ExplainedNode, type NotCounted } from './explain.js';
export {
  whyNotYet,
  whyNotYetAward,
  whyNotYetStep,
  type UnmetNode,
  type WhyNotYet,
  type WhyNotYetStep,
  type Worths,
} from './why-not-yet.js';
