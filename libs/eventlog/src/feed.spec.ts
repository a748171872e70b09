import { BEGINNING, type Position, type StoredEvent } from '@cairn/kernel';
import { createBell, follow, readPage, type Scan } from './feed.js';
import { positionText } from './request.js';

const eventAt = (position: number, text = ''): StoredEvent => ({
  id: `00000000-0000-4000-8000-${String(position).padStart(12, '0')}`,
  type: 'happened',
  data: { text },
  meta: {},
  stream: 'thing-t1.1',
  revision: position - 1,
  position: positionText(position),
});

/** A log of `length` events of which every `nth` matches; a step passes over at most 100. */
function scanOf(length: () => number, nth: number, sizeBytes = 0): Scan {
  return (after, limit) => {
    const events: StoredEvent[] = [];
    let at = Number(after);
    const end = Math.min(length(), at + 100);
    while (at < end && events.length < limit) if (++at % nth === 0) events.push(eventAt(at));
    return { events, readUpTo: at === 0 ? BEGINNING : positionText(at), atEnd: at === length(), sizeBytes };
  };
}

describe('a page', () => {
  it('ends early when a sparse filter has read much in vain, and says how far it came', async () => {
    const scan = scanOf(() => 100_000, Infinity);
    const page = await readPage(scan, { after: BEGINNING, limit: 10 });
    expect(page).toEqual({ events: [], readUpTo: positionText(25_600), atEnd: false });
    let at: Position = BEGINNING;
    let pages = 0;
    for (let atEnd = false; !atEnd; pages++) ({ readUpTo: at, atEnd } = await readPage(scan, { after: at, limit: 10 }));
    expect([at, pages]).toEqual([positionText(100_000), 4]);
  });

  it('ends early when it has become heavy', async () => {
    const scan = scanOf(() => 10_000, 1, 6 * 1024 * 1024);
    const page = await readPage(scan, { after: BEGINNING, limit: 10_000 });
    expect(page.events).toHaveLength(300);
    expect(page).toMatchObject({ readUpTo: positionText(300), atEnd: false });
  });
});

describe('a feed', () => {
  afterEach(() => import.meta.jest.useRealTimers());

  it('hears of an append made while it was handing out what it had read', async () => {
    import.meta.jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] }); // it never polls
    let length = 1;
    const bell = createBell();
    const stop = new AbortController();
    const feed = follow(
      scanOf(() => length, 1),
      bell,
      { after: BEGINNING, signal: stop.signal },
    );
    expect((await feed.next()).value).toMatchObject({ kind: 'event' });
    length = 2;
    bell.ring(); // nobody waits yet
    expect((await feed.next()).value).toEqual({ kind: 'caught-up' });
    expect((await feed.next()).value).toMatchObject({ event: { position: positionText(2) } });
    stop.abort();
    expect((await feed.next()).done).toBe(true);
  });

  it('finds what was appended without a ring within about a second', async () => {
    let length = 0;
    const stop = new AbortController();
    const feed = follow(
      scanOf(() => length, 1),
      createBell(),
      { after: BEGINNING, signal: stop.signal },
    );
    expect((await feed.next()).value).toEqual({ kind: 'caught-up' });
    const pending = feed.next();
    length = 1;
    expect((await pending).value).toMatchObject({ kind: 'event' });
    stop.abort();
    await feed.return();
  });

  it('tells of being caught up once, and again only after further events', async () => {
    let length = 0;
    const bell = createBell();
    const stop = new AbortController();
    const kinds: string[] = [];
    const following = (async () => {
      const options = { after: BEGINNING, signal: stop.signal };
      for await (const { kind } of follow(
        scanOf(() => length, 1),
        bell,
        options,
      ))
        kinds.push(kind);
    })();
    const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));
    await settle();
    bell.ring();
    await settle();
    length = 2;
    bell.ring();
    await settle();
    stop.abort();
    await following;
    expect(kinds).toEqual(['caught-up', 'event', 'event', 'caught-up']);
  });
});
