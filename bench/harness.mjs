// What every benchmark run needs: the build under test, processes pinned to cores, the limits of this machine, verdicts.
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { cpus, loadavg, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { build } from '../scripts/build.mjs';
import { bestOf, drift, foreignShare, judge } from './arithmetic.ts';
import { busyMs, canPin, startChild } from './child.mjs';
import { closedLoop, openPool } from './http.mjs';
import { completion, enrollLearners } from './world.mjs';

export const root = join(import.meta.dirname, '..');
// Not availableParallelism(): that counts only what this process is pinned to.
export const CORES = cpus().length;
export const SERVER_CORE = 0;
export const LOAD_CORE = 1;
export const CONNECTIONS = 64;
export const OPERATOR_TOKEN = 'operator-token-of-the-benchmarks-0123456789';

export const round = (value) => (Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3)));
export const say = (text) => console.error(`${new Date().toISOString().slice(11, 19)} ${text}`);

/** Builds, and takes a folder for the run. `scale`: 1 for full rounds, less for shorter ones. */
export async function openHarness(scale) {
  if (canPin) spawnSync('taskset', ['-acp', String(LOAD_CORE), String(process.pid)]);
  build();
  // A copy of its own: whoever builds meanwhile must not change what is measured.
  const dist = join(root, `dist.bench-${process.pid}`);
  cpSync(join(root, 'dist'), dist, { recursive: true });
  const work = mkdtempSync(join(tmpdir(), 'cairn-bench-'));
  const children = new Set();
  const child = (script, args, core = SERVER_CORE) => {
    const started = startChild(script, args, { core });
    children.add(started);
    return {
      ...started,
      stop: () => started.stop().finally(() => children.delete(started)),
    };
  };
  process.on('exit', () => {
    for (const { kill } of children) kill();
    rmSync(dist, { recursive: true, force: true });
    rmSync(work, { recursive: true, force: true });
  });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

  const rows = [];
  const calibrations = [];

  /** Runs `work` and tells the CPU that `server` used per operation and what others took of the machine. */
  async function watched(server, act) {
    const usage = await server.ask('usage');
    const own = process.cpuUsage();
    const busy = busyMs();
    const began = performance.now();
    const result = await act();
    const wallMs = performance.now() - began;
    const after = await server.ask('usage');
    const { user, system } = process.cpuUsage(own);
    const cpuMs = after.cpuMs - usage.cpuMs;
    return {
      ...result,
      cpuMicros: result.ok ? (cpuMs * 1000) / result.ok : 0,
      peakRssMb: after.peakRssMb,
      foreign:
        busy === undefined
          ? 0
          : foreignShare({
              busyMs: busyMs() - busy,
              ownMs: cpuMs + (user + system) / 1000,
              wallMs,
              cores: CORES,
            }),
    };
  }

  /** P2's load: warm up, then three rounds; the best of them, and all. */
  async function commandRounds(server, pool, next, onAnswer) {
    say('P2');
    await closedLoop(pool, { seconds: 3 * scale, next, onAnswer });
    const rounds = [];
    for (let i = 0; i < 3; i++) {
      rounds.push(await watched(server, () => closedLoop(pool, { seconds: 5 * scale, next, onAnswer })));
      say(`P2 round ${i + 1}: ${Math.round(rounds[i].perSecond)}/s, foreign ${round(rounds[i].foreign)}`);
    }
    return { best: bestOf(rounds), rounds };
  }

  const limits = child('limits.mjs', [work]);
  const limitsPool = await openPool(await limits.ask('port'), undefined, CONNECTIONS);

  /** P0: all limits once. */
  async function calibrate() {
    say('P0 limits');
    const ms = 700 * scale;
    const store = await limits.ask('store', ms);
    const proofs = await limits.ask('proofs', ms / 2);
    const echo = await watched(limits, () =>
      closedLoop(limitsPool, {
        seconds: 2.5 * scale,
        next: (i) => ({
          path: '/bare',
          body: { module: `M-${i % 20}`, occurredAt: '2024-02-01T09:00:00Z', score: i % 100 },
        }),
      }),
    );
    const measured = {
      C1nP50Ms: store.C1n.p50Ms,
      C1nP99Ms: store.C1n.p99Ms,
      C2: store.C2,
      C2g: store.C2g,
      C4: store.C4,
      C4s: store.C4s,
      C6c: echo.perSecond,
      C6cCpuMicros: echo.cpuMicros,
      C7s: proofs.sign,
      C7sAlone: proofs.signAlone,
      C7v: proofs.verify,
      load: loadavg()[0],
    };
    calibrations.push(measured);
    return measured;
  }

  function record({
    id,
    what,
    metric,
    unit,
    value,
    must,
    goal,
    atLeast = false,
    against = '',
    cost = {},
    note,
    ...rest
  }) {
    const { verdict, reached } = judge({ value, must, goal, atLeast, ...rest });
    const row = {
      id,
      what,
      metric,
      unit,
      value: round(value),
      must,
      goal,
      atLeast,
      against,
      verdict,
      reached,
      ...(rest.drift === undefined ? {} : { drift: round(rest.drift) }),
      ...(rest.foreign === undefined ? {} : { foreign: round(rest.foreign) }),
      ...(cost.cpuMicros ? { cpuMicros: Math.round(cost.cpuMicros) } : {}),
      ...(cost.peakRssMb ? { peakRssMb: Math.round(cost.peakRssMb) } : {}),
      ...(note === undefined ? {} : { note }),
    };
    rows.push(row);
    say(`${id} ${metric}: ${row.value} ${unit} -> ${verdict}${verdict === reached ? '' : ` (${reached})`}`);
  }

  const began = Date.now();
  return {
    dist,
    work,
    child,
    watched,
    commandRounds,
    calibrate,
    record,
    calibrations,
    rows,
    close: async () => {
      limitsPool.close();
      await limits.stop();
    },
    /** What a file of results begins with. */
    head: () => ({
      date: new Date(began).toISOString(),
      seconds: Math.round((Date.now() - began) / 1000),
      commit: git('rev-parse', '--short', 'HEAD'),
      uncommitted: git('status', '--porcelain', '--', 'apps', 'libs') !== '',
      version: JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version,
      machine: {
        cpu: cpus()[0].model,
        cores: CORES,
        memoryGb: Math.round(totalmem() / 2 ** 30),
        os: `${process.platform} ${release()}`,
        node: process.version,
        pinned: canPin,
        loadBefore: calibrations[0]?.load,
      },
      calibrations: calibrations.map((limit) =>
        Object.fromEntries(Object.entries(limit).map(([name, value]) => [name, round(value)])),
      ),
    }),
  };
}

/**
 * The learners that the load runs on: `many` for P2's commands, `short` with streams of ten events, `issued` one step
 * before their award, and two whose streams grow long. `distinct` makes P2's commands: every one to another enrollment,
 * in passes over all of them.
 */
export async function seedLoad(pool, { many: manyCount, short: shortCount, issued: issuedCount }, onAnswer) {
  say('seeding learners');
  const many = await enrollLearners(pool, 'many', manyCount, 'long');
  const short = await enrollLearners(pool, 'short', shortCount, 'long');
  const issued = await enrollLearners(pool, 'issued', issuedCount, 'one');
  const [{ enrollment: hot }] = await enrollLearners(pool, 'hot', 1, 'long');
  const [{ enrollment: thousand }] = await enrollLearners(pool, 'thousand', 1, 'long');
  // Enrollment, four steps with what follows, one repetition: ten events.
  for (const n of [0, 1, 2, 3])
    await closedLoop(pool, { count: short.length, next: (i) => completion(short[i].enrollment, n), onAnswer });
  let sent = 0;
  const distinct = () => {
    const i = sent++;
    return completion(many[i % many.length].enrollment, Math.floor(i / many.length));
  };
  return { short, issued, hot, thousand, distinct };
}

/** The limits around a benchmark: the better of before and after, and how far those lie apart. */
export const around = (before, after) => ({
  of: (name) => (/(Ms|Micros)$/.test(name) ? Math.min(before[name], after[name]) : Math.max(before[name], after[name])),
  drift: (...names) => Math.max(0, ...names.map((name) => drift(before[name], after[name]))),
});

/** Run invariants: a fast wrong answer fails. */
export const holds = (invariants) =>
  invariants.faults === 0 &&
  invariants.acknowledgedTwice === 0 &&
  invariants.acknowledgedButMissing === 0 &&
  invariants.refused === 0 &&
  invariants.settled &&
  invariants.parked === 0 &&
  invariants.rebuildEqual;

function git(...args) {
  return spawnSync('git', args, { cwd: root, encoding: 'utf8' }).stdout.trim();
}
