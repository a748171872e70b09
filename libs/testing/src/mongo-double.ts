// A MongoDB for tests, in process: OP_MSG over TCP to the real driver. What a query means comes from the read model's
// own matching, so this is no independent judge of queries, compare-and-swap or uniqueness: it is there to exercise the
// driver, the wire format, error classes, partial failures of bulks and time-outs. What it can't do exactly it refuses.
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { BSON } from 'mongodb';
import type { Document } from '@cairn/kernel';
import { QueryRefused, compareText, compileFilter, createSorter, runPipeline } from '@cairn/readmodel';

type Row = { readonly [field: string]: unknown };
type Index = { readonly name: string; readonly key: Row; readonly unique: boolean };
type Stored = { readonly rows: Map<string, Row>; readonly indexes: Index[] };
type WriteError = { readonly index: number; readonly code: number; readonly errmsg: string };

export type MongoFaults = {
  /** Every command but the handshake answers 10107 NotWritablePrimary. */
  notPrimary?: boolean;
  /** Command -> how often its reply is cut after half of it, the work done. */
  cutReplies?: { [command: string]: number };
  /** Milliseconds before each reply; beyond a command's maxTimeMS it answers 50 MaxTimeMSExpired. */
  delayMs?: number;
  /** How far its clock is ahead. */
  clockAheadMs?: number;
  /** Takes everything and never answers. */
  silent?: boolean;
  /** Every write answers 14031 OutOfDiskSpace, reads go on. */
  diskFull?: boolean;
  /** Of the items of every write each with a chance of this, 0 to 1, gets a write error 112 WriteConflict; the others are done. */
  failItems?: number;
};

export type MongoDouble = {
  readonly url: string;
  readonly port: number;
  readonly faults: MongoFaults;
  /** What the writes so far asked for. */
  readonly writeConcerns: readonly unknown[];
  /** Cuts all connections and listens no more; the data stay for `start`. */
  readonly stop: () => Promise<void>;
  readonly start: () => Promise<void>;
};

class CommandFailed extends Error {
  constructor(
    readonly code: number,
    readonly codeName: string,
    message: string,
  ) {
    super(message);
  }
}
const refuse = (what: string): never => {
  throw new CommandFailed(238, 'NotImplemented', `the test server does not do ${what}`);
};

const MAX_MESSAGE_BYTES = 48_000_000;
const HEADER_BYTES = 16;
const OP_MSG = 2013;
const OP_QUERY = 2004;
const OP_REPLY = 1;
const BATCH = 101;

/** Starts one, with no data. `replicaSet: false` poses as a standalone server. */
export async function startMongoDouble({ replicaSet = true } = {}): Promise<MongoDouble> {
  const databases = new Map<string, Map<string, Stored>>();
  const cursors = new Map<number, { readonly namespace: string; rows: Row[] }>();
  const sockets = new Set<Socket>();
  const faults: MongoFaults = {};
  const writeConcerns: unknown[] = [];
  let nextCursor = 1;
  let port = 0;

  const hello = (): Row => ({
    isWritablePrimary: true,
    helloOk: true,
    maxBsonObjectSize: 16 * 1024 * 1024,
    maxMessageSizeBytes: MAX_MESSAGE_BYTES,
    maxWriteBatchSize: 100_000,
    minWireVersion: 0,
    maxWireVersion: 21,
    localTime: new Date(Date.now() + (faults.clockAheadMs ?? 0)),
    ...(replicaSet
      ? { setName: 'rs0', setVersion: 1, secondary: false, hosts: [`127.0.0.1:${port}`], me: `127.0.0.1:${port}` }
      : {}),
    // No logicalSessionTimeoutMinutes: the driver then opens no sessions and retries no writes.
  });

  const fails = (): boolean => faults.failItems !== undefined && Math.random() < faults.failItems;

  const reply = (namespace: string, rows: Row[], size: number | undefined): Row => {
    const firstBatch = rows.slice(0, size ?? BATCH);
    const rest = rows.slice(firstBatch.length);
    const id = rest.length > 0 ? nextCursor++ : 0;
    if (id) cursors.set(id, { namespace, rows: rest });
    return { cursor: { id: BSON.Long.fromNumber(id), ns: namespace, firstBatch } };
  };

  function run(name: string, command: Row): Row {
    const database = String(command['$db']);
    const collections = databases.get(database) ?? new Map<string, Stored>();
    databases.set(database, collections);
    const target = String(command[name]);
    const namespace = `${database}.${target}`;
    const stored = collections.get(target);
    const created = (): Stored => {
      const one = collections.get(target) ?? {
        rows: new Map(),
        indexes: [{ name: '_id_', key: { _id: 1 }, unique: true }],
      };
      collections.set(target, one);
      return one;
    };
    for (const field of ['lsid', 'txnNumber', 'startTransaction', 'collation', 'hint'])
      if (command[field] !== undefined) refuse(field);
    const size = (command['cursor'] as Row | undefined)?.['batchSize'] ?? command['batchSize'];
    switch (name) {
      case 'hello':
      case 'isMaster':
      case 'ismaster':
        return hello();
      case 'ping':
      case 'endSessions':
        return {};
      case 'saslStart':
        throw new CommandFailed(18, 'AuthenticationFailed', 'Authentication failed.');
      case 'create':
        if (stored) throw new CommandFailed(48, 'NamespaceExists', `Collection ${namespace} already exists.`);
        created();
        return {};
      case 'drop':
        if (!collections.delete(target)) throw new CommandFailed(26, 'NamespaceNotFound', 'ns not found');
        return { ns: namespace };
      case 'dropDatabase':
        databases.delete(database);
        return {};
      case 'listCollections':
        return reply(
          `${database}.$cmd.listCollections`,
          [...collections.keys()].map((one) => ({ name: one, type: 'collection' })),
          undefined,
        );
      case 'listIndexes': {
        if (!stored) throw new CommandFailed(26, 'NamespaceNotFound', `ns does not exist: ${namespace}`);
        const rows = stored.indexes.map(({ name: index, key, unique }) => ({
          v: 2,
          key,
          name: index,
          ...(unique && index !== '_id_' ? { unique } : {}),
        }));
        return reply(namespace, rows, undefined);
      }
      case 'createIndexes':
        for (const index of command['indexes'] as Row[]) createIndex(created(), index);
        return {};
      case 'insert':
        return write(
          command['documents'] as Row[],
          command['ordered'] !== false,
          (document) => {
            insert(created(), document);
            return 1;
          },
          fails,
        );
      case 'update':
        return write(
          command['updates'] as Row[],
          command['ordered'] !== false,
          ({ q, u, upsert, multi }) => {
            if (upsert === true || multi === true) refuse('upsert and multi');
            const before = first(stored, q as Row);
            if (!before || !stored) return 0;
            replace(stored, before, updated(before, u as Row));
            return 1;
          },
          fails,
        );
      case 'delete':
        return write(
          command['deletes'] as Row[],
          command['ordered'] !== false,
          ({ q, limit }) => {
            if (limit !== 1) refuse('a delete of many');
            const before = first(stored, q as Row);
            return before && stored?.rows.delete(before['_id'] as string) ? 1 : 0;
          },
          fails,
        );
      case 'find': {
        if (command['skip'] || command['projection']) refuse('skip and projection');
        const found = sort(matching(stored, command['filter'] as Row), command['sort'] as Row | undefined);
        return reply(namespace, found.slice(0, Number(command['limit'] || found.length)), Number(size ?? BATCH));
      }
      case 'count':
        return { n: stored?.rows.size ?? 0 };
      case 'aggregate':
        return reply(namespace, aggregate(stored, command['pipeline'] as Row[]), Number(size ?? BATCH));
      case 'getMore': {
        const id = Number(command['getMore']);
        const cursor = cursors.get(id);
        if (!cursor) throw new CommandFailed(43, 'CursorNotFound', `cursor id ${id} not found`);
        const nextBatch = cursor.rows.splice(0, Number(size ?? cursor.rows.length));
        if (cursor.rows.length === 0) cursors.delete(id);
        const left = BSON.Long.fromNumber(cursors.has(id) ? id : 0);
        return { cursor: { id: left, ns: cursor.namespace, nextBatch } };
      }
      case 'killCursors':
        for (const id of command['cursors'] as unknown[]) cursors.delete(Number(id));
        return { cursorsKilled: command['cursors'] };
      default:
        throw new CommandFailed(59, 'CommandNotFound', `no such command: '${name}'`);
    }
  }

  /** One message, answered; a command's failure is an answer too. */
  async function answer(socket: Socket, message: Buffer): Promise<void> {
    const requestId = message.readInt32LE(4);
    const operation = message.readInt32LE(12);
    const command = operation === OP_QUERY ? readQuery(message) : readMessage(message);
    const name = Object.keys(command)[0] as string;
    if (['insert', 'update', 'delete'].includes(name)) writeConcerns.push(command['writeConcern']);
    if (faults.silent) return;
    let body: Row;
    try {
      const isHandshake = /^(hello|ismaster|saslStart)$/i.test(name);
      if (faults.delayMs && !isHandshake) {
        await new Promise((resolve) => setTimeout(resolve, faults.delayMs));
        if (faults.delayMs > Number(command['maxTimeMS'] ?? Number.POSITIVE_INFINITY))
          throw new CommandFailed(50, 'MaxTimeMSExpired', 'operation exceeded time limit');
      }
      if (faults.diskFull && ['insert', 'update', 'delete', 'create', 'createIndexes'].includes(name))
        throw new CommandFailed(14031, 'OutOfDiskSpace', 'available disk space is less than required minimum');
      if (faults.notPrimary && !isHandshake) throw new CommandFailed(10107, 'NotWritablePrimary', 'not primary');
      body = { ...run(name, command), ok: 1 };
    } catch (error) {
      const { code, codeName } =
        error instanceof CommandFailed
          ? error
          : error instanceof QueryRefused
            ? { code: 14, codeName: 'TypeMismatch' }
            : { code: 8000, codeName: 'TestServerFault' };
      body = { ok: 0, errmsg: error instanceof Error ? error.message : String(error), code, codeName };
    }
    const bytes = encode(body, requestId, operation);
    const cuts = faults.cutReplies?.[name] ?? 0;
    if (faults.cutReplies && cuts > 0) {
      faults.cutReplies[name] = cuts - 1;
      socket.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => socket.destroy());
    } else socket.write(bytes);
  }

  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    let pending = Buffer.alloc(0);
    // Answers of one connection go out in the order of its questions.
    let turn = Promise.resolve();
    socket.on('data', (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= HEADER_BYTES) {
        const length = pending.readInt32LE(0);
        if (length < HEADER_BYTES || length > MAX_MESSAGE_BYTES) return void socket.destroy();
        if (pending.length < length) return;
        const message = pending.subarray(0, length);
        pending = pending.subarray(length);
        turn = turn.then(() => answer(socket, message)).catch(() => void socket.destroy());
      }
    });
  });
  const start = async (): Promise<void> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  };
  await start();
  return {
    url: `mongodb://127.0.0.1:${port}/?directConnection=true`,
    port,
    faults,
    writeConcerns,
    start,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

// Wire format

function readMessage(message: Buffer): Row {
  let command: Row = {};
  const lists: { [name: string]: Row[] } = {};
  if ((message.readUInt32LE(HEADER_BYTES) & ~0x10000) !== 0) refuse('checksums and answerless messages');
  for (let at = HEADER_BYTES + 4; at < message.length;) {
    const kind = message[at++];
    const length = message.readInt32LE(at);
    if (kind === 0) command = decode(message.subarray(at, at + length));
    else {
      const nameEnd = message.indexOf(0, at + 4);
      const list: Row[] = [];
      for (let item = nameEnd + 1; item < at + length; item += message.readInt32LE(item))
        list.push(decode(message.subarray(item, item + message.readInt32LE(item))));
      lists[message.toString('utf8', at + 4, nameEnd)] = list;
    }
    at += length;
  }
  return { ...command, ...lists };
}

/** The old form, which the driver's first handshake may have. */
function readQuery(message: Buffer): Row {
  const at = message.indexOf(0, HEADER_BYTES + 4) + 9;
  return { ...decode(message.subarray(at, at + message.readInt32LE(at))), $db: 'admin' };
}

/** Longs beyond 2^53 and Decimal128 come out as BSON classes, and are refused. */
function decode(bytes: Uint8Array): Row {
  return checked(BSON.deserialize(bytes, { promoteLongs: true })) as Row;
}
function checked(value: unknown): unknown {
  if (Array.isArray(value)) for (const item of value) checked(item);
  else if (typeof value === 'object' && value !== null) {
    const type = (value as { readonly _bsontype?: string })._bsontype;
    if (type === 'Long' || type === 'Decimal128') refuse(`numbers of type ${type}`);
    if (!type) for (const member of Object.values(value)) checked(member);
  }
  return value;
}

function encode(body: Row, requestId: number, operation: number): Buffer {
  const document = BSON.serialize(body, { ignoreUndefined: true });
  const isOld = operation === OP_QUERY;
  const prefix = isOld ? 20 : 5; // flags, cursor, from, count / flags, kind of section
  const bytes = Buffer.alloc(HEADER_BYTES + prefix + document.length);
  bytes.writeInt32LE(bytes.length, 0);
  bytes.writeInt32LE(requestId, 8);
  bytes.writeInt32LE(isOld ? OP_REPLY : OP_MSG, 12);
  if (isOld) bytes.writeInt32LE(1, HEADER_BYTES + 16);
  bytes.set(document, HEADER_BYTES + prefix);
  return bytes;
}

// Queries

/** The read model's subset and `$nor`, which its MongoDB adapter pages with. */
function compile(filter: Row): (document: Row) => boolean {
  const tests = Object.entries(filter).map(([key, condition]): ((document: Row) => boolean) => {
    if (key !== '$and' && key !== '$or' && key !== '$nor') return compileFilter({ [key]: condition });
    const parts = (condition as Row[]).map(compile);
    if (key === '$and') return (document) => parts.every((part) => part(document));
    const any = (document: Row): boolean => parts.some((part) => part(document));
    return key === '$or' ? any : (document) => !any(document);
  });
  return (document) => tests.every((test) => test(document));
}

function matching(stored: Stored | undefined, filter: Row): Row[] {
  if (!stored) return [];
  const matches = compile(filter);
  const id = filter['_id'];
  const candidates =
    typeof id === 'string' ? [stored.rows.get(id)].filter((row) => row !== undefined) : stored.rows.values();
  return [...candidates].filter(matches);
}
const first = (stored: Stored | undefined, filter: Row): Row | undefined => matching(stored, filter)[0];
const sort = (rows: Row[], order: Row | undefined): Row[] =>
  order ? createSorter<Row>(Object.entries(order) as [string, 1 | -1][]).sort(rows) : rows;

const STAGES = ['$match', '$group', '$project', '$sort', '$limit', '$unwind'];
function aggregate(stored: Stored | undefined, pipeline: readonly Row[]): Row[] {
  let rows = [...(stored?.rows.values() ?? [])];
  for (const stage of pipeline) {
    const [operator = ''] = Object.keys(stage);
    if (!STAGES.includes(operator))
      throw new CommandFailed(40324, 'Location40324', `Unrecognized pipeline stage name: '${operator}'`);
    // countDocuments groups by 1, sums 1.
    rows =
      operator === '$match'
        ? rows.filter(compile(stage['$match'] as Row))
        : runPipeline(rows as Document[], [stage as Document]);
  }
  return rows;
}

// Writes

function write(items: readonly Row[], ordered: boolean, perform: (item: Row) => number, fails: () => boolean): Row {
  const writeErrors: WriteError[] = [];
  let n = 0;
  for (const [index, item] of items.entries()) {
    try {
      if (fails()) throw new CommandFailed(112, 'WriteConflict', 'this item was made to fail');
      n += perform(item);
    } catch (error) {
      if (!(error instanceof CommandFailed)) throw error;
      writeErrors.push({ index, code: error.code, errmsg: error.message });
      if (ordered) break;
    }
  }
  return { n, nModified: n, ...(writeErrors.length > 0 ? { writeErrors } : {}) };
}

const valueAt = (document: unknown, field: string): unknown =>
  field.split('.').reduce<unknown>((value, part) => {
    if (Array.isArray(value)) refuse('a list in a unique index');
    return typeof value === 'object' && value !== null ? (value as Row)[part] : undefined;
  }, document);

function uniqueKey(document: Row, { key }: Index): string {
  const values = Object.keys(key).map((field) => valueAt(document, field) ?? null);
  if (values.some((value) => typeof value === 'object' && value !== null))
    refuse('lists and objects in a unique index');
  return JSON.stringify(values);
}

function checkUnique(stored: Stored, document: Row): void {
  for (const index of stored.indexes)
    if (index.unique && index.name !== '_id_') {
      const key = uniqueKey(document, index);
      for (const other of stored.rows.values())
        if (other['_id'] !== document['_id'] && uniqueKey(other, index) === key)
          throw new CommandFailed(
            11000,
            'DuplicateKey',
            `E11000 duplicate key error index: ${index.name} dup key: ${key}`,
          );
    }
}

function insert(stored: Stored, document: Row): void {
  const id = document['_id'];
  if (typeof id !== 'string') return refuse('ids that are no text');
  if (stored.rows.has(id))
    throw new CommandFailed(11000, 'DuplicateKey', `E11000 duplicate key error index: _id_ dup key: "${id}"`);
  checkUnique(stored, document);
  stored.rows.set(id, document);
}

function replace(stored: Stored, before: Row, after: Row): void {
  if (after['_id'] !== before['_id'])
    throw new CommandFailed(66, 'ImmutableField', "the (immutable) field '_id' was found to have been altered");
  checkUnique(stored, after);
  stored.rows.set(before['_id'] as string, after);
}

function updated(before: Row, update: Row): Row {
  const operators = Object.keys(update).filter((key) => key.startsWith('$'));
  if (operators.length === 0) return { _id: before['_id'], ...update };
  if (operators.join() !== '$set') return refuse(`update operators but $set (${operators.join()})`);
  const set = update['$set'] as Row;
  if (Object.keys(set).some((field) => field.includes('.'))) refuse('$set of a path');
  return { ...before, ...set };
}

const byName = (key: Row): string => Object.entries(key).join(';');

function createIndex(stored: Stored, wanted: Row): void {
  const { name, key, unique, v: _v, ...others } = wanted as { name: string; key: Row; unique?: boolean; v?: number };
  if (Object.keys(others).length > 0) refuse(`the index option ${Object.keys(others)[0]}`);
  const index: Index = { name, key, unique: unique === true };
  const other = stored.indexes.find((one) => one.name === name || byName(one.key) === byName(key));
  if (other) {
    if (other.name === name && byName(other.key) === byName(key) && other.unique === index.unique) return;
    if (other.name === name)
      throw new CommandFailed(
        86,
        'IndexKeySpecsConflict',
        `an existing index has the name "${name}" and another definition`,
      );
    throw new CommandFailed(85, 'IndexOptionsConflict', `Index already exists with a different name: ${other.name}`);
  }
  if (index.unique) {
    const keys = [...stored.rows.values()].map((row) => uniqueKey(row, index)).toSorted(compareText);
    const twice = keys.find((one, i) => i > 0 && one === keys[i - 1]);
    if (twice !== undefined)
      throw new CommandFailed(11000, 'DuplicateKey', `E11000 duplicate key error index: ${name} dup key: ${twice}`);
  }
  stored.indexes.push(index);
}
