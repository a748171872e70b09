// Breaks the code on purpose, one protection at a time, and expects the tests named for it to fail: a protection whose
// loss no test notices is not proven (quality.md §7, "Mutations"). Works on a copy; the tree itself is not touched.
//
//   npm run test:mutation [-- <part of a name>]
//
// Ends with 1 if a mutation survives, if its source text is not there exactly once any more, or if a test is red
// without any mutation.
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MUTATIONS } from './mutations.mjs';

const LIMIT_MS = 300_000;
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [wanted = ''] = process.argv.slice(2);
const chosen = MUTATIONS.filter(({ name }) => name.includes(wanted));
if (chosen.length === 0) {
  console.error(
    `no mutation is named like "${wanted}"; there are:\n  ${MUTATIONS.map(({ name }) => name).join('\n  ')}`,
  );
  process.exit(1);
}

const scratch = mkdtempSync(join(tmpdir(), 'cairn-mutation-'));
const tree = join(scratch, 'tree');
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

const LEFT_OUT = new Set(['node_modules', 'dist', '.git', '.stryker-tmp']);
for (const entry of readdirSync(root))
  if (!LEFT_OUT.has(entry)) cpSync(join(root, entry), join(tree, entry), { recursive: true });
symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
const shared = join(root, '..', 'shared');
if (existsSync(shared)) symlinkSync(shared, join(scratch, 'shared'));

/** Runs one test file in the copy. `red` only if Jest ran and found failing tests: a crash of Jest proves nothing. */
function run({ project, spec, only }) {
  const report = join(scratch, 'report.json');
  rmSync(report, { force: true });
  const { error, stderr } = spawnSync(
    process.execPath,
    [
      '--experimental-vm-modules',
      '--no-warnings=ExperimentalWarning',
      join(tree, 'node_modules/jest/bin/jest.js'),
      '--selectProjects',
      project,
      '--runInBand',
      '--json',
      '--outputFile',
      report,
      ...(only ? ['--testNamePattern', only] : []),
      '--runTestsByPath',
      spec,
    ],
    { cwd: tree, encoding: 'utf8', timeout: LIMIT_MS, killSignal: 'SIGKILL' },
  );
  if (error?.code === 'ETIMEDOUT') return { result: 'hangs', detail: `no end within ${LIMIT_MS / 1000} s` };
  if (!existsSync(report)) return { result: 'broken', detail: stderr.slice(-500) };
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(report, 'utf8'));
  if (numFailedTests > 0) {
    const failed = testResults.flatMap(({ assertionResults }) => assertionResults.filter((r) => r.status === 'failed'));
    return { result: 'red', detail: failed[0].fullName };
  }
  if (numPassedTests === 0) return { result: 'broken', detail: 'no test ran: is it skipped, or its name changed?' };
  return { result: 'green', detail: '' };
}

const rows = [];
const untouched = new Map();
for (const mutation of chosen) {
  const { name, file, from, to, test } = mutation;
  const began = Date.now();
  const row = (outcome, detail) => {
    rows.push({ name, outcome, detail });
    console.log(`${outcome.padEnd(8)} ${name}  (${Math.round((Date.now() - began) / 1000)} s)\n         ${detail}`);
  };
  const path = join(tree, file);
  const source = readFileSync(path, 'utf8');
  if (source.split(from).length !== 2) {
    row('stale', `${file} does not hold the text exactly once: ${from}`);
    continue;
  }
  const key = JSON.stringify(test);
  if (!untouched.has(key)) untouched.set(key, run(test));
  const before = untouched.get(key);
  if (before.result !== 'green') {
    row('invalid', `${test.spec} is ${before.result} without any mutation: ${before.detail}`);
    continue;
  }
  writeFileSync(
    path,
    source.replace(from, () => to),
  );
  const { result, detail } = run(test);
  writeFileSync(path, source);
  if (result === 'red') row('caught', `${test.spec}: ${detail}`);
  else
    row(result === 'green' ? 'SURVIVED' : 'invalid', `${file}: ${from.trim().split('\n')[0]} (${test.spec}) ${detail}`);
}
const bad = rows.filter(({ outcome }) => outcome !== 'caught');
console.log(`\n${rows.length - bad.length} of ${rows.length} mutations caught`);
for (const { name, outcome } of bad) console.log(`  ${outcome}: ${name}`);
process.exitCode = bad.length === 0 ? 0 : 1;
