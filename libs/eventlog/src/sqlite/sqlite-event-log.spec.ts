// What only the embedded log can show: its lock, its syncs, its disk. With real processes, a real full disk and real
// failing syncs where the machine allows it.
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate as nextMacrotask } from 'node:timers/promises';
import { BEGINNING, type NewEvent, type Position, type StoredEvent } from '@cairn/kernel';
import { LogUnavailable, type EventLog } from '../port.js';
import { DataDirectoryLocked, refuseNetworkFileSystem } from './data-directory.js';
import { openSqliteEventLog, type SqliteEventLog } from './sqlite-event-log.js';

const scratch = mkdtempSync(join(tmpdir(), 'cairn-eventlog-'));
const opened: SqliteEventLog[] = [];
const children: ChildProcess[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const log of opened.splice(0)) await log.close();
});
afterAll(() => {
  disk?.unmount();
  rmSync(scratch, { recursive: true, force: true });
});

const newDirectory = (): string => join(scratch, randomUUID());
async function open(directory: string): Promise<SqliteEventLog> {
  const log = await openSqliteEventLog({ directory });
  opened.push(log);
  return log;
}
const newEvent = (data: NewEvent['data'] = { n: 1 }, type = 'thing-happened'): NewEvent => ({
  id: randomUUID(),
  type,
  data,
  meta: { actor: 'test' },
});
const newEvents = (count: number): NewEvent[] => Array.from({ length: count }, (_, n) => newEvent({ n }));
const stream = (id: string | number): string => `thing-t1.${id}`;

async function everything(log: EventLog): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  for (let after: Position = BEGINNING; ;) {
    const page = await log.readAll({ after, limit: 1_000 });
    events.push(...page.events);
    if (page.atEnd) return events;
    after = page.readUpTo;
  }
}

/** The library as built code, for processes of their own. */
const build = join(scratch, 'build');
beforeAll(() => {
  const swc = [
    'libs/kernel/src',
    'libs/eventlog/src',
    '-d',
    build,
    '--config-file',
    '.swcrc',
    '--ignore',
    '**/*spec.ts',
  ];
  execFileSync(process.execPath, ['node_modules/@swc/cli/bin/swc.js', ...swc], { stdio: 'pipe' });
  writeFileSync(join(build, 'package.json'), '{"type":"module"}');
  writeFileSync(
    join(build, 'hold.js'),
    `import { openSqliteEventLog } from './libs/eventlog/src/sqlite/sqlite-event-log.js';
    try {
      await openSqliteEventLog({ directory: process.argv[2] });
      console.log('held');
      setInterval(() => {}, 1000);
    } catch (error) {
      console.log(error.name + ': ' + error.message);
    }`,
  );
  // 32 writers, each on a stream of its own; one line for each answer. They do not give up at the first failure.
  writeFileSync(
    join(build, 'write.js'),
    `import { randomUUID } from 'node:crypto';
    import { writeSync } from 'node:fs';
    import { openSqliteEventLog } from './libs/eventlog/src/sqlite/sqlite-event-log.js';
    const log = await openSqliteEventLog({ directory: process.argv[2] });
    const total = Number(process.argv[3]);
    for (let writer = 0; writer < 32; writer++) void (async () => {
      const stream = 'thing-t1.' + randomUUID();
      for (let revision = -1, n = 0, failures = 0; n < total && failures < 5; n++) {
        const events = [{ id: randomUUID(), type: 'a', data: { n }, meta: {} }, { id: randomUUID(), type: 'b', data: {}, meta: {} }];
        const line = { stream, ids: events.map(({ id }) => id) };
        try {
          const result = await log.append(stream, revision < 0 ? 'none' : revision, events);
          revision = result.revision;
          writeSync(1, JSON.stringify({ ...line, ...result }) + '\\n');
        } catch (error) {
          failures++;
          writeSync(1, JSON.stringify({ ...line, ok: false, outcome: error.outcome, message: error.message }) + '\\n');
        }
      }
    })();`,
  );
}, 60_000);

type Line = {
  readonly stream: string;
  readonly ok: boolean;
  readonly revision: number;
  readonly position: string;
  readonly outcome?: string;
  readonly message?: string;
  readonly ids: readonly string[];
};
const linesOf = (output: string): Line[] =>
  output
    .slice(0, output.lastIndexOf('\n') + 1)
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line);

/** R1 and R3: what was acknowledged is there, once, where it was said to be; revisions without gaps, ids unique. */
async function expectWhole(log: EventLog, acknowledged: readonly Line[]): Promise<readonly StoredEvent[]> {
  const events = await everything(log);
  const byPlace = new Map(events.map((event) => [`${event.stream}@${event.revision}`, event]));
  const found = acknowledged.map(({ stream: name, revision }) => {
    const [first, last] = [byPlace.get(`${name}@${revision - 1}`), byPlace.get(`${name}@${revision}`)];
    return { ids: [first?.id, last?.id], position: last?.position };
  });
  expect(found).toEqual(acknowledged.map(({ ids, position }) => ({ ids, position })));
  expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
  const next = new Map<string, number>();
  const gaps = events.filter(({ stream: name, revision }) => {
    const expected = next.get(name) ?? 0;
    next.set(name, revision + 1);
    return revision !== expected;
  });
  expect(gaps).toEqual([]);
  // Appends of two: all or nothing.
  expect([...next.values()].filter((length) => length % 2 !== 0)).toEqual([]);
  return events;
}

function start(script: string, ...args: string[]): ChildProcess {
  const child = spawn(process.execPath, [join(build, script), ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  return child;
}
async function firstOutput(child: ChildProcess): Promise<string> {
  const [data] = (await once(child.stdout!, 'data')) as [Buffer];
  return data.toString();
}

describe('a new log', () => {
  it('is empty: head is the beginning', async () => {
    const log = await open(newDirectory());
    expect(await log.head()).toBe(BEGINNING);
    expect(await log.readAll({ after: BEGINNING, limit: 10 })).toMatchObject({ events: [], readUpTo: '', atEnd: true });
  });

  it('is readable by its owner only', async () => {
    const directory = newDirectory();
    await open(directory);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
  });

  it('opens after a start that was killed between making the file and making the tables', async () => {
    const directory = newDirectory();
    mkdirSync(directory);
    const db = new DatabaseSync(join(directory, 'events.sqlite'));
    db.exec('PRAGMA journal_mode = WAL');
    db.close();
    expect(await (await open(directory)).append(stream(1), 'none', newEvents(1))).toMatchObject({ ok: true });
  });
});

describe('group commit', () => {
  it('all appends of one macrotask are one transaction', async () => {
    const log = await open(newDirectory());
    const results = await Promise.all(
      Array.from({ length: 64 }, (_, n) => log.append(stream(n), 'none', newEvents(2))),
    );
    expect(results.every(({ ok }) => ok)).toBe(true);
    expect(log.status().commits).toBe(1);
  });

  it('appends that wait for each other are transactions of their own', async () => {
    const log = await open(newDirectory());
    for (let n = 0; n < 5; n++) await log.append(stream(n), 'none', newEvents(1));
    expect(log.status().commits).toBe(5);
  });

  it('64 concurrent writers share their commits', async () => {
    const log = await open(newDirectory());
    const writers = Array.from({ length: 64 }, async (_, writer) => {
      for (let n = 0; n < 10; n++) await log.append(stream(writer), n === 0 ? 'none' : n - 1, newEvents(1));
    });
    await Promise.all(writers);
    expect(log.status().commits).toBeLessThanOrEqual(20); // 10 if nothing is ever late
  });

  it('an append that writes nothing needs no commit', async () => {
    const log = await open(newDirectory());
    const events = newEvents(1);
    await log.append(stream(1), 'none', events);
    await log.append(stream(1), 'none', events);
    await log.append(stream(1), 5, newEvents(1));
    expect(log.status().commits).toBe(1);
  });

  it('much at once is several transactions, with other work in between', async () => {
    const log = await open(newDirectory());
    let turns = 0;
    let done = false;
    const counting = (async () => {
      for (; !done; turns++) await nextMacrotask();
    })();
    await Promise.all(Array.from({ length: 10 }, (_, n) => log.append(stream(n), 'none', newEvents(1_000))));
    done = true;
    await counting;
    expect(log.status().commits).toBe(10);
    expect(turns).toBeGreaterThanOrEqual(9);
  });

  it('a fault of one append leaves the others of its transaction untouched', async () => {
    const directory = newDirectory();
    await (await openSqliteEventLog({ directory })).close();
    const db = new DatabaseSync(join(directory, 'events.sqlite'));
    db.exec(`CREATE TRIGGER bad BEFORE INSERT ON events WHEN NEW.type = 'bad'
      BEGIN SELECT RAISE(ABORT, 'this one is bad'); END`);
    db.close();
    const log = await open(directory);
    const outcomes = await Promise.allSettled([
      log.append(stream(1), 'none', newEvents(2)),
      log.append(stream(2), 'none', [newEvent(), newEvent({}, 'bad'), newEvent()]),
      log.append(stream(3), 'none', newEvents(2)),
      log.append(stream(2), 'none', newEvents(1)),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    expect(
      (await everything(log)).map((event) => `${event.stream}@${event.revision} ${Number(event.position)}`),
    ).toEqual(['thing-t1.1@0 1', 'thing-t1.1@1 2', 'thing-t1.3@0 3', 'thing-t1.3@1 4', 'thing-t1.2@0 5']);
    expect(log.status()).toEqual({ failure: undefined, commits: 1 });
  });
});

describe('one process holds the directory', () => {
  it('a second process is refused and told who holds it', async () => {
    const directory = newDirectory();
    await open(directory);
    const answer = await firstOutput(start('hold.js', directory));
    expect(answer).toContain(
      `DataDirectoryLocked: the data directory ${directory} is in use by process ${process.pid}`,
    );
    expect(answer).toContain('stop that one first');
  });

  it('we are refused while another process holds it; after kill -9 of that one we are not', async () => {
    const directory = newDirectory();
    const holder = start('hold.js', directory);
    expect(await firstOutput(holder)).toBe('held\n');
    const refusal = openSqliteEventLog({ directory });
    await expect(refusal).rejects.toThrow(DataDirectoryLocked);
    await expect(refusal).rejects.toMatchObject({ pid: holder.pid, directory });
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    expect(existsSync(join(directory, 'lock.json'))).toBe(true); // stale, and harmless
    expect(await (await open(directory)).append(stream(1), 'none', newEvents(1))).toMatchObject({ ok: true });
  });

  it('a stale name that now belongs to a living process blocks nobody', async () => {
    const directory = newDirectory();
    mkdirSync(directory);
    const text = JSON.stringify({ pid: process.ppid, host: hostname(), since: '2026-01-01T00:00:00.000Z' });
    writeFileSync(join(directory, 'lock.json'), text);
    await open(directory);
    expect(JSON.parse(readFileSync(join(directory, 'lock.json'), 'utf8'))).toMatchObject({ pid: process.pid });
  });

  it('a second log in the same process is refused, and the first goes on', async () => {
    const directory = newDirectory();
    const log = await open(directory);
    await expect(openSqliteEventLog({ directory })).rejects.toThrow(DataDirectoryLocked);
    expect(await log.append(stream(1), 'none', newEvents(1))).toMatchObject({ ok: true });
    expect(await firstOutput(start('hold.js', directory))).toContain('DataDirectoryLocked');
  });

  it('a holder without a name is still respected', async () => {
    const directory = newDirectory();
    await open(directory);
    rmSync(join(directory, 'lock.json'));
    await expect(openSqliteEventLog({ directory })).rejects.toThrow('another process, which has not left its number');
  });

  it('closing lets the next one in', async () => {
    const directory = newDirectory();
    await (await openSqliteEventLog({ directory })).close();
    expect(await firstOutput(start('hold.js', directory))).toBe('held\n');
  });

  it('a network file system is refused', () => {
    for (const [type, name] of [
      [0x6969, 'NFS'],
      [0xff534d42, 'CIFS'],
      [0xff534d42 | 0, 'CIFS'], // as a signed number
      [0x01021997, '9p'],
    ] as const)
      expect(() => refuseNetworkFileSystem('/data', () => type)).toThrow(`/data lies on a ${name} file system`);
    expect(() => refuseNetworkFileSystem('/data', () => 0xef53)).not.toThrow();
  });
});

describe('kill -9', () => {
  it('loses no acknowledged append and halves none, six times over the same log', async () => {
    const directory = newDirectory();
    const acknowledged: Line[] = [];
    for (let round = 0; round < 6; round++) {
      const writer = start('write.js', directory, '1000000');
      let output = '';
      writer.stdout!.on('data', (data: Buffer) => (output += data.toString()));
      await once(writer.stdout!, 'data');
      await new Promise((resolve) => setTimeout(resolve, 20 + 37 * round));
      writer.kill('SIGKILL');
      await once(writer, 'close');
      const lines = linesOf(output);
      expect(lines.every(({ ok }) => ok)).toBe(true);
      acknowledged.push(...lines);
      const log = await openSqliteEventLog({ directory });
      await expectWhole(log, acknowledged);
      await log.close();
    }
    expect(acknowledged.length).toBeGreaterThan(100);
  }, 60_000);
});

describe('a torn tail', () => {
  it('cut anywhere in the last commit, the write-ahead log yields that commit whole or not at all, and all before', async () => {
    const directory = newDirectory();
    const log = await open(directory);
    for (let n = 0; n < 3; n++) await log.append(stream(1), n === 0 ? 'none' : 2 * n - 1, newEvents(2));
    const wal = 'events.sqlite-wal';
    const before = statSync(join(directory, wal)).size;
    await log.append(stream(1), 5, newEvents(2));
    const after = statSync(join(directory, wal)).size;
    const saved = await everything(log);
    const whole = newDirectory();
    execFileSync('cp', ['-r', directory, whole]); // by another process: closing a copy here would drop our locks
    const lengths = new Set<number>();
    for (let size = before; size <= after; size += size + 131 > after ? Math.max(1, after - size) : 131) {
      const torn = newDirectory();
      cpSync(whole, torn, { recursive: true });
      truncateSync(join(torn, wal), size);
      const again = await openSqliteEventLog({ directory: torn });
      const events = await everything(again);
      await again.close();
      rmSync(torn, { recursive: true });
      lengths.add(events.length);
      expect(events).toEqual(saved.slice(0, size === after ? 8 : 6));
    }
    expect(lengths).toEqual(new Set([6, 8]));
  }, 60_000);
});

const run = (program: string, ...args: readonly string[]) =>
  spawnSync(program, args, { encoding: 'utf8', timeout: 30_000 });

/** A small file system of our own; undefined if we may not. */
function mountSmallDisk(): { readonly path: string; readonly unmount: () => void } | undefined {
  const path = join(scratch, 'small-disk');
  mkdirSync(path, { recursive: true });
  if (run('mount', '-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', path).status !== 0) return undefined;
  return { path, unmount: () => void run('umount', '-l', path) };
}
const disk = mountSmallDisk();

(disk ? describe : describe.skip)(`a full disk${disk ? '' : ' (skipped: no right to mount a tmpfs)'}`, () => {
  it('is said clearly; nothing is half applied, what was acknowledged stays, and room makes it well again', async () => {
    const directory = join((disk as { path: string }).path, 'data');
    const log = await open(directory);
    let acknowledged = 0;
    let failure: unknown;
    for (; failure === undefined; acknowledged += failure === undefined ? 3 : 0) {
      const events = Array.from({ length: 3 }, () => newEvent({ text: 'x'.repeat(5_000) }));
      await log.append(stream(1), acknowledged === 0 ? 'none' : acknowledged - 1, events).catch((error: unknown) => {
        failure = error;
      });
    }
    expect(acknowledged).toBeGreaterThan(30);
    expect(failure).toBeInstanceOf(LogUnavailable);
    expect(failure).toMatchObject({
      outcome: 'not-written',
      message: expect.stringMatching(/disk .* is full.*make room/),
    });

    // Read-only from now on: reads go on, appends are refused, also when there is room again.
    const next = log.append(stream(2), 'none', newEvents(1));
    await expect(next).rejects.toMatchObject({ outcome: 'not-written', message: expect.stringMatching('read-only') });
    expect(log.status().failure).toBeInstanceOf(LogUnavailable);
    expect((await everything(log)).map(({ revision }) => revision)).toEqual(
      Array.from({ length: acknowledged }, (_, n) => n),
    );
    await log.close();

    run('mount', '-o', 'remount,size=16m', (disk as { path: string }).path);
    const again = await open(directory);
    expect(await everything(again)).toHaveLength(acknowledged);
    expect(await again.append(stream(1), acknowledged - 1, newEvents(1))).toMatchObject({ ok: true });
  });
});

const strace = run('strace', '-f', '-e', 'trace=fsync', 'true').status === 0;
(strace ? describe : describe.skip)(`syncs${strace ? '' : ' (skipped: strace cannot run here)'}`, () => {
  const traced = (options: readonly string[], directory: string, total: string): { lines: Line[]; trace: string } => {
    const trace = join(scratch, `${randomUUID()}.trace`);
    const args = ['-f', '-y', '-o', trace, ...options, process.execPath, join(build, 'write.js'), directory, total];
    const { stdout } = run('strace', ...args);
    return { lines: linesOf(stdout), trace: readFileSync(trace, 'utf8') };
  };

  it('every commit is synced before its appends are acknowledged', () => {
    const { lines, trace } = traced(['-e', 'trace=fsync,fdatasync,write', '-s', '40'], newDirectory(), '3');
    expect(lines).toHaveLength(96);
    // In the order of the system calls: a sync of the write-ahead log stands before each group of acknowledgements.
    const calls = trace.split('\n').flatMap((line) => {
      if (/(fsync|fdatasync)\(\d+<[^>]*events\.sqlite-wal>/.test(line)) return ['sync'];
      return /write\(1<[^>]*>, "\{\\"stream/.test(line) ? ['ack'] : [];
    });
    const groups = calls.join(' ').match(/sync( ack)+/g) ?? [];
    expect(calls.filter((call) => call === 'ack')).toHaveLength(96);
    expect(groups.join(' ').match(/ack/g)).toHaveLength(96);
    expect(groups.length).toBeGreaterThanOrEqual(3);
  }, 60_000);

  it('after a failed sync nothing is acknowledged any more, though the next sync would succeed', async () => {
    const directory = newDirectory();
    await (await openSqliteEventLog({ directory })).close();
    // The first few belong to opening and to the beginning of the write-ahead log.
    const { lines } = traced(['-e', 'inject=fsync,fdatasync:error=EIO:when=12'], directory, '50');
    const failed = lines.findIndex(({ ok }) => !ok);
    expect(failed).toBeGreaterThan(0);
    expect(lines.slice(failed).every(({ ok }) => !ok)).toBe(true);
    expect(lines[failed]).toMatchObject({
      outcome: 'unknown',
      message: expect.stringMatching(/read-only until a restart: check the disk/),
    });
    const log = await open(directory);
    const events = await expectWhole(
      log,
      lines.filter(({ ok }) => ok),
    );
    // R2: an unknown one left its whole effect or nothing (expectWhole saw no halves); a refused one nothing.
    const refused = lines.filter(({ outcome }) => outcome === 'not-written').flatMap(({ ids }) => ids);
    expect(events.filter(({ id }) => refused.includes(id))).toEqual([]);
  }, 60_000);
});

describe('a file that is not what it should be', () => {
  const withFile = (content: string | ((db: DatabaseSync) => void)): string => {
    const directory = newDirectory();
    mkdirSync(directory);
    const file = join(directory, 'events.sqlite');
    if (typeof content === 'string') {
      writeFileSync(file, content);
      return directory;
    }
    const db = new DatabaseSync(file);
    content(db);
    db.close();
    return directory;
  };
  const changed = async (change: (file: string) => void): Promise<string> => {
    const directory = newDirectory();
    const log = await openSqliteEventLog({ directory });
    for (let n = 0; n < 50; n++)
      await log.append(
        stream(n),
        'none',
        Array.from({ length: 20 }, () => newEvent({ text: 'x'.repeat(500) })),
      );
    await log.close();
    change(join(directory, 'events.sqlite'));
    return directory;
  };

  it('text: refused, untouched, and not locked', async () => {
    const directory = withFile('This is a text file. '.repeat(500));
    await expect(openSqliteEventLog({ directory })).rejects.toThrow(
      /events\.sqlite is damaged, or is not an event log.*restore a backup/,
    );
    expect(readFileSync(join(directory, 'events.sqlite'), 'utf8')).toMatch(/^This is a text file/);
    rmSync(join(directory, 'events.sqlite'));
    await open(directory);
  });

  it('the database of another program: refused, untouched', async () => {
    const directory = withFile((db) => db.exec('CREATE TABLE accounts (name TEXT)'));
    await expect(openSqliteEventLog({ directory })).rejects.toThrow('it is a database of something else');
    expect(readdirSync(directory).filter((name) => name.startsWith('events'))).toEqual(['events.sqlite']);
  });

  it('written by a newer version: refused', async () => {
    const directory = await changed((file) => {
      const db = new DatabaseSync(file);
      db.exec('PRAGMA user_version = 2');
      db.close();
    });
    await expect(openSqliteEventLog({ directory })).rejects.toThrow(
      'written by a newer Cairn (format 2, this one knows 1)',
    );
  });

  it('a damaged page: the read that meets it says so, naming the file', async () => {
    const directory = await changed((file) => {
      const bytes = readFileSync(file);
      for (let page = 20; page < 60; page++) bytes.fill(0xff, page * 4_096, page * 4_096 + 200);
      writeFileSync(file, bytes);
    });
    const log = await open(directory);
    await expect(everything(log)).rejects.toThrow(LogUnavailable);
    await expect(everything(log)).rejects.toThrow(/events\.sqlite is damaged.*restore a backup/);
  });

  it('an event that is not JSON any more: named by id, stream, revision and position', async () => {
    const directory = await changed((file) => {
      const db = new DatabaseSync(file);
      db.exec(`UPDATE events SET data = '{"text' WHERE position = 7`);
      db.close();
    });
    const log = await open(directory);
    await expect(log.read(stream(0))).rejects.toThrow(
      /event [0-9a-f-]{36} \(thing-t1\.0@6\) at position 7 is not JSON/,
    );
    await expect(everything(log)).rejects.toThrow(LogUnavailable);
    expect(await log.read(stream(1))).toHaveLength(20);
  });
});

describe('long reads', () => {
  let log: SqliteEventLog;
  beforeEach(async () => {
    log = await open(newDirectory());
    for (let n = 0; n < 10; n++) await log.append(stream(1), n === 0 ? 'none' : n * 1_000 - 1, newEvents(1_000));
  });
  const turnsDuring = async (work: () => Promise<unknown>): Promise<number> => {
    let turns = 0;
    let done = false;
    const counting = (async () => {
      for (; !done; turns++) await nextMacrotask();
    })();
    await work();
    done = true;
    await counting;
    return turns;
  };

  it('let other work run every few hundred events: readAll, read and feeds', async () => {
    expect(await turnsDuring(() => log.readAll({ after: BEGINNING, limit: 10_000 }))).toBeGreaterThanOrEqual(39);
    expect(await turnsDuring(() => log.read(stream(1)))).toBeGreaterThanOrEqual(39);
    const { signal } = new AbortController();
    const following = async (): Promise<void> => {
      for await (const item of log.subscribeAll({ after: BEGINNING, signal })) if (item.kind === 'caught-up') return;
    };
    expect(await turnsDuring(following)).toBeGreaterThanOrEqual(39);
  });

  it('do not keep the write-ahead log from being emptied, however long a consumer pauses', async () => {
    const directory = newDirectory();
    const other = await open(directory);
    await other.append(stream(1), 'none', newEvents(100));
    const feed = other.subscribeAll({ after: BEGINNING, signal: new AbortController().signal })[Symbol.asyncIterator]();
    await feed.next(); // and there it pauses
    const text = 'x'.repeat(4_000);
    for (let n = 0; n < 60; n++)
      await other.append(
        stream(`big${n}`),
        'none',
        Array.from({ length: 200 }, () => newEvent({ text })),
      );
    const megabytes = (name: string): number => statSync(join(directory, name)).size / 1024 / 1024;
    expect(megabytes('events.sqlite')).toBeGreaterThan(40);
    expect(megabytes('events.sqlite-wal')).toBeLessThan(20);
    await feed.return?.();
  });
});

describe('backup', () => {
  it('is a whole log, taken while appends go on', async () => {
    const log = await open(newDirectory());
    for (let n = 0; n < 10; n++) await log.append(stream(n), 'none', newEvents(1_000));
    const before = await everything(log);
    let writing = true;
    let written = 0;
    const writer = (async () => {
      for (; writing; written++) await log.append(stream(`during${written}`), 'none', newEvents(1));
    })();
    const target = newDirectory();
    mkdirSync(target);
    const { events } = await log.backup(join(target, 'events.sqlite'));
    writing = false;
    await writer;
    expect(written).toBeGreaterThan(0);
    const copy = await everything(await open(target));
    expect(copy).toHaveLength(events);
    expect(copy.slice(0, before.length)).toEqual(before);
    expect(copy).toEqual((await everything(log)).slice(0, copy.length));
    expect(readdirSync(target).filter((name) => name.includes('partial'))).toEqual([]);
  });

  it('to where nothing can be written: says so, leaves nothing, and the log goes on', async () => {
    const log = await open(newDirectory());
    await log.append(stream(1), 'none', newEvents(1));
    await expect(log.backup(join(scratch, 'missing', 'copy.sqlite'))).rejects.toThrow(
      /the backup to .*copy\.sqlite failed, nothing was kept/,
    );
    expect(await log.append(stream(1), 0, newEvents(1))).toMatchObject({ ok: true });
  });

  it('closing waits for it', async () => {
    const directory = newDirectory();
    const log = await openSqliteEventLog({ directory });
    await log.append(stream(1), 'none', newEvents(1_000));
    const copying = log.backup(join(directory, 'copy.sqlite'));
    await log.close();
    expect(await copying).toEqual({ events: 1_000 });
  });
});
