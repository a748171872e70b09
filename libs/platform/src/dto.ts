// Fields of DTOs: each decorator is the class-validator check and the OpenAPI description in one.
import { applyDecorators } from '@nestjs/common';
import { ApiProperty, type ApiPropertyOptions } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsNumber,
  IsObject,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  MinLength,
  ValidateBy,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import { bareId, isInstant, type IdPrefix } from '@cairn/kernel';

/** `null` is a fault unless the field is `nullable`: a merge patch then takes the value away (RFC 7396). */
type Field = {
  readonly optional?: boolean;
  readonly nullable?: boolean;
  readonly example?: unknown;
  readonly description?: string;
};
// Nest applies these to properties of DTO classes only.
type Decorator = PropertyDecorator;

function field(options: Field, schema: ApiPropertyOptions, ...checks: PropertyDecorator[]): Decorator {
  return applyDecorators(
    ApiProperty({
      ...(options.nullable ? { oneOf: [schema, { type: 'null' }] } : schema),
      required: !options.optional,
      ...(options.example === undefined ? {} : { example: options.example }),
      ...(options.description === undefined ? {} : { description: options.description }),
    } as ApiPropertyOptions),
    ...(options.optional || options.nullable
      ? [
          ValidateIf(
            (_object, value: unknown) =>
              !(options.optional && value === undefined) && !(options.nullable && value === null),
          ),
        ]
      : []),
    ...checks,
  );
}

export function Text(options: Field & { min?: number; max?: number; pattern?: RegExp; hint?: string } = {}): Decorator {
  const { min = 1, max = 500, pattern, hint } = options;
  return field(
    options,
    { type: 'string', minLength: min, maxLength: max, ...(pattern ? { pattern: pattern.source } : {}) },
    IsString(),
    MinLength(min),
    MaxLength(max),
    ...(pattern ? [Matches(pattern, { message: hint ?? `must match ${pattern.source}` })] : []),
  );
}

/** A code in kebab-case, such as a reason. */
export const Code = (options: Field = {}): Decorator =>
  Text({
    ...options,
    max: 64,
    pattern: /^[a-z0-9]+(-[a-z0-9]+)*$/,
    hint: 'must be a code in lower case with hyphens, such as entered-in-error',
  });

export const Slug = (options: Field = {}): Decorator =>
  Text({
    ...options,
    max: 64,
    pattern: /^[A-Za-z0-9](-?[A-Za-z0-9])*$/,
    hint: 'must be letters and digits, with single hyphens between them',
  });

/** The public id of one kind: `lrn_…`. */
export const PublicId = (prefix: IdPrefix, options: Field = {}): Decorator =>
  field(
    options,
    { type: 'string', pattern: `^${prefix}_[0-9a-hjkmnp-tv-z]{26}${prefix === 'enr' ? '-[1-9][0-9]*' : ''}$` },
    ValidateBy({
      name: 'public-id',
      validator: {
        validate: (value) => typeof value === 'string' && bareId(prefix, value) !== undefined,
        defaultMessage: () => `must be an id such as ${prefix}_… as the API gave it`,
      },
    }),
  );

/** RFC 3339 in UTC; whole seconds are accepted and become milliseconds by {@link instantOf}. */
export const InstantField = (options: Field = {}): Decorator =>
  field(
    { example: '2026-03-10T09:00:00.000Z', ...options },
    { type: 'string', format: 'date-time' },
    ValidateBy({
      name: 'instant',
      validator: {
        validate: (value) => typeof value === 'string' && instantText(value) !== undefined,
        defaultMessage: () => 'must be an instant in UTC such as 2026-03-10T09:00:00.000Z',
      },
    }),
  );

function instantText(text: string): string | undefined {
  const padded = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/.test(text) ? new Date(text) : undefined;
  if (!padded || Number.isNaN(padded.getTime())) return undefined;
  const iso = padded.toISOString();
  return isInstant(iso) && iso.slice(0, 19) === text.slice(0, 19) ? iso : undefined;
}

/** Normalises a checked instant to milliseconds. */
export function instantOf<T extends string>(text: string): T {
  return instantText(text) as T;
}

export function NumberField(options: Field & { min?: number; max?: number; decimals?: number } = {}): Decorator {
  const { min, max, decimals } = options;
  return field(
    options,
    { type: 'number', ...(min === undefined ? {} : { minimum: min }), ...(max === undefined ? {} : { maximum: max }) },
    IsNumber(
      {
        allowInfinity: false,
        allowNaN: false,
        ...(decimals === undefined ? {} : { maxDecimalPlaces: decimals }),
      },
      { message: `must be a number${decimals === undefined ? '' : ` with at most ${decimals} decimals`}` },
    ),
    ...(min === undefined ? [] : [Min(min)]),
    ...(max === undefined ? [] : [Max(max)]),
  );
}

/** A whole number; in a query string too (`fromQuery`). */
export function IntegerField(options: Field & { min?: number; max?: number; fromQuery?: boolean } = {}): Decorator {
  const { min = 0, max = 1_000_000 } = options;
  return field(
    options,
    { type: 'integer', minimum: min, maximum: max },
    ...(options.fromQuery ? [Type(() => Number)] : []),
    IsInt(),
    Min(min),
    Max(max),
  );
}

export const Flag = (options: Field = {}): Decorator => field(options, { type: 'boolean' }, IsBoolean());

export const OneOf = (values: readonly string[], options: Field = {}): Decorator =>
  field(options, { type: 'string', enum: [...values] }, IsIn([...values]));

export const OneOfMany = (values: readonly string[], options: Field & { min?: number } = {}): Decorator =>
  field(
    options,
    { type: 'array', items: { type: 'string', enum: [...values] } },
    IsArray(),
    ArrayMinSize(options.min ?? 1),
    ArrayMaxSize(values.length),
    IsIn([...values], { each: true }),
  );

/** A text for people in one or more languages: `{"en": "…"}`. */
export const TextMap = (options: Field = {}): Decorator =>
  field(
    { example: { en: 'Text' }, ...options },
    { type: 'object', additionalProperties: { type: 'string' } },
    ValidateBy({
      name: 'text-map',
      validator: {
        validate: (value) =>
          typeof value === 'object' &&
          value !== null &&
          !Array.isArray(value) &&
          Object.keys(value).length > 0 &&
          Object.entries(value).every(
            ([language, text]) =>
              /^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$/.test(language) && typeof text === 'string' && text.length > 0,
          ),
        defaultMessage: () => 'must be an object of texts by language, such as {"en": "Text"}',
      },
    }),
  );

/** Names by name: which step becomes which. */
export const NameMap = (options: Field & { max?: number } = {}): Decorator => {
  const { max = 64 } = options;
  return field(
    options,
    { type: 'object', additionalProperties: { type: 'string', minLength: 1, maxLength: max } },
    ValidateBy({
      name: 'name-map',
      validator: {
        validate: (value) =>
          typeof value === 'object' &&
          value !== null &&
          !Array.isArray(value) &&
          Object.values(value).every((name) => typeof name === 'string' && name.length > 0 && name.length <= max),
        defaultMessage: () => `must be an object of names of at most ${max} characters`,
      },
    }),
  );
};

export const Nested = (type: () => new () => object, options: Field = {}): Decorator =>
  // Swagger takes a function for lazy by its name, which is that of the member.
  field(options, { type: () => type() } as ApiPropertyOptions, IsObject(), ValidateNested(), Type(type));

export const ListOf = (type: () => new () => object, options: Field & { min?: number; max?: number } = {}): Decorator =>
  field(
    options,
    // Inside `oneOf` a class is not looked up.
    (options.nullable
      ? { type: 'array', items: { type: 'object' } }
      : { type: () => type(), isArray: true }) as ApiPropertyOptions,
    IsArray(),
    ArrayMinSize(options.min ?? 0),
    ArrayMaxSize(options.max ?? 1000),
    ValidateNested({ each: true }),
    Type(type),
  );

/** An object whose shape another language checks: a rule. */
export const RuleField = (options: Field = {}): Decorator =>
  field(options, { type: 'object', additionalProperties: true }, IsObject());

export const ListOfText = (options: Field & { min?: number; max?: number; maxItems?: number } = {}): Decorator =>
  field(
    options,
    { type: 'array', items: { type: 'string' } },
    IsArray(),
    ArrayMinSize(options.min ?? 0),
    ArrayMaxSize(options.maxItems ?? 1000),
    IsString({ each: true }),
    MaxLength(options.max ?? 500, { each: true }),
  );

/** A DTO as plain data, without members left out: commands and events carry no classes. */
export function plain<T extends object>(dto: T): { [Member in keyof T]: T[Member] } {
  return JSON.parse(JSON.stringify(dto)) as T;
}
