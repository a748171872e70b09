// A small schema language: one definition gives the TypeScript type, the check and the JSON Schema (2020-12).
// It is total on JSON values and fast enough to check every event of the log at decode.
import type { Json, JsonObject } from './json.js';
import type { Instant } from './ids.js';
import { Personal } from './personal.js';

export type Fault = { readonly pointer: string; readonly message: string };

export type Schema<T> = {
  /** JSON Schema of the value. */
  readonly json: JsonObject;
  /** Appends a fault for everything that is wrong; `pointer` is the JSON Pointer (RFC 6901) of `value`. */
  readonly check: (value: unknown, pointer: string, faults: Fault[]) => void;
  /** Type carrier; never set. */
  readonly type?: T;
};
type OptionalSchema<T> = Schema<T> & { readonly optional: true };

export type Infer<S> = S extends Schema<infer T> ? T : never;
type Shape = { readonly [key: string]: Schema<unknown> };
type OptionalKeys<S extends Shape> = { [K in keyof S]: S[K] extends { optional: true } ? K : never }[keyof S];
type InferShape<S extends Shape> = { readonly [K in Exclude<keyof S, OptionalKeys<S>>]: Infer<S[K]> } & {
  readonly [K in OptionalKeys<S>]?: Infer<S[K]>;
};

function leaf<T>(json: JsonObject, expected: string, test: (value: unknown) => boolean): Schema<T> {
  return {
    json,
    check: (value, pointer, faults) => {
      if (!test(value)) faults.push({ pointer, message: `expected ${expected}` });
    },
  };
}

const INSTANT = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;

export function isInstant(value: unknown): value is Instant {
  if (typeof value !== 'string' || !INSTANT.test(value)) return false;
  // Only the end of a month needs the calendar: Date.parse lets 30 February pass as 2 March.
  return value.slice(8, 10) <= '28' || new Date(value).toISOString() === value;
}

const escapePointer = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1');

export const s = {
  string: <T extends string = string>(options: { min?: number; max?: number; pattern?: RegExp } = {}): Schema<T> => {
    const { min = 1, max = 8192, pattern } = options;
    return leaf(
      { type: 'string', minLength: min, maxLength: max, ...(pattern ? { pattern: pattern.source } : {}) },
      pattern ? `text matching ${pattern.source}` : `text of ${min} to ${max} characters`,
      (v) => typeof v === 'string' && v.length >= min && v.length <= max && (!pattern || pattern.test(v)),
    );
  },
  uuid: <T extends string = string>(): Schema<T> =>
    leaf(
      { type: 'string', format: 'uuid' },
      'a lower-case UUID',
      (v) => typeof v === 'string' && /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(v),
    ),
  instant: (): Schema<Instant> =>
    leaf({ type: 'string', format: 'date-time' }, 'an instant such as 2026-03-10T09:00:00.000Z', isInstant),
  number: (options: { min?: number; max?: number } = {}): Schema<number> => {
    const { min = -Number.MAX_VALUE, max = Number.MAX_VALUE } = options;
    return leaf(
      {
        type: 'number',
        ...(options.min === undefined ? {} : { minimum: min }),
        ...(options.max === undefined ? {} : { maximum: max }),
      },
      `a number from ${min} to ${max}`,
      (v) => typeof v === 'number' && Number.isFinite(v) && v >= min && v <= max,
    );
  },
  integer: (options: { min?: number; max?: number } = {}): Schema<number> => {
    const { min = 0, max = Number.MAX_SAFE_INTEGER } = options;
    return leaf(
      { type: 'integer', minimum: min, maximum: max },
      `a whole number from ${min} to ${max}`,
      (v) => Number.isSafeInteger(v) && (v as number) >= min && (v as number) <= max,
    );
  },
  boolean: (): Schema<boolean> => leaf({ type: 'boolean' }, 'true or false', (v) => typeof v === 'boolean'),
  oneOf: <const T extends readonly string[]>(values: T): Schema<T[number]> =>
    leaf({ type: 'string', enum: values }, `one of ${values.join(', ')}`, (v) => values.includes(v as string)),
  /** Any JSON value; `test` may look closer and returns what is wrong, or undefined. */
  json: <T = Json>(test?: (value: unknown) => string | undefined, json: JsonObject = {}): Schema<T> => ({
    json,
    check: (value, pointer, faults) => {
      const message = value === undefined ? 'expected a value' : test?.(value);
      if (message) faults.push({ pointer, message });
    },
  }),
  array: <T>(item: Schema<T>, options: { min?: number; max?: number } = {}): Schema<readonly T[]> => {
    const { min = 0, max = 100_000 } = options;
    return {
      json: { type: 'array', items: item.json, ...(min > 0 ? { minItems: min } : {}) },
      check: (value, pointer, faults) => {
        if (!Array.isArray(value) || value.length < min || value.length > max)
          faults.push({ pointer, message: `expected a list of ${min} to ${max} items` });
        else for (let i = 0; i < value.length; i++) item.check(value[i], `${pointer}/${i}`, faults);
      },
    };
  },
  /** A dictionary: any key, every value of one schema. */
  record: <T>(item: Schema<T>): Schema<{ readonly [key: string]: T }> => ({
    json: { type: 'object', additionalProperties: item.json },
    check: (value, pointer, faults) => {
      if (typeof value !== 'object' || value === null || Array.isArray(value))
        faults.push({ pointer, message: 'expected an object' });
      else
        for (const [key, member] of Object.entries(value))
          item.check(member, `${pointer}/${escapePointer(key)}`, faults);
    },
  }),
  /** A closed object: unknown members are faults. */
  object: <S extends Shape>(shape: S): Schema<InferShape<S>> => {
    const keys = Object.keys(shape);
    // Once for all: most values have no fault to point at.
    const members = Object.entries(shape).map(([key, schema]) => ({ key, schema, step: `/${escapePointer(key)}` }));
    const required = keys.filter((key) => !('optional' in (shape[key] as object)));
    return {
      json: {
        type: 'object',
        properties: Object.fromEntries(keys.map((key) => [key, (shape[key] as Schema<unknown>).json])),
        required,
        additionalProperties: false,
      },
      check: (value, pointer, faults) => {
        if (typeof value !== 'object' || value === null || Array.isArray(value)) {
          faults.push({ pointer, message: 'expected an object' });
          return;
        }
        const object = value as Record<string, unknown>;
        for (const { key, schema, step } of members) {
          const member = object[key];
          if (member !== undefined) schema.check(member, pointer + step, faults);
          else if (!('optional' in schema)) faults.push({ pointer: pointer + step, message: 'is missing' });
        }
        for (const key of Object.keys(object))
          if (!Object.hasOwn(shape, key) && object[key] !== undefined)
            faults.push({ pointer: `${pointer}/${escapePointer(key)}`, message: 'is not a known member' });
      },
    };
  },
  /** Personal data of a learner: a {@link Personal} in the program, a sealed object in the log (D11). */
  personal: <T extends Json = Json>(): Schema<Personal<T>> =>
    leaf(
      { type: 'object', description: 'sealed personal data' },
      'personal data, sealed or wrapped',
      (v) => v instanceof Personal || (typeof v === 'object' && v !== null && !Array.isArray(v)),
    ),
  optional: <T>(schema: Schema<T>): OptionalSchema<T> => ({ ...schema, optional: true }),
};

/** All faults of a value against a schema; none means that the value is of the schema's type. */
export function faultsOf(schema: Schema<unknown>, value: unknown): readonly Fault[] {
  const faults: Fault[] = [];
  schema.check(value, '', faults);
  return faults;
}
