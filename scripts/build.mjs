// Builds apps and libs into dist/ with swc, if the sources have changed. Into a folder of its own first, then renamed:
// a process that starts meanwhile finds either the old build or the new one.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const stamp = join(dist, '.sources');

/** Names, sizes and times of all that goes into a build. */
function fingerprint() {
  const hash = createHash('sha256');
  const walk = (folder) => {
    for (const entry of readdirSync(folder, { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) walk(path);
      else if (/\.tsx?$/.test(entry.name) && !/spec\.tsx?$/.test(entry.name)) {
        const { size, mtimeMs } = statSync(path);
        hash.update(`${relative(root, path)} ${size} ${mtimeMs}\n`);
      }
    }
  };
  for (const folder of ['apps', 'libs']) walk(join(root, folder));
  return hash.update(readFileSync(join(root, '.swcrc'))).digest('hex');
}

/** Builds unless dist/ is as new as the sources. Exits the process if the sources do not compile. */
export function build() {
  const sources = fingerprint();
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === sources) return;
  const out = `${dist}.${process.pid}`;
  const swc = join(root, 'node_modules', '@swc', 'cli', 'bin', 'swc.js');
  const common = [swc, 'apps', 'libs', '-d', out, '--quiet', '--config-file', '.swcrc', '--ignore', '**/*spec.ts*'];
  for (const extra of [
    ['--extensions', '.ts'],
    ['--extensions', '.tsx', '-C', 'jsc.parser.syntax=typescript', '-C', 'jsc.parser.tsx=true'],
  ]) {
    const { status } = spawnSync(process.execPath, [...common, ...extra], { cwd: root, stdio: ['ignore', 2, 2] });
    if (status !== 0) {
      rmSync(out, { recursive: true, force: true });
      process.exit(status ?? 1);
    }
  }
  writeFileSync(join(out, '.sources'), sources);
  const old = `${dist}.old.${process.pid}`;
  if (existsSync(dist)) renameSync(dist, old);
  renameSync(out, dist);
  rmSync(old, { recursive: true, force: true });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) build();
