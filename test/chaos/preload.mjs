// Loaded before the program (`node --import`), which knows nothing of it: wraps the stores that the program opens, so
// that it can be made to die or to stop at a chosen point between two effects, and answers the harness's questions from
// inside. Without an IPC channel nothing happens.
//
// Points: append.before (decided, nothing written), append.after (written, not acknowledged), bulk.before, bulk.middle
// (half of a bulk written), bulk.after, checkpoint.before, checkpoint.after, put.before (signed, not stored), put.after.
import { registerHooks } from 'node:module';
import { answerAsks } from './processes.mjs';

/** { point, nth, type, signal }: the nth time that the point is met, with an event of the type among those appended. */
let armed;
let installation;
/** Lease -> when it ends, unless it is renewed. */
const heldUntil = new Map();

function meet(point, types = []) {
  if (armed?.point !== point || (armed.type !== undefined && !types.includes(armed.type))) return;
  if (--armed.nth > 0) return;
  const { signal } = armed;
  armed = undefined;
  process.kill(process.pid, signal);
}
const isAt = (point) => armed?.point === point && armed.nth === 1;

function wrap(stores) {
  const { log, readModel, blobVault } = stores;
  return {
    ...stores,
    log: {
      ...log,
      append: async (stream, expected, events) => {
        const types = events.map(({ type }) => type);
        meet('append.before', types);
        const result = await log.append(stream, expected, events);
        if (result.ok) meet('append.after', types);
        return result;
      },
    },
    readModel: {
      ...readModel,
      writeGuarded: async (collection, writes) => {
        meet('bulk.before');
        if (isAt('bulk.middle'))
          await readModel.writeGuarded(collection, writes.slice(0, Math.ceil(writes.length / 2)));
        meet('bulk.middle');
        const outcomes = await readModel.writeGuarded(collection, writes);
        meet('bulk.after');
        return outcomes;
      },
      acquireLease: async (name, owner, ttlMs) => {
        const end = performance.now() + ttlMs;
        const lease = await readModel.acquireLease(name, owner, ttlMs);
        if (lease) heldUntil.set(name, end);
        return lease;
      },
      renewLease: async (lease, ttlMs) => {
        const end = performance.now() + ttlMs;
        const renewed = await readModel.renewLease(lease, ttlMs);
        if (renewed) heldUntil.set(lease.name, end);
        else heldUntil.delete(lease.name);
        return renewed;
      },
      saveCheckpoint: async (name, expected, next) => {
        meet('checkpoint.before');
        const saved = await readModel.saveCheckpoint(name, expected, next);
        meet('checkpoint.after');
        return saved;
      },
    },
    blobVault: {
      ...blobVault,
      put: async (subject, bytes) => {
        meet('put.before');
        const hash = await blobVault.put(subject, bytes);
        meet('put.after');
        return hash;
      },
    },
  };
}

async function everything({ log }) {
  const events = [];
  for (let after = ''; ;) {
    const page = await log.readAll({ after, limit: 2_000 });
    events.push(...page.events);
    if (page.atEnd) return events;
    after = page.readUpTo;
  }
}

if (process.send) {
  globalThis.cairnChaos = {
    wrap,
    opened: (one) => (installation = one),
  };
  registerHooks({
    load(url, context, next) {
      const loaded = next(url, context);
      if (!url.endsWith('/dist/libs/platform/src/installation.js')) return loaded;
      const source = Buffer.from(loaded.source).toString('utf8');
      const open = 'export async function openInstallation(';
      if (!source.includes(open) || !source.includes('import { openStores }'))
        throw new Error('installation.ts has changed: test/chaos/preload.mjs finds no openInstallation to wrap');
      return {
        ...loaded,
        source: `${source.replace(open, 'async function openAsItIs(')}
export async function openInstallation(configuration, contexts, parts = {}) {
  const stores = globalThis.cairnChaos.wrap(parts.stores ?? (await openStores(configuration)));
  return globalThis.cairnChaos.opened(await openAsItIs(configuration, contexts, { ...parts, stores }));
}`,
      };
    },
  });
  answerAsks({
    arm: ({ point, nth = 1, type, signal = 'SIGKILL' }) => void (armed = { point, nth, type, signal }),
    /** Whether the point was met since. */
    disarm: () => {
      const met = armed === undefined;
      armed = undefined;
      return met;
    },
    settled: (timeoutMs) => installation.settled(timeoutMs),
    status: () => installation.status(),
    /** Whether this process folds the read models now. */
    holds: () => (heldUntil.get('projections/0') ?? 0) > performance.now(),
    events: () => everything(installation),
    checkpoints: async () => {
      // In this order: a checkpoint that moves meanwhile may not pass for one ahead of the log.
      const checkpoints = await installation.readModel.checkpoints();
      return { checkpoints, head: await installation.log.head() };
    },
    parked: () => installation.parked(),
    rssMb: () => process.memoryUsage.rss() / 1024 / 1024,
    verify: async () => {
      const { verifyLog } = await import('../../dist/apps/cli/src/verify-log.js');
      return verifyLog(installation, { redecide: true });
    },
    /** Every projection folded anew, against what is live; undefined in a process that folds none now. */
    rebuild: async () => {
      const { WorksElsewhere } = await import('../../dist/libs/platform/src/installation.js');
      try {
        return await installation.rebuild(undefined, { dropOld: true });
      } catch (error) {
        // Of a lease that was lost on the way, too: then another process folds.
        if (error instanceof WorksElsewhere || error.constructor.name === 'LeaseLost') return undefined;
        throw error;
      }
    },
  });
}
