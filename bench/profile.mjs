// Where the CPU time of a command goes, by part of the program: P2's, P1's and P3's load on the embedded store under
// V8's sampling profiler. Shares are what this is about: being sampled makes everything some percents slower.
//
//   npm run bench:profile                  prints a table for each
//   npm run bench:profile -- --keep DIR    and leaves the .cpuprofile files in DIR, for a browser's developer tools
import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CONNECTIONS, openHarness, OPERATOR_TOKEN, say, seedLoad } from './harness.mjs';
import { closedLoop, openLoop, openPool } from './http.mjs';
import { completion, foundUniversity } from './world.mjs';

const { values: options } = parseArgs({ options: { keep: { type: 'string' }, top: { type: 'string' } } });

/** Parts by where code lies: a sample belongs to the innermost frame that one of these names. */
const PARTS = [
  [
    'projections',
    /\/runtime\/src\/(projection|checkpoint|records|waiters)|\/projections\/|\/contexts\/(audit|analytics)\//,
  ],
  ['read models in SQLite', /\/readmodel\//],
  ['reactors', /\/runtime\/src\/reactor|\/reactors\//],
  ['feed', /\/runtime\/src\/feed|\/eventlog\/src\/feed/],
  ['event log in SQLite', /\/eventlog\//],
  ['checking and encoding events', /\/kernel\/src\/(codec|schema|personal|streams)/],
  ['canonical JSON, hashes, ids', /\/kernel\/src\/(json|ids)/],
  ['deciding and folding', /\/domain\/|\/libs\/rules\//],
  ['executor', /\/runtime\/src\//],
  ['body checks', /class-validator|class-transformer|\/platform\/src\/(validation|dto)/],
  ['gateway, guards, answers', /\/platform\/src\/|\/contexts\/[a-z]+\/src\/commands\//],
  ['Nest and Fastify', /\/node_modules\/(@nestjs|fastify|@fastify|rxjs|find-my-way|light-my-request)/],
  ['HTTP and sockets', /^node:_?(http|net|stream|internal\/(stream|http|js_stream))/],
];
const RUNTIME = {
  '(garbage collector)': 'garbage collection',
  '(program)': 'V8 and libuv, outside JavaScript',
  '(idle)': undefined,
  post: undefined, // the inspector's own beginning
};

/** CPU microseconds by part and by function of a .cpuprofile; sampling gaps count as idle. */
function partsOf(profile) {
  const byId = new Map(profile.nodes.map((node) => [node.id, node]));
  const parentOf = new Map(profile.nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
  const partOf = new Map();
  const part = (id) => {
    if (partOf.has(id)) return partOf.get(id);
    const { functionName, url } = byId.get(id).callFrame;
    const named = functionName in RUNTIME ? RUNTIME[functionName] : PARTS.find(([, where]) => where.test(url))?.[0];
    const parent = parentOf.get(id);
    const found = functionName in RUNTIME ? named : (named ?? (parent === undefined ? 'else' : part(parent)));
    partOf.set(id, found);
    return found;
  };
  const parts = new Map();
  const functions = new Map();
  profile.samples.forEach((id, i) => {
    const name = part(id);
    if (name === undefined) return;
    const micros = profile.timeDeltas[i];
    parts.set(name, (parts.get(name) ?? 0) + micros);
    const { functionName, url, lineNumber } = byId.get(id).callFrame;
    const at = `${functionName || '(anonymous)'} ${url.replace(/^.*\/(dist[^/]*|node_modules)\//, '')}:${lineNumber + 1} [${name}]`;
    functions.set(at, (functions.get(at) ?? 0) + micros);
  });
  return { parts, functions };
}

const descending = (map) => [...map].toSorted(([, a], [, b]) => b - a);

const { dist, work, child, watched, close } = await openHarness(1);
const folder = options.keep ?? work;
mkdirSync(folder, { recursive: true });
const server = child('server.mjs', [dist, mkdtempSync(join(work, 'data-')), OPERATOR_TOKEN]);
const port = await server.ask('port');
const { key } = await foundUniversity(port, OPERATOR_TOKEN);
const pool = await openPool(port, key, CONNECTIONS);
const { short, hot, distinct } = await seedLoad(pool, { many: 1_200, short: 300, issued: 1 }, () => {});
await server.ask('settle');
let onHot = 0;

async function profiled(id, what, load) {
  say(id);
  const file = join(folder, `${id}.cpuprofile`);
  await server.ask('startProfile');
  const cost = await watched(server, load);
  await server.ask('stopProfile', file);
  await server.ask('settle');
  const { parts, functions } = partsOf(JSON.parse(readFileSync(file, 'utf8')));
  const total = [...parts.values()].reduce((sum, micros) => sum + micros, 0);
  console.log(
    `\n${id}: ${what}; ${cost.ok} of ${cost.sent} done, ${Math.round(cost.cpuMicros)} µs CPU each (profiled)\n`,
  );
  console.log('| part | µs a command | share |\n| --- | --- | --- |');
  for (const [name, micros] of descending(parts))
    console.log(`| ${name} | ${Math.round(micros / cost.ok)} | ${((100 * micros) / total).toFixed(1)} % |`);
  for (const [name, micros] of descending(functions).slice(0, Number(options.top ?? 0)))
    console.log(`  ${((100 * micros) / total).toFixed(1).padStart(5)} %  ${name}`);
}

// By count, not by time: code that was not yet compiled would make a slow machine look like a slow program.
await closedLoop(pool, { count: 4_000, next: distinct });
for (const [id, load] of Object.entries({
  P2: () => closedLoop(pool, { count: 3_000, next: distinct }),
  P3: () => closedLoop(pool, { count: 2_000, next: () => completion(hot, onHot++) }),
})) {
  const plain = await watched(server, load);
  console.log(`${id} without the profiler: ${Math.round(plain.cpuMicros)} µs CPU a command`);
}
await profiled('P2', `${CONNECTIONS} connections, distinct enrollments`, () =>
  closedLoop(pool, { count: 3_000, next: distinct }),
);
await profiled('P3', `${CONNECTIONS} connections on one enrollment`, () =>
  closedLoop(pool, { count: 2_000, next: () => completion(hot, onHot++) }),
);
await profiled('P1', '50 commands a second', () =>
  openLoop(pool, { rate: 50, seconds: 6, next: (i) => completion(short[i].enrollment, 4) }),
);
pool.close();
await server.stop();
await close();
