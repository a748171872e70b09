// EventStoreDB and MongoDB of a chaos run, in a process of their own: servers that are given, containers, else the
// doubles, whose faults can then be asked for. The log of a given server must be empty.
//
//   fork('stores.mjs', [folder for the double's events])
import { randomUUID } from 'node:crypto';
import { answerAsks } from './processes.mjs';

const dist = new URL('../../dist/libs/testing/src/', import.meta.url);
const { chooseServer, EVENTSTORE_IMAGE, MONGO_IMAGE } = await import(new URL('test-servers.js', dist));
const [, , directory] = process.argv;
const quiet = () => undefined;
let eventStore;
let mongo;

const chosen = await Promise.all([
  chooseServer({
    product: 'EventStoreDB',
    variable: 'CAIRN_TEST_EVENTSTORE_URL',
    image: EVENTSTORE_IMAGE,
    inContainer: (containers) => containers.startEventStore(EVENTSTORE_IMAGE),
    double: async () => {
      const { startServer } = await import(new URL('eventstoredb-double.js', dist));
      eventStore = await startServer({ directory });
      return { url: eventStore.connectionString, stop: () => eventStore.stop() };
    },
    print: quiet,
  }),
  chooseServer({
    product: 'MongoDB',
    variable: 'CAIRN_TEST_MONGODB_URL',
    image: MONGO_IMAGE,
    inContainer: (containers) => containers.startMongo(MONGO_IMAGE),
    double: async () => {
      const { startMongoDouble } = await import(new URL('mongo-double.js', dist));
      mongo = await startMongoDouble();
      return mongo;
    },
    print: quiet,
  }),
]);
const needsDouble = (double, product) => {
  if (!double) throw new Error(`this fault is the double's: it cannot be had of a real ${product}`);
  return double;
};

answerAsks({
  addresses: () => ({
    eventStoreUrl: chosen[0].url,
    mongoUrl: chosen[1].url.replace(/^(mongodb(?:\+srv)?:\/\/[^/?]+)\/?[^?]*/, `$1/cairn_${randomUUID().slice(0, 8)}`),
    ranAgainst: chosen.map(({ ranAgainst }) => ranAgainst).join('; '),
    doubles: chosen.every(({ source }) => source === 'double'),
  }),
  /** [fault, times, options] of EventStoreDouble.failAppends */
  failAppends: (args) => needsDouble(eventStore, 'EventStoreDB').failAppends(...args),
  failFeeds: (fault) => needsDouble(eventStore, 'EventStoreDB').failFeeds(fault ?? undefined),
  muteReads: (mute) => needsDouble(eventStore, 'EventStoreDB').muteReads(mute),
  /** The server is killed and starts again on the same port, with what it had synced. */
  restartEventStore: async (downMs) => {
    const { startServer } = await import(new URL('eventstoredb-double.js', dist));
    const { port } = needsDouble(eventStore, 'EventStoreDB');
    await eventStore.stop();
    await new Promise((resolve) => setTimeout(resolve, downMs));
    eventStore = await startServer({ directory, port });
  },
  /** Members of MongoFaults; null takes one away. */
  failMongo: (faults) => {
    for (const [name, value] of Object.entries(faults)) needsDouble(mongo, 'MongoDB').faults[name] = value ?? undefined;
  },
  restartMongo: async (downMs) => {
    await needsDouble(mongo, 'MongoDB').stop();
    await new Promise((resolve) => setTimeout(resolve, downMs));
    await mongo.start();
  },
});
process.channel.ref();
