// Shows Cairn at work: starts a server on the embedded store, fills it with a small made-up university through the
// public HTTP API, lets years pass in a sandbox, and prints where to look. Stays up until Ctrl-C.
//
//   npm run demo                        a fresh temporary folder, gone afterwards; port 3000, or a free one
//   npm run demo -- --data DIR          keeps the folder; the next start goes on with what is in it
//   npm run demo -- --port N            this port or none
//   npm run demo -- --speed N           N days of the sandbox's years pass in a second; else as fast as they can
//   npm run demo -- --once [--check]    ends after printing; --check also fetches every address and recounts a funnel
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { build } from './build.mjs';
import { checkDemo } from './demo/check.mjs';
import { createApi } from './demo/http.mjs';
import { describeDemo } from './demo/places.mjs';
import { seedUniversity, SEEDED_LEARNERS } from './demo/university.mjs';
import { passYears } from './demo/years.mjs';

const HOST = '127.0.0.1';
const USUAL_PORT = 3000;
const START_SECONDS = 60;
const SETTLE_SECONDS = 120;
const END_SECONDS = 15;
const MOST_DAYS_A_SECOND = 1_000;

class DemoError extends Error {}

const options = (() => {
  try {
    return parseArgs({
      options: {
        data: { type: 'string' },
        port: { type: 'string' },
        speed: { type: 'string' },
        once: { type: 'boolean' },
        check: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    console.error(`${error.message}\nUsage: npm run demo -- [--data DIR] [--port N] [--speed DAYS] [--once] [--check]`);
    process.exit(2);
  }
})();

/** The port if it can be listened on; 0 asks for any. Undefined if it is taken. */
const freePort = (port) =>
  new Promise((found, failed) => {
    const probe = createServer();
    probe.once('error', (error) => (error.code === 'EADDRINUSE' ? found(undefined) : failed(error)));
    probe.listen(port, HOST, () => {
      const { port: taken } = probe.address();
      probe.close(() => found(taken));
    });
  });

/** A kept folder keeps its port: credentials carry the address that they were issued under. */
async function choosePort(kept) {
  const wanted = options.port === undefined ? kept : Number(options.port);
  if (wanted === undefined) return (await freePort(USUAL_PORT)) ?? (await freePort(0));
  if (!Number.isInteger(wanted) || wanted < 1 || wanted > 65_535)
    throw new DemoError(`--port ${options.port} is not a port: name a number from 1 to 65535.`);
  if (kept !== undefined && wanted !== kept)
    throw new DemoError(
      `The credentials in ${options.data} name port ${kept}: leave --port out, or use another folder.`,
    );
  const port = await freePort(wanted);
  if (port === undefined)
    throw new DemoError(
      `Port ${wanted} is in use. End what listens there, or ${kept === undefined ? 'name another with --port.' : 'use another folder: this one was filled under that port.'}`,
    );
  return port;
}

/** Days of the sandbox in a second; undefined: it does not wait. */
function chooseSpeed() {
  if (options.speed === undefined) return undefined;
  const speed = Number(options.speed);
  if (Number.isFinite(speed) && speed >= 1 && speed <= MOST_DAYS_A_SECOND) return speed;
  throw new DemoError(
    `--speed ${options.speed} is no speed: name how many days are to pass in a second, from 1 to ${MOST_DAYS_A_SECOND}. 60 shows two years in a quarter of a minute.`,
  );
}

function startServer(directory, port) {
  const entry = join(import.meta.dirname, '..', 'dist', 'apps', 'server', 'src', 'main.js');
  // Detached: Ctrl-C in a terminal reaches this process alone, which then ends the server in order.
  const child = spawn(process.execPath, ['--enable-source-maps', entry], {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CAIRN_'))),
      CAIRN_DATA: directory,
      CAIRN_HOST: HOST,
      CAIRN_PORT: String(port),
      CAIRN_LOG_LEVEL: 'error',
      CAIRN_RATE_PER_MINUTE: '1000000',
    },
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    said = (said + text).slice(-4_000);
  });
  const ended = new Promise((done) => {
    child.once('exit', (code, signal) => done(signal ?? code));
    child.once('error', (error) => done(error.message));
  });
  return { child, ended, said: () => said.trim() };
}

async function ready(server, url) {
  let over;
  void server.ended.then((how) => (over = how));
  for (const end = Date.now() + START_SECONDS * 1000; Date.now() < end; await sleep(100)) {
    if (over !== undefined)
      throw new DemoError(`The server did not start (${String(over)}).\n${server.said() || 'It said nothing.'}`);
    const answer = await fetch(`${url}/readyz`).catch(() => undefined);
    if (answer?.ok) return;
  }
  throw new DemoError(`The server was not ready within ${START_SECONDS} s.\n${server.said()}`);
}

/** Until projections and reactors have done all that follows from the log. */
async function settled(operator) {
  for (const end = Date.now() + SETTLE_SECONDS * 1000; Date.now() < end; await sleep(100))
    if ((await operator.get('/ops/projections')).settled) return;
  const parked = await operator.get('/ops/parked');
  throw new DemoError(`Not settled within ${SETTLE_SECONDS} s; parked: ${JSON.stringify(parked)}`);
}

const since = (start) => ((performance.now() - start) / 1000).toFixed(1);

async function main() {
  const directory = options.data === undefined ? mkdtempSync(join(tmpdir(), 'cairn-demo-')) : resolve(options.data);
  const noteFile = join(directory, 'demo.json');
  const note = existsSync(noteFile) ? JSON.parse(readFileSync(noteFile, 'utf8')) : undefined;
  if (!note && existsSync(join(directory, 'events.sqlite')))
    throw new DemoError(
      `${directory} holds an installation that this demo did not fill, or did not fill to the end. Name a new folder.`,
    );
  if (note && !note.years)
    throw new DemoError(`${directory} was filled by an older demo, before years passed in it. Name a new folder.`);
  let server;
  let ending = false;
  const end = async () => {
    if (server?.child.exitCode === null && server.child.signalCode === null) {
      server.child.kill('SIGTERM');
      const patience = setTimeout(() => server.child.kill('SIGKILL'), END_SECONDS * 1000);
      await server.ended;
      clearTimeout(patience);
    }
    if (options.data === undefined) rmSync(directory, { recursive: true, force: true });
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.on(signal, () => {
      if (ending) return;
      ending = true;
      console.log('\nEnding ...');
      void end().then(() => process.exit(0));
    });

  try {
    const speed = chooseSpeed();
    if (note && speed !== undefined)
      throw new DemoError(
        `The years in ${options.data} have passed already: leave --speed out, or use another folder.`,
      );
    const port = await choosePort(note?.port);
    console.log('Building, if anything changed ...');
    build();
    const url = `http://${HOST}:${port}`;
    console.log(`Starting a server at ${url} with its event log in ${directory} ...`);
    server = startServer(directory, port);
    await ready(server, url);
    const token = readFileSync(join(directory, 'operator-token'), 'utf8').trim();
    const operator = createApi(url, token);
    let filled = note;
    let start = performance.now();
    if (!filled) {
      console.log(`Filling it through the HTTP API: ${SEEDED_LEARNERS} learners, two years ...`);
      const seeded = await seedUniversity(
        operator,
        (key) => createApi(url, key),
        () => settled(operator),
      );
      console.log(`${seeded.requests} requests in ${since(start)} s. In a sandbox, years pass:`);
      const years = await passYears({
        operator,
        apiWith: (key) => createApi(url, key),
        settled: () => settled(operator),
        speed,
        say: console.log,
      });
      filled = { port, tenant: seeded.tenant, erased: seeded.erased, years };
      writeFileSync(noteFile, `${JSON.stringify(filled)}\n`);
    }
    start = performance.now();
    await settled(operator);
    console.log(`All read models and reactors are at the head of the log (${since(start)} s more).\n`);
    const demo = await describeDemo(operator, (key) => createApi(url, key), url, filled);
    console.log(demo.text);
    if (options.check) {
      const faults = await checkDemo(demo);
      if (faults.length > 0) throw new DemoError(`The demo does not hold what it says:\n  ${faults.join('\n  ')}`);
      console.log(`Checked: every address answers; the funnel equals a recount of the feed.`);
    }
    if (!options.once) {
      console.log('Running until Ctrl-C.');
      const how = await server.ended;
      if (!ending) throw new DemoError(`The server ended (${how}).\n${server.said()}`);
      return; // the signal's handler ends the process
    }
    await end();
  } catch (error) {
    if (ending) return;
    await end();
    console.error(error instanceof DemoError ? error.message : error);
    process.exitCode = 1;
  }
}

await main();
