// Chaos rounds (quality.md §7): a real system in processes of its own (program, stores, load, journal), a fault, and
// afterwards everything that must hold (§8), whatever happened. All traffic between the program and the stores of the
// cluster crosses our own TCP proxies; the embedded stores live inside the program, so network faults don't apply there.
//
// A scenario is a call of `chaos` in a spec file:
//
//   chaos('F6', 'the event store refuses connections', {
//     stores: ['cluster'],
//     rounds: { slice: 2, ci: 50 },
//     round: (world, random) => ({
//       // While the load runs; it goes on until each of its clients has an answer or has given up.
//       inject: async () => {
//         await world.network().eventStore.set({ kind: 'refuse' });
//         await sleep(500 + random() * 2_000);
//         expect(await world.get('/readyz')).toMatchObject({ status: 503 });
//       },
//       heal: () => world.network().eventStore.set(undefined),
//     }),
//   });
//
// Then programs that died are started again, the system comes to rest, and all invariants are checked: an `Error` names
// what broke, in which round, and the seed. CAIRN_CHAOS=ci runs the counts of quality.md, else a slice of them;
// CAIRN_CHAOS_ROUNDS overrides both; CAIRN_CHAOS_SEED repeats a run, as far as the machine lets it.
import { fork, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { compactVerify, importJWK, type JWK } from 'jose';
import { bareId, publicId, uuidv5, type StoredEvent } from '@cairn/kernel';
import type { Parity, ParkedKey } from '@cairn/runtime';
import { startFaultProxy, type FaultProxy } from '@cairn/testing';
import { publishOneModule } from '../support/catalog.js';
import { eventually } from '../support/cluster.js';
import { clientOf, createTenant, OPERATOR, type Answer, type Client, type Tenant } from '../support/server.js';
import { asker, randomOf } from './processes.mjs';

export type Store = 'embedded' | 'cluster';
export type Random = () => number;

/** Whether the counts of quality.md are wanted, not a slice. */
export const CI = process.env['CAIRN_CHAOS'] === 'ci';

/** Points between two effects of the program, see preload.mjs. */
export type CrashPoint = {
  readonly point:
    | 'append.before'
    | 'append.after'
    | 'bulk.before'
    | 'bulk.middle'
    | 'bulk.after'
    | 'checkpoint.before'
    | 'checkpoint.after'
    | 'put.before'
    | 'put.after';
  /** Only appends with an event of this type count. */
  readonly type?: string;
  /** Which time the point is met; default the first. */
  readonly nth?: number;
  /** What it gets there; default SIGKILL. */
  readonly signal?: 'SIGKILL' | 'SIGSTOP';
};

/** One process of the program. */
export type Program = {
  readonly url: string;
  readonly running: () => boolean;
  /** Starts it and waits until it is ready. */
  readonly start: () => Promise<void>;
  /** With SIGKILL and SIGTERM returns once it has ended. */
  readonly signal: (signal: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT') => Promise<void>;
  /** It dies (or stops) at the point, when it gets there. */
  readonly crashAt: (point: CrashPoint) => Promise<void>;
  /** True if it died within this time. Afterwards it doesn't die any more. */
  readonly died: (withinMs: number) => Promise<boolean>;
  /** Whether it hangs in SIGSTOP. */
  readonly isStopped: () => boolean;
  /** The acts of preload.mjs. */
  readonly ask: <T>(act: string, argument?: unknown) => Promise<T>;
  readonly output: () => string;
};

/** A command of a scenario's own for `world.send`. */
export type Sent = {
  readonly method?: 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
  /** Idempotency-Key; the command's id derives from it. */
  readonly key: string;
  /** Commands of one kind have effects of one shape. */
  readonly kind: string;
  /** It sends two commands: the first may stand on record though the second was refused. */
  readonly twoSteps?: true;
};

export type World = {
  readonly store: Store;
  readonly ranAgainst: string;
  /** One, unless the scenario asks for more; each does everything. */
  readonly programs: readonly Program[];
  /** The proxies before the stores of the cluster. Throws on the embedded store, which has no network. */
  readonly network: () => { readonly eventStore: FaultProxy; readonly mongo: FaultProxy };
  /** The acts of stores.mjs: faults of the doubles. Rejects on the embedded store. */
  readonly stores: (act: string, argument?: unknown) => Promise<unknown>;
  readonly tenant: Tenant;
  /** By the first program that runs, as the tenant's own key; `public` without, `operator` as that one. */
  readonly client: Client;
  readonly operator: Client;
  readonly get: (path: string, headers?: Record<string, string>) => Promise<Answer>;
  /** Commands of the scenario's own by the load process, all at once, journaled like the others; null is unknown. */
  readonly send: (requests: readonly Sent[]) => Promise<readonly (Pick<Answer, 'status' | 'body'> | null)[]>;
  /** Every event so far. */
  readonly events: () => Promise<readonly StoredEvent[]>;
  readonly settled: () => Promise<void>;
};

export type Round = {
  /** How many learners the load serves, how many at once, by which programs; default 8, 4 and all. 0: the scenario sends for itself. */
  readonly load?: { readonly learners: number; readonly clients?: number; readonly by?: readonly Program[] };
  /** Arms crash points or whatever must be there before the load begins. */
  readonly before?: () => Promise<unknown>;
  /** The fault, while the load runs. False: it struck nothing (a point that was not met), which is counted apart. */
  readonly inject: () => Promise<unknown>;
  readonly heal?: () => Promise<unknown>;
  /** At rest, before the invariants are checked: what the scenario promises beyond them. */
  readonly after?: () => Promise<unknown>;
};

export type Scenario = {
  readonly stores: readonly Store[];
  /** Why a store is left out: it is told as skipped, with the reason. */
  readonly notOn?: Partial<Record<Store, string>>;
  /** Rounds on each store: in `npm test`, and of quality.md. */
  readonly rounds: { readonly slice: number; readonly ci: number };
  /** Processes of the program; on the embedded store there is one. */
  readonly programs?: number;
  readonly leaseSeconds?: number;
  /** Once, before the first round. */
  readonly prepare?: (world: World) => Promise<unknown>;
  readonly round: (world: World, random: Random, n: number) => Round;
};

const SEED = Number(process.env['CAIRN_CHAOS_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
/** F1; a busy machine gets more, since what is asked there is that it comes back by itself. */
const RESTART_MS = 60_000;
const SETTLED_MS = 60_000;
const PATIENCE_MS = 60_000;
const RSS_MB = 700;
/** A start that finds no server yet may be tried again by whoever supervises it. */
const START_TRIES = 3;
/** A world is left for a fresh one after so many rounds: what all of them wrote is read after each. */
const ROUNDS_PER_WORLD = 40;
const SECRETS = [OPERATOR, Buffer.alloc(32, 7).toString('base64')];
const CANARY = /canary-/i;

/** Declares the rounds of a scenario on each of its stores, one test each. */
export function chaos(id: string, title: string, scenario: Scenario): void {
  const count = Number(process.env['CAIRN_CHAOS_ROUNDS'] ?? scenario.rounds[CI ? 'ci' : 'slice']);
  for (const store of ['embedded', 'cluster'] as const) {
    const name = `${id} ${title}, ${store} stores`;
    const reason = scenario.notOn?.[store];
    if (!scenario.stores.includes(store)) {
      // oxlint-disable-next-line jest/no-disabled-tests, jest/valid-title -- told, with its reason, by the reporter
      it.skip(`${name}: ${reason ?? 'does not apply'}`, () => undefined);
      continue;
    }
    // oxlint-disable-next-line jest/valid-title
    it(
      `${name}: ${count} rounds (CAIRN_CHAOS_SEED=${SEED})`,
      () => run(id, title, scenario, store, count),
      60_000 + count * 180_000,
    );
  }
}

async function run(id: string, title: string, scenario: Scenario, store: Store, count: number): Promise<void> {
  const record = startRecord({ id, title, store, asked: count, seed: SEED });
  let world: OpenWorld | undefined;
  try {
    for (let n = 0; n < count; n++) {
      const seed = SEED + n;
      try {
        if (n % ROUNDS_PER_WORLD === 0) {
          await world?.close();
          world = undefined;
          world = await openWorld(store, scenario);
          record.ranAgainst(world.ranAgainst);
          await scenario.prepare?.(world);
        }
        const { struck, checked } = await playRound(world as OpenWorld, scenario, seed, n);
        record.round(struck, checked);
      } catch (error) {
        record.fault(`round ${n + 1}, seed ${seed}: ${(error as Error).message}`);
        throw new Error(
          `${id} on the ${store} stores, round ${n + 1} of ${count} (CAIRN_CHAOS_SEED=${SEED}): ${(error as Error).message}\n${world?.lastWords() ?? ''}`,
          { cause: error },
        );
      }
    }
  } finally {
    record.end();
    await world?.close();
  }
}

async function playRound(
  world: OpenWorld,
  scenario: Scenario,
  seed: number,
  n: number,
): Promise<{ struck: boolean; checked: Checked }> {
  const random = randomOf(seed);
  const round = scenario.round(world, random, n);
  await round.before?.();
  const load = world.load({ seed, prefix: `${n}`, learners: 8, clients: 4, by: world.programs, ...round.load });
  load.catch(() => undefined); // awaited below
  let struck = true;
  try {
    struck = (await round.inject()) !== false;
  } finally {
    await round.heal?.();
  }
  await Promise.all(world.programs.map((program) => program.start()));
  const { broken } = await load;
  await world.settled();
  await round.after?.();
  return { struck, checked: await world.check(broken) };
}

type OpenWorld = World & {
  readonly load: (how: {
    readonly seed: number;
    readonly prefix: string;
    readonly learners: number;
    readonly clients: number;
    readonly by: readonly Program[];
  }) => Promise<{ readonly broken: readonly string[] }>;
  readonly check: (broken: readonly string[]) => Promise<Checked>;
  readonly lastWords: () => string;
  readonly close: () => Promise<void>;
};

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function openWorld(store: Store, scenario: Scenario): Promise<OpenWorld> {
  const built = spawnSync(process.execPath, ['scripts/build.mjs'], { encoding: 'utf8' });
  if (built.status !== 0) throw new Error(`the build failed: ${built.stderr}`);
  const folder = mkdtempSync(join(tmpdir(), 'cairn-chaos-'));
  const children: ChildProcess[] = [];
  const helper = (script: string, ...args: string[]): ReturnType<typeof asker> => {
    const child = fork(join(import.meta.dirname, script), args, {
      execArgv: ['--no-warnings'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    children.push(child);
    return asker(child, script);
  };
  const journalFile = join(folder, 'journal.ndjson');
  writeFileSync(journalFile, '');

  let environment: Record<string, string> = { CAIRN_DATA: join(folder, 'data') };
  let ranAgainst = 'the embedded stores (SQLite)';
  let network: ReturnType<World['network']> | undefined;
  let stores: ReturnType<typeof asker> | undefined;
  if (store === 'cluster') {
    const kept = join(folder, 'eventstore');
    mkdirSync(kept);
    stores = helper('stores.mjs', kept);
    const addresses = (await stores('addresses')) as { eventStoreUrl: string; mongoUrl: string; ranAgainst: string };
    ({ ranAgainst } = addresses);
    const eventStore = await startFaultProxy({ target: addresses.eventStoreUrl });
    const mongo = await startFaultProxy({ target: addresses.mongoUrl });
    network = { eventStore, mongo };
    environment = {
      CAIRN_EVENTSTORE_URL: eventStore.url,
      CAIRN_MONGODB_URL: mongo.url,
      CAIRN_MASTER_KEY: SECRETS[1] as string,
      CAIRN_LEASE_SECONDS: String(scenario.leaseSeconds ?? 3),
    };
  }
  const programs: OwnProgram[] = [];
  for (let n = 0; n < (store === 'embedded' ? 1 : (scenario.programs ?? 1)); n++)
    programs.push(programOf(environment, await freePort()));

  const as = (token: string | undefined): Client =>
    clientOf(async (method, path, headers, payload) => {
      const { url } = programs.find((one) => one.running() && !one.isStopped()) ?? (programs[0] as Program);
      const answer = await fetch(url + path, { method, headers, ...(payload === undefined ? {} : { body: payload }) });
      return { status: answer.status, headers: Object.fromEntries(answer.headers), text: await answer.text() };
    }, token);
  const close = async (): Promise<void> => {
    await Promise.all(programs.map((program) => program.end()));
    await network?.eventStore.stop();
    await network?.mongo.stop();
    await Promise.all(
      children.map(
        (child) =>
          new Promise<void>((resolve) => {
            if (child.exitCode !== null || child.signalCode !== null) return resolve();
            child.once('exit', () => resolve());
            child.kill('SIGKILL');
          }),
      ),
    );
    rmSync(folder, { recursive: true, force: true });
  };

  try {
    await Promise.all(programs.map((program) => program.start()));
    const load = helper('load.mjs', journalFile);
    const tenant = await createTenant(as, `chaos-${SEED}`);
    await publishOneModule(tenant.client, tenant.issuer);
    const asAnyone = as(undefined);
    const inside = <T>(act: string, argument?: unknown): Promise<T> =>
      (programs.find((one) => one.running() && !one.isStopped()) as Program).ask<T>(act, argument);
    const world: World = {
      store,
      ranAgainst,
      programs,
      network: () => {
        if (!network) throw new Error('the embedded stores have no network');
        return network;
      },
      stores: (act, argument) =>
        stores ? stores(act, argument) : Promise.reject(new Error('the embedded stores are no process of their own')),
      tenant,
      client: tenant.client,
      operator: as(OPERATOR),
      get: asAnyone.get,
      send: async (requests) =>
        (await load('send', { urls: programs.map(({ url }) => url), token: tenant.key, requests })) as Awaited<
          ReturnType<World['send']>
        >,
      events: () => inside('events'),
      settled: async () => {
        await eventually(
          () => inside<boolean>('settled', 5_000),
          (isSo) => isSo,
          SETTLED_MS,
        ).catch(async () => {
          throw new Error(`R5: it did not come to rest: ${JSON.stringify(await inside('status'))}`);
        });
      },
    };
    await world.settled();
    return {
      ...world,
      load: ({ by, ...how }) =>
        load('run', {
          ...how,
          urls: by.map(({ url }) => url),
          token: tenant.key,
          patienceMs: PATIENCE_MS,
        }) as ReturnType<OpenWorld['load']>,
      check: (broken: readonly string[]) => check(world, programs, journalFile, broken),
      lastWords: () => programs.map((program) => wordsOf(program.output())).join('\n---\n'),
      close,
    };
  } catch (error) {
    const words = programs.map((program) => wordsOf(program.output())).join('\n');
    await close();
    throw new Error(`the world could not be opened: ${(error as Error).message}\n${words}`, { cause: error });
  }
}

type OwnProgram = Program & {
  /** Ends that nobody wished for (R12). */
  readonly strange: () => readonly string[];
  readonly end: () => Promise<void>;
};

function programOf(environment: Readonly<Record<string, string>>, port: number): OwnProgram {
  const url = `http://127.0.0.1:${port}`;
  const strange: string[] = [];
  let child: ChildProcess | undefined;
  let ask: ReturnType<typeof asker> | undefined;
  let ended: Promise<void> = Promise.resolve();
  let output = '';
  let doomed = false;
  let ready = false;
  let starting: Promise<void> | undefined;

  const launch = async (): Promise<void> => {
    const started = spawn(
      process.execPath,
      ['--enable-source-maps', '--import', join(import.meta.dirname, 'preload.mjs'), 'dist/apps/server/src/main.js'],
      {
        env: {
          PATH: process.env['PATH'] ?? '',
          CAIRN_HOST: '127.0.0.1',
          CAIRN_PORT: String(port),
          CAIRN_BASE_URL: 'https://cairn.example',
          CAIRN_OPERATOR_TOKEN: OPERATOR,
          CAIRN_RATE_PER_MINUTE: '10000000',
          ...environment,
        },
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      },
    );
    child = started;
    doomed = false;
    ready = false;
    ask = asker(started, 'the program');
    let own = '';
    let look = (): void => undefined;
    for (const stream of [started.stdout, started.stderr])
      stream?.on('data', (chunk: Buffer) => {
        own += chunk.toString();
        output += chunk.toString();
        look();
      });
    ended = new Promise((resolve) =>
      started.once('close', (code, signal) => {
        child = undefined;
        if (ready && !doomed) strange.push(`the program ended by itself (${signal ?? code})`);
        ready = false;
        resolve();
      }),
    );
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`F1: not ready within ${RESTART_MS} ms: ${own}`));
        started.kill('SIGKILL');
      }, RESTART_MS);
      look = () => {
        if (!own.includes('Cairn is ready at')) return;
        ready = true;
        clearTimeout(timer);
        resolve();
      };
      void ended.finally(() => {
        clearTimeout(timer);
        reject(new Error(`it ended before it was ready: ${own.slice(-2_000)}`));
      });
    });
  };

  return {
    url,
    running: () => ready,
    start: () => {
      if (ready) return Promise.resolve();
      starting ??= (async () => {
        for (let tries = START_TRIES; ; tries--)
          try {
            return await launch();
          } catch (error) {
            if (tries === 1) throw error;
          }
      })().finally(() => (starting = undefined));
      return starting;
    },
    signal: async (signal) => {
      if (signal === 'SIGKILL' || signal === 'SIGTERM') doomed = true;
      child?.kill(signal);
      if (doomed) await ended;
    },
    crashAt: async (point) => {
      if (point.signal !== 'SIGSTOP') doomed = true;
      await ask?.('arm', point);
    },
    died: async (withinMs) => {
      const late = new AbortController();
      const dead = await Promise.race([
        ended.then(() => true),
        sleep(withinMs, false, { signal: late.signal }).catch(() => false),
      ]);
      late.abort();
      if (!dead && child) {
        // It may die while it is asked.
        const met = await ask?.('disarm').catch(() => true);
        if (met === true) await ended;
        else doomed = false;
        return met === true;
      }
      return true;
    },
    isStopped: () =>
      child?.pid !== undefined && / T /.test(readFileSync(`/proc/${child.pid}/stat`, 'utf8').replace(/\(.*\)/, '')),
    ask: <T>(act: string, argument?: unknown) =>
      ask ? (ask(act, argument) as Promise<T>) : Promise.reject(new Error('the program was not started')),
    output: () => output,
    strange: () => strange,
    end: async () => {
      doomed = true;
      child?.kill('SIGKILL');
      await ended;
    },
  };
}

/** How often each invariant was looked at. */
type Checked = { readonly [invariant: string]: number };
type Line = {
  readonly route: string;
  readonly key: string;
  readonly kind: string;
  readonly twoSteps?: true;
  readonly said: 'sent' | 'ok' | 'failed' | 'unknown';
  readonly status?: number;
  readonly code?: string;
  readonly events?: readonly string[];
  readonly revision?: number;
};

/** R1 to R7, R9, R11 and R12 of quality.md on a system at rest. Throws an Error that names all that is broken. */
async function check(
  world: World,
  programs: readonly OwnProgram[],
  journalFile: string,
  seen: readonly string[],
): Promise<Checked> {
  const broken: string[] = [...seen];
  const checked: Record<string, number> = { R9: 0 };
  const count = (invariant: string, by = 1): void => {
    checked[invariant] = (checked[invariant] ?? 0) + by;
  };
  const must = (invariant: string, holds: boolean, otherwise: () => string): void => {
    count(invariant);
    if (!holds && broken.length < 50) broken.push(`${invariant}: ${otherwise()}`);
  };
  const events = await world.events();
  const ofType = (type: string): readonly StoredEvent[] => events.filter((event) => event.type === type);
  const text = (event: StoredEvent, member: string): string => event.data[member] as string;

  // R3
  const tips = new Map<string, number>();
  const places = new Map<string, StoredEvent>();
  for (const event of events) {
    must(
      'R3',
      event.revision === (tips.get(event.stream) ?? -1) + 1,
      () => `a gap at ${event.stream} ${event.revision}`,
    );
    must('R3', !places.has(event.id), () => `the id ${event.id} is there twice`);
    tips.set(event.stream, event.revision);
    places.set(event.id, event);
  }

  // R1, R2: what the journal says, against what the log holds under each command's id.
  const tenantEvent = ofType('tenant-registered').find(({ meta }) => meta['tenant'] === bareId('ten', world.tenant.id));
  const namespace = tenantEvent?.data['namespace'] as string;
  const effects = Map.groupBy(events, (event) => event.meta['$causationId'] as string);
  const commands = Map.groupBy(
    readFileSync(journalFile, 'utf8')
      .trim()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Line),
    ({ route, key }) => uuidv5(namespace, route, key),
  );
  const shapeOf = (own: readonly StoredEvent[]): string =>
    own.map(({ stream, type }) => `${stream.split('-', 1)[0]} ${type}`).join(', ');
  /** Of each kind, what commands did that were acknowledged. */
  const whole = new Map<string, Set<string>>();
  const open: { kind: string; id: string; own: readonly StoredEvent[] }[] = [];
  for (const [id, lines] of commands) {
    const own = effects.get(id) ?? [];
    const { kind } = lines[0] as Line;
    const acknowledged = lines.filter(({ said }) => said === 'ok');
    for (const line of acknowledged) {
      // What other streams got on the way is no part of the answer.
      const named = (line.events ?? []).map((event) => places.get(bareId('evt', event) as string));
      must('R1', named.every(Boolean), () => `${kind} ${line.key}: acknowledged and not there`);
      const last = named.at(-1);
      must(
        'R1',
        last === undefined || last.revision === line.revision,
        () => `${kind} ${line.key}: not at revision ${line.revision}`,
      );
      // Deciders know what they did, and would hide that a command was decided again: the answer tells.
      must(
        'R1',
        last !== undefined || line.twoSteps === true || own.every(({ revision }) => revision > (line.revision ?? -1)),
        () => `${kind} ${line.key}: recorded before, and answered as if it had changed nothing`,
      );
      // Some acts lead to a second command, which is what they answer with: it has an id of its own.
      const isOwn = last?.meta['$causationId'] === id;
      must(
        'R1',
        !isOwn || own.filter(({ stream }) => stream === last?.stream).length === named.length,
        () => `${kind} ${line.key}: recorded more than once`,
      );
      whole.set(kind, (whole.get(kind) ?? new Set()).add(shapeOf(own)));
    }
    if (acknowledged.length > 0) continue;
    // A request that was never answered counts as unknown, too.
    const outcomes = lines.filter(({ said }) => said !== 'sent');
    const isRejected =
      outcomes.length > 0 && outcomes.every(({ said }) => said === 'failed') && lines.length === 2 * outcomes.length;
    if (isRejected)
      must(
        'R2',
        own.length === 0 || lines[0]?.twoSteps === true,
        () => `${kind} ${lines[0]?.key}: rejected, and recorded ${shapeOf(own)}`,
      );
    else open.push({ kind, id, own });
  }
  for (const { kind, id, own } of open) {
    const shapes = whole.get(kind);
    must(
      'R2',
      own.length === 0 || !shapes || shapes.has(shapeOf(own)) || kind === 'register',
      () => `${kind} ${id}: half an effect, ${shapeOf(own)} instead of ${[...(shapes ?? [])].join(' or ')}`,
    );
  }
  for (const own of effects.values())
    for (const [stream, part] of Map.groupBy(own, (event) => event.stream))
      must(
        'R2',
        part.every(({ revision }, n) => revision === (part[0] as StoredEvent).revision + n),
        () => `a torn command in ${stream}`,
      );
  for (const lines of commands.values())
    for (const { status, code, key } of lines)
      must(
        'R12',
        status === undefined || status < 500 || status === 503,
        () => `${key} was answered ${status} ${code}`,
      );

  // R4, R5
  const issued = ofType('credential-issued');
  const awards = new Set<string>();
  for (const event of issued) {
    const { learnerId, templateId, occurrence, edition } = event.data;
    const award = JSON.stringify([event.meta['tenant'], learnerId, templateId, occurrence, edition]);
    must('R4', !awards.has(award), () => `a second credential for ${award}`);
    awards.add(award);
  }
  const there = new Set(issued.map((event) => text(event, 'credentialId')));
  const withdrawn = new Set(ofType('credential-entitlement-withdrawn').map((event) => text(event, 'earned')));
  for (const event of ofType('credential-earned'))
    if (text(event, 'issue') === 'automatic' && !withdrawn.has(event.id))
      must(
        'R5',
        there.has(text(event, 'credentialId')),
        () => `${text(event, 'credentialId')} was earned and not issued`,
      );

  // R6: the signed bytes are those of the event, signed by the key that the log names; what they rest on is older.
  const keys = new Map<string, JWK>();
  for (const { data } of ofType('signing-key-added')) keys.set(data['keyId'] as string, data['publicJwk'] as JWK);
  const revoked = new Set(ofType('credential-revoked').map((event) => text(event, 'credentialId')));
  const renewed = new Set(ofType('credential-renewed').map((event) => text(event, 'credentialId')));
  const position = (event: StoredEvent | undefined): string => event?.position ?? '~';
  await inTurn(issued, async (event) => {
    const credentialId = text(event, 'credentialId');
    const id = publicId('crd', credentialId);
    const { basis, status } = event.data as { basis: { eventId: string }; status: { listId: string; index: string } };
    must('R6', position(places.get(basis.eventId)) < event.position, () => `${id} is older than its basis`);
    const leased = events.some(
      ({ type, data, position: at }) =>
        type === 'status-block-leased' && data['listId'] === status.listId && at < event.position,
    );
    must('R6', leased, () => `${id} is older than the lease of its status entry`);
    if (renewed.has(credentialId)) return; // the newest copy is another
    const { text: jwt } = await world.get(`/c/${id}.jwt`);
    const key = keys.get(text(event, 'keyId'));
    must(
      'R6',
      createHash('sha256').update(jwt).digest('hex') === text(event, 'vcHash'),
      () => `${id}: other bytes than were recorded`,
    );
    const verified = key && (await compactVerify(jwt, await importJWK(key, 'ES256')).catch(() => undefined));
    must('R6', verified !== undefined, () => `${id}: the signature does not verify`);
    const answer = await world.get(`/c/${id}.json`);
    if (revoked.has(credentialId))
      must('R9', answer.body.status === 'revoked', () => `${id} was revoked and is told ${answer.body.status}`);
    else
      must(
        'R6',
        answer.body.status === 'valid',
        () => `${id} is told ${answer.body.status} ${answer.body.reason ?? ''}`,
      );
  });

  // R7
  // A lease that was lost under a fault is taken up again a while after it has run out.
  const rebuilt = await eventually(
    async () => {
      for (const program of programs) {
        const parities = await program.ask<readonly Parity[] | undefined>('rebuild');
        if (parities) return parities;
      }
      return undefined;
    },
    (parities) => parities !== undefined,
    SETTLED_MS,
  ).catch(() => undefined);
  must('R7', rebuilt !== undefined, () => 'no process folds the read models');
  for (const { name, equal, differing } of rebuilt ?? [])
    must('R7', equal, () => `${name} differs from one folded anew: ${differing.slice(0, 5).join(', ')}`);

  // R11, and what the whole log says about itself: each decision again, D1 to D10.
  const one = programs[0] as OwnProgram;
  const { checkpoints, head } = await one.ask<{
    checkpoints: readonly { name: string; position: string }[];
    head: string;
  }>('checkpoints');
  for (const checkpoint of checkpoints)
    must(
      'R11',
      checkpoint.position <= head,
      () => `${checkpoint.name} is at ${checkpoint.position}, beyond the head ${head}`,
    );
  const { faults } = await one.ask<{ faults: readonly object[] }>('verify');
  must('R4', faults.length === 0, () => `the log's own check: ${JSON.stringify(faults.slice(0, 5))}`);
  const parked = await one.ask<readonly ParkedKey[]>('parked');
  must('R5', parked.length === 0, () => `parked: ${JSON.stringify(parked.slice(0, 5))}`);

  // R12
  for (const program of programs) {
    const rssMb = await program.ask<number>('rssMb');
    must('R12', rssMb < RSS_MB, () => `a program holds ${Math.round(rssMb)} MB`);
    must('R12', program.strange().length === 0, () => program.strange().join('; '));
    const output = program.output();
    must('R12', !CANARY.test(output), () => `a name in the logs: ${lineAround(output, CANARY)}`);
    for (const secret of [...SECRETS, world.tenant.key])
      must('R12', !output.includes(secret), () => 'a secret in the logs');
    must('R12', !/unhandled|uncaught/i.test(output), () => lineAround(output, /unhandled|uncaught/i));
  }
  if (broken.length > 0) throw new Error(`broken:\n  ${broken.join('\n  ')}`);
  return checked;
}

/** The end of what a program wrote, without what it says at each start. */
const wordsOf = (output: string): string =>
  output
    .split('\n')
    .filter((line) => !/RouterExplorer|RoutesResolver|InstanceLoader/.test(line))
    .join('\n')
    .slice(-3_000);
const lineAround = (output: string, pattern: RegExp): string =>
  output
    .split('\n')
    .find((line) => pattern.test(line))
    ?.slice(0, 400) ?? '';

/** A few at once. */
async function inTurn<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      while (next < items.length) await work(items[next++] as T);
    }),
  );
}

type Entry = {
  readonly id: string;
  readonly title: string;
  readonly store: Store;
  readonly commit: string;
  readonly startedAt: string;
  readonly seed: number;
  /** Rounds wanted, done, and of these how many met their fault: a crash point can be missed. */
  readonly asked: number;
  rounds: number;
  struck: number;
  ranAgainst: string;
  durationMs: number;
  faults: string[];
  checked: Record<string, number>;
};

/** The entry of a scenario in the file of CAIRN_CHAOS_RESULT, written anew after each round; none without that file. */
function startRecord(about: Pick<Entry, 'id' | 'title' | 'store' | 'asked' | 'seed'>) {
  const file = process.env['CAIRN_CHAOS_RESULT'];
  const began = performance.now();
  const entry: Entry = {
    ...about,
    commit: process.env['CAIRN_CHAOS_COMMIT'] ?? 'unknown',
    startedAt: new Date().toISOString(),
    rounds: 0,
    struck: 0,
    ranAgainst: '',
    durationMs: 0,
    faults: [],
    checked: {},
  };
  const write = (): void => {
    if (file === undefined) return;
    entry.durationMs = Math.round(performance.now() - began);
    const known = existsSync(file)
      ? (JSON.parse(readFileSync(file, 'utf8')) as { scenarios: Entry[] })
      : { scenarios: [] };
    const others = known.scenarios.filter(
      ({ startedAt, id, store }) => startedAt !== entry.startedAt || id !== entry.id || store !== entry.store,
    );
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${JSON.stringify({ ...known, scenarios: [...others, entry] }, null, 2)}\n`);
  };
  return {
    ranAgainst: (text: string): void => void (entry.ranAgainst = text),
    round: (struck: boolean, checked: Checked): void => {
      entry.rounds++;
      if (struck) entry.struck++;
      for (const [invariant, times] of Object.entries(checked))
        entry.checked[invariant] = (entry.checked[invariant] ?? 0) + times;
      write();
    },
    fault: (text: string): void => {
      entry.faults.push(text.slice(0, 2_000));
      write();
    },
    end: write,
  };
}
