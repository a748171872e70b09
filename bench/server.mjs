// The product, listening on loopback, with what only the inside can tell: on the embedded store in a data folder, or on
// the cluster if it is given.
import 'reflect-metadata';
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { join } from 'node:path';
import { ConsoleLogger } from '@nestjs/common';
import { percentile } from './arithmetic.ts';
import { answerAsks } from './child.mjs';

const inspector = new Session();
const [dist, directory, operatorToken, cluster] = process.argv.slice(2);
const { createServer } = await import(join(dist, 'apps/server/src/app.js'));
const { verifyLog } = await import(join(dist, 'apps/cli/src/verify-log.js'));
const { bareId } = await import(join(dist, 'libs/kernel/src/index.js'));
const { tenantFold, tenantStream } = await import(join(dist, 'libs/contexts/tenancy/src/index.js'));

const { app, installation, close } = await createServer(
  {
    dataDirectory: directory,
    port: 0,
    host: '127.0.0.1',
    baseUrl: 'https://cairn.example',
    operatorToken,
    logLevel: 'silent',
    ratePerMinute: 10_000_000,
    ...(cluster === undefined ? {} : { cluster: clusterOf(JSON.parse(cluster)) }),
  },
  new ConsoleLogger({ logLevels: ['error', 'fatal'] }), // a fault is told, not only counted
);
/** All roles in this process: what is measured is the stores, not the network between processes. */
function clusterOf({ eventStoreUrl, mongoUrl }) {
  return {
    eventStoreUrl,
    mongoUrl,
    masterKey: Buffer.alloc(32, 7),
    roles: ['api', 'projector', 'reactor', 'scheduler'],
    leaseMs: 15_000,
  };
}

await app.listen(0, '127.0.0.1');
const { log } = installation;

// Conflicts by command. The executor calls the port through this object, so its retries can be counted here.
const append = log.append;
let conflicts = new Map();
log.append = async (stream, expected, events) => {
  const result = await append(stream, expected, events);
  if (!result.ok) {
    const command = events[0].meta.$causationId;
    conflicts.set(command, (conflicts.get(command) ?? 0) + 1);
  }
  return result;
};

async function* pages() {
  for (let after = ''; ;) {
    const page = await log.readAll({ after, limit: 2_000 });
    yield page.events;
    if (page.atEnd) return;
    after = page.readUpTo;
  }
}

// A position says how many events there are on the embedded log only, so they are counted by reading on.
let counted = 0;
let countedTo = '';
async function eventCount() {
  for (;;) {
    const { events, readUpTo, atEnd } = await log.readAll({ after: countedTo, limit: 2_000 });
    counted += events.length;
    countedTo = readUpTo;
    if (atEnd) return counted;
  }
}

answerAsks(
  {
    port: () => app.getHttpServer().address().port,
    namespace: async (tenant) =>
      (await installation.executor.snapshot(tenantFold, tenantStream(bareId('ten', tenant)))).state.registered
        .namespace,
    settle: async () => {
      const began = performance.now();
      const settled = await installation.settled(120_000);
      return { settled, ms: performance.now() - began, parked: (await installation.parked()).length };
    },
    retries: (commands) => {
      const counts = [...conflicts.values()];
      conflicts = new Map();
      const zeros = Array.from({ length: Math.max(0, commands - counts.length) }, () => 0);
      return { p99: percentile([...counts, ...zeros], 0.99), total: counts.reduce((a, b) => a + b, 0) };
    },
    events: eventCount,
    /** Milliseconds that the projection furthest behind is behind the log. */
    lag: async () => Math.max(...(await installation.status()).projections.map(({ lagMs }) => lagMs)),
    /** Records where CPU time goes, from now on. */
    startProfile: async () => {
      inspector.connect();
      await inspector.post('Profiler.enable');
      await inspector.post('Profiler.setSamplingInterval', { interval: 250 });
      await inspector.post('Profiler.start');
    },
    /** Ends that and writes it down as a .cpuprofile. */
    stopProfile: async (file) => {
      const { profile } = await inspector.post('Profiler.stop');
      inspector.disconnect();
      writeFileSync(file, JSON.stringify(profile));
    },
    rssMb: () => process.memoryUsage().rss / 1024 / 1024,
    /** Run invariants R1 to R3 and the domain's: acknowledged events are there once, and the log has no faults. */
    verify: async ({ acknowledged, redecide }) => {
      const missing = new Set(acknowledged.map((id) => bareId('evt', id)));
      const expected = missing.size;
      let bytes = 0;
      for await (const events of pages())
        for (const event of events) {
          missing.delete(event.id);
          bytes += Buffer.byteLength(JSON.stringify(event));
        }
      const { events, streams, credentials, redecided, faults } = await verifyLog(installation, { redecide });
      return {
        events,
        streams,
        credentials,
        redecided,
        faults: faults.length,
        firstFaults: faults.slice(0, 3),
        acknowledged: expected,
        duplicates: acknowledged.length - expected,
        missing: missing.size,
        bytes,
      };
    },
    rebuild: async (names) => {
      // The clock stops for the folding when the read pass has reached the head; comparing with the live ones follows.
      let folded;
      const events = await eventCount();
      const head = await log.head();
      const began = performance.now();
      const parity = await installation.rebuild(names, {
        switch: false,
        onProgress: ({ position }) => {
          if (folded === undefined && position >= head) folded = performance.now() - began;
        },
      });
      const ms = performance.now() - began;
      return {
        events,
        ms,
        foldMs: folded ?? ms,
        documents: parity.map(({ name, documents }) => `${name} ${documents}`),
        equal: parity.length === names.length && parity.every(({ equal }) => equal),
      };
    },
    scan: async () => {
      let count = 0;
      const began = performance.now();
      for await (const events of pages()) count += events.length;
      return (count * 1000) / (performance.now() - began);
    },
  },
  close,
);
