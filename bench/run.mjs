// Measures Cairn on the embedded store against what this machine can do at best, in the same minutes; writes
// bench/results/<date>.json and docs/benchmarks.md from it.
//
//   npm run bench                     everything, about six minutes
//   npm run bench -- --quick          short rounds, to see that it runs; writes nothing
//   npm run bench -- --only P21,rules  these only (all that need a server run together); writes nothing without --write
//   npm run bench -- --only life --learners 10000   what years bring; many minutes, hence only by name
//   npm run bench -- --render         writes docs/benchmarks.md anew from the youngest results
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { foreignShare, median, percentile } from './arithmetic.ts';
import { busyMs, canPin } from './child.mjs';
import {
  around,
  CONNECTIONS,
  CORES,
  holds,
  openHarness,
  OPERATOR_TOKEN,
  root,
  round,
  say,
  seedLoad,
  SERVER_CORE,
} from './harness.mjs';
import { closedLoop, openLoop, openPool } from './http.mjs';
import { latestResults, render } from './report.mjs';
import { completion, foundUniversity } from './world.mjs';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean' },
    only: { type: 'string' },
    write: { type: 'boolean' },
    render: { type: 'boolean' },
    learners: { type: 'string' },
  },
});
if (options.render) {
  await render(root, latestResults(root));
  process.exit(0);
}

const only = options.only?.split(',');
const wanted = (...ids) => only === undefined || ids.some((id) => only.includes(id));
const scale = options.quick ? 0.25 : 1;
const OULAD = join(root, '..', 'shared', 'data', 'oulad');
const OULAD_STUDENTS = 1_500;
const MOST_REVOKED = 10_000;
/** A student costs about 50 commands' time: on a busy machine fewer are taken, so that the import ends within about a minute. */
let studentsInTime = options.quick ? 100 : OULAD_STUDENTS;
const PROJECTIONS = ['learner_progress', 'pathway_funnel', 'audit'];

const harness = await openHarness(scale);
const { dist, work, child, watched, commandRounds, calibrate, record, rows } = harness;

async function benchServer() {
  const directory = mkdtempSync(join(work, 'data-'));
  const server = child('server.mjs', [dist, directory, OPERATOR_TOKEN]);
  const port = await server.ask('port');
  const { tenant, key } = await foundUniversity(port, OPERATOR_TOKEN);
  const pool = await openPool(port, key, CONNECTIONS);
  const anyone = await openPool(port, undefined, 8);
  /** Ids of events of every command that was acknowledged. */
  const acknowledged = [];
  const strange = [];
  const onAnswer = (answer) => {
    if (answer.status >= 300) return void strange.push(`${answer.status} ${answer.text.slice(0, 300)}`);
    for (const { id } of JSON.parse(answer.text).events) acknowledged.push(id);
  };
  let before = await calibrate();

  const counts = { many: Math.round(1_200 * scale), short: Math.round(300 * scale), issued: Math.round(200 * scale) };
  const { short, issued, hot, thousand, distinct } = await seedLoad(pool, counts, onAnswer);
  await server.ask('settle');

  const { best: p2, rounds } = await commandRounds(server, pool, distinct, onAnswer);
  const caughtUp = await server.ask('settle');
  studentsInTime = Math.min(studentsInTime, Math.round((p2.perSecond * 60) / 50));

  say('P1');
  const p1 = await watched(server, () =>
    openLoop(pool, {
      rate: 50,
      seconds: Math.min(8 * scale, short.length / 50),
      next: (i) => completion(short[i].enrollment, 4),
      onAnswer,
    }),
  );
  await server.ask('settle');
  let after = await calibrate();
  {
    const limit = around(before, after);
    const p50 = percentile(p1.latencies, 0.5);
    const p99 = percentile(p1.latencies, 0.99);
    const shared = { cost: p1, foreign: p1.foreign, correct: p1.ok === p1.sent };
    const what = 'CompleteModule on a stream of 9 events, durable, API key checked, 50/s open loop';
    record({
      id: 'P1',
      what,
      metric: 'p50 ÷ C1n p50',
      unit: 'x',
      value: p50 / limit.of('C1nP50Ms'),
      must: 10,
      goal: 6,
      against: `${round(p50)} ms ÷ ${round(limit.of('C1nP50Ms'))} ms`,
      drift: limit.drift('C1nP50Ms'),
      ...shared,
    });
    record({
      id: 'P1',
      what,
      metric: 'p99',
      unit: 'ms',
      value: p99,
      must: 20,
      goal: 8,
      drift: limit.drift('C1nP50Ms'),
      ...shared,
    });
    const two = { cost: p2, foreign: p2.foreign, correct: rounds.every(({ ok, sent: all }) => ok === all) };
    const load = `${CONNECTIONS} connections, distinct enrollments; projections and reactors run in the same process`;
    const rate = `${Math.round(p2.perSecond)} commands/s`;
    record({
      id: 'P2',
      what: load,
      metric: 'rate ÷ C6c',
      unit: '',
      value: p2.perSecond / limit.of('C6c'),
      must: 0.25,
      goal: 0.4,
      atLeast: true,
      against: `${rate} ÷ ${Math.round(limit.of('C6c'))}/s`,
      drift: limit.drift('C6c'),
      ...two,
      note: `read models caught up ${round(caughtUp.ms / 1000)} s after the load ended`,
    });
    record({
      id: 'P2',
      what: load,
      metric: 'rate ÷ C2',
      unit: '',
      value: p2.perSecond / limit.of('C2'),
      must: 0.6,
      atLeast: true,
      against: `${rate} ÷ ${Math.round(limit.of('C2'))}/s`,
      drift: limit.drift('C2'),
      ...two,
    });
    record({
      id: 'P2',
      what: load,
      metric: 'rate ÷ C2g at 10',
      unit: '',
      value: p2.perSecond / limit.of('C2g'),
      goal: 0.2,
      atLeast: true,
      against: `${rate} ÷ ${Math.round(limit.of('C2g'))}/s`,
      drift: limit.drift('C2g'),
      ...two,
    });
    record({
      id: 'P2',
      what: load,
      metric: 'p99',
      unit: 'ms',
      value: percentile(p2.latencies, 0.99),
      must: 60,
      drift: limit.drift('C6c'),
      ...two,
    });
    record({
      id: 'P2',
      what: load,
      metric: 'CPU of a command ÷ CPU of C6c',
      unit: 'x',
      value: p2.cpuMicros / limit.of('C6cCpuMicros'),
      must: 4,
      goal: 2.5,
      against: `${Math.round(p2.cpuMicros)} µs ÷ ${Math.round(limit.of('C6cCpuMicros'))} µs`,
      drift: limit.drift('C6cCpuMicros'),
      ...two,
      note: 'projecting, counting and auditing its events included; bounds are the CPU budget of 290 and 180 µs over 73 µs',
    });
  }

  before = after;
  say('P3');
  await server.ask('retries', 1);
  let onHot = 0;
  const toHot = () => completion(hot, onHot++);
  const p3 = await watched(server, () => closedLoop(pool, { seconds: 8 * scale, count: 4_000, next: toHot, onAnswer }));
  const retries = await server.ask('retries', p3.sent);
  say(`P3: ${Math.round(p3.perSecond)}/s; filling the long streams`);
  await closedLoop(pool, { seconds: 25 * scale, count: 10_000 - onHot, next: toHot, onAnswer });
  await closedLoop(pool, { count: Math.round(980 * scale), next: (i) => completion(thousand, i), onAnswer });
  await server.ask('settle');

  say('P12');
  const one = { connections: pool.connections.slice(0, 1) };
  const took = { ten: [], thousand: [], long: [] };
  let onThousand = Math.round(980 * scale);
  const samples = Math.min(Math.round(120 * scale), short.length);
  const p12 = await watched(server, async () => {
    for (let i = 0; i < samples; i++)
      for (const [size, next] of [
        ['ten', () => completion(short[short.length - 1 - i].enrollment, 5)],
        ['thousand', () => completion(thousand, onThousand++)],
        ['long', toHot],
      ])
        took[size].push((await closedLoop(one, { count: 1, next, onAnswer })).latencies[0]);
    return { ok: samples * 3 };
  });

  say('P4');
  const { credentialIdOf } = await import(join(dist, 'libs/contexts/credentials/src/index.js'));
  const { templateIdOf } = await import(join(dist, 'libs/contexts/catalog/src/index.js'));
  const { bareId, publicId } = await import(join(dist, 'libs/kernel/src/index.js'));
  const namespace = await server.ask('namespace', tenant);
  const template = templateIdOf(bareId('ten', tenant), 'one');
  let nextIssued = 0;
  /** From the completing command's acknowledgement until anybody is told "valid". */
  const issue = async (own) => {
    const { learner, enrollment } = issued[nextIssued++];
    const id = publicId('crd', credentialIdOf(namespace, bareId('lrn', learner), template, 1, 1));
    const { path, body } = completion(enrollment, 0);
    const answer = await own.connections[0].request('POST', path, { ...body, module: 'ONE' });
    onAnswer(answer);
    const began = performance.now();
    for (;;) {
      const { status, text } = await anyone.connections[nextIssued % 8].request('GET', `/c/${id}.json`);
      const ms = performance.now() - began;
      if (status === 200 && JSON.parse(text).status === 'valid') return ms;
      if (ms > 20_000) throw new Error(`credential ${id} was not valid after 20 s: ${status} ${text.slice(0, 300)}`);
      await sleep(2);
    }
  };
  const own = await openPool(port, key, 1);
  const idle = [];
  const half = [];
  for (let i = 0; i < 10; i++) await issue(own); // warm-up
  const p4 = await watched(server, async () => {
    for (let i = 0; i < Math.round(80 * scale); i++) {
      idle.push(await issue(own));
      await sleep(10);
    }
    return { ok: idle.length };
  });
  const load = { on: true };
  const background = openLoop(pool, { rate: p2.perSecond / 2, seconds: 5 * scale, next: distinct, onAnswer }).finally(
    () => (load.on = false),
  );
  await sleep(300);
  const p4Half = await watched(server, async () => {
    while (load.on && nextIssued < issued.length) {
      half.push(await issue(own));
      await sleep(20);
    }
    return { ok: half.length };
  });
  await background;
  own.close();
  await server.ask('settle');
  after = await calibrate();
  {
    const limit = around(before, after);
    const whatHot = `${CONNECTIONS} connections on one enrollment, stream grows to ${onHot} commands`;
    const right = { correct: p3.ok === p3.sent, cost: p3 };
    record({
      id: 'P3',
      what: whatHot,
      metric: 'answered rightly',
      unit: '%',
      value: (100 * p3.ok) / p3.sent,
      must: 100,
      atLeast: true,
      ...right,
    });
    record({
      id: 'P3',
      what: whatHot,
      metric: 'retries p99',
      unit: '',
      value: retries.p99,
      must: 5,
      ...right,
      note: `${retries.total} conflicts in all: commands on one stream queue up in the process`,
    });
    record({
      id: 'P3',
      what: whatHot,
      foreign: p3.foreign,
      metric: 'rate ÷ C2',
      unit: '',
      value: p3.perSecond / limit.of('C2'),
      must: 0.2,
      goal: 0.4,
      atLeast: true,
      against: `${Math.round(p3.perSecond)}/s ÷ ${Math.round(limit.of('C2'))}/s`,
      drift: limit.drift('C2'),
      ...right,
    });
    const ten = median(took.ten);
    const what12 = `the same command on streams of 10, ${onThousand} and ${onHot} events or more, interleaved, one at a time`;
    const cost12 = { cost: p12, foreign: p12.foreign, correct: strange.length === 0, drift: limit.drift('C1nP50Ms') };
    record({
      id: 'P12',
      what: what12,
      metric: `p50 at ${onHot} ÷ at 10`,
      unit: 'x',
      value: median(took.long) / ten,
      must: 2,
      goal: 1.2,
      against: `${round(median(took.long))} ms ÷ ${round(ten)} ms`,
      ...cost12,
      note: `the long stream had ${onHot} commands behind it; folds are kept in memory`,
    });
    record({
      id: 'P12',
      what: what12,
      metric: `p50 at ${onThousand} ÷ at 10`,
      unit: 'x',
      value: median(took.thousand) / ten,
      against: `${round(median(took.thousand))} ms ÷ ${round(ten)} ms`,
      ...cost12,
    });
    const bound = 3 * limit.of('C1nP50Ms') + 1000 / limit.of('C7sAlone') + 10_000 / limit.of('C2g');
    for (const [name, list, cost] of [
      ['idle', idle, p4],
      [
        `with ${Math.round(p2.perSecond / 2)} other commands/s`,
        half,
        { foreign: p4Half.foreign, peakRssMb: p4Half.peakRssMb },
      ],
    ]) {
      const what4 = `acknowledgement of the completing command until verification says valid, ${name}`;
      const against = `bound of 3 appends, 1 signature, 1 batch: ${round(bound)} ms`;
      const shared = {
        cost,
        foreign: cost.foreign,
        correct: strange.length === 0,
        drift: limit.drift('C1nP50Ms', 'C7sAlone'),
        unit: 'ms',
        what: what4,
        id: 'P4',
      };
      record({ metric: 'p50', value: percentile(list, 0.5), must: 50, goal: 15, against, ...shared });
      record({ metric: 'p95', value: percentile(list, 0.95), ...shared });
      record({
        metric: 'p99',
        value: percentile(list, 0.99),
        must: 500,
        goal: 150,
        ...shared,
        note: `${list.length} credentials`,
      });
    }
  }

  before = after;
  const target = options.quick ? 0 : 100_000;
  const until = Date.now() + 10_000;
  say(`filling the log from ${await server.ask('events')} events`);
  while ((await server.ask('events')) < target && Date.now() < until)
    await closedLoop(pool, { seconds: 2, next: distinct, onAnswer });
  await server.ask('settle');
  say('P8');
  const p8 = await watched(server, async () => {
    const rebuilt = await server.ask('rebuild', PROJECTIONS);
    return { ...rebuilt, ok: rebuilt.events };
  });
  const scan = await server.ask('scan');
  say('verifying the log');
  const verified = await server.ask('verify', { acknowledged, redecide: false });
  const settled = await server.ask('settle');
  after = await calibrate();
  pool.close();
  anyone.close();
  await server.stop();
  // Pages in use: the file also keeps those that the rebuild of P8 has set free.
  const used = (name) => {
    const db = new DatabaseSync(join(directory, name), { readOnly: true });
    const value = (pragma) => Object.values(db.prepare(`PRAGMA ${pragma}`).get())[0];
    const bytes = (value('page_count') - value('freelist_count')) * value('page_size');
    db.close();
    return bytes;
  };
  const sizes = { log: used('events.sqlite'), readModels: used('read-models.sqlite') };
  {
    const limit = around(before, after);
    const correct = p8.equal;
    const what8 = `${p8.events} events into ${PROJECTIONS.join(', ')}, one read pass, beside the live ones`;
    const perSecond = (p8.events * 1000) / p8.foldMs;
    record({
      id: 'P8',
      what: what8,
      metric: 'events/s ÷ C4',
      unit: '',
      value: perSecond / limit.of('C4'),
      must: 0.1,
      goal: 0.25,
      atLeast: true,
      against: `${Math.round(perSecond)}/s ÷ ${Math.round(limit.of('C4'))}/s`,
      cost: p8,
      foreign: p8.foreign,
      drift: limit.drift('C4'),
      correct,
      note: `${correct ? 'equal to the live ones' : 'NOT equal to the live ones'} (${p8.documents.join(', ')} documents); comparing took ${round((p8.ms - p8.foldMs) / 1000)} s more; the log alone reads at ${Math.round(scan)} events/s through the port`,
    });
    const what16 = `${verified.events} events on disk after closing, ${round(verified.bytes / verified.events)} B of JSON each`;
    record({
      id: 'P16',
      what: what16,
      metric: 'log ÷ JSON bytes',
      unit: 'x',
      value: sizes.log / verified.bytes,
      must: 1.6,
      goal: 1.3,
      against: `${round(sizes.log / verified.events)} B ÷ ${round(verified.bytes / verified.events)} B an event`,
      correct: true,
    });
    record({
      id: 'P16',
      what: what16,
      metric: 'read models ÷ JSON bytes',
      unit: 'x',
      value: sizes.readModels / verified.bytes,
      must: 1,
      against: `${round(sizes.readModels / verified.events)} B an event`,
      correct: true,
    });
    const invariants = {
      events: verified.events,
      streams: verified.streams,
      credentials: verified.credentials,
      faults: verified.faults,
      acknowledged: verified.acknowledged,
      acknowledgedTwice: verified.duplicates,
      acknowledgedButMissing: verified.missing,
      refused: strange.length,
      settled: settled.settled,
      parked: settled.parked,
      rebuildEqual: p8.equal,
      firstFaults: verified.firstFaults,
      firstRefusals: strange.slice(0, 3),
    };
    return invariants;
  }
}

/**
 * Ratios against one plain pass over the same log, in the same process. What is signed, revoked and followed is so for at
 * most {@link MOST_REVOKED} learners; a change of rules and the scheduler are asked of as many as are wanted.
 */
async function lifeBench() {
  const learners = Number(options.learners ?? 10_000);
  const signed = Math.min(learners, MOST_REVOKED);
  const life = child('life.mjs', [dist, mkdtempSync(join(work, 'life-'))]);
  const row = (of, pass, what, metric, correct, note) =>
    record({
      id: 'life',
      what: `${what}; log of ${pass.events} events`,
      metric: `${metric} ÷ plain pass`,
      unit: 'x',
      value: of.ms / pass.ms,
      against: `${round(of.ms / 1000)} s ÷ ${round(pass.ms / 1000)} s`,
      cost: { peakRssMb: of.peakRssMb },
      correct,
      ...(note === undefined ? {} : { note }),
    });

  say(`life: seeding ${signed} learners with two credentials each`);
  await life.ask('seed', signed);
  const few = await life.ask('plainPass');
  const two = `${signed} learners, each with a credential and one that rests on it`;
  say('life: bulk revocation');
  const bulk = await life.ask('bulkRevoke');
  row(bulk.preview, few, two, 'preview of a bulk revocation', bulk.follows === signed, 'with what follows for each');
  row(bulk.run, few, two, 'bulk revocation', bulk.run.counts.done === signed);
  row(
    bulk.asked,
    few,
    two,
    `${bulk.asked.answers} of them verified at once`,
    bulk.asked.answers > 0 && bulk.asked.revoked === bulk.asked.answers,
    'each answer says revoked, while what follows is under way',
  );
  row(bulk.cascade, few, two, 'what follows the revocation', true, 'until all that rested on them is suspended');

  say(`life: seeding ${learners} learners with an award and a credential from outside that ends`);
  await life.ask('seedMany', learners);
  const pass = await life.ask('plainPass');
  const many = `${learners} learners more, each with an award and a credential from outside`;
  say('life: dry run');
  const dry = await life.ask('dryRun');
  row(dry, pass, many, 'dry run of a rule change', dry.rows === learners && dry.counts.loses === learners);
  say('life: the scheduler');
  const expired = await life.ask('expire');
  row(expired, pass, many, `${learners} items due at once`, expired.events >= learners, `${expired.events} events`);
  await life.stop();
}

async function rulesBench() {
  say('rules');
  const rules = child('rules.mjs', [dist]);
  const result = await watched(rules, async () => ({ ...(await rules.ask('run', 1_500 * scale)), ok: 0 }));
  await rules.stop();
  const what = 'evaluating a tree of 200 nodes over 500 facts';
  record({
    id: 'rules',
    what,
    metric: 'p50, facts indexed',
    unit: 'ms',
    value: result.warm,
    foreign: result.foreign,
    correct: result.same,
    note: `p99 ${round(result.warmP99)} ms`,
  });
  record({
    id: 'rules',
    what,
    metric: 'p50, from bare facts',
    unit: 'ms',
    value: result.cold,
    foreign: result.foreign,
    correct: result.same,
    note: `p99 ${round(result.coldP99)} ms`,
  });
}

/** Runs the command line to its end, on the server's core. */
async function cairn(...args) {
  const program = [join(dist, 'apps/cli/src/main.js'), ...args];
  const [command, ...rest] = canPin
    ? ['taskset', '-c', String(SERVER_CORE), process.execPath, ...program]
    : [process.execPath, ...program];
  const run = spawn(command, rest, { stdio: ['ignore', 'pipe', 'ignore'] });
  let out = '';
  run.stdout.setEncoding('utf8').on('data', (text) => (out += text));
  const code = await new Promise((done) => run.on('exit', done));
  if (code !== 0) throw new Error(`cairn ${args.join(' ')} ended with ${code}: ${out.slice(-2_000)}`);
  return JSON.parse(out);
}

async function ouladBench() {
  if (!existsSync(OULAD)) return say('P21 skipped: the OULAD tables are not there');
  say(`P21 importing ${studentsInTime} students`);
  const before = await calibrate();
  const data = mkdtempSync(join(work, 'oulad-'));
  const busy = busyMs();
  const began = performance.now();
  const summary = await cairn(
    'import',
    'oulad',
    '--from',
    OULAD,
    '--students',
    String(studentsInTime),
    '--data',
    data,
    '--json',
  );
  const wallMs = performance.now() - began;
  const foreign =
    busy === undefined ? 0 : foreignShare({ busyMs: busyMs() - busy, ownMs: wallMs, wallMs, cores: CORES });
  say('P21 raw appends');
  const raw = child('raw-append.mjs', [dist, data, mkdtempSync(join(work, 'raw-'))]);
  const appended = await watched(raw, async () => ({ ...(await raw.ask('run')), ok: summary.newEvents }));
  await raw.stop();
  say('P21 verifying');
  const verified = await cairn('verify-log', '--data', data, '--json');
  const after = await calibrate();
  record({
    id: 'P21',
    what: `OULAD, the first ${studentsInTime} students (${summary.newEvents} events, ${summary.credentials} credentials) until the read models are caught up`,
    metric: 'import ÷ raw append of its events',
    unit: 'x',
    value: (summary.seconds * 1000) / appended.ms,
    must: 15,
    goal: 5,
    against: `${summary.seconds} s ÷ ${round(appended.ms / 1000)} s`,
    foreign: Math.max(foreign, appended.foreign),
    drift: around(before, after).drift('C2g'),
    correct: verified.faults.length === 0 && appended.complete,
    note: `reading the tables and publishing the catalog included; ${verified.redecided} decisions taken again from the log agree`,
  });
}

const server = ['P1', 'P2', 'P3', 'P4', 'P8', 'P12', 'P16'];
const invariants = wanted(...server) ? await benchServer() : undefined;
if (wanted('rules')) await rulesBench();
if (only?.includes('life')) await lifeBench();
let broke = false;
if (wanted('P21'))
  await ouladBench().catch((error) => {
    broke = true; // the other rows stand
    say(`P21 broke: ${error.stack}`);
  });
await harness.close();

const results = {
  ...harness.head(),
  store: 'embedded (SQLite, WAL, synchronous FULL)',
  invariants: invariants === undefined ? undefined : { hold: holds(invariants), ...invariants },
  rows:
    invariants === undefined || holds(invariants)
      ? rows
      : rows.map((row) => (server.includes(row.id) ? { ...row, verdict: 'failed' } : row)),
};
if (invariants) say(`invariants ${holds(invariants) ? 'hold' : 'BROKEN'}: ${JSON.stringify(invariants)}`);
if ((only === undefined && !options.quick) || options.write) {
  const folder = join(root, 'bench', 'results');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${results.date.slice(0, 10)}.json`), `${JSON.stringify(results, null, 2)}\n`);
  await render(root, results);
  say('written: bench/results and docs/benchmarks.md');
} else console.log(JSON.stringify(results.rows, null, 1));
process.exit(broke || results.rows.some(({ verdict }) => verdict === 'failed') ? 1 : 0);
