// Processes that are asked things: the harness's side (`startChild`) and theirs (`answerAsks`).
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Pinning keeps the load off the server's core; without taskset everything still runs, noted in the results. */
export const canPin = process.platform === 'linux' && existsSync('/usr/bin/taskset');

export function startChild(script, args = [], { core = 0 } = {}) {
  const node = [process.execPath, '--no-warnings', join(import.meta.dirname, script), ...args];
  const [program, ...rest] = canPin ? ['/usr/bin/taskset', '-c', String(core), ...node] : node;
  const child = spawn(program, rest, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const waiting = new Map();
  let lastId = 0;
  let over;
  child.on('message', ({ id, result, error }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) resolve(result);
    else reject(new Error(`${script}: ${error}`));
  });
  const ended = new Promise((done) => {
    child.on('exit', (code, signal) => {
      over = `${script} ended (${signal ?? code})`;
      for (const { reject } of waiting.values()) reject(new Error(over));
      done(code);
    });
  });
  return {
    ask: (act, argument) =>
      new Promise((resolve, reject) => {
        if (over) {
          reject(new Error(over));
          return;
        }
        waiting.set(++lastId, { resolve, reject });
        child.send({ id: lastId, act, argument });
      }),
    stop: async () => {
      if (child.connected) child.disconnect();
      return ended;
    },
    kill: () => child.kill('SIGKILL'),
  };
}

/** Answers asks one after another; ends the process, through `close`, when the harness lets go of it. */
export function answerAsks(acts, close = async () => {}) {
  let turn = Promise.resolve();
  const all = {
    ...acts,
    usage: () => {
      const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
      return { cpuMs: (userCPUTime + systemCPUTime) / 1000, peakRssMb: maxRSS / 1024 };
    },
  };
  process.on('message', ({ id, act, argument }) => {
    const answer = async () => {
      try {
        process.send({ id, result: await all[act](argument) });
      } catch (error) {
        process.send({ id, error: error.stack ?? String(error) });
      }
    };
    // Usage is asked for in the middle of other things.
    if (act === 'usage') void answer();
    else turn = turn.then(answer);
  });
  process.on('disconnect', () => void turn.then(close).then(() => process.exit(0)));
}

/** Milliseconds that all cores together were busy since boot; undefined where /proc is not there. */
export function busyMs() {
  if (!existsSync('/proc/stat')) return undefined;
  const [, user, nice, system, , , irq, softirq, steal] = readFileSync('/proc/stat', 'utf8')
    .split('\n', 1)[0]
    .split(/\s+/)
    .map(Number);
  return (user + nice + system + irq + softirq + steal) * 10;
}
