// The command line: builds if needed, then runs it in this process's place.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { build } from './build.mjs';

build();
const main = join(import.meta.dirname, '..', 'dist', 'apps', 'cli', 'src', 'main.js');
const child = spawn(process.execPath, ['--enable-source-maps', main, ...process.argv.slice(2)], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, () => void (signal === 'SIGINT' && process.stdin.isTTY ? 0 : child.kill(signal)));
child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
