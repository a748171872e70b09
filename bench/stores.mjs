// EventStoreDB and MongoDB for the benchmarks, as the contract suites choose them: servers that are given by
// CAIRN_TEST_EVENTSTORE_URL and CAIRN_TEST_MONGODB_URL, else containers, else the doubles, here in a process of their own.
import { join } from 'node:path';
import { answerAsks } from './child.mjs';

const [dist] = process.argv.slice(2);
const { startTestEventStore, startTestMongo } = await import(join(dist, 'libs/testing/src/test-servers.js'));

const started = [];
let databases = 0;

answerAsks(
  {
    /** A log and a database that nobody has used. The log of a given server must be empty; it can be had once only. */
    fresh: async () => {
      const eventStore = await startTestEventStore();
      if (eventStore.source === 'given' && started.some(({ source }) => source === 'given')) return undefined;
      started.push(eventStore);
      const mongo = await startTestMongo();
      started.push(mongo);
      const database = `cairn_bench_${process.pid}_${++databases}`;
      return {
        cluster: {
          eventStoreUrl: eventStore.url,
          mongoUrl: mongo.url.replace(/^(mongodb(?:\+srv)?:\/\/[^/?]+)(?:\/[^?]*)?/, `$1/${database}`),
        },
        ranAgainst: `${eventStore.ranAgainst}; ${mongo.ranAgainst}`,
      };
    },
  },
  async () => {
    for (const { stop } of started.toReversed()) await stop();
  },
);
