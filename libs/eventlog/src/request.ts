// What may be asked of any event log: checked before it reaches an adapter, because a client of the event store hangs
// for ever on some of these mistakes (a batch append with a bad id, an empty type, `undefined` as data).
import { isUuid, parseStream, type Json, type NewEvent, type Position } from '@cairn/kernel';
import {
  MAX_APPEND_BYTES,
  MAX_APPEND_EVENTS,
  type EventLog,
  type ExpectedRevision,
  type ReadAllOptions,
  type ReadOptions,
} from './port.js';

const MAX_NAME_LENGTH = 1_000;
const MAX_JSON_DEPTH = 100;
const MAX_PAGE_EVENTS = 10_000;

/** An event as text, so that no adapter writes its JSON twice. */
export type EncodedEvent = {
  readonly id: string;
  readonly type: string;
  readonly data: string;
  readonly meta: string;
};

/** Checks an append whole and writes its JSON. Throws a RangeError that names the event and the member at fault. */
export function encodeAppend(
  stream: string,
  expected: ExpectedRevision,
  events: readonly NewEvent[],
): readonly EncodedEvent[] {
  checkStream(stream);
  if (expected !== 'none' && !isCount(expected))
    throw new RangeError(`expected revision ${String(expected)}: 'none' or a whole number from 0 is needed`);
  if (events.length < 1 || events.length > MAX_APPEND_EVENTS)
    throw new RangeError(`${events.length} events in one append: 1 to ${MAX_APPEND_EVENTS} are allowed`);
  let sizeBytes = 0;
  const encoded = events.map((event, index) => {
    const text = encodeEvent(event, index);
    // The stricter of the servers' rules: metadata counts, and the type as UTF-16.
    sizeBytes += Buffer.byteLength(text.data) + Buffer.byteLength(text.meta) + 2 * text.type.length;
    return text;
  });
  if (sizeBytes > MAX_APPEND_BYTES)
    throw new RangeError(
      `the ${events.length} events of one append to "${stream}" take ${sizeBytes} bytes; at most ${MAX_APPEND_BYTES} ` +
        'are allowed (data, metadata and twice the length of the type). Split the command or keep large content elsewhere',
    );
  return encoded;
}

function encodeEvent(event: NewEvent, index: number): EncodedEvent {
  const { id, type, data, meta } = event;
  if (!isUuid(id)) throw new RangeError(`event ${index}: id ${JSON.stringify(id)} is not a lower-case UUID`);
  const nameFault = faultInName(type);
  if (nameFault) throw new RangeError(`event ${index}: type ${JSON.stringify(type)} ${nameFault}`);
  for (const [name, value] of [
    ['data', data],
    ['meta', meta],
  ] as const) {
    if (!isPlainObject(value)) throw new RangeError(`event ${index}: ${name} must be a JSON object`);
  }
  const fault = faultInJson(data, 0);
  if (fault) throw new RangeError(`event ${index}: data${fault}`);
  for (const [key, value] of Object.entries(meta)) {
    if (typeof value !== 'string') throw new RangeError(`event ${index}: meta.${key} must be a string`);
  }
  return { id, type, data: JSON.stringify(data), meta: JSON.stringify(meta) };
}

/** Throws a RangeError for a name outside the grammar, or one that a server or a store would refuse or change. */
function checkStream(stream: string): void {
  const fault = faultInName(stream);
  if (fault) throw new RangeError(`stream name ${JSON.stringify(stream)} ${fault}`);
  parseStream(stream);
}

function faultInName(name: unknown): string | undefined {
  if (typeof name !== 'string' || name === '') return 'is not a text of at least one character';
  if (name.length > MAX_NAME_LENGTH) return `is longer than ${MAX_NAME_LENGTH} characters`;
  if (name.startsWith('$')) return 'begins with $, which is reserved for the event store';
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(name) || !name.isWellFormed())
    return 'holds a control character or half a character';
  return undefined;
}

/** Where and why a value would not come back from JSON as it went in; undefined if it would. */
function faultInJson(value: unknown, depth: number): string | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined;
    case 'number':
      return Number.isFinite(value) ? undefined : ` holds the number ${value}, which JSON cannot carry`;
    case 'object':
      break;
    default:
      return ` holds a value of type ${typeof value}, which JSON cannot carry`;
  }
  if (value === null) return undefined;
  if (depth === MAX_JSON_DEPTH) return ` is nested deeper than ${MAX_JSON_DEPTH} levels, or contains itself`;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      const fault = faultInJson(value[index], depth + 1);
      if (fault) return `[${index}]${fault}`;
    }
    return undefined;
  }
  if (!isPlainObject(value)) return ' holds an object with a class (a Date, a Map, personal data in clear …)';
  for (const key in value) {
    const member = (value as { readonly [key: string]: Json | undefined })[key];
    if (member === undefined) continue; // left out, as JSON.stringify does
    const fault = faultInJson(member, depth + 1);
    if (fault) return `.${key}${fault}`;
  }
  return undefined;
}

function isPlainObject(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === null || Object.getPrototypeOf(prototype) === null; // also an object of another realm
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/** Throws a RangeError for read options that no log can serve. */
export function checkRead(stream: string, { from, limit, direction }: ReadOptions): void {
  checkStream(stream);
  if (from !== undefined && !isCount(from)) throw new RangeError(`from ${from}: a whole number from 0 is needed`);
  if (limit !== undefined && (!isCount(limit) || limit === 0))
    throw new RangeError(`limit ${limit}: a whole number from 1 is needed`);
  if (direction !== undefined && direction !== 'forwards' && direction !== 'backwards')
    throw new RangeError(`direction ${String(direction)}: 'forwards' or 'backwards' is needed`);
}

/** Throws a RangeError for options of readAll that no log can serve. */
export function checkReadAll({ after, limit, categories }: ReadAllOptions): void {
  checkFeed({ after, ...(categories ? { categories } : {}) });
  if (!isCount(limit) || limit < 1 || limit > MAX_PAGE_EVENTS)
    throw new RangeError(`limit ${limit}: 1 to ${MAX_PAGE_EVENTS} is needed`);
}

/** Throws a RangeError for options of a subscription that no log can serve. */
export function checkFeed({ after, categories }: Omit<Parameters<EventLog['subscribeAll']>[0], 'signal'>): void {
  if (after !== '' && !/^\d{20}$/.test(after))
    throw new RangeError(`"${after}" is no position of an event log: '' or 20 digits are needed`);
  if (categories && (categories.length === 0 || categories.some((category) => !/^[a-z]+$/.test(category))))
    throw new RangeError(`categories [${categories.join(', ')}]: one or more words of letters a to z are needed`);
}

/** The text of a numeric position: fixed width, so that text order is number order. */
export function positionText(position: number): Position {
  return String(position).padStart(20, '0') as Position;
}
