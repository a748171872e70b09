// JSON as it was signed: one text, one reading. JSON.parse alone lets the last of two equal keys win, so that one
// program can check what another never sees.
import { isUtf8 } from 'node:buffer';
import type { JsonObject } from '@cairn/kernel';

/** Why a text is refused; `code` is stable. */
export class MalformedError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = 'MalformedError';
  }
}

const MAX_DEPTH = 64;
const MAX_VALUES = 100_000;

/** Strict UTF-8; a byte order mark is not part of a JSON text (RFC 8259 §8.1) and stays, to be refused. */
export function decodeUtf8(bytes: Buffer, what: string): string {
  if (!isUtf8(bytes)) throw new MalformedError('utf8', `${what} is not UTF-8`);
  return bytes.toString('utf8');
}

/**
 * Walks a text that JSON.parse has accepted, so the syntax is known to be good, and refuses what it would hide:
 * equal keys (escapes resolved), `__proto__`, lone surrogates, numbers beyond a double, and too deep or too many.
 */
function refuseTricks(text: string, what: string): void {
  const refuse = (code: string, message: string): never => {
    throw new MalformedError(code, `${what} ${message}`);
  };
  const open: (Set<string> | undefined)[] = []; // the keys of each open object, undefined for a list
  let commas = 0;
  for (let i = 0; i < text.length; i++) {
    const character = text[i] as string;
    if (character === '{' || character === '[') {
      open.push(character === '{' ? new Set() : undefined);
      if (open.length > MAX_DEPTH) refuse('json-depth', `is nested deeper than ${MAX_DEPTH} levels`);
    } else if (character === '}' || character === ']') open.pop();
    else if (character === ',' && ++commas > MAX_VALUES) refuse('json-values', `has more than ${MAX_VALUES} values`);
    else if (character === '"') {
      const start = i;
      for (i++; text[i] !== '"'; i++) if (text[i] === '\\') i++;
      const value = JSON.parse(text.slice(start, i + 1)) as string;
      if (!value.isWellFormed()) refuse('json-surrogate', 'has half of a surrogate pair');
      let next = i + 1;
      while (' \t\r\n'.includes(text[next] ?? '-')) next++;
      if (text[next] !== ':') continue;
      const keys = open.at(-1) as Set<string>;
      if (keys.has(value)) refuse('json-duplicate-key', `has the member ${JSON.stringify(value)} twice`);
      if (value === '__proto__') refuse('json-key', 'has a member __proto__');
      keys.add(value);
    } else if (character === '-' || (character >= '0' && character <= '9')) {
      const start = i;
      while (/[-+.eE\d]/.test(text[i + 1] ?? '')) i++;
      if (!Number.isFinite(Number(text.slice(start, i + 1)))) refuse('json-number', 'has a number beyond any double');
    }
  }
}

/** The JSON object that a text stands for. Throws {@link MalformedError}; `what` names the text in its message. */
export function parseObject(text: string, what: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new MalformedError('json-syntax', `${what} is not JSON: ${(error as Error).message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new MalformedError('json-object', `${what} is not a JSON object`);
  refuseTricks(text, what);
  return value as JsonObject;
}
