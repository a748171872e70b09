import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { BEGINNING, eventIdOf, type NewEvent } from '@cairn/kernel';
import { createMemoryEventLog } from './memory/memory-event-log.js';
import type { AppendResult, ExpectedRevision } from './port.js';
import { openSqliteEventLog } from './sqlite/sqlite-event-log.js';

// Few ids, few streams, revisions near the tip: repeats, overlaps and conflicts are the rule, not the exception.
const namespace = '2f1c1f0e-7a53-4d3a-9d0a-000000000000';
const appends = fc.array(
  fc.record({
    stream: fc.constantFrom('thing-t1.a', 'thing-t1.b'),
    expected: fc.integer({ min: -1, max: 8 }),
    ids: fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 4 }),
  }),
  { maxLength: 30 },
);

/** The rule once more, in the words of the measurements, over plain lists of ids. */
function oracle(stream: readonly number[], expected: number, ids: readonly number[]): 'write' | 'repeat' | 'conflict' {
  if (expected === stream.length - 1) return 'write';
  const there = stream.slice(expected + 1, expected + 1 + ids.length);
  return JSON.stringify(there) === JSON.stringify(ids) ? 'repeat' : 'conflict';
}

const eventOf = (id: number): NewEvent => ({ id: eventIdOf(namespace, id), type: 'happened', data: { id }, meta: {} });
const revisionOf = (expected: number): ExpectedRevision => (expected === -1 ? 'none' : expected);

describe('the append rule', () => {
  it('memory and SQLite answer every history of appends as the oracle does, and hold the same log', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'cairn-append-rule-'));
    const sqlite = await openSqliteEventLog({ directory });
    let runs = 0;
    try {
      await fc.assert(
        fc.asyncProperty(appends, fc.boolean(), async (history, pipelined) => {
          const suffix = `.run${runs++}`; // one file for all runs: a new one each would cost more than the test
          const memory = createMemoryEventLog();
          const model = new Map<string, number[]>();
          const expected = history.map(({ stream, expected: before, ids }) => {
            const list = model.get(stream) ?? model.set(stream, []).get(stream)!;
            const verdict = oracle(list, before, ids);
            if (verdict === 'conflict') return { ok: false, actual: list.length - 1 };
            if (verdict === 'write') list.push(...ids);
            return { ok: true, revision: before + ids.length };
          });
          const run = async (log: typeof sqlite | typeof memory): Promise<AppendResult[]> => {
            const results: Promise<AppendResult>[] = [];
            for (const { stream, expected: before, ids } of history) {
              const result = log.append(stream + suffix, revisionOf(before), ids.map(eventOf));
              results.push(result);
              if (!pipelined) await result;
            }
            return Promise.all(results);
          };
          const [inMemory, inSqlite] = [await run(memory), await run(sqlite)];
          const withoutPosition = (result: AppendResult): unknown =>
            result.ok ? { ok: true, revision: result.revision } : result;
          expect(inMemory.map(withoutPosition)).toEqual(expected);
          expect(inSqlite.map(withoutPosition)).toEqual(expected);
          for (const [stream, ids] of model) {
            const stored = await sqlite.read(stream + suffix);
            expect(stored.map(({ data }) => data['id'])).toEqual(ids);
            const positions = new Map(stored.map(({ revision, position }) => [revision, position]));
            const answered = inSqlite.filter((result, index) => result.ok && history[index]?.stream === stream);
            for (const result of answered)
              expect(result).toMatchObject({ position: positions.get((result as { revision: number }).revision) });
          }
          const { events } = await memory.readAll({ after: BEGINNING, limit: 1_000 });
          expect(events).toHaveLength([...model.values()].reduce((sum, ids) => sum + ids.length, 0));
        }),
        { numRuns: 150 },
      );
    } finally {
      await sqlite.close();
      rmSync(directory, { recursive: true });
    }
  }, 30_000);
});
