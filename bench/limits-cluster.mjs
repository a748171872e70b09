// C5: what EventStoreDB's own client does at best against the same server, in this machine's minutes: no port, no
// adapter, no product.
import { BACKWARDS, END, EventStoreDBClient, jsonEvent, NO_STREAM, START } from '@eventstore/db-client';
import { answerAsks } from './child.mjs';

const DATA = { learnerId: crypto.randomUUID(), moduleId: crypto.randomUUID(), text: 'x'.repeat(180) };
const IN_FLIGHT = 32;

answerAsks({
  /** One event an append, each to a stream of its own; on a server that the product does not use. */
  append: async ({ url, ms }) => {
    const client = EventStoreDBClient.connectionString(url);
    const end = performance.now() + ms;
    const began = performance.now();
    let done = 0;
    await Promise.all(
      Array.from({ length: IN_FLIGHT }, async () => {
        for (; performance.now() < end; done++)
          await client.appendToStream(`limit-${crypto.randomUUID()}`, jsonEvent({ type: 'limit', data: DATA }), {
            expectedRevision: NO_STREAM,
          });
      }),
    );
    await client.dispose();
    return (done * 1000) / (performance.now() - began);
  },
  /** Everything that is there, once. */
  readAll: async ({ url }) => {
    const client = EventStoreDBClient.connectionString(url);
    let count = 0;
    for await (const _ of client.readAll({ fromPosition: END, direction: BACKWARDS, maxCount: 1 })) count = 0;
    const began = performance.now();
    for await (const _ of client.readAll({ fromPosition: START })) count++;
    const perSecond = (count * 1000) / (performance.now() - began);
    await client.dispose();
    return perSecond;
  },
});
