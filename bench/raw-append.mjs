// The events of a data folder appended to a fresh log as they are: what an import costs beyond this is the product's.
// Same batches, same order in each stream, 64 appends in flight, same durability.
import { join } from 'node:path';
import { answerAsks } from './child.mjs';

const [dist, from, to] = process.argv.slice(2);
const { openSqliteEventLog } = await import(join(dist, 'libs/eventlog/src/index.js'));

answerAsks({
  run: async () => {
    const source = await openSqliteEventLog({ directory: from });
    const streams = new Map();
    let events = 0;
    for (let after = ''; ;) {
      const page = await source.readAll({ after, limit: 5_000 });
      for (const { stream, id, type, data, meta } of page.events) {
        events++;
        const batches = streams.get(stream) ?? [];
        streams.set(stream, batches);
        const last = batches.at(-1);
        if (last && last[0].meta.$causationId === meta.$causationId) last.push({ id, type, data, meta });
        else batches.push([{ id, type, data, meta }]);
      }
      if (page.atEnd) break;
      after = page.readUpTo;
    }
    await source.close();
    const log = await openSqliteEventLog({ directory: to });
    const queue = [...streams];
    let next = 0;
    const began = performance.now();
    await Promise.all(
      Array.from({ length: 64 }, async () => {
        for (let entry = queue[next++]; entry; entry = queue[next++]) {
          const [stream, batches] = entry;
          let expected = 'none';
          for (const batch of batches) {
            const result = await log.append(stream, expected, batch);
            if (!result.ok) throw new Error(`${stream} is at ${result.actual} instead of ${expected}`);
            expected = result.revision;
          }
        }
      }),
    );
    const ms = performance.now() - began;
    const written = Number(await log.head());
    await log.close();
    return { events, streams: queue.length, ms, complete: written === events };
  },
});
