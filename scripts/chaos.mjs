// The chaos rounds at the counts of quality.md §7, or as many as there is time for; writes test/chaos/results/<date>.json
// after each round, so that a run which is stopped half-way still says what it did. Runs of single scenarios add up in
// one file, each with the commit that it ran on.
//
//   npm run test:chaos                              everything: hours
//   npm run test:chaos -- --only F1,F17             these; the numbers of quality.md
//   npm run test:chaos -- --rounds 20               so many of each
//   npm run test:chaos -- --out <file>              another file
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from './build.mjs';

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    rounds: { type: 'string' },
    out: { type: 'string' },
  },
});
const root = dirname(import.meta.dirname);
const git = (...args) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
const changed = git(
  'status',
  '--porcelain',
  '--',
  'apps',
  'libs',
  'test',
  'package.json',
  'package-lock.json',
  ':!test/chaos/results',
);
const commit = git('rev-parse', 'HEAD') + (changed === '' ? '' : ' with uncommitted changes');
const today = new Date().toISOString().slice(0, 10);
const file = resolve(options.out ?? join(root, 'test', 'chaos', 'results', `${today}.json`));
const only = options.only?.split(',').map((id) => id.trim());
for (const id of only ?? [])
  if (!/^F\d+$/.test(id)) throw new Error(`--only: "${id}" is no fault of quality.md, as F1 or F1,F17`);
if (options.rounds !== undefined && !/^[1-9]\d*$/.test(options.rounds))
  throw new Error(`--rounds: "${options.rounds}" is no number`);

const known = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { scenarios: [] };
mkdirSync(dirname(file), { recursive: true });
const environment = {
  node: process.version,
  os: `${process.platform} ${release()}`,
  cpus: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`,
  memoryMb: Math.round(totalmem() / 1024 / 1024),
};
writeFileSync(file, `${JSON.stringify({ environment, scenarios: known.scenarios }, null, 2)}\n`);

build();
const jest = ['--experimental-vm-modules', '--no-warnings=ExperimentalWarning', 'node_modules/jest/bin/jest.js'];
const named = only ? ['-t', `^(${only.join('|')}) `] : [];
const { status } = spawnSync(process.execPath, [...jest, '--selectProjects', 'chaos', '-i', ...named], {
  cwd: root,
  stdio: 'inherit',
  env: {
    ...process.env,
    CAIRN_CHAOS: 'ci',
    CAIRN_CHAOS_RESULT: file,
    CAIRN_CHAOS_COMMIT: commit,
    ...(options.rounds === undefined ? {} : { CAIRN_CHAOS_ROUNDS: options.rounds }),
  },
});
console.log(`Results: ${file}`);
process.exitCode = status ?? 1;
