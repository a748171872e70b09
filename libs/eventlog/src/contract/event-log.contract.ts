// What every event log must do, as a Jest suite: for the logs of this library, for the real event store and for its
// double. The rules are the event store's, as measured. So a log may be shared with other writers and may hold system
// events: no case relies on an empty log, on gaps between positions, or on being alone.
import { randomBytes, randomUUID } from 'node:crypto';
import { BEGINNING, type NewEvent, type Position, type StoredEvent } from '@cairn/kernel';
import {
  LogUnavailable,
  MAX_APPEND_BYTES,
  MAX_APPEND_EVENTS,
  type AppendResult,
  type EventLog,
  type ExpectedRevision,
  type FeedItem,
} from '../port.js';

export type OpenedLog = {
  readonly log: EventLog;
  /** Closes the log and opens it anew, over what it kept. Absent if it keeps nothing. */
  readonly reopen?: () => Promise<EventLog>;
  readonly close: () => Promise<void>;
};

const TEST_MS = 30_000;

/** `keeps`: false for a log that forgets everything when it is closed; the cases about reopening are then skipped. */
export function eventLogContract(
  name: string,
  open: () => Promise<OpenedLog>,
  { keeps = true }: { readonly keeps?: boolean } = {},
): void {
  describe(`event log contract: ${name}`, () => {
    const tenant = randomUUID();
    let opened: OpenedLog;
    let log: EventLog;
    let streams = 0;
    const controllers: AbortController[] = [];

    beforeAll(async () => {
      opened = await open();
      log = opened.log;
    }, TEST_MS);
    afterEach(() => {
      for (const controller of controllers.splice(0)) controller.abort();
    });
    afterAll(() => opened.close(), TEST_MS);

    const newStream = (category = 'contract'): string => `${category}-${tenant}.${++streams}`;
    /** A category that nobody else uses. */
    const newCategory = (): string =>
      `c${randomBytes(12)
        .toString('hex')
        .replace(/\d/g, (digit) => 'ghijklmnop'[+digit]!)}`;
    const subscribe = (after: Position, categories?: readonly string[]) => {
      const controller = new AbortController();
      controllers.push(controller);
      const options = { after, signal: controller.signal, ...(categories ? { categories } : {}) };
      return { feed: log.subscribeAll(options)[Symbol.asyncIterator](), stop: () => controller.abort() };
    };
    const fill = async (stream: string, count: number): Promise<readonly NewEvent[]> => {
      const events = newEvents(count);
      for (let at = 0; at < count; at += MAX_APPEND_EVENTS)
        await appended(log, stream, at === 0 ? 'none' : at - 1, events.slice(at, at + MAX_APPEND_EVENTS));
      return events;
    };
    const test = (title: string, run: () => Promise<void>): void => it(title, run, TEST_MS);
    const testIfKept = (title: string, run: () => Promise<void>): void =>
      keeps ? test(title, run) : it.skip(`${title} (skipped: this log keeps nothing)`, run);

    describe('append', () => {
      test('creates a stream with "none": revision 0 and a position', async () => {
        const result = await appended(log, newStream(), 'none', newEvents(1));
        expect(result).toEqual({ ok: true, revision: 0, position: expect.stringMatching(/^\d{20}$/) });
      });
      test('several events: the answer is revision and position of the last one', async () => {
        const stream = newStream();
        const result = await appended(log, stream, 'none', newEvents(3));
        const [, , last] = await log.read(stream);
        expect(result.revision).toBe(2);
        expect(result.position).toBe(last?.position);
      });
      test('continues a stream at its exact revision', async () => {
        const stream = newStream();
        await fill(stream, 2);
        expect((await appended(log, stream, 1, newEvents(2))).revision).toBe(3);
        expect(revisions(await log.read(stream))).toEqual([0, 1, 2, 3]);
      });
      test('"none" on an existing stream: conflict with its last revision, nothing written', async () => {
        const stream = newStream();
        await fill(stream, 3);
        expect(await log.append(stream, 'none', newEvents(1))).toEqual({ ok: false, actual: 2 });
        expect(await log.read(stream)).toHaveLength(3);
      });
      test('a revision on a missing stream: conflict with -1', async () => {
        const stream = newStream();
        expect(await log.append(stream, 0, newEvents(1))).toEqual({ ok: false, actual: -1 });
        expect(await log.read(stream)).toEqual([]);
      });
      test('a revision beyond the tip: conflict', async () => {
        const stream = newStream();
        await fill(stream, 2);
        expect(await log.append(stream, 5, newEvents(1))).toEqual({ ok: false, actual: 1 });
      });
      test('a revision before the tip: conflict, nothing written', async () => {
        const stream = newStream();
        await fill(stream, 3);
        expect(await log.append(stream, 1, newEvents(2))).toEqual({ ok: false, actual: 2 });
        expect(await log.read(stream)).toHaveLength(3);
      });
      test('50 parallel "none": exactly one succeeds, the others learn the tip', async () => {
        const stream = newStream();
        const results = await Promise.all(Array.from({ length: 50 }, () => log.append(stream, 'none', newEvents(1))));
        expect(results.filter(({ ok }) => ok)).toHaveLength(1);
        expect(results.filter(({ ok }) => !ok)).toEqual(Array(49).fill({ ok: false, actual: 0 }));
        expect(await log.read(stream)).toHaveLength(1);
      });
      test('50 parallel appends at one revision: exactly one succeeds', async () => {
        const stream = newStream();
        await fill(stream, 1);
        const results = await Promise.all(Array.from({ length: 50 }, () => log.append(stream, 0, newEvents(2))));
        expect(results.filter(({ ok }) => ok)).toHaveLength(1);
        expect(await log.read(stream)).toHaveLength(3);
      });
      test('unawaited appends land in the order of their calls', async () => {
        const from = await log.head();
        const names = Array.from({ length: 40 }, () => newStream());
        const results = await Promise.all(names.map((stream) => appended(log, stream, 'none', newEvents(1))));
        const positions = results.map(({ position }) => position);
        expect(positions).toEqual(positions.toSorted());
        expect((await walk(log, from)).map(({ stream }) => stream).filter((s) => names.includes(s))).toEqual(names);
      });
      test('200 pipelined exact revisions all succeed', async () => {
        const stream = newStream();
        const events = newEvents(200);
        const results = await Promise.all(
          events.map((event, index) => appended(log, stream, index === 0 ? 'none' : index - 1, [event])),
        );
        expect(results.map(({ revision }) => revision)).toEqual(events.map((_, index) => index));
        expect(ids(await log.read(stream))).toEqual(ids(events));
      });
      test('after a conflict the following pipelined appends are judged on their own', async () => {
        const stream = newStream();
        const results = await Promise.all([
          log.append(stream, 'none', newEvents(1)),
          log.append(stream, 7, newEvents(1)),
          log.append(stream, 0, newEvents(1)),
        ]);
        expect(results.map(({ ok }) => ok)).toEqual([true, false, true]);
      });
      test(`${MAX_APPEND_EVENTS} events in one append, in order`, async () => {
        const stream = newStream();
        const events = newEvents(MAX_APPEND_EVENTS);
        expect((await appended(log, stream, 'none', events)).revision).toBe(MAX_APPEND_EVENTS - 1);
        expect(ids(await log.read(stream))).toEqual(ids(events));
      });
      test('an append just below the size limit, and the log goes on', async () => {
        const stream = newStream();
        const events = [newEvent({ data: { text: 'x'.repeat(MAX_APPEND_BYTES - 1_000) } })];
        expect((await appended(log, stream, 'none', events)).revision).toBe(0);
        expect((await log.read(stream))[0]?.data).toEqual(events[0]?.data);
      });
      test('the caller may change its objects after the call: the log holds what was handed in', async () => {
        const stream = newStream();
        const data = { list: [1, 2], inner: { a: 1 } };
        const events = [newEvent({ data })];
        const pending = log.append(stream, 'none', events);
        data.list.push(3);
        data.inner.a = 9;
        events.push(newEvent());
        await pending;
        expect((await log.read(stream)).map((event) => event.data)).toEqual([{ list: [1, 2], inner: { a: 1 } }]);
      });
    });

    describe("idempotency: the server's rule and nothing more", () => {
      const original = async (count: number): Promise<[string, readonly NewEvent[], AppendResult]> => {
        const stream = newStream();
        const events = newEvents(count);
        return [stream, events, await appended(log, stream, 'none', events)];
      };
      test('the same append again: the original revision and position, nothing written', async () => {
        const [stream, events, first] = await original(3);
        expect(await log.append(stream, 'none', events)).toEqual(first);
        expect(await log.read(stream)).toHaveLength(3);
      });
      test('at an exact revision too', async () => {
        const [stream] = await original(2);
        const events = newEvents(2);
        const first = await appended(log, stream, 1, events);
        expect(await log.append(stream, 1, events)).toEqual(first);
        expect(await log.read(stream)).toHaveLength(4);
      });
      test('also after later events', async () => {
        const [stream, events, first] = await original(2);
        await appended(log, stream, 1, newEvents(5));
        expect(await log.append(stream, 'none', events)).toEqual(first);
        expect(await log.read(stream)).toHaveLength(7);
      });
      test('also when both are on their way at once', async () => {
        const stream = newStream();
        const events = newEvents(2);
        const [first, second] = await Promise.all([
          log.append(stream, 'none', events),
          log.append(stream, 'none', events),
        ]);
        expect(first).toMatchObject({ ok: true, revision: 1 });
        expect(second).toEqual(first);
        expect(await log.read(stream)).toHaveLength(2);
      });
      test('ids decide, not contents: the first version stays', async () => {
        const [stream, events, first] = await original(1);
        const other = { ...(events[0] as NewEvent), data: { other: true } };
        expect(await log.append(stream, 'none', [other])).toEqual(first);
        expect((await log.read(stream))[0]?.data).toEqual(events[0]?.data);
      });
      test('a prefix at its revision: revision and position of its last event', async () => {
        const [stream, events] = await original(4);
        const second = (await log.read(stream))[1] as StoredEvent;
        const result = await log.append(stream, 'none', events.slice(0, 2));
        expect(result).toEqual({ ok: true, revision: 1, position: second.position });
        expect(await log.read(stream)).toHaveLength(4);
      });
      test('a middle part at its revision', async () => {
        const [stream, events] = await original(5);
        const fourth = (await log.read(stream))[3] as StoredEvent;
        const result = await log.append(stream, 1, events.slice(2, 4));
        expect(result).toEqual({ ok: true, revision: 3, position: fourth.position });
      });
      test('across the border of two appends', async () => {
        const [stream, events] = await original(2);
        const more = newEvents(2);
        const last = await appended(log, stream, 1, more);
        expect(await log.append(stream, 0, [events[1] as NewEvent, ...more])).toEqual(last);
      });
      test('the same ids at an older, wrong revision: conflict', async () => {
        const [stream] = await original(3);
        const events = newEvents(2);
        await appended(log, stream, 2, events);
        expect(await log.append(stream, 1, events)).toEqual({ ok: false, actual: 4 });
        expect(await log.append(stream, 'none', events)).toEqual({ ok: false, actual: 4 });
      });
      test('the same ids at the current tip: written again', async () => {
        const [stream, events] = await original(2);
        expect(await log.append(stream, 1, events)).toMatchObject({ ok: true, revision: 3 });
        expect(ids(await log.read(stream))).toEqual([...ids(events), ...ids(events)]);
      });
      test('old and new ids overlapping, old first: conflict, nothing written', async () => {
        const [stream, events] = await original(2);
        expect(await log.append(stream, 0, [events[1] as NewEvent, newEvent()])).toEqual({ ok: false, actual: 1 });
        expect(await log.append(stream, 'none', [...events, newEvent()])).toEqual({ ok: false, actual: 1 });
        expect(await log.read(stream)).toHaveLength(2);
      });
      test('old and new ids mixed within the range: conflict', async () => {
        const [stream, events] = await original(3);
        const mixed = [events[0] as NewEvent, newEvent(), events[2] as NewEvent];
        expect(await log.append(stream, 'none', mixed)).toEqual({ ok: false, actual: 2 });
      });
      test('the same ids in another order: conflict', async () => {
        const [stream, events] = await original(2);
        expect(await log.append(stream, 'none', events.toReversed())).toEqual({ ok: false, actual: 1 });
      });
      test('the same id twice within one append: both stored', async () => {
        const stream = newStream();
        const event = newEvent();
        expect(await log.append(stream, 'none', [event, event])).toMatchObject({ ok: true, revision: 1 });
        expect(ids(await log.read(stream))).toEqual([event.id, event.id]);
      });
      test('the same id in another stream: a normal write', async () => {
        const [, events] = await original(1);
        const other = newStream();
        expect(await log.append(other, 'none', events)).toMatchObject({ ok: true, revision: 0 });
        expect(ids(await log.read(other))).toEqual(ids(events));
      });
      testIfKept('the original answer also after reopening', async () => {
        const other = await open();
        try {
          const stream = newStream();
          const events = newEvents(3);
          const first = await appended(other.log, stream, 'none', events);
          await appended(other.log, stream, 2, newEvents(1));
          const again = await (other.reopen as () => Promise<EventLog>)();
          expect(await again.append(stream, 'none', events)).toEqual(first);
          expect(await again.append(stream, 'none', newEvents(1))).toEqual({ ok: false, actual: 3 });
        } finally {
          await other.close();
        }
      });
    });

    describe('positions', () => {
      test('20 digits, strictly increasing, also within one append', async () => {
        const stream = newStream();
        await fill(stream, 5);
        await appended(log, stream, 4, newEvents(5));
        const positions = (await log.read(stream)).map(({ position }) => position);
        for (const position of positions) expect(position).toMatch(/^\d{20}$/);
        expect(positions).toEqual([...new Set(positions)].toSorted());
      });
      test('the same event has the same position in its stream, in the log and in the feed', async () => {
        const from = await log.head();
        const stream = newStream();
        const { position } = await appended(log, stream, 'none', newEvents(1));
        const [event] = await log.read(stream);
        const paged = (await walk(log, from)).find((found) => found.stream === stream);
        const { feed } = subscribe(from);
        const fed = await nextEvent(feed, (found) => found.stream === stream);
        expect(event?.position).toBe(position);
        expect(paged).toEqual(event);
        expect(fed).toEqual(event);
      });
      test('head is a position at or after the last append, and moves on', async () => {
        const first = await appended(log, newStream(), 'none', newEvents(1));
        const head = await log.head();
        expect(head >= first.position).toBe(true);
        const second = await appended(log, newStream(), 'none', newEvents(1));
        expect(second.position > head).toBe(true);
        expect((await log.head()) >= second.position).toBe(true);
      });
      test('a refused append moves no position that anybody can see', async () => {
        const from = await log.head();
        const stream = newStream();
        await log.append(stream, 3, newEvents(1));
        expect((await walk(log, from)).filter((event) => event.stream === stream)).toEqual([]);
      });
    });

    describe('what comes back', () => {
      const roundTrip = async (event: NewEvent, stream = newStream()): Promise<StoredEvent> => {
        await appended(log, stream, 'none', [event]);
        return (await log.read(stream))[0] as StoredEvent;
      };
      test('an event whole: id, type, data, metadata, stream, revision, position', async () => {
        const stream = newStream();
        const event = newEvent({
          data: { a: 1, b: [true, 'x', { c: -0.5 }] },
          meta: { $causationId: 'c', actor: 'user:1' },
        });
        const { position } = await appended(log, stream, 'none', [event]);
        expect(await log.read(stream)).toEqual([{ ...event, stream, revision: 0, position }]);
      });
      test('null stays null, empty stays empty', async () => {
        const data = { nothing: null, list: [], object: {}, text: '', zero: 0, no: false, deep: [null, [null]] };
        expect((await roundTrip(newEvent({ data }))).data).toEqual(data);
      });
      test('undefined members are left out', async () => {
        const stored = await roundTrip(newEvent({ data: { kept: 1, gone: undefined, inner: { gone: undefined } } }));
        expect(Object.keys(stored.data)).toEqual(['kept', 'inner']);
        expect(stored.data['inner']).toStrictEqual({});
      });
      test('Unicode in data, metadata, type and keys', async () => {
        const text = 'Zürich Ελλάδα 日本語 עברית 👩🏽‍🎓 \u{10ffff} \u2028 "quoted" \\ \n \u0000';
        const event = newEvent({ type: 'größe-geändert-日本', data: { [text]: text }, meta: { 'schlüssel-日': text } });
        const stored = await roundTrip(event);
        expect(stored).toMatchObject(event);
      });
      test('half a surrogate pair in data survives', async () => {
        expect((await roundTrip(newEvent({ data: { text: 'a\ud800b' } }))).data).toEqual({ text: 'a\ud800b' });
      });
      test('numbers at their limits', async () => {
        const data = {
          max: Number.MAX_SAFE_INTEGER,
          min: Number.MIN_SAFE_INTEGER,
          tiny: 5e-324,
          huge: 1.7e308,
          third: 1 / 3,
        };
        expect((await roundTrip(newEvent({ data }))).data).toEqual(data);
      });
      test('names that mean something elsewhere are plain members', async () => {
        const data = JSON.parse(
          '{"__proto__": {"polluted": true}, "constructor": 1, "$where": "x", "a.b": 2}',
        ) as NewEvent['data'];
        const stored = await roundTrip(newEvent({ data }));
        expect(JSON.stringify(stored.data)).toBe(JSON.stringify(data));
        expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
      });
      test('metadata is a flat map of strings; empty stays empty', async () => {
        expect((await roundTrip(newEvent({ meta: {} }))).meta).toEqual({});
        const meta = { $correlationId: randomUUID(), $causationId: randomUUID(), number: '1', empty: '' };
        expect((await roundTrip(newEvent({ meta }))).meta).toEqual(meta);
      });
      test('Unicode and very long stream names', async () => {
        const unicode = `contract-mandant ä 日本.${randomUUID()} 👩🏽‍🎓`;
        const long = `contract-${tenant}.${randomUUID()}${'x'.repeat(900)}`;
        for (const stream of [unicode, long]) {
          const stored = await roundTrip(newEvent(), stream);
          expect(stored.stream).toBe(stream);
          expect(await log.read(`${stream}y`)).toEqual([]);
        }
      });
      test('stream names are case-sensitive and compared whole', async () => {
        const stream = `${newStream()}.abc`;
        await fill(stream, 1);
        expect(await log.read(stream.replace('.abc', '.ABC'))).toEqual([]);
        expect(await log.read(stream.slice(0, -1))).toEqual([]);
      });
      test('what a reader does to an event reaches nobody else', async () => {
        const stream = newStream();
        await appended(log, stream, 'none', [newEvent({ data: { a: { b: 1 } } })]);
        const event = (await log.read(stream))[0] as StoredEvent;
        try {
          (event.data['a'] as { b: number }).b = 2;
        } catch {
          // frozen: just as well
        }
        expect((await log.read(stream))[0]?.data).toEqual({ a: { b: 1 } });
      });
    });

    describe('what can never be appended is refused before it reaches the log', () => {
      const refused: readonly (readonly [string, string | undefined, ExpectedRevision, readonly unknown[]])[] = [
        ['no events', undefined, 'none', []],
        [`${MAX_APPEND_EVENTS + 1} events`, undefined, 'none', newEvents(MAX_APPEND_EVENTS + 1)],
        ['more than 900 KB of data', undefined, 'none', [newEvent({ data: { text: 'x'.repeat(MAX_APPEND_BYTES) } })]],
        [
          'more than 900 KB of metadata',
          undefined,
          'none',
          [newEvent({ meta: { text: 'x'.repeat(MAX_APPEND_BYTES) } })],
        ],
        [
          'more than 900 KB in UTF-8, though fewer characters',
          undefined,
          'none',
          [newEvent({ data: { text: '日'.repeat(MAX_APPEND_BYTES / 3) } })],
        ],
        [
          'more than 900 KB together',
          undefined,
          'none',
          Array.from({ length: 10 }, () => newEvent({ data: { text: 'x'.repeat(MAX_APPEND_BYTES / 10) } })),
        ],
        ['an id that is not a UUID', undefined, 'none', [{ ...newEvent(), id: 'event-1' }]],
        ['an empty type', undefined, 'none', [newEvent({ type: '' })]],
        ['a type that belongs to the server', undefined, 'none', [newEvent({ type: '$metadata' })]],
        ['an empty stream name', '', 'none', newEvents(1)],
        ['a stream name outside the grammar', 'nodash', 'none', newEvents(1)],
        ['a stream that belongs to the server', `$contract-${tenant}.1`, 'none', newEvents(1)],
        ['no data', undefined, 'none', [{ ...newEvent(), data: undefined }]],
        ['data that is not an object', undefined, 'none', [{ ...newEvent(), data: [1] }]],
        ['a bigint in data', undefined, 'none', [{ ...newEvent(), data: { a: [{ b: 1n }] } }]],
        ['NaN in data', undefined, 'none', [{ ...newEvent(), data: { a: Number.NaN } }]],
        ['undefined in an array', undefined, 'none', [{ ...newEvent(), data: { a: [undefined] } }]],
        ['a Date in data', undefined, 'none', [{ ...newEvent(), data: { a: new Date(0) } }]],
        ['metadata that is not text', undefined, 'none', [{ ...newEvent(), meta: { a: 1 } }]],
        ['no metadata', undefined, 'none', [{ ...newEvent(), meta: undefined }]],
        ['a negative revision', undefined, -1, newEvents(1)],
        ['a fractional revision', undefined, 0.5, newEvents(1)],
        ['an unknown word as revision', undefined, 'any' as 'none', newEvents(1)],
      ];
      for (const [what, name_, expected, events] of refused) {
        test(what, async () => {
          const stream = name_ ?? newStream();
          await expect(log.append(stream, expected, events as readonly NewEvent[])).rejects.toThrow(RangeError);
          if (name_ === undefined) expect(await log.read(stream)).toEqual([]);
        });
      }
      test('data that contains itself', async () => {
        const data: { self?: unknown } = {};
        data.self = data;
        await expect(log.append(newStream(), 'none', [newEvent({ data: data as NewEvent['data'] })])).rejects.toThrow(
          RangeError,
        );
      });
      test('a bad event among good ones: none is written', async () => {
        const stream = newStream();
        await expect(log.append(stream, 'none', [...newEvents(2), newEvent({ type: '' })])).rejects.toThrow(RangeError);
        expect(await log.read(stream)).toEqual([]);
      });
      test('the message names the event and the member', async () => {
        const events = [newEvent(), { ...newEvent(), data: { items: [{ price: 1n }] } as unknown as NewEvent['data'] }];
        await expect(log.append(newStream(), 'none', events)).rejects.toThrow(
          /event 1: data\.items\[0\]\.price.*bigint/,
        );
      });
      test('after any refusal the log goes on', async () => {
        const stream = newStream();
        const bad = log.append(stream, 'none', [newEvent({ type: '' })]);
        const good = log.append(stream, 'none', newEvents(1));
        await expect(bad).rejects.toThrow(RangeError);
        expect(await good).toMatchObject({ ok: true, revision: 0 });
      });
    });

    describe('read', () => {
      let stream: string;
      beforeAll(async () => {
        stream = newStream();
        await fill(stream, 30);
      }, TEST_MS);
      test('a missing stream reads as empty, in both directions', async () => {
        expect(await log.read(newStream())).toEqual([]);
        expect(await log.read(newStream(), { direction: 'backwards' })).toEqual([]);
        expect(await log.read(newStream(), { from: 3, limit: 2 })).toEqual([]);
      });
      test('everything, forwards, by default', async () => {
        expect(revisions(await log.read(stream))).toEqual(Array.from({ length: 30 }, (_, index) => index));
      });
      test('from a revision, inclusive, with a limit', async () => {
        expect(revisions(await log.read(stream, { from: 10, limit: 3 }))).toEqual([10, 11, 12]);
        expect(revisions(await log.read(stream, { from: 28, limit: 10 }))).toEqual([28, 29]);
      });
      test('from the tip and from beyond the end', async () => {
        expect(revisions(await log.read(stream, { from: 29 }))).toEqual([29]);
        expect(await log.read(stream, { from: 30 })).toEqual([]);
        expect(await log.read(stream, { from: 1_000 })).toEqual([]);
      });
      test('backwards from the tip', async () => {
        const all = revisions(await log.read(stream, { direction: 'backwards' }));
        expect(all).toEqual(Array.from({ length: 30 }, (_, index) => 29 - index));
        expect(revisions(await log.read(stream, { direction: 'backwards', limit: 1 }))).toEqual([29]);
      });
      test('backwards from a revision, inclusive, down to 0', async () => {
        expect(revisions(await log.read(stream, { direction: 'backwards', from: 2 }))).toEqual([2, 1, 0]);
        expect(revisions(await log.read(stream, { direction: 'backwards', from: 0 }))).toEqual([0]);
        expect(revisions(await log.read(stream, { direction: 'backwards', from: 9, limit: 2 }))).toEqual([9, 8]);
      });
      test('backwards from beyond the end: from the tip', async () => {
        expect(revisions(await log.read(stream, { direction: 'backwards', from: 99, limit: 2 }))).toEqual([29, 28]);
      });
      test('an acknowledged append is read at once', async () => {
        const own = newStream();
        for (let revision = 0; revision < 20; revision++) {
          await appended(log, own, revision === 0 ? 'none' : revision - 1, newEvents(1));
          expect((await log.read(own, { direction: 'backwards', limit: 1 }))[0]?.revision).toBe(revision);
        }
      });
      test('a long stream, whole, in both directions', async () => {
        const long = newStream();
        const events = await fill(long, 2_600);
        expect(ids(await log.read(long))).toEqual(ids(events));
        expect(ids(await log.read(long, { direction: 'backwards' }))).toEqual(ids(events).toReversed());
        expect(revisions(await log.read(long, { from: 2_400, limit: 150 })).at(-1)).toBe(2_549);
      });
      test('nonsense is refused', async () => {
        await expect(log.read('')).rejects.toThrow(RangeError);
        await expect(log.read(stream, { from: -1 })).rejects.toThrow(RangeError);
        await expect(log.read(stream, { limit: 0 })).rejects.toThrow(RangeError);
        await expect(log.read(stream, { limit: 1.5 })).rejects.toThrow(RangeError);
        await expect(log.read(stream, { direction: 'up' as 'forwards' })).rejects.toThrow(RangeError);
      });
    });

    describe('readAll', () => {
      test('pages over everything after a position, once, in order of position', async () => {
        const from = await log.head();
        const names = [newStream(), newStream(), newStream()];
        const events = newEvents(25);
        for (const [index, event] of events.entries()) {
          const revision = Math.floor(index / 3) - 1;
          await appended(log, names[index % 3] as string, revision < 0 ? 'none' : revision, [event]);
        }
        const seen = await walk(log, from, { limit: 4 });
        expect(ids(seen.filter(({ stream }) => names.includes(stream)))).toEqual(ids(events));
        const positions = seen.map(({ position }) => position);
        expect(positions).toEqual([...new Set(positions)].toSorted());
      });
      test("`after` is exclusive, and any event's position will do", async () => {
        const from = await log.head();
        const stream = newStream();
        await fill(stream, 4);
        const stored = await log.read(stream);
        for (const [index, { position }] of stored.entries()) {
          const rest = (await walk(log, position)).filter((event) => event.stream === stream);
          expect(rest).toEqual(stored.slice(index + 1));
        }
        expect((await walk(log, from)).filter((event) => event.stream === stream)).toEqual(stored);
      });
      test("'' reads from the very beginning", async () => {
        await fill(newStream(), 1);
        const first = await log.readAll({ after: BEGINNING, limit: 3 });
        expect(first.readUpTo > BEGINNING).toBe(true);
        expect(await log.readAll({ after: BEGINNING, limit: 3 })).toMatchObject({
          events: first.events,
          readUpTo: first.readUpTo,
        });
      });
      test('never more events than the limit; an unfinished page says so', async () => {
        const from = await log.head();
        await fill(newStream(), 10);
        const page = await log.readAll({ after: from, limit: 3 });
        expect(page.events.length).toBeLessThanOrEqual(3);
        expect(page.atEnd).toBe(false);
        expect(page.events.every(({ position }) => position <= page.readUpTo && position > from)).toBe(true);
      });
      test('at the end: no events, `atEnd`, and `readUpTo` does not go back', async () => {
        await fill(newStream(), 1);
        const head = await log.head();
        const page = await log.readAll({ after: head, limit: 10 });
        expect(page).toMatchObject({ events: [], atEnd: true });
        expect(page.readUpTo >= head).toBe(true);
      });
      test('categories: only their events, in order', async () => {
        const from = await log.head();
        const [one, two, other] = [newCategory(), newCategory(), newCategory()];
        const names = [one, two, other, one, two].map(newStream);
        for (const name_ of names) await fill(name_, 3);
        const seen = await walk(log, from, { categories: [one, two] });
        const wanted = names.filter((_, index) => index !== 2);
        expect(seen.map(({ stream }) => stream)).toEqual(wanted.flatMap((stream) => [stream, stream, stream]));
      });
      test('a category is the whole word before the dash', async () => {
        const from = await log.head();
        const category = newCategory();
        const exact = newStream(category);
        await fill(newStream(`${category}x`), 1);
        await fill(`contract-${category}-${tenant}.${++streams}`, 1);
        await fill(exact, 1);
        expect((await walk(log, from, { categories: [category] })).map(({ stream }) => stream)).toEqual([exact]);
        expect(await walk(log, from, { categories: [category.slice(0, -1)] })).toEqual([]);
      });
      test('categories: `readUpTo` tells the truth about what was passed over', async () => {
        const from = await log.head();
        const category = newCategory();
        await fill(newStream(category), 2);
        const { position } = await appended(log, newStream(), 'none', newEvents(300));
        let page = await log.readAll({ after: from, limit: 2, categories: [category] });
        const seen = [...page.events];
        while (!page.atEnd) {
          page = await log.readAll({ after: page.readUpTo, limit: 2, categories: [category] });
          seen.push(...page.events);
        }
        expect(seen).toHaveLength(2);
        expect(page.readUpTo >= position).toBe(true);
      });
      test('categories: continuing after `readUpTo` misses nothing and repeats nothing, whatever the page size', async () => {
        const from = await log.head();
        const category = newCategory();
        for (let round = 0; round < 10; round++) {
          await fill(newStream(), 7);
          await fill(newStream(category), 3);
        }
        const whole = await walk(log, from, { categories: [category], limit: 10_000 });
        expect(whole).toHaveLength(30);
        for (const limit of [1, 2, 7]) expect(await walk(log, from, { categories: [category], limit })).toEqual(whole);
      });
      test('the largest page allowed', async () => {
        const from = await log.head();
        const stream = newStream();
        await fill(stream, 3_000);
        const seen = await walk(log, from, { limit: 10_000 });
        expect(seen.filter((event) => event.stream === stream)).toHaveLength(3_000);
      });
      test('nonsense is refused', async () => {
        const after = await log.head();
        for (const limit of [0, -1, 1.5, 10_001])
          await expect(log.readAll({ after, limit })).rejects.toThrow(RangeError);
        await expect(log.readAll({ after: '12' as Position, limit: 1 })).rejects.toThrow(RangeError);
        await expect(log.readAll({ after, limit: 1, categories: [] })).rejects.toThrow(RangeError);
        await expect(log.readAll({ after, limit: 1, categories: ['a-b'] })).rejects.toThrow(RangeError);
      });
    });

    describe('subscribeAll', () => {
      test('everything after a position, in order, then a caught-up hint', async () => {
        const from = await log.head();
        const stream = newStream();
        const events = await fill(stream, 20);
        const { feed } = subscribe(from);
        const seen: FeedItem[] = [];
        while (seen.at(-1)?.kind !== 'caught-up' || eventsOf(seen, stream).length < 20) seen.push(await next(feed));
        expect(ids(eventsOf(seen, stream))).toEqual(ids(events));
      });
      test('`after` is exclusive', async () => {
        const stream = newStream();
        await fill(stream, 3);
        const stored = await log.read(stream);
        const { feed } = subscribe((stored[0] as StoredEvent).position);
        expect(await nextEvent(feed, (event) => event.stream === stream)).toEqual(stored[1]);
      });
      test('at the end of the log: caught up without any event', async () => {
        const { feed } = subscribe(await log.head());
        const item = await nextItem(feed, ({ kind }) => kind === 'caught-up');
        expect(item).toEqual({ kind: 'caught-up' });
      });
      test('live: events appended later arrive, in order', async () => {
        const { feed } = subscribe(await log.head());
        await nextItem(feed, ({ kind }) => kind === 'caught-up');
        const stream = newStream();
        for (let revision = 0; revision < 10; revision++) {
          const pending = nextEvent(feed, (event) => event.stream === stream);
          await appended(log, stream, revision === 0 ? 'none' : revision - 1, newEvents(1));
          expect((await pending).revision).toBe(revision);
        }
      });
      test('nothing is lost or repeated between history and live', async () => {
        const from = await log.head();
        const category = newCategory();
        const writing = (async () => {
          for (let n = 0; n < 100; n++) await fill(newStream(category), 3);
        })();
        const { feed } = subscribe(from, [category]);
        const seen: StoredEvent[] = [];
        while (seen.length < 300) seen.push(await nextEvent(feed, () => true));
        await writing;
        expect(seen).toEqual(await walk(log, from, { categories: [category] }));
      });
      test('the feed equals readAll, event by event', async () => {
        const from = await log.head();
        await Promise.all(Array.from({ length: 10 }, () => fill(newStream(), 5)));
        const paged = await walk(log, from);
        const { feed } = subscribe(from);
        for (const event of paged) expect(await nextEvent(feed, () => true)).toEqual(event);
      });
      test('a caught-up hint comes again at any time, but never hides events', async () => {
        const stream = newStream();
        const { feed } = subscribe(await log.head());
        await nextItem(feed, ({ kind }) => kind === 'caught-up');
        const events = await fill(stream, 5);
        const seen: StoredEvent[] = [];
        while (seen.length < 5) seen.push(await nextEvent(feed, (event) => event.stream === stream));
        expect(ids(seen)).toEqual(ids(events));
      });
      test('categories: only their events', async () => {
        const from = await log.head();
        const [one, two] = [newCategory(), newCategory()];
        await fill(newStream(), 5);
        const first = newStream(one);
        await fill(first, 2);
        await fill(newStream(`${one}x`), 2);
        const second = newStream(two);
        await fill(second, 1);
        const { feed } = subscribe(from, [one, two]);
        const seen: string[] = [];
        for (let n = 0; n < 3; n++) seen.push((await nextEvent(feed, () => true)).stream);
        expect(seen).toEqual([first, first, second]);
      });
      test('categories: checkpoint candidates move over what is filtered out', async () => {
        const from = await log.head();
        await fill(newStream(), 200);
        const { feed } = subscribe(from, [newCategory()]);
        const item = await nextItem(feed, ({ kind }) => kind === 'checkpoint');
        expect(item.kind === 'checkpoint' && item.position > from).toBe(true);
        expect(item.kind === 'checkpoint' && item.position <= (await log.head())).toBe(true);
      });
      test('resuming after the last candidate, once all is handled, misses nothing and repeats nothing', async () => {
        const from = await log.head();
        const category = newCategory();
        const { feed, stop } = subscribe(from, [category]);
        const stream = newStream(category);
        await fill(stream, 3);
        await fill(newStream(), 200);
        let at = from;
        let seen = 0;
        // Only a candidate beyond the last event counts: earlier ones may run ahead of what is still to come.
        for (let last = from; seen < 3 || at <= last;) {
          const item = await next(feed);
          if (item.kind === 'event') last = item.event.position;
          if (item.kind === 'event') seen++;
          if (item.kind === 'checkpoint') at = item.position;
        }
        stop();
        const { feed: resumed } = subscribe(at, [category]);
        await appended(log, stream, 2, newEvents(1));
        expect((await nextEvent(resumed, () => true)).revision).toBe(3);
      });
      test('a live checkpoint candidate also without any matching event', async () => {
        const { feed } = subscribe(await log.head(), [newCategory()]);
        await nextItem(feed, ({ kind }) => kind === 'caught-up');
        const head = await log.head();
        const pending = nextItem(feed, (item) => item.kind === 'checkpoint' && item.position > head);
        await fill(newStream(), 100);
        expect((await pending).kind).toBe('checkpoint');
      });
      test('a signal already aborted: ends at once', async () => {
        const signal = AbortSignal.abort();
        const feed = log.subscribeAll({ after: await log.head(), signal })[Symbol.asyncIterator]();
        expect(await within(feed.next())).toEqual({ done: true, value: undefined });
      });
      test('abort while waiting for events: ends without an error', async () => {
        const { feed, stop } = subscribe(await log.head());
        await nextItem(feed, ({ kind }) => kind === 'caught-up');
        const pending = drain(feed);
        await new Promise((resolve) => setTimeout(resolve, 20));
        stop();
        await within(pending);
      });
      test('abort in the middle of history: nothing more is handed out', async () => {
        const from = await log.head();
        await fill(newStream(), 50);
        const { feed, stop } = subscribe(from);
        await nextEvent(feed, () => true);
        stop();
        expect((await within(feed.next())).done).toBe(true);
      });
      test('leaving the loop needs no abort, and others go on', async () => {
        const from = await log.head();
        const stream = newStream();
        await fill(stream, 3);
        const other = subscribe(from);
        for (let round = 0; round < 130; round++) {
          const { feed } = subscribe(from);
          await nextEvent(feed, (event) => event.stream === stream);
          await within(Promise.resolve(feed.return?.()));
        }
        expect((await nextEvent(other.feed, (event) => event.stream === stream)).revision).toBe(0);
        expect(await log.read(stream)).toHaveLength(3);
      });
      test('a slow consumer gets everything, and holds up neither writers nor others', async () => {
        const from = await log.head();
        const category = newCategory();
        const slow = subscribe(from, [category]).feed;
        const stream = newStream(category);
        const events = newEvents(400);
        const first = appended(log, stream, 'none', events.slice(0, 1));
        expect((await nextEvent(slow, () => true)).revision).toBe(0);
        await first;
        for (const [index, event] of events.slice(1).entries()) await appended(log, stream, index, [event]);
        const quick = subscribe(from, [category]).feed;
        const seenByQuick: string[] = [];
        for (let n = 0; n < 400; n++) seenByQuick.push((await nextEvent(quick, () => true)).id);
        const seenBySlow: string[] = [ids(events)[0] as string];
        while (seenBySlow.length < 400) {
          if (seenBySlow.length % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 10));
          seenBySlow.push((await nextEvent(slow, () => true)).id);
        }
        expect(seenByQuick).toEqual(ids(events));
        expect(seenBySlow).toEqual(ids(events));
      });
      test('several subscribers, each from its own place', async () => {
        const from = await log.head();
        const category = newCategory();
        const stream = newStream(category);
        await fill(stream, 20);
        const stored = await log.read(stream);
        const feeds = stored.map(({ position }) => subscribe(position, [category]).feed);
        await appended(log, stream, 19, newEvents(1));
        const counts = await Promise.all(
          feeds.map(async (feed) => {
            for (let count = 1; ; count++) if ((await nextEvent(feed, () => true)).revision === 20) return count;
          }),
        );
        expect(counts).toEqual(stored.map((_, index) => 20 - index));
        expect((await nextEvent(subscribe(from, [category]).feed, () => true)).revision).toBe(0);
      });
      test('nonsense is refused', async () => {
        const { signal } = new AbortController();
        expect(() => log.subscribeAll({ after: 'x' as Position, signal })).toThrow(RangeError);
        expect(() => log.subscribeAll({ after: BEGINNING, categories: [], signal })).toThrow(RangeError);
      });
    });

    describe('close', () => {
      test('appends already called are answered; later calls are refused as not written', async () => {
        const other = await open();
        const stream = newStream();
        const pending = other.log.append(stream, 'none', newEvents(1));
        await other.log.close();
        expect(await pending).toMatchObject({ ok: true });
        const late = other.log.append(stream, 0, newEvents(1));
        await expect(late).rejects.toThrow(LogUnavailable);
        await expect(late).rejects.toMatchObject({ outcome: 'not-written' });
        await expect(other.log.read(stream)).rejects.toThrow(LogUnavailable);
        await expect(other.log.readAll({ after: BEGINNING, limit: 1 })).rejects.toThrow(LogUnavailable);
        await expect(other.log.head()).rejects.toThrow(LogUnavailable);
        await other.close();
      });
      test('an open feed breaks with LogUnavailable instead of waiting for ever', async () => {
        const other = await open();
        const { signal } = new AbortController();
        const feed = other.log.subscribeAll({ after: await other.log.head(), signal })[Symbol.asyncIterator]();
        await nextItem(feed, ({ kind }) => kind === 'caught-up');
        const [drained] = await Promise.allSettled([within(drain(feed)), other.log.close()]);
        expect(drained).toEqual({ status: 'rejected', reason: expect.any(LogUnavailable) });
        await other.close();
      });
      test('closing twice is harmless', async () => {
        const other = await open();
        await other.log.close();
        await other.log.close();
        await other.close();
      });
      testIfKept('everything is there after reopening, with the same positions', async () => {
        const other = await open();
        try {
          const from = await other.log.head();
          const names = [newStream(), newStream()] as const;
          await appended(other.log, names[0], 'none', newEvents(10));
          await appended(other.log, names[1], 'none', newEvents(10));
          const before = await walk(other.log, from);
          const again = await (other.reopen as () => Promise<EventLog>)();
          expect(await walk(again, from)).toEqual(before);
          expect(await again.read(names[1])).toEqual(before.filter(({ stream }) => stream === names[1]));
          const { position } = await appended(again, names[0], 9, newEvents(1));
          expect(position > (before.at(-1) as StoredEvent).position).toBe(true);
        } finally {
          await other.close();
        }
      });
    });
  });
}

function newEvent(part: Partial<NewEvent> = {}): NewEvent {
  return { id: randomUUID(), type: 'thing-happened', data: { n: 1 }, meta: { actor: 'test' }, ...part };
}

function newEvents(count: number): NewEvent[] {
  return Array.from({ length: count }, (_, n) => newEvent({ data: { n } }));
}

const ids = (events: readonly { readonly id: string }[]): string[] => events.map(({ id }) => id);
const revisions = (events: readonly StoredEvent[]): number[] => events.map(({ revision }) => revision);
const eventsOf = (items: readonly FeedItem[], stream: string): StoredEvent[] =>
  items.flatMap((item) => (item.kind === 'event' && item.event.stream === stream ? [item.event] : []));

type Appended = Extract<AppendResult, { ok: true }>;

/** An append that must succeed. */
async function appended(
  log: EventLog,
  stream: string,
  expected: ExpectedRevision,
  events: readonly NewEvent[],
): Promise<Appended> {
  const result = await log.append(stream, expected, events);
  expect(result).toMatchObject({ ok: true });
  return result as Appended;
}

/** Everything after a position, page by page. */
async function walk(
  log: EventLog,
  after: Position,
  options: { readonly limit?: number; readonly categories?: readonly string[] } = {},
): Promise<StoredEvent[]> {
  const seen: StoredEvent[] = [];
  for (let at = after; ;) {
    const page = await log.readAll({ limit: 1_000, ...options, after: at });
    seen.push(...page.events);
    if (page.atEnd) return seen;
    expect(page.readUpTo > at).toBe(true); // or paging would never end
    at = page.readUpTo;
  }
}

/** A wait that ends: a feed that hands out nothing fails the test instead of hanging it. */
async function within<T>(promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('nothing came within 10 s')), 10_000);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

async function next(feed: AsyncIterator<FeedItem>): Promise<FeedItem> {
  const { done, value } = await within(feed.next());
  if (done) throw new Error('the feed ended');
  return value as FeedItem;
}

async function nextItem(feed: AsyncIterator<FeedItem>, wanted: (item: FeedItem) => boolean): Promise<FeedItem> {
  for (;;) {
    const item = await next(feed);
    if (wanted(item)) return item;
  }
}

async function nextEvent(feed: AsyncIterator<FeedItem>, wanted: (event: StoredEvent) => boolean): Promise<StoredEvent> {
  for (;;) {
    const item = await next(feed);
    if (item.kind === 'event' && wanted(item.event)) return item.event;
  }
}

async function drain(feed: AsyncIterator<FeedItem>): Promise<void> {
  while (!(await feed.next()).done);
}
