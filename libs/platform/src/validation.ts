// One validation pipe for everything that comes in, and the limits on shape that no DTO can state (api.md §2).
import { ValidationPipe, type ValidationError } from '@nestjs/common';
import { ProblemException, type ProblemError } from './problems.js';

export const BODY_LIMIT_BYTES = 64 * 1024;
const MAX_DEPTH = 20;
const MAX_KEYS = 1_000;
const MAX_STRING = 8 * 1024;
const MAX_ARRAY = 1_000;

const kebab = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`).replace(/^is-/, '');
const kindRank = (constraint: string): number => (/^(is|array)[A-Z]|^whitelist/.test(constraint) ? 0 : 1);
const escapePointer = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1');

function inWords({ property, value }: ValidationError, message: string): string {
  const fault = message.replace(new RegExp(`^${property} `), '');
  return value === undefined ? `is missing; it ${fault}` : fault;
}

function flatten(errors: readonly ValidationError[], above: string): ProblemError[] {
  return errors.flatMap((error) => {
    const pointer = `${above}/${escapePointer(error.property)}`;
    // What is no number breaks its bounds too; one fault is told once, the one about the type first.
    const broken = Object.entries(error.constraints ?? {}).toSorted(([a], [b]) => kindRank(a) - kindRank(b));
    const own = broken
      .slice(0, 1)
      .map(([constraint, message]) =>
        constraint === 'whitelistValidation'
          ? { pointer, code: 'unknown-field', message: 'is not a known field, or is set by the server' }
          : { pointer, code: kebab(constraint), message: inWords(error, message) },
      );
    return [...own, ...flatten(error.children ?? [], pointer)];
  });
}

export function validationProblem(errors: readonly ProblemError[]): ProblemException {
  const count = errors.length === 1 ? '1 field needs attention.' : `${errors.length} fields need attention.`;
  return new ProblemException('validation-failed', count, { errors });
}

export const createValidationPipe = (): ValidationPipe =>
  new ValidationPipe({
    whitelist: true,
    forbidNonWhitelisted: true,
    forbidUnknownValues: true,
    transform: true,
    transformOptions: { enableImplicitConversion: false },
    exceptionFactory: (errors) => validationProblem(flatten(errors, '')),
  });

/** Refuses a body that is too deep, too wide, or has keys that a store could take for operators. */
export function checkShape(body: unknown): void {
  let keys = 0;
  const refuse = (pointer: string, code: string, message: string): never => {
    throw validationProblem([{ pointer, code, message }]);
  };
  const walk = (value: unknown, pointer: string, depth: number): void => {
    if (typeof value === 'string' && value.length > MAX_STRING)
      refuse(pointer, 'too-long', `must have at most ${MAX_STRING} characters`);
    if (typeof value !== 'object' || value === null) return;
    if (depth > MAX_DEPTH) refuse(pointer, 'too-deep', `must be nested at most ${MAX_DEPTH} deep`);
    if (Array.isArray(value)) {
      if (value.length > MAX_ARRAY) refuse(pointer, 'too-many', `must have at most ${MAX_ARRAY} items`);
      value.forEach((item, index) => walk(item, `${pointer}/${index}`, depth + 1));
      return;
    }
    for (const [key, member] of Object.entries(value)) {
      const at = `${pointer}/${escapePointer(key)}`;
      if (++keys > MAX_KEYS) refuse(at, 'too-many', `a request may have at most ${MAX_KEYS} keys`);
      if (
        key.startsWith('$') ||
        key.includes('.') ||
        key === '__proto__' ||
        key === 'constructor' ||
        key === 'prototype'
      )
        refuse(
          at,
          'key-not-allowed',
          'keys must not start with $, contain a dot, or be __proto__, constructor or prototype',
        );
      walk(member, at, depth + 1);
    }
  };
  // Nothing is sent with a GET; what is sent has fields.
  if (body !== undefined && (typeof body !== 'object' || body === null || Array.isArray(body)))
    refuse('', 'object', 'the body must be a JSON object, as in {"name": "value"}');
  walk(body, '', 1);
}
