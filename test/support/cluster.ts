// One installation in several processes: the built program, started as docker-compose.yml starts it, with secrets by
// file as there; on real servers where some are given, else on the doubles in this process (loopback).
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestEventStore, startTestMongo } from '@cairn/testing';
import { clientOf, OPERATOR, type Client } from './server.js';

/** What `command` is in docker-compose.yml; the image's entry point is Node. */
export const START_COMMAND = ['--enable-source-maps', 'dist/apps/server/src/main.js'] as const;

/** A busy machine is no failure. */
const STARTED_MS = 240_000;

export type Process = {
  readonly url: string;
  readonly as: (token: string | undefined) => Client;
  readonly operator: Client;
  /** Everything it wrote so far. */
  readonly output: () => string;
  readonly kill: (signal: NodeJS.Signals) => void;
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
};

export type Cluster = {
  readonly mongoUrl: string;
  /** Of the read models: one of its own on a server that others use, too. */
  readonly database: string;
  readonly environment: (more?: Readonly<Record<string, string>>) => Record<string, string>;
  /** Starts a process and waits until it is ready. */
  readonly start: (roles: string, more?: Readonly<Record<string, string>>) => Promise<Process>;
  readonly close: () => Promise<void>;
};

export async function startCluster(options: { readonly leaseSeconds?: number } = {}): Promise<Cluster> {
  const built = spawnSync(process.execPath, ['scripts/build.mjs'], { encoding: 'utf8' });
  if (built.status !== 0) throw new Error(`the build failed: ${built.stderr}`);
  const [eventStore, mongo] = await Promise.all([startTestEventStore(), startTestMongo()]);
  const database = `cairn_test_${randomUUID().slice(0, 8)}`;
  const mongoUrl = mongo.url.replace(/^(mongodb(?:\+srv)?:\/\/[^/?]+)\/?[^?]*/, `$1/${database}`);
  const folder = mkdtempSync(join(tmpdir(), 'cairn-cluster-'));
  const secret = (name: string, text: string): string => {
    const file = join(folder, name);
    writeFileSync(file, `${text}\n`, { mode: 0o600 });
    return file;
  };
  const environment: Cluster['environment'] = (more = {}) => ({
    CAIRN_HOST: '127.0.0.1',
    CAIRN_PORT: '0',
    CAIRN_BASE_URL: 'https://cairn.example',
    CAIRN_OPERATOR_TOKEN_FILE: secret('operator-token', OPERATOR),
    CAIRN_MASTER_KEY_FILE: secret('master-key', Buffer.alloc(32, 7).toString('base64')),
    CAIRN_EVENTSTORE_URL_FILE: secret('eventstore-url', eventStore.url),
    CAIRN_MONGODB_URL_FILE: secret('mongodb-url', mongoUrl),
    CAIRN_LEASE_SECONDS: String(options.leaseSeconds ?? 3),
    CAIRN_RATE_PER_MINUTE: '1000000',
    ...more,
  });
  const children = new Set<ChildProcess>();

  const start: Cluster['start'] = async (roles, more) => {
    const child = spawn(process.execPath, [...START_COMMAND], {
      env: { PATH: process.env['PATH'] ?? '', ...environment({ CAIRN_ROLES: roles, ...more }) },
    });
    children.add(child);
    let output = '';
    let look = (): void => {};
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        look();
      });
    const ended = new Promise<number | NodeJS.Signals | null>((resolve) => {
      child.once('close', (code, signal) => {
        children.delete(child);
        resolve(code ?? signal);
      });
    });
    const url = await new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${roles} did not start:\n${output}`)), STARTED_MS);
      look = () => {
        const found = /Cairn is ready at (\S+)/.exec(output)?.[1];
        if (found === undefined) return;
        clearTimeout(timer);
        resolve(found);
      };
      void ended.then((end) => reject(new Error(`${roles} ended (${end}) before it was ready:\n${output}`)));
    });
    const as = (token: string | undefined): Client =>
      clientOf(async (method, path, headers, payload) => {
        const answer = await fetch(url + path, {
          method,
          headers,
          ...(payload === undefined ? {} : { body: payload }),
        });
        return { status: answer.status, headers: Object.fromEntries(answer.headers), text: await answer.text() };
      }, token);
    return {
      url,
      as,
      operator: as(OPERATOR),
      output: () => output,
      kill: (signal) => void child.kill(signal),
      ended,
    };
  };

  return {
    mongoUrl,
    database,
    environment,
    start,
    close: async () => {
      await Promise.all(
        [...children].map(
          (child) =>
            new Promise<void>((resolve) => {
              child.once('close', () => resolve());
              child.kill('SIGKILL');
            }),
        ),
      );
      await Promise.all([eventStore.stop(), mongo.stop()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Asks until the answer is as wanted; throws with the last one after `withinMs`. */
export async function eventually<T>(
  ask: () => Promise<T>,
  isSo: (answer: T) => boolean,
  withinMs = 30_000,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (isSo(answer)) return answer;
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${JSON.stringify(answer, null, 1)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
