// The store-bound benchmarks on EventStoreDB and MongoDB; writes bench/results/<date>-cluster.json and its section of
// docs/benchmarks.md. A run of its own, so that the one on the embedded store stays as short as it is.
//
//   npm run bench:cluster                      everything, about five minutes
//   npm run bench:cluster -- --quick           short rounds, to see that it runs; writes nothing
//   npm run bench:cluster -- --seconds 600     P9 for as long as quality.md asks
//
// Against CAIRN_TEST_EVENTSTORE_URL and CAIRN_TEST_MONGODB_URL if they are set (the log must be empty), else containers,
// else the doubles in a process of their own; every row says which.
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { median, percentile, slope } from './arithmetic.ts';
import { openReader } from './fan-out.mjs';
import {
  around,
  CONNECTIONS,
  holds,
  LOAD_CORE,
  openHarness,
  OPERATOR_TOKEN,
  root,
  round,
  say,
  seedLoad,
} from './harness.mjs';
import { closedLoop, openLoop, openPool } from './http.mjs';
import { latestResults, render } from './report.mjs';
import { completion, foundUniversity } from './world.mjs';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean' },
    /** A share of the full rounds; for the test that it runs. */
    scale: { type: 'string' },
    seconds: { type: 'string' },
    write: { type: 'boolean' },
  },
});
const scale = options.scale === undefined ? (options.quick ? 0.25 : 1) : Number(options.scale);
const harness = await openHarness(scale);
const { dist, work, child, watched, commandRounds, calibrate, record, rows } = harness;
const some = (count, least) => Math.max(least, Math.round(count * scale));
const PROJECTIONS = ['learner_progress', 'pathway_funnel', 'audit'];

// Servers are no part of what is measured: they get the load's core.
const stores = child('stores.mjs', [dist], LOAD_CORE);
const limits = child('limits-cluster.mjs', []);
const { cluster, ranAgainst } = await stores.ask('fresh');
say(`runs against ${ranAgainst}`);

/** The product on the cluster, and the milliseconds until it answered. On a busy machine a start may need a second try. */
async function startProduct(on, tries = 3) {
  const began = performance.now();
  const server = child('server.mjs', [dist, mkdtempSync(join(work, 'data-')), OPERATOR_TOKEN, JSON.stringify(on)]);
  try {
    const port = await server.ask('port');
    return { server, port, ms: performance.now() - began };
  } catch (error) {
    if (tries === 1) throw error;
    say(`the product did not start: ${error.message}`);
    return startProduct(on, tries - 1);
  }
}

const acknowledged = [];
const strange = [];
const onAnswer = (answer) => {
  if (answer.status >= 300) return void strange.push(`${answer.status} ${answer.text.slice(0, 300)}`);
  for (const { id } of JSON.parse(answer.text).events) acknowledged.push(id);
};
const strangeSoFar = () => strange.length === 0;

say('P15 starting on nothing');
const bareBegan = performance.now();
const bare = child('limits.mjs', [work]);
await bare.ask('port');
const bareMs = performance.now() - bareBegan;
await bare.stop();
let { server, port, ms: emptyMs } = await startProduct(cluster);
let readyMs;
if ((await server.ask('events')) > 1) throw new Error('CAIRN_TEST_EVENTSTORE_URL: this needs a log that is empty');
const { tenant, key } = await foundUniversity(port, OPERATOR_TOKEN);
let pool = await openPool(port, key, CONNECTIONS);
let before = await calibrate();

const counts = { many: some(1_200, 100), short: some(150, 12), issued: some(150, 16) };
const { short, issued, hot, thousand, distinct } = await seedLoad(pool, counts, onAnswer);
await server.ask('settle');

const { best: p2, rounds } = await commandRounds(server, pool, distinct, onAnswer);
await server.ask('settle');
const smallEvents = await server.ask('events');
const smallRss = await server.ask('rssMb');
let after = await calibrate();
{
  const limit = around(before, after);
  const shared = {
    id: 'P2',
    what: `${CONNECTIONS} connections, distinct enrollments; projections and reactors in the same process`,
    cost: p2,
    foreign: p2.foreign,
    correct: rounds.every(({ ok, sent: all }) => ok === all),
    drift: limit.drift('C6c'),
  };
  const appends = await freshAppends();
  const rate = `${Math.round(p2.perSecond)} commands/s`;
  const against = `${rate} ÷ ${Math.round(limit.of('C6c'))}/s`;
  record({
    ...shared,
    metric: 'rate ÷ C6c',
    unit: '',
    value: p2.perSecond / limit.of('C6c'),
    must: 0.25,
    goal: 0.4,
    atLeast: true,
    against,
  });
  if (appends !== undefined)
    record({
      ...shared,
      metric: 'rate ÷ C5 append',
      unit: '',
      value: p2.perSecond / appends,
      against: `${rate} ÷ ${Math.round(appends)}/s by the client alone`,
    });
  record({ ...shared, metric: 'p99', unit: 'ms', value: percentile(p2.latencies, 0.99), must: 60 });
}

/** On stores of their own; a given log can't be had twice. */
async function freshAppends() {
  const other = await stores.ask('fresh');
  return other && limits.ask('append', { url: other.cluster.eventStoreUrl, ms: 3_000 * scale });
}

say('P9');
{
  const seconds = options.seconds === undefined ? Math.max(2, 30 * scale) : Number(options.seconds);
  const lags = [];
  const began = performance.now();
  let loaded = true;
  const watch = async () => {
    while (loaded) {
      lags.push({ x: (performance.now() - began) / 1000, y: await server.ask('lag') });
      await sleep(200);
    }
  };
  const load = openLoop(pool, { rate: p2.perSecond * 0.7, seconds, next: distinct, onAnswer }).finally(
    () => (loaded = false),
  );
  const p9 = await watched(server, async () => {
    await watch();
    return load;
  });
  await sleep(10_000 * Math.min(1, scale * 4));
  const rest = await server.ask('lag');
  const ys = lags.map(({ y }) => y);
  const shared = {
    id: 'P9',
    what: `the projection furthest behind, at ${Math.round(p2.perSecond * 0.7)} commands/s for ${round(seconds)} s`,
    unit: 'ms',
    cost: p9,
    foreign: p9.foreign,
    correct: p9.ok === p9.sent,
  };
  record({
    ...shared,
    metric: 'lag p99',
    value: percentile(ys, 0.99),
    must: 1_000,
    goal: 200,
    note: `${ys.length} looks`,
  });
  record({ ...shared, metric: 'lag at most', value: Math.max(...ys) });
  // Beyond what looking itself scatters by: a millisecond each second would be two minutes behind after a day and a half.
  record({ ...shared, metric: 'growth of lag a second', value: Math.max(0, slope(lags)), must: 1 });
  record({ ...shared, metric: 'lag 10 s after the load', value: rest, must: 100 });
}
await server.ask('settle');

say('P18');
{
  const calm = [];
  const one = { connections: pool.connections.slice(0, 1) };
  const single = async () => {
    const began = performance.now();
    const answered = await closedLoop(one, { count: 1, next: distinct, onAnswer });
    return answered.ok === 1 ? performance.now() - began : Number.POSITIVE_INFINITY;
  };
  for (let i = 0; i < 20; i++) calm.push(await single());
  const crowd = await openPool(port, key, some(512, 128));
  const refusals = [];
  const others = [];
  const rss = await server.ask('rssMb');
  const seconds = Math.max(2, 15 * scale);
  const p18 = await watched(server, () =>
    openLoop(crowd, {
      rate: p2.perSecond * 3,
      seconds,
      next: distinct,
      onAnswer: (answer, _, ms) => {
        if (answer.status < 300) onAnswer(answer);
        else if (answer.status === 429 || answer.status === 503) refusals.push(ms);
        else others.push(answer.status);
      },
    }),
  );
  const over = performance.now();
  const inTime = 2 * median(calm) + 20;
  for (let calmAgain = 0; calmAgain < 3 && performance.now() - over < 60_000;)
    calmAgain = (await single()) <= inTime ? calmAgain + 1 : 0;
  const recoveredMs = performance.now() - over;
  crowd.close();
  const shared = {
    id: 'P18',
    what: `three times P2's rate for ${round(seconds)} s on ${crowd.connections.length} connections`,
    cost: p18,
    foreign: p18.foreign,
    correct: others.length === 0,
  };
  record({
    ...shared,
    metric: 'goodput ÷ P2',
    unit: '',
    value: p18.perSecond / p2.perSecond,
    must: 0.8,
    goal: 0.95,
    atLeast: true,
    against: `${Math.round(p18.perSecond)}/s ÷ ${Math.round(p2.perSecond)}/s`,
    note: `${p18.ok} done, ${refusals.length} refused with 429 or 503, ${others.length} otherwise; memory grew by ${Math.round((await server.ask('rssMb')) - rss)} MB`,
  });
  if (refusals.length > 0)
    record({ ...shared, metric: 'refusal p99', unit: 'ms', value: percentile(refusals, 0.99), must: 100 });
  record({ ...shared, metric: 'recovery', unit: 's', value: recoveredMs / 1000, must: 10 });
}
await server.ask('settle');

say('P12');
before = await calibrate();
{
  let onHot = 0;
  let onThousand = 0;
  const toHot = () => completion(hot, onHot++);
  const toThousand = () => completion(thousand, onThousand++);
  await closedLoop(pool, { seconds: 25 * scale, count: 10_000, next: toHot, onAnswer });
  await closedLoop(pool, { count: some(980, 20), next: toThousand, onAnswer });
  await server.ask('settle');
  const one = { connections: pool.connections.slice(0, 1) };
  const took = { ten: [], thousand: [], long: [] };
  const samples = Math.min(some(100, 5), short.length);
  const p12 = await watched(server, async () => {
    for (let i = 0; i < samples; i++)
      for (const [size, next] of [
        ['ten', () => completion(short[i].enrollment, 5)],
        ['thousand', toThousand],
        ['long', toHot],
      ])
        took[size].push((await closedLoop(one, { count: 1, next, onAnswer })).latencies[0]);
    return { ok: samples * 3 };
  });
  const ten = median(took.ten);
  const shared = {
    id: 'P12',
    what: `the same command on streams of 10, ${onThousand} and ${onHot} commands, interleaved, one at a time`,
    unit: 'x',
    cost: p12,
    foreign: p12.foreign,
    correct: strangeSoFar(),
  };
  for (const { size, list, bounds } of [
    { size: onHot, list: took.long, bounds: { must: 2, goal: 1.2 } },
    { size: onThousand, list: took.thousand, bounds: {} },
  ])
    record({
      ...shared,
      ...bounds,
      metric: `p50 at ${size} ÷ at 10`,
      value: median(list) / ten,
      against: `${round(median(list))} ms ÷ ${round(ten)} ms`,
    });
}

say('P4');
{
  const { credentialIdOf } = await import(join(dist, 'libs/contexts/credentials/src/index.js'));
  const { templateIdOf } = await import(join(dist, 'libs/contexts/catalog/src/index.js'));
  const { bareId, publicId } = await import(join(dist, 'libs/kernel/src/index.js'));
  const namespace = await server.ask('namespace', tenant);
  const template = templateIdOf(bareId('ten', tenant), 'one');
  const anyone = await openPool(port, undefined, 8);
  const own = await openPool(port, key, 1);
  let nextIssued = 0;
  const issue = async () => {
    const { learner, enrollment } = issued[nextIssued++];
    const id = publicId('crd', credentialIdOf(namespace, bareId('lrn', learner), template, 1, 1));
    const { path, body } = completion(enrollment, 0);
    onAnswer(await own.connections[0].request('POST', path, { ...body, module: 'ONE' }));
    const began = performance.now();
    for (;;) {
      const { status, text } = await anyone.connections[nextIssued % 8].request('GET', `/c/${id}.json`);
      const ms = performance.now() - began;
      if (status === 200 && JSON.parse(text).status === 'valid') return ms;
      if (ms > 20_000) throw new Error(`credential ${id} was not valid after 20 s: ${status} ${text.slice(0, 300)}`);
      await sleep(2);
    }
  };
  for (let i = 0; i < some(10, 2); i++) await issue();
  const idle = [];
  const half = [];
  const idleCost = await watched(server, async () => {
    for (let i = 0; i < some(60, 4); i++) {
      idle.push(await issue());
      await sleep(10);
    }
    return { ok: idle.length };
  });
  let loaded = true;
  const background = openLoop(pool, {
    rate: p2.perSecond / 2,
    seconds: Math.max(1, 5 * scale),
    next: distinct,
    onAnswer,
  }).finally(() => (loaded = false));
  const halfCost = await watched(server, async () => {
    while (loaded && nextIssued < issued.length) {
      half.push(await issue());
      await sleep(20);
    }
    return { ok: half.length };
  });
  await background;
  own.close();
  anyone.close();
  await server.ask('settle');
  for (const [name, list, cost] of [
    ['idle', idle, idleCost],
    [`with ${Math.round(p2.perSecond / 2)} other commands/s`, half, halfCost],
  ]) {
    const shared = {
      id: 'P4',
      what: `acknowledgement of the completing command until verification says valid, ${name}`,
      unit: 'ms',
      cost,
      foreign: cost.foreign,
      correct: strangeSoFar(),
    };
    record({ ...shared, metric: 'p50', value: percentile(list, 0.5), must: 50, goal: 15 });
    record({ ...shared, metric: 'p95', value: percentile(list, 0.95) });
    record({
      ...shared,
      metric: 'p99',
      value: percentile(list, 0.99),
      must: 500,
      goal: 150,
      note: `${list.length} credentials`,
    });
  }
}

say('P11');
for (const count of [some(100, 5), some(1_000, 20)]) {
  const now = await pool.connections[0].request('POST', distinct().path, distinct().body);
  onAnswer(now);
  const after_ = /^position: *(\S+)/im.exec(now.head)?.[1];
  const stalled = await openReader(port, key, after_, { stalled: true });
  const readers = await Promise.all(Array.from({ length: count }, () => openReader(port, key, after_)));
  const sentAt = new Map();
  const seconds = Math.max(1, 8 * scale);
  const p11 = await watched(server, () =>
    openLoop(pool, {
      rate: 50,
      seconds,
      next: distinct,
      onAnswer: (answer, _, ms) => {
        onAnswer(answer);
        if (answer.status < 300)
          for (const { id } of JSON.parse(answer.text).events) sentAt.set(id, performance.now() - ms);
      },
    }),
  );
  await server.ask('settle');
  for (let last = -1, total = 0; total !== last; await sleep(300)) {
    last = total;
    total = readers.reduce((sum, { received }) => sum + received.length, 0);
  }
  const [first] = readers;
  const order = first.received.map(({ id }) => id).join();
  const lags = readers.flatMap(({ received }) =>
    received.flatMap(({ id, now: at }) => (sentAt.has(id) ? [at - sentAt.get(id)] : [])),
  );
  stalled.close();
  for (const reader of readers) reader.close();
  const deliveries = readers.reduce((sum, { received }) => sum + received.length, 0);
  const shared = {
    id: 'P11',
    what: `${count} readers of the event stream and one that has stalled, 50 commands/s for ${round(seconds)} s`,
    cost: p11,
    foreign: p11.foreign,
    correct:
      p11.ok === p11.sent &&
      lags.length > 0 &&
      readers.every(({ received }) => received.map(({ id }) => id).join() === order),
  };
  record({
    ...shared,
    metric: 'deliveries a second',
    unit: '/s',
    value: deliveries / p11.seconds,
    atLeast: true,
    note: `${deliveries} deliveries of ${first.received.length} events, to every reader the same in the same order`,
  });
  record({ ...shared, metric: 'p99 from request to delivery', unit: 'ms', value: percentile(lags, 0.99) });
}

const target = some(100_000, 0);
const until = Date.now() + 30_000 * scale;
say(`filling the log from ${await server.ask('events')} events`);
while ((await server.ask('events')) < target && Date.now() < until)
  await closedLoop(pool, { seconds: Math.min(2, 8 * scale), next: distinct, onAnswer });
await server.ask('settle');

say('P14');
const largeEvents = await server.ask('events');
const largeRss = await server.ask('rssMb');
record({
  id: 'P14',
  what: `memory of the process with ${largeEvents} events in the log against ${smallEvents}`,
  metric: `RSS at ${largeEvents} ÷ at ${smallEvents}`,
  unit: 'x',
  value: largeRss / smallRss,
  against: `${Math.round(largeRss)} MB ÷ ${Math.round(smallRss)} MB`,
  note: 'recorded only: the bound is for 1M events against 100k',
});

say('P8');
const rebuilt = await watched(server, async () => {
  const result = await server.ask('rebuild', PROJECTIONS);
  return { ...result, ok: result.events };
});
const readAll = await limits.ask('readAll', { url: cluster.eventStoreUrl });
const perSecond = (rebuilt.events * 1000) / rebuilt.foldMs;
record({
  id: 'P8',
  what: `${rebuilt.events} events into ${PROJECTIONS.join(', ')}, one read pass, beside the live ones`,
  metric: 'events/s ÷ C5 readAll',
  unit: '',
  value: perSecond / readAll,
  must: 0.5,
  atLeast: true,
  against: `${Math.round(perSecond)}/s ÷ ${Math.round(readAll)}/s by the client alone`,
  cost: rebuilt,
  foreign: rebuilt.foreign,
  correct: rebuilt.equal,
  note: `${rebuilt.equal ? 'equal to the live ones' : 'NOT equal to the live ones'} (${rebuilt.documents.join(', ')} documents)`,
});

say('verifying the log');
const verified = await server.ask('verify', { acknowledged, redecide: false });
const settled = await server.ask('settle');
pool.close();
await server.stop();

say('P15 starting on the full log');
({ server, port, ms: readyMs } = await startProduct(cluster));
pool = await openPool(port, key, 1);
const { status } = await pool.connections[0].request('GET', '/readyz');
pool.close();
await server.stop();
after = await calibrate();
for (const { what, ms, bounds, against } of [
  { what: 'an empty log', ms: emptyMs, bounds: { must: 3, goal: 2 }, against: bareMs },
  {
    what: `${verified.events} events and checkpoints at the head`,
    ms: readyMs,
    bounds: { must: 1.2 + 1000 / emptyMs },
    against: emptyMs,
  },
])
  record({
    id: 'P15',
    what: `from the start of the process until it answers, on ${what}`,
    metric: against === bareMs ? 'time ÷ C12' : 'time ÷ time on nothing',
    unit: 'x',
    value: ms / against,
    ...bounds,
    against: `${Math.round(ms)} ms ÷ ${Math.round(against)} ms`,
    correct: status === 200,
    note: against === bareMs ? 'C12: the bare Nest server that P0 measures, started the same way' : undefined,
  });
await limits.stop();
await stores.stop();
await harness.close();

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
  rebuildEqual: rebuilt.equal,
  firstFaults: verified.firstFaults,
  firstRefusals: strange.slice(0, 3),
};
const results = {
  ...harness.head(),
  store: 'EventStoreDB and MongoDB',
  ranAgainst,
  invariants: { hold: holds(invariants), ...invariants },
  rows: rows.map((row) => ({ ...row, ranAgainst, ...(holds(invariants) ? {} : { verdict: 'failed' }) })),
};
say(`invariants ${holds(invariants) ? 'hold' : 'BROKEN'}: ${JSON.stringify(invariants)}`);
if (options.write || scale === 1) {
  const folder = join(root, 'bench', 'results');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${results.date.slice(0, 10)}-cluster.json`), `${JSON.stringify(results, null, 2)}\n`);
  await render(root, latestResults(root));
  say('written: bench/results and docs/benchmarks.md');
} else console.log(JSON.stringify(results, null, 1));
process.exit(results.rows.some(({ verdict }) => verdict === 'failed') ? 1 : 0);
