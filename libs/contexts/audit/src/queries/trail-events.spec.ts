import fc from 'fast-check';
import { createMemoryEventLog, type EventLog } from '@cairn/eventlog';
import {
  BEGINNING,
  createCodec,
  defineEvent,
  s,
  type Instant,
  type JsonObject,
  type NewEvent,
  type Position,
  type StoredEvent,
} from '@cairn/kernel';
import { createMemoryReadModel, openMongoReadModel, openSqliteReadModel, type ReadModel } from '@cairn/readmodel';
import { createFeed, createProjectionRunner, createViews, createWaiters, systemClock } from '@cairn/runtime';
import { freshId, startMongoDouble, TENANT, type MongoDouble } from '@cairn/testing';
import { auditProjection } from '../projections/audit.projection.js';
import { lookedAt, meets, type TrailFilter, type TrailSources, type TrailSubject } from './trail-events.js';

const noted = defineEvent({
  type: 'noted',
  version: 1,
  schema: s.object({ learnerId: s.optional(s.string()), credentialId: s.optional(s.string()) }),
  samples: { 1: [{}] },
  means: 'Something was noted.',
});
const cipher = { seal: () => ({}), open: () => null };
const codec = createCodec([noted], cipher);

type Note = {
  readonly stream: string;
  readonly actor: string;
  readonly correlation: string;
  readonly recordedAt: string;
  readonly data: JsonObject;
  readonly tenant?: string;
};

/** Positions as EventStoreDB has them: far apart, and none but those of events may be named. */
function spread(log: EventLog): EventLog {
  const far = (position: Position): Position =>
    position === BEGINNING ? position : (String(BigInt(position) * 1531n).padStart(20, '0') as Position);
  const near = (position: Position): Position => {
    if (position !== BEGINNING && BigInt(position) % 1531n !== 0n) throw new Error(`${position} is between events`);
    return position === BEGINNING ? position : (String(BigInt(position) / 1531n).padStart(20, '0') as Position);
  };
  const moved = (event: StoredEvent): StoredEvent => ({ ...event, position: far(event.position) });
  return {
    ...log,
    read: async (...asked) => (await log.read(...asked)).map(moved),
    readAll: async ({ after, ...rest }) => {
      const page = await log.readAll({ after: near(after), ...rest });
      return { ...page, events: page.events.map(moved), readUpTo: far(page.readUpTo) };
    },
    subscribeAll: async function* ({ after, ...rest }) {
      for await (const item of log.subscribeAll({ after: near(after), ...rest }))
        if (item.kind === 'event') yield { kind: 'event', event: moved(item.event) };
        else if (item.kind === 'caught-up') yield item;
    },
    head: async () => far(await log.head()),
  };
}

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

async function logOf(notes: readonly Note[], log: EventLog = createMemoryEventLog()): Promise<EventLog> {
  const revisions = new Map<string, number>();
  const append = async (batch: readonly Note[]): Promise<void> => {
    const [first] = batch;
    if (!first) return;
    const stream = `${first.stream.split(' ')[0]}-${first.tenant ?? TENANT}.${first.stream.split(' ')[1]}`;
    const last = revisions.get(stream) ?? -1;
    const events = batch.map(({ actor, correlation, recordedAt, data, tenant = TENANT }): NewEvent => ({
      id: freshId(),
      type: 'noted',
      data,
      meta: {
        $correlationId: correlation,
        $causationId: freshId(),
        commandHash: '',
        actor,
        tenant,
        schemaVersion: '1',
        occurredAt: recordedAt,
        recordedAt,
        app: 'test',
      },
    }));
    const result = await log.append(stream, last < 0 ? 'none' : last, events);
    expect(result.ok).toBe(true);
    revisions.set(stream, last + events.length);
  };
  let batch: Note[] = [];
  for (const note of notes) {
    const [before] = batch;
    if (before && (before.stream !== note.stream || before.tenant !== note.tenant || batch.length === 500)) {
      await append(batch);
      batch = [];
    }
    batch.push(note);
  }
  await append(batch);
  return log;
}

async function projected(log: EventLog, readModel: ReadModel = createMemoryReadModel()) {
  const feed = createFeed({ log, codec });
  const waiters = createWaiters();
  const runner = createProjectionRunner({
    projections: [auditProjection([noted])],
    log,
    feed,
    readModel,
    codec,
    waiters,
    owner: 'only',
    clock: systemClock,
  });
  await runner.start();
  closing.push(async () => {
    await runner.stop();
    await feed.close();
  });
  const caughtUp = async (): Promise<void> => {
    expect(await waiters.waitFor(['audit'], await log.head(), 20_000)).toBe(true);
  };
  await caughtUp();
  const sources: TrailSources = {
    log,
    codec,
    views: createViews(readModel, runner.collectionOf),
    positionOfProjections: () => waiters.positionOf('audit'),
  };
  return { runner, sources, readModel, caughtUp };
}

async function trailOf(sources: TrailSources, filter: TrailFilter, after = BEGINNING) {
  const ids: string[] = [];
  let looked = 0;
  for await (const event of lookedAt(sources, TENANT, filter, after)) {
    looked++;
    if (meets(filter, TENANT, event)) ids.push(event.id);
  }
  return { ids, looked };
}

/** The oracle: the whole log, filtered. */
async function everyEvent(log: EventLog): Promise<readonly StoredEvent[]> {
  const events: StoredEvent[] = [];
  for (let after = BEGINNING; ;) {
    const page = await log.readAll({ after, limit: 1_000 });
    events.push(...page.events);
    if (page.atEnd) return events;
    after = page.readUpTo;
  }
}
const idsIn = (events: readonly StoredEvent[], filter: TrailFilter, after = BEGINNING): readonly string[] =>
  events.filter((event) => event.position > after && meets(filter, TENANT, event)).map(({ id }) => id);

const hour = (n: number, minute = 0): Instant => new Date(Date.UTC(2026, 0, 1, n, minute)).toISOString() as Instant;
const learner = (id: string): TrailFilter => ({ subject: { kind: 'learner', id } });
const credential = (id: string): TrailFilter => ({ subject: { kind: 'credential', id } });

/** Two imports and a person, many learners, over several hours; also what no program can read. */
function someNotes(count: number): readonly Note[] {
  return Array.from({ length: count }, (_, i): Note => {
    const who = `l${(i * 7) % 41}`;
    const own = i % 3 === 0;
    return {
      stream: own ? `credential c${i % 45}` : `record ${who}`,
      actor: i % 190 === 5 ? 'user:dean' : i < count / 2 ? 'service:import' : 'reactor:issue',
      correlation: i % 5 === 0 ? `request-${i}` : i < count / 3 ? 'run-1' : 'run-2',
      recordedAt: hour(Math.floor((i * 9) / count)),
      data: {
        ...(i % 11 === 0 ? { nonsense: true } : {}),
        ...(own ? {} : { learnerId: who }),
        ...(i % 4 === 0 || own ? { credentialId: `c${i % 45}` } : {}),
      },
      ...(i % 17 === 0 ? { tenant: 'another' } : {}),
    };
  });
}
const filters: readonly TrailFilter[] = [
  learner('l3'),
  learner('nobody'),
  credential('c9'),
  { actor: 'user:dean' },
  { actor: 'service:import' },
  { correlation: 'run-2' },
  { correlation: 'request-40' },
  { ...learner('l3'), actor: 'service:import' },
  { correlation: 'run-2', actor: 'user:dean' },
  { actor: 'reactor:issue', from: hour(6) },
  { ...learner('l3'), from: hour(4, 30) },
  { subject: { kind: 'thing', category: 'credential', id: 'c9' } },
];

describe.each([
  ['memory', async () => createMemoryReadModel()],
  ['SQLite', async () => openSqliteReadModel({ file: ':memory:' })],
  [
    'MongoDB',
    async () => {
      const double: MongoDouble = await startMongoDouble();
      closing.push(() => double.stop());
      return openMongoReadModel({ url: double.url, database: 'trails' });
    },
  ],
] as const)('trails over %s', (_name, opened) => {
  it.each([
    ['next to each other', createMemoryEventLog],
    ['far apart', () => spread(createMemoryEventLog())],
  ] as const)('are complete and in the order of the log, positions %s', async (_positions, open) => {
    const log = await logOf(someNotes(1_200), open());
    const readModel = await opened();
    closing.push(() => readModel.close());
    const { sources, runner } = await projected(log, readModel);
    const all = await everyEvent(log);
    for (const filter of filters) {
      const expected = idsIn(all, filter);
      expect((await trailOf(sources, filter)).ids).toEqual(expected);
      // Going on after any of its events, as a cursor does.
      for (const id of [expected[0], expected[Math.floor(expected.length / 2)], expected.at(-1)]) {
        const after = all.find((event) => event.id === id)?.position;
        if (after) expect((await trailOf(sources, filter, after)).ids).toEqual(idsIn(all, filter, after));
      }
    }
    expect(idsIn(all, learner('l3')).length).toBeGreaterThan(10);
    expect(await runner.parked()).toEqual([]);
    expect(await runner.rebuild(['audit'])).toMatchObject([{ equal: true }]);
  });
});

describe('a trail', () => {
  it('equals the filtered log, whatever was recorded, by whom, about whom and when', async () => {
    const actor = fc.constantFrom('user:x', 'user', 'service:%3A');
    const correlation = fc.constantFrom('1', '1:2');
    const note = fc.record(
      {
        stream: fc.constantFrom('record a', 'record b', 'credential c', 'credential d'),
        actor,
        correlation,
        lateBy: fc.nat({ max: 6 }),
        data: fc.record(
          { learnerId: fc.constantFrom('a', 'a', 'b', 7, null), credentialId: fc.constantFrom('c', 'd') },
          { requiredKeys: ['learnerId'] },
        ),
        times: fc.constantFrom(1, 1, 2, 60),
      },
      { noNullPrototype: true },
    );
    const subject = fc.constantFrom<TrailSubject>(
      { kind: 'learner', id: 'a' },
      { kind: 'credential', id: 'c' },
      { kind: 'thing', category: 'record', id: 'b' },
    );
    const from = fc.integer({ min: 0, max: 25 }).map((n) => hour(n));
    const asked = fc.oneof(
      fc.record({ subject, actor, from }, { requiredKeys: ['subject'] }),
      fc.record({ actor, from }, { requiredKeys: ['actor'] }),
      fc.record({ correlation, actor, from }, { requiredKeys: ['correlation'] }),
    );
    let found = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(note, { minLength: 1, maxLength: 25, size: 'max' }),
        fc.array(asked, { minLength: 6, maxLength: 6 }),
        fc.option(fc.nat(), { nil: undefined }),
        fc.boolean(),
        async (notes, wanted, place, far) => {
          // Recorded time never falls within a stream, though it may within the log.
          const latest = new Map<string, string>();
          const many = notes.flatMap(({ times, lateBy, ...one }, i) => {
            const at = hour(i + lateBy);
            const earlier = latest.get(one.stream) ?? at;
            const recordedAt = earlier > at ? earlier : at;
            latest.set(one.stream, recordedAt);
            return Array.from({ length: times }, () => ({ ...one, data: one.data as JsonObject, recordedAt }));
          });
          const log = await logOf(many, far ? spread(createMemoryEventLog()) : createMemoryEventLog());
          const { sources } = await projected(log);
          const all = await everyEvent(log);
          const after = (place === undefined ? undefined : all[place % all.length]?.position) ?? BEGINNING;
          for (const filter of wanted) {
            const expected = idsIn(all, filter, after);
            expect((await trailOf(sources, filter, after)).ids).toEqual(expected);
            if (expected.length > 0) found++;
          }
        },
      ),
      { numRuns: 60 },
    );
    expect(found).toBeGreaterThan(60); // of 360: the trails are not mostly empty ones
  }, 60_000);

  it('of a great import takes a few bytes for each event, and is found without reading the whole log', async () => {
    const COUNT = 25_000;
    const log = await logOf(
      Array.from({ length: COUNT }, (_, i) => ({
        stream: `record l${Math.floor(i / 25)}`,
        actor: i % 6_000 === 77 ? 'user:dean' : 'service:import',
        correlation: 'run',
        recordedAt: hour(0),
        data: { learnerId: `l${Math.floor(i / 25)}` },
      })),
    );
    const { sources, readModel } = await projected(log);
    let bytes = 0;
    let largest = 0;
    for await (const { _id, _p, ...document } of readModel.scan('audit__v3')) {
      const size = JSON.stringify(document).length;
      if (!/:learner:/.test(_id)) bytes += size;
      largest = Math.max(largest, size);
    }
    expect(bytes / COUNT).toBeLessThan(3);
    expect(largest).toBeLessThan(20_000);
    const dean = await trailOf(sources, { actor: 'user:dean' });
    expect(dean.ids).toHaveLength(5);
    expect(dean.looked).toBeLessThan(600);
    const some = await trailOf(sources, learner('l400'));
    expect(some).toMatchObject({ looked: 25, ids: { length: 25 } });
    expect((await trailOf(sources, { correlation: 'run' })).ids).toHaveLength(COUNT);
  }, 60_000);

  it('from an instant on holds also what an older event of its stretch is followed by', async () => {
    const note = { stream: 'record a', actor: 'user:x', correlation: '1', data: {} };
    const log = await logOf([0, 2, 5, 9].map((n) => ({ ...note, recordedAt: hour(n) })));
    const { sources } = await projected(log);
    for (const from of [hour(0), hour(3), hour(9), hour(10)]) {
      const filter = { actor: 'user:x', from };
      expect((await trailOf(sources, filter)).ids).toEqual(idsIn(await everyEvent(log), filter));
    }
  });

  it('ends where the projection is: what comes later follows, and nothing is passed over', async () => {
    const notes = someNotes(300);
    const log = await logOf(notes);
    const { sources, caughtUp } = await projected(log);
    const all = await everyEvent(log);
    const behind: TrailSources = {
      ...sources,
      positionOfProjections: () => (all[150] as StoredEvent).position,
    };
    for (const filter of filters) {
      const early = (await trailOf(behind, filter)).ids;
      expect(early).toEqual(idsIn(all.slice(0, 151), filter));
      const last = all.find(({ id }) => id === early.at(-1))?.position;
      expect((await trailOf(sources, filter, last)).ids).toEqual(idsIn(all, filter, last));
    }
    await log.append(`record-${TENANT}.new`, 'none', [
      { ...(all[1] as StoredEvent), id: freshId(), data: { learnerId: 'l3' } },
    ]);
    await caughtUp();
    expect((await trailOf(sources, learner('l3'), all.at(-1)?.position)).ids).toHaveLength(1);
  });
});

describe('the projection', () => {
  it('is the same in whatever portions it is folded, and however often an event comes', async () => {
    const log = await logOf(someNotes(700));
    const whole = await projected(log);
    const contents = async ({ readModel }: typeof whole): Promise<readonly unknown[]> => {
      const documents: unknown[] = [];
      for await (const document of readModel.scan('audit__v3')) documents.push(document);
      return documents;
    };
    const notes = someNotes(700);
    const growing = createMemoryEventLog();
    const stepwise = await projected({
      ...growing,
      // Each event twice, as after a reconnection.
      subscribeAll: async function* (asked) {
        for await (const item of growing.subscribeAll(asked)) {
          yield item;
          if (item.kind === 'event') yield item;
        }
      },
    });
    const all = await everyEvent(log);
    expect(notes).toHaveLength(all.length);
    for (const { stream, revision, id, type, data, meta } of all) {
      await growing.append(stream, revision === 0 ? 'none' : revision - 1, [{ id, type, data, meta }]);
      if (revision % 3 === 0) await stepwise.caughtUp();
    }
    await stepwise.caughtUp();
    expect(await contents(stepwise)).toEqual(await contents(whole));
  }, 30_000);
});
