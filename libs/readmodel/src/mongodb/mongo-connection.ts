// The connection to MongoDB: opened once, checked once, and its errors as the port's, saying what to do.
import { MongoBulkWriteError, MongoClient, MongoServerError, type Db, type Document as MongoDocument } from 'mongodb';
import { QueryRefused, ReadModelUnavailable } from '../port.js';

export type MongoConnectionOptions = {
  /** mongodb:// or mongodb+srv://, may hold credentials: never shown in a message. */
  readonly url: string;
  /** A database of its own; everything in it can be deleted and rebuilt. */
  readonly database: string;
  /** Milliseconds an operation may take, at the server and on the way; default 10,000. */
  readonly timeoutMs?: number;
  /** Milliseconds to look for a server; default 3,000. */
  readonly selectionTimeoutMs?: number;
  /** True lets a server without a replica set pass: no retried writes, no fail-over. For development and tests. */
  readonly standalone?: boolean;
  /** What to check of the database once connected; default: that it is one of read models. */
  readonly check?: (db: Db, place: string) => Promise<void>;
};

export type MongoConnection = {
  readonly db: Db;
  /** All work passes here: what goes wrong comes as {@link ReadModelUnavailable}. */
  readonly guarded: <T>(work: (db: Db) => Promise<T>) => Promise<T>;
  /** The server's clock, in milliseconds since 1970. */
  readonly serverTimeMs: () => Promise<number>;
  readonly close: () => Promise<void>;
};

export const CODE = {
  namespaceNotFound: 26,
  namespaceExists: 48,
  commandNotFound: 59,
  indexOptionsConflict: 85,
  indexKeySpecsConflict: 86,
  duplicateKey: 11000,
  parallelArrays: 171,
  outOfDiskSpace: 14031,
  tooLarge: 10334,
  /** BadValue and TypeMismatch, and what older servers say for one operator each. */
  arithmetic: [2, 14, 16554, 16555, 16556, 16608, 16609],
} as const;

export const hasCode = (error: unknown, ...codes: readonly number[]): boolean =>
  error instanceof MongoServerError && codes.includes(Number(error.code));

/**
 * True if all that went wrong with a bulk of insertions is that some were there already. The driver throws the same class
 * for a connection that broke or a server that refused the whole, without any write error in it: then nothing is known.
 */
export function wereThere(error: unknown): boolean {
  if (!(error instanceof MongoBulkWriteError) || error.result.getWriteConcernError()) return false;
  const faults = [error.writeErrors].flat();
  return faults.length > 0 && faults.every(({ code }) => code === CODE.duplicateKey);
}

/** Raised when what the database holds changes its meaning; a database of another version is refused. */
const SCHEMA_VERSION = 1;
const POOL_SIZE = 20;

/** Connects and checks. Throws {@link ReadModelUnavailable}, with what to do. */
export async function connectMongo(options: MongoConnectionOptions): Promise<MongoConnection> {
  const {
    url,
    database,
    timeoutMs = 10_000,
    selectionTimeoutMs = 3000,
    standalone = false,
    check = checkSchema,
  } = options;
  const place = placeOf(url);
  let client: MongoClient;
  try {
    client = new MongoClient(url, {
      appName: 'cairn',
      maxPoolSize: POOL_SIZE,
      // Kept off by the driver itself where no replica set is. Never what makes a repeated write harmless: `_p` is.
      retryWrites: true,
      retryReads: true,
      readPreference: 'primary',
      readConcern: { level: 'local' },
      writeConcern: { w: 'majority', journal: true, wtimeoutMS: timeoutMs },
      serverSelectionTimeoutMS: selectionTimeoutMs,
      connectTimeoutMS: selectionTimeoutMs,
      waitQueueTimeoutMS: timeoutMs,
      // Beyond maxTimeMS, for a server that no longer answers at all.
      socketTimeoutMS: timeoutMs + 1000,
      ignoreUndefined: true,
    });
  } catch (error) {
    throw new ReadModelUnavailable(
      `the MongoDB address ${place} is not usable: ${messageOf(error, url)}. Expected mongodb://[user:password@]host[:port][/database][?options]`,
    );
  }
  let closed = false;
  const db = client.db(database);
  const guarded = async <T>(work: (db: Db) => Promise<T>): Promise<T> => {
    if (closed) throw new ReadModelUnavailable('the read model is closed');
    try {
      return await work(db);
    } catch (error) {
      if (isSocketError(error))
        throw new ReadModelUnavailable(`the connection to MongoDB at ${place} broke: ${error.message}`, {
          cause: error,
        });
      if (!isDriverError(error)) throw error;
      throw unavailable(error, url, place, database);
    }
  };
  const close = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    await client.close();
  };
  try {
    await guarded(async () => {
      await client.connect();
      const hello = await helloOf(db);
      if (!standalone && hello['setName'] === undefined && hello['msg'] !== 'isdbgrid')
        throw new ReadModelUnavailable(
          `MongoDB at ${place} has no replica set: start it with --replSet rs0, run rs.initiate() once, and connect again`,
        );
      await check(db, place);
    });
  } catch (error) {
    await close();
    throw error;
  }
  const serverTimeMs = (): Promise<number> => guarded(async () => ((await helloOf(db))['localTime'] as Date).getTime());
  return { db, guarded, serverTimeMs, close };
}

/** What the server is. Servers of before 5.0, and others of its protocol, know `hello` by its old name only. */
async function helloOf(db: Db): Promise<MongoDocument> {
  try {
    return await db.admin().command({ hello: 1 });
  } catch (error) {
    if (!hasCode(error, CODE.commandNotFound)) throw error;
    return db.admin().command({ isMaster: 1 });
  }
}

type SchemaRow = { readonly _id: string; readonly version: number };

/** Marks an empty database as ours; refuses another program's, and another version's. */
async function checkSchema(db: Db, place: string): Promise<void> {
  const rows = db.collection<SchemaRow>('_schema');
  const here = `database "${db.databaseName}" at ${place}`;
  let row = await rows.findOne({ _id: 'schema' });
  if (!row) {
    const names = await db.listCollections({}, { nameOnly: true }).toArray();
    const foreign = names.filter(({ name }) => name !== '_schema' && !name.startsWith('system.'));
    // Looked at again: another process may have begun in between.
    row = await rows.findOne({ _id: 'schema' });
    if (!row && foreign.length > 0)
      throw new ReadModelUnavailable(
        `${here} holds collections of another program (${foreign[0]?.name}): name a database of its own for the read models`,
      );
    if (!row)
      await rows.insertOne({ _id: 'schema', version: SCHEMA_VERSION }).catch((error: unknown) => {
        if (!hasCode(error, CODE.duplicateKey)) throw error;
      });
  }
  if (row && row.version !== SCHEMA_VERSION)
    throw new ReadModelUnavailable(
      `${here} has schema ${row.version}, this program needs ${SCHEMA_VERSION}: drop the database, it is rebuilt from the log, or name another`,
    );
}

// Errors

const isDriverError = (error: unknown): error is Error =>
  error instanceof Error && /^(Mongo|BSON)/.test(error.name) && !(error instanceof ReadModelUnavailable);

/** The driver lets a socket's own error through when it breaks while a write waits for room in its buffer. */
const isSocketError = (error: unknown): error is NodeJS.ErrnoException =>
  typeof (error as NodeJS.ErrnoException | undefined)?.syscall === 'string';

/** Hosts of the address, without its credentials. */
function placeOf(url: string): string {
  const hosts = /^mongodb(?:\+srv)?:\/\/(?:.*@)?([^/?@]+)/s.exec(url)?.[1];
  return hosts ?? '(no mongodb:// address)';
}

/** A driver's message without what the address holds beside its hosts. */
function messageOf(error: unknown, url: string): string {
  const text = error instanceof Error ? error.message : String(error);
  const credentials = /^mongodb(?:\+srv)?:\/\/(.*)@/s.exec(url)?.[1];
  if (!credentials) return text.replaceAll(url, '(the address)');
  return [url, credentials, ...credentials.split(':')]
    .filter((part) => part.length > 0)
    .reduce((shown, part) => shown.replaceAll(part, '***'), text);
}

function unavailable(error: Error, url: string, place: string, database: string): Error {
  const texts = causesOf(error).map((cause) => messageOf(cause, url));
  const detail = texts.join('; ');
  const say = (what: string): ReadModelUnavailable => new ReadModelUnavailable(what, { cause: error });
  if (hasCode(error, CODE.tooLarge)) return new QueryRefused('size', `a document is too large for MongoDB: ${detail}`);
  if (hasCode(error, CODE.outOfDiskSpace))
    return say(
      `MongoDB at ${place} has no disk space left: make room or give it a larger disk, then all goes on: ${detail}`,
    );
  if (hasCode(error, 18) || /Authentication failed/i.test(detail))
    return say(`MongoDB at ${place} refused the credentials: check user, password and authSource`);
  if (hasCode(error, 13) || /requires authentication/i.test(detail))
    return say(
      `MongoDB at ${place} allows this user too little: it needs readWrite on "${database}", or credentials are missing`,
    );
  if (/wrong version number|packet length too long|SSL|TLS|certificate/i.test(detail))
    return say(
      `no TLS connection to MongoDB at ${place}: the server speaks no TLS or shows a certificate that is not trusted (tls, tlsCAFile in the address): ${detail}`,
    );
  if (/RSGhost/.test(detail))
    return say(`MongoDB at ${place} has a replica set that was never initiated: run rs.initiate() once`);
  if (error.name === 'MongoServerSelectionError')
    return say(
      `no MongoDB answers at ${place}: is it running, and are host, port and replicaSet right? If it expects TLS, add tls=true: ${detail}`,
    );
  if (hasCode(error, 50)) return say(`MongoDB at ${place} took too long: ${detail}`);
  return say(`MongoDB at ${place}: ${detail}`);
}

/** An error, what caused it, and of a failed search for servers what each server said. */
function causesOf(error: Error): readonly (Error | string)[] {
  const found: (Error | string)[] = [];
  for (let cause: unknown = error; cause instanceof Error && found.length < 5; cause = cause.cause) {
    found.push(cause);
    const { servers } = ((cause as { readonly reason?: MongoDocument }).reason ?? {}) as {
      readonly servers?: ReadonlyMap<string, { readonly type: string; readonly error: Error | null }>;
    };
    for (const server of servers?.values() ?? []) {
      if (server.error) found.push(server.error);
      if (server.type === 'RSGhost') found.push('RSGhost');
    }
  }
  return found;
}
