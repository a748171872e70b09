// How the event store behaves beneath our adapter, through its own client alone: the facts that the adapter rests on
// (shared/design/eventstoredb.md, whose numbers are in brackets). Run against a real server they check the facts,
// against the in-process double they check the double: where the two differ, the double is wrong. Checkpoints count
// everybody's events: a given server must have no other writers meanwhile (`npm run test:contract` runs one suite at a time).
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  BACKWARDS,
  END,
  EventStoreDBClient,
  FORWARDS,
  jsonEvent,
  NO_STREAM,
  START,
  streamNameFilter,
  type AppendExpectedRevision,
  type JSONEventData,
} from '@eventstore/db-client';
import { startTestEventStore } from './test-servers.js';

const server = await startTestEventStore();
const client = EventStoreDBClient.connectionString(server.url);
afterAll(async () => {
  await client.dispose();
  await server.stop();
});

const newStream = (category = 'fact'): string => `${category}-${randomUUID()}.1`;
const newCategory = (): string => `fact${randomUUID().slice(0, 8)}`;
const newEvents = (count: number, data: Record<string, unknown> = {}): JSONEventData[] =>
  Array.from({ length: count }, () => jsonEvent({ id: randomUUID(), type: 'thing-happened', data }));
const append = (stream: string, expectedRevision: AppendExpectedRevision, events: JSONEventData[]) =>
  client.appendToStream(stream, events, { expectedRevision });
const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
};
const read = async (stream: string, options = {}) =>
  (await collect(client.readStream(stream, options))).map(({ event }) => event!);
const errorOf = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );
const head = async (): Promise<bigint> =>
  (await collect(client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 1 })))[0]!.event!.position.commit;

describe(`facts of ${server.ranAgainst}`, () => {
  describe('appends', () => {
    test('answer the revision and the position of the last event; commit and prepare are one number [1]', async () => {
      const stream = newStream();
      const written = await append(stream, NO_STREAM, newEvents(3));
      const events = await read(stream);
      expect(written).toMatchObject({ success: true, nextExpectedRevision: 2n, position: events[2]?.position });
      expect(written.position?.commit).toBe(written.position?.prepare);
      const positions = events.map(({ position }) => position!.commit);
      expect(positions).toEqual([...new Set(positions)].toSorted((a, b) => Number(a - b)));
    });
    test('a wrong revision: the error holds the stream and both revisions [2]', async () => {
      const stream = newStream();
      expect(await errorOf(append(stream, 4n, newEvents(1)))).toMatchObject({
        type: 'wrong-expected-version',
        streamName: stream,
        expectedVersion: 4n,
        actualVersion: 'no_stream',
      });
      await append(stream, NO_STREAM, newEvents(3));
      expect(await errorOf(append(stream, NO_STREAM, newEvents(1)))).toMatchObject({
        expectedVersion: 'no_stream',
        actualVersion: 2n,
      });
    });
    test('200 that are not awaited land in the order of their calls [4]', async () => {
      const stream = newStream();
      const appends = Array.from({ length: 200 }, (_, n) =>
        append(stream, n === 0 ? NO_STREAM : BigInt(n - 1), newEvents(1)),
      );
      expect((await Promise.all(appends)).every(({ success }) => success)).toBe(true);
    });
    test('the same ids at the same place: the first answer; a part of them, too [5]', async () => {
      const stream = newStream();
      const events = newEvents(4);
      const first = await append(stream, NO_STREAM, events);
      await append(stream, 3n, newEvents(2));
      expect(await append(stream, NO_STREAM, events)).toEqual(first);
      expect(await append(stream, 0n, events.slice(1, 3))).toMatchObject({ nextExpectedRevision: 2n });
      expect(await read(stream)).toHaveLength(6);
    });
    test('the same ids at the tip are written again; at another place, or with new ones behind, they are wrong [5]', async () => {
      const stream = newStream();
      const events = newEvents(2);
      await append(stream, NO_STREAM, events);
      expect(await append(stream, 1n, events)).toMatchObject({ nextExpectedRevision: 3n });
      expect(await errorOf(append(stream, 0n, events))).toMatchObject({ type: 'wrong-expected-version' });
      expect(await errorOf(append(stream, NO_STREAM, [...events, ...newEvents(3)]))).toMatchObject({
        type: 'wrong-expected-version',
      });
      expect(await read(stream)).toHaveLength(4);
    });
    test('one id twice in an append: both are stored [7]', async () => {
      const stream = newStream();
      const [event] = newEvents(1);
      await append(stream, NO_STREAM, [event!, event!]);
      expect(await read(stream)).toHaveLength(2);
    });
    test('more than 1,048,576 bytes: refused, and the client goes on [9]', async () => {
      const stream = newStream();
      const events = newEvents(2, { text: 'x'.repeat(600_000) });
      expect(await errorOf(append(stream, NO_STREAM, events))).toMatchObject({
        type: 'maximum-append-size-exceeded',
        maxAppendSize: 1_048_576,
      });
      expect(await append(stream, NO_STREAM, newEvents(1))).toMatchObject({ success: true });
    });
    test('ids come back in lower case, null stays, no metadata is none [11]', async () => {
      const stream = newStream();
      const id = randomUUID().toUpperCase();
      await append(stream, NO_STREAM, [jsonEvent({ id, type: 'ünïcode', data: { nothing: null } })]);
      const [event] = await read(stream);
      expect(event).toMatchObject({ id: id.toLowerCase(), type: 'ünïcode', data: { nothing: null }, isJson: true });
      expect(event?.metadata).toBeUndefined();
      expect(event?.created.valueOf()).toBeGreaterThan(Date.now() - 3_600_000);
    });
  });

  describe('reads', () => {
    test('a stream that is not there: an error of the iteration [14]', async () => {
      expect(await errorOf(read(newStream()))).toMatchObject({ type: 'stream-not-found' });
    });
    test('from beyond the end: nothing; backwards: from the tip [15]', async () => {
      const stream = newStream();
      await append(stream, NO_STREAM, newEvents(3));
      expect(await read(stream, { fromRevision: 7n })).toEqual([]);
      const backwards = await read(stream, { direction: BACKWARDS, fromRevision: 7n });
      expect(backwards.map(({ revision }) => revision)).toEqual([2n, 1n, 0n]);
    });
    test('$all from a position: with it forwards, without it backwards [17]', async () => {
      const stream = newStream();
      await append(stream, NO_STREAM, newEvents(3));
      const [first, second] = await read(stream);
      const [forwards] = await collect(
        client.readAll({ direction: FORWARDS, fromPosition: second!.position!, maxCount: 1 }),
      );
      expect(forwards?.event?.id).toBe(second?.id);
      const [backwards] = await collect(
        client.readAll({ direction: BACKWARDS, fromPosition: second!.position!, maxCount: 1 }),
      );
      expect(backwards?.event?.id).toBe(first?.id);
    });
    test('$all from between two events: an unknown error; forwards from beyond the tip: nothing [17]', async () => {
      const stream = newStream();
      await append(stream, NO_STREAM, newEvents(2));
      const [first, tip] = (await read(stream)).map(({ position }) => position!.commit);
      const from = (position: bigint, direction: typeof FORWARDS | typeof BACKWARDS) =>
        collect(client.readAll({ direction, fromPosition: { commit: position, prepare: position }, maxCount: 1 }));
      expect(await errorOf(from(first! + 1n, FORWARDS))).toMatchObject({ code: 2 });
      expect(await errorOf(from(first! + 1n, BACKWARDS))).toMatchObject({ code: 2 });
      expect(await from(tip! + 1n, FORWARDS)).toEqual([]);
      expect(await errorOf(from(tip! + 1n, BACKWARDS))).toMatchObject({ code: 2 });
    });
  });

  describe('subscriptions', () => {
    /** What a subscription to one category hears, in words; `act` is done once it is caught up. */
    const expectHeard = async (
      category: string,
      after: bigint,
      positions: readonly bigint[],
      expected: readonly string[],
      {
        act,
        checkpointInterval = 1,
      }: { readonly act?: () => Promise<unknown>; readonly checkpointInterval?: number } = {},
    ): Promise<void> => {
      const heard: ('caught-up' | 'event' | bigint)[] = [];
      const words = (): string[] => {
        const said: string[] = [];
        let events = 0;
        for (const one of [...heard, undefined]) {
          if (one === 'event') {
            events++;
            continue;
          }
          if (events > 0) said.push(`${events} events`);
          events = 0;
          if (typeof one === 'bigint') said.push(`checkpoint ${one === after ? 'start' : positions.indexOf(one)}`);
          else if (one) said.push(one);
        }
        return said;
      };
      const until = async (condition: () => boolean): Promise<void> => {
        for (const deadline = Date.now() + 10_000; !condition() && Date.now() < deadline;) await sleep(10);
      };
      const subscription = client.subscribeToAll({
        fromPosition: { commit: after, prepare: after },
        filter: streamNameFilter({
          prefixes: [`${category}-`],
          checkpointInterval,
          maxSearchWindow: 32,
          checkpointReached: async (_, { commit }) => void heard.push(commit),
        }),
      });
      subscription.on('data', () => heard.push('event'));
      subscription.on('caughtUp', () => heard.push('caught-up'));
      await until(() => heard.includes('caught-up'));
      await act?.();
      await until(() => words().join() === expected.join());
      await sleep(100); // nothing more
      await subscription.unsubscribe();
      expect(words()).toEqual(expected);
    };
    /** Writes so many events of each category one after another; all of them count in the order of the log. */
    const writer = () => {
      const positions: bigint[] = [];
      return {
        positions,
        write: async (...parts: (readonly [category: string, count: number])[]) => {
          for (const [category, count] of parts) {
            const stream = newStream(category);
            await append(stream, NO_STREAM, newEvents(count));
            positions.push(...(await read(stream)).map(({ position }) => position!.commit));
          }
        },
      };
    };

    test('begin behind the position they are given, confirm being caught up, and end without a word [19]', async () => {
      const category = newCategory();
      const { write, positions } = writer();
      await write([category, 3]);
      await expectHeard(category, positions[0]!, positions, ['2 events', 'checkpoint 2', 'caught-up', '2 events'], {
        act: () => write([category, 2]),
      });
    });
    test('catching up, without a match: a checkpoint at the start and at each further page of 32 [23]', async () => {
      const { write, positions } = writer();
      const after = await head();
      await write(['other', 70]);
      await expectHeard(newCategory(), after, positions, [
        'checkpoint start',
        'checkpoint 31',
        'checkpoint 63',
        'caught-up',
      ]);
    });
    test('nothing to catch up: no checkpoint; little: only the start, which is no news [23]', async () => {
      const { write, positions } = writer();
      await write(['other', 1]);
      const after = positions[0]!;
      await expectHeard(newCategory(), after, positions, ['caught-up']);
      await write(['other', 5]);
      await expectHeard(newCategory(), after, positions, ['checkpoint start', 'caught-up']);
    });
    test('catching up, with matches: a checkpoint at the last one of a page, or where a page without one began [23]', async () => {
      const category = newCategory();
      const { write, positions } = writer();
      const after = await head();
      await write([category, 10], ['other', 10], [category, 10], ['other', 10]);
      await expectHeard(category, after, positions, ['20 events', 'checkpoint 29', 'checkpoint 31', 'caught-up']);
    });
    test('a longer interval of checkpoints [23]', async () => {
      const { write, positions } = writer();
      const after = await head();
      await write(['other', 200]);
      await expectHeard(
        newCategory(),
        after,
        positions,
        ['checkpoint 31', 'checkpoint 95', 'checkpoint 159', 'checkpoint 191', 'caught-up'],
        { checkpointInterval: 2 },
      );
    });
    test('live: a checkpoint at each 32nd event since the subscription, matching or not [23]', async () => {
      const category = newCategory();
      const { write, positions } = writer();
      const after = await head();
      await write(['other', 40]);
      await expectHeard(
        category,
        after,
        positions,
        ['checkpoint start', 'checkpoint 31', 'caught-up', '5 events', 'checkpoint 71', 'checkpoint 103'],
        { act: () => write([category, 5], ['other', 65]) },
      );
    });
    test('from the beginning: the whole log, each event once [19]', async () => {
      const category = newCategory();
      const stream = newStream(category);
      await append(stream, NO_STREAM, newEvents(40));
      const filter = streamNameFilter({ prefixes: [`${category}-`] });
      const subscription = client.subscribeToAll({ fromPosition: START, filter });
      const revisions: bigint[] = [];
      for await (const { event } of subscription) {
        revisions.push(event!.revision);
        if (revisions.length === 40) break;
      }
      await subscription.unsubscribe();
      expect(revisions).toEqual(Array.from({ length: 40 }, (_, n) => BigInt(n)));
    });
  });
});
