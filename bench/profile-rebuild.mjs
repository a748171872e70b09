// Where the time of a rebuild goes: folds P8's projections anew beside the live ones of a data folder, under a profiler.
//
//   node scripts/bootstrap.mjs bench/profile-rebuild.mjs <data folder> [projection,…]
//
// Any folder will do, such as that of `npm run cairn -- import oulad --students 500 --data <folder>`; it is left as it is.
import 'reflect-metadata';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConsoleLogger } from '@nestjs/common';
import { build } from '../scripts/build.mjs';

const [folder, names = 'learner_progress,pathway_funnel,audit'] = process.argv.slice(2);
if (!folder) throw new Error('Give the data folder whose projections are to be folded anew.');
build();
const dist = join(import.meta.dirname, '..', 'dist');
const { createServer } = await import(join(dist, 'apps/server/src/app.js'));
const dataDirectory = mkdtempSync(join(tmpdir(), 'cairn-profile-'));
process.on('exit', () => rmSync(dataDirectory, { recursive: true, force: true }));
cpSync(folder, dataDirectory, { recursive: true });
rmSync(join(dataDirectory, 'lock.json'), { force: true }); // the copy belongs to nobody

const { installation, close } = await createServer(
  { dataDirectory, port: 0, host: '127.0.0.1', baseUrl: 'https://cairn.example', logLevel: 'silent' },
  new ConsoleLogger({ logLevels: ['error', 'fatal'] }),
);
await installation.settled(120_000);
const events = Number(await installation.log.head());
const session = new Session();
session.connect();
await session.post('Profiler.enable');

/** Self time of each file until everything is folded; comparing with the live documents is not counted. */
async function profiled() {
  const head = await installation.log.head();
  const before = process.cpuUsage();
  await session.post('Profiler.start');
  let folded;
  const onProgress = ({ position }) => {
    if (position < head) return;
    folded ??= { cpu: process.cpuUsage(before), profile: session.post('Profiler.stop') };
  };
  const parity = await installation.rebuild(names.split(','), { switch: false, onProgress });
  const { profile } = await folded.profile;
  return { parity, profile, cpuMicros: folded.cpu.user + folded.cpu.system };
}

await profiled(); // warm-up
const { parity, profile, cpuMicros } = await profiled();
const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
const callers = new Map(profile.nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
/** Native code counts as that of the file which called it. */
function fileOf(id) {
  for (let at = id; at !== undefined; at = callers.get(at)) {
    const { url, functionName } = nodes.get(at).callFrame;
    if (url.startsWith('file:')) return relative(dist, fileURLToPath(url));
    if (url !== '' || functionName.startsWith('(')) return url || functionName;
  }
  return '(native)';
}
const micros = new Map();
profile.samples.forEach((id, i) => {
  const file = fileOf(id);
  micros.set(file, (micros.get(file) ?? 0) + profile.timeDeltas[i]);
});
const total = [...micros.values()].reduce((a, b) => a + b, 0);
console.log(`${events} events, ${(cpuMicros / events).toFixed(1)} µs of CPU each`);
for (const { name, documents, equal } of parity)
  console.log(`${name}: ${documents} documents, ${equal ? 'equal to' : 'DIFFERENT from'} the live ones`);
for (const [file, part] of [...micros].toSorted(([, a], [, b]) => b - a).slice(0, 20))
  console.log(
    `${((100 * part) / total).toFixed(1).padStart(5)} % ${(part / events).toFixed(2).padStart(7)} µs  ${file}`,
  );
await close();
process.exit(0);
