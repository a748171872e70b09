import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { uuidv5, type NewEvent, type Position } from '@cairn/kernel';
import { copyLog, LogsDiffer } from './copy-log.js';
import { withFaults } from './fault/fault-injecting-event-log.js';
import { createMemoryEventLog } from './memory/memory-event-log.js';
import type { EventLog } from './port.js';
import { openSqliteEventLog } from './sqlite/sqlite-event-log.js';

const ROOT = '6ba7b810-9dad-11d1-80b4-00c04fd430c8';
const event = (name: string, data: NewEvent['data'] = { name }): NewEvent => ({
  id: uuidv5(ROOT, name),
  type: 'thing-done',
  data,
  meta: { $correlationId: name, $causationId: name, traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` } as never,
});

/** Events of three streams, interleaved, some in appends of several. */
async function filled(count = 300): Promise<EventLog> {
  const log = createMemoryEventLog();
  const tips = new Map<string, number>();
  for (let n = 0; n < count; n++) {
    const stream = `record-1.${(n * 7) % 3}`;
    const tip = tips.get(stream) ?? -1;
    const events = Array.from({ length: 1 + (n % 4) }, (_, i) => event(`e${n}.${i}`, { n, i, text: 'ä"\u2028' }));
    await log.append(stream, tip < 0 ? 'none' : tip, events);
    tips.set(stream, tip + events.length);
  }
  return log;
}

const contents = async (log: EventLog) => {
  const all = [];
  for (let after = '' as Position; ;) {
    const page = await log.readAll({ after, limit: 1_000 });
    all.push(...page.events.map(({ position: _own, ...rest }) => rest));
    if (page.atEnd) return all;
    after = page.readUpTo;
  }
};

describe('a copied log', () => {
  it('has the same events in the same order, with streams, revisions, ids and metadata', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'cairn-copy-'));
    const to = await openSqliteEventLog({ directory });
    const from = await filled();
    const result = await copyLog({ from, to });
    expect(result).toMatchObject({ streams: 3, found: 0, ended: false });
    expect(await contents(to)).toEqual(await contents(from));
    expect(result.events).toBe((await contents(from)).length);
    await to.close();
    rmSync(directory, { recursive: true });
  });

  it('is resumed wherever it was broken off', async () => {
    const from = await filled(60);
    const all = await contents(from);
    for (const stopAfter of [1, 2, 7, 30, 59]) {
      const to = createMemoryEventLog();
      let appends = 0;
      const dying: EventLog = {
        ...to,
        append: (...args) => {
          if (appends++ === stopAfter) throw new Error('killed');
          return to.append(...args);
        },
      };
      await expect(copyLog({ from, to: dying })).rejects.toThrow('killed');
      const left = (await contents(to)).length;
      expect(await copyLog({ from, to })).toMatchObject({ found: left, events: all.length });
      expect(await contents(to)).toEqual(all);
    }
  });

  it('survives appends whose outcome is unknown', async () => {
    const from = await filled(40);
    const to = createMemoryEventLog();
    await copyLog({ from, to: withFaults(to, { seed: 7, answerLost: 0.3, appendLost: 0.1, refused: 0.1 }) });
    expect(await contents(to)).toEqual(await contents(from));
  });

  it('is refused where the target is another log, differs, or went on by itself', async () => {
    const from = await filled(20);
    const other = createMemoryEventLog();
    await other.append('record-1.0', 'none', [event('other')]);
    await expect(copyLog({ from, to: other })).rejects.toThrow(/of event 1 differs.*Copy into an empty one/);

    const longer = createMemoryEventLog();
    await copyLog({ from, to: longer });
    const own = event('own');
    await longer.append('record-2.0', 'none', [own]);
    await expect(copyLog({ from, to: longer })).rejects.toThrow(LogsDiffer);
    expect(await copyLog({ from, to: longer, isEndMark: ({ id }) => id === own.id })).toMatchObject({ ended: true });

    const changed: EventLog = {
      ...longer,
      readAll: async (options) => {
        const page = await longer.readAll(options);
        return { ...page, events: page.events.map((one, at) => (at === 9 ? { ...one, data: {} } : one)) };
      },
    };
    await expect(copyLog({ from, to: changed })).rejects.toThrow(/the data of event 10 differs/);
  });
});
