// JSON to rules: closed shapes, every fault with its JSON Pointer (RFC 6901). What the rules mean is lint's business.
import type { Fault } from '@cairn/kernel';
import { dayNumberOf, isZone, parseDuration } from './calendar.js';
import type { PathwayRules, Requirement } from './types.js';

/** Deepest nesting and most nodes of all trees of a pathway together. */
export const MAX_DEPTH = 20;
export const MAX_NODES = 1000;
const MAX_ITEMS = 1000;
const MAX_TEXT = 200;
/** Items of a cap are told apart by one bit each. */
const MAX_CAPS = 20;

type Check = (value: unknown, pointer: string, state: State) => void;
type State = { readonly faults: Fault[]; nodes: number; depth: number };
type Shape = Readonly<Record<string, Check>>;

export type Parsed<K extends string, T> =
  ({ readonly ok: true } & { readonly [key in K]: T }) | { readonly ok: false; readonly faults: readonly Fault[] };

/** Reads a requirement; `pointer` is where it stands in the document that faults point into. */
export function parseRequirement(json: unknown, pointer = ''): Parsed<'requirement', Requirement> {
  const faults = faultsIn(requirement, json, pointer);
  // Every member was checked against the closed shape.
  return faults.length > 0 ? { ok: false, faults } : { ok: true, requirement: json as Requirement };
}

/** Reads the rules of a pathway. */
export function parsePathwayRules(json: unknown, pointer = ''): Parsed<'rules', PathwayRules> {
  const faults = faultsIn(pathway, json, pointer);
  return faults.length > 0 ? { ok: false, faults } : { ok: true, rules: json as PathwayRules };
}

function faultsIn(check: Check, json: unknown, pointer: string): readonly Fault[] {
  const state: State = { faults: [], nodes: 0, depth: 0 };
  check(json, pointer, state);
  return state.faults;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const must =
  (expected: string, test: (value: unknown) => boolean): Check =>
  (value, pointer, { faults }) => {
    if (!test(value)) faults.push({ pointer, message: `must be ${expected}` });
  };

const text = must(
  `text of 1 to ${MAX_TEXT} characters`,
  (v) => typeof v === 'string' && v.length > 0 && v.length <= MAX_TEXT,
);
const stepId = must('the id of a step', (v) => typeof v === 'string' && v.length > 0 && v.length <= 64);
const number = must('a number', (v) => typeof v === 'number' && Number.isFinite(v));
const amount = must(
  'a number with at most 2 decimals, below 1,000,000',
  (v) => typeof v === 'number' && Math.abs(v) < 1e6 && Math.abs(v * 100 - Math.round(v * 100)) < 1e-6,
);
const integer = must('a whole number', (v) => Number.isSafeInteger(v));
const date = must('a date such as 2026-03-10', (v) => typeof v === 'string' && dayNumberOf(v) !== undefined);
const duration = must(
  'a duration of whole years, months, weeks or days, such as P60D or P5Y',
  (v) => typeof v === 'string' && parseDuration(v) !== undefined,
);
const capMaximum = must(
  'a number of credits or per cent such as "50%"',
  (v) => (typeof v === 'number' && Math.abs(v) < 1e6) || (typeof v === 'string' && /^\d{1,4}(\.\d{1,2})?%$/.test(v)),
);
const oneOf = (...values: readonly string[]): Check =>
  must(`one of ${values.join(', ')}`, (v) => typeof v === 'string' && values.includes(v));
const zone = must('an IANA time zone such as Europe/Berlin', (v) => typeof v === 'string' && isZone(v));

const list =
  (item: Check, most = MAX_ITEMS): Check =>
  (value, pointer, state) => {
    if (!Array.isArray(value)) state.faults.push({ pointer, message: 'must be a list' });
    else if (value.length > most) state.faults.push({ pointer, message: `must have at most ${most} items` });
    else value.forEach((one, index) => item(one, `${pointer}/${index}`, state));
  };

const escapePointer = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1');

/** A closed object. */
const object =
  (required: Shape, optional: Shape = {}): Check =>
  (value, pointer, state) => {
    if (!isObject(value)) {
      state.faults.push({ pointer, message: 'must be an object' });
      return;
    }
    for (const [key, check] of Object.entries(required))
      if (value[key] === undefined) state.faults.push({ pointer: `${pointer}/${key}`, message: 'is missing' });
      else check(value[key], `${pointer}/${key}`, state);
    for (const [key, check] of Object.entries(optional))
      if (value[key] !== undefined) check(value[key], `${pointer}/${key}`, state);
    const known = [...Object.keys(required), ...Object.keys(optional)];
    for (const key of Object.keys(value))
      if (!known.includes(key))
        state.faults.push({
          pointer: `${pointer}/${escapePointer(key)}`,
          message: `is not a known member; there are ${known.join(', ')}`,
        });
  };

const selector: Check = (value, pointer, state) =>
  Array.isArray(value)
    ? list(text)(value, pointer, state)
    : object({}, { area: text, level: integer, origin: oneOf('own', 'external') })(value, pointer, state);

const uses = object({ n: integer, group: text });
const limits: Shape = {
  id: must('text of 1 to 300 characters', (v) => typeof v === 'string' && v.length > 0 && v.length <= 300),
  within: duration,
  notBefore: date,
  notAfter: date,
  maxAge: duration,
};

const requirement: Check = (value, pointer, state) => {
  if (++state.nodes === MAX_NODES + 1)
    state.faults.push({ pointer, message: `has more than ${MAX_NODES} nodes in all; split the pathway` });
  if (state.nodes > MAX_NODES) return;
  if (typeof value === 'string') {
    stepId(value, pointer, state);
    return;
  }
  if (!isObject(value)) {
    state.faults.push({ pointer, message: 'must be the id of a step or an object' });
    return;
  }
  const kind = Object.keys(kinds).filter((key) => value[key] !== undefined);
  if (kind.length !== 1) {
    const names = Object.keys(kinds).join(', ');
    const found = kind.length === 0 ? '' : `, not ${kind.join(' and ')} at once`;
    state.faults.push({ pointer, message: `must say one of ${names}${found}` });
    return;
  }
  if (state.depth === MAX_DEPTH) {
    state.faults.push({ pointer, message: `is nested deeper than ${MAX_DEPTH} levels` });
    return;
  }
  state.depth++;
  (kinds[kind[0] as string] as Check)(value, pointer, state);
  state.depth--;
};

const parts = list(requirement);
const kinds: Shape = {
  step: object({ step: stepId }, limits),
  module: object({ module: text }, { ...limits, minGrade: number, uses }),
  credential: object({ credential: text }, limits),
  all: object({ all: parts }, limits),
  any: object({ any: parts }, limits),
  atLeast: object({ atLeast: integer, of: parts }, limits),
  credits: object(
    { credits: amount, from: selector },
    {
      ...limits,
      minGrade: number,
      distinct: object({ by: oneOf('area'), min: integer }),
      cap: list(object({ from: selector, max: capMaximum }), MAX_CAPS),
      uses,
    },
  ),
};

const order = oneOf('advisory', 'gate', 'enforced');
const pathway = object({
  zone,
  order,
  entryPoints: list(
    object({ id: text, at: stepId }, { recognise: list(object({ step: stepId, when: requirement })) }),
    100,
  ),
  steps: list(object({ id: stepId, need: requirement }, { title: text, after: list(stepId), order }), 500),
  awards: list(object({ id: text, template: text, kind: oneOf('step', 'exit', 'final'), when: requirement }), 500),
});
