// F6, F7, F8, F14: a store that cannot be reached, is slow, hangs, is cut off half-way, or starts again under a running program.
// Every call is answered in its time and says what is so; afterwards everything goes on by itself.
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProxyFault } from '@cairn/testing';
import { chaos, type Random, type Scenario, type World } from './harness.js';
import { knownCredential, probe, recovered } from './probes.js';

const NO_NETWORK = 'the embedded stores are inside the program: there is no network between them';
type Server = 'eventStore' | 'mongo';
type Trouble = {
  readonly strike: (world: World, server: Server, random: Random) => Promise<unknown>;
  /** Nothing gets through while it lasts. */
  readonly whole?: true;
};

const proxied =
  (fault: (random: Random) => ProxyFault): Trouble['strike'] =>
  (world, server, random) =>
    world.network()[server].set(fault(random));
const refused: Trouble = { whole: true, strike: proxied(() => ({ kind: 'refuse' })) };
const delayed: Trouble = {
  strike: proxied((random) => ({ kind: 'latency', delayMs: 50 + random() ** 3 * 4_950, jitterMs: 50 })),
};
const reset: Trouble = {
  strike: proxied((random) => ({
    kind: 'cut',
    direction: random() < 0.5 ? 'to-client' : 'to-server',
    afterBytes: Math.floor(random() * 8_000),
  })),
};
/** As a server does that gets SIGSTOP: what was sent arrives once it goes on. */
const hanging: Trouble = { whole: true, strike: proxied(() => ({ kind: 'black-hole' })) };
const restarted: Trouble = {
  strike: async (world, server, random) =>
    world.stores(server === 'eventStore' ? 'restartEventStore' : 'restartMongo', 200 + random() * 2_000),
};
const notPrimary: Trouble = { whole: true, strike: (world) => world.stores('failMongo', { notPrimary: true }) };
const slow: Trouble = {
  strike: (world, _server, random) => world.stores('failMongo', { delayMs: 50 + random() * 1_500 }),
};
const oneWay = (direction: 'to-server' | 'to-client'): Trouble => ({
  strike: proxied(() => ({ kind: 'black-hole', direction })),
});
const replyLost: Trouble = { strike: proxied(() => ({ kind: 'drop', direction: 'to-client' })) };
const halfOpen: Trouble = { strike: proxied(() => ({ kind: 'half-open' })) };

/** Each round one of the troubles, as its seed has it. */
function troubled(
  server: Server | 'either',
  troubles: readonly Trouble[],
  rounds: Scenario['rounds'],
  seconds: number,
): Scenario {
  let credential = '';
  return {
    stores: ['cluster'],
    notOn: { embedded: NO_NETWORK },
    rounds,
    leaseSeconds: 6,
    prepare: async (world) => {
      credential = await knownCredential(world);
    },
    round: (world, random) => {
      const { strike, whole } = troubles[Math.floor(random() * troubles.length)] as Trouble;
      const struck: Server = server !== 'either' ? server : random() < 0.5 ? 'eventStore' : 'mongo';
      return {
        load: { learners: 5 },
        inject: async () => {
          await sleep(random() * 300);
          await strike(world, struck, random);
          const { module, list, people, verdict, alive, ready } = await probe(world, credential);
          expect(alive.status).toBe(200);
          expect(['valid', 'unknown', undefined]).toContain(verdict.body?.status);
          if (whole && struck === 'eventStore') {
            expect([module, ...people].map(({ status }) => status)).toEqual(people.concat(module).map(() => 503));
            expect(verdict.body?.status).not.toBe('valid'); // nobody can say
            // The read models are there, but only the log can say whether the caller's key is still in force: fail closed.
            expect(list.status).toBe(503);
            expect(ready).toMatchObject({ status: 503, body: { log: { ok: false } } });
          }
          if (whole && struck === 'mongo') {
            expect(module.status).toBe(201); // F7: commands go on
            expect(ready).toMatchObject({ status: 503, body: { readModel: { ok: false } } });
          }
          await sleep(random() * seconds * 1_000);
        },
        heal: async () => {
          await Promise.all(Object.values(world.network()).map((proxy) => proxy.set(undefined)));
          await world.stores('failMongo', { notPrimary: null, delayMs: null, failItems: null, cutReplies: null });
        },
        after: () => recovered(world),
      };
    },
  };
}

chaos(
  'F6',
  'the event store is gone, slow, reset, hangs, or starts again',
  troubled('eventStore', [refused, hanging, restarted, delayed, reset], { slice: 1, ci: 50 }, 3),
);
chaos(
  'F7',
  'MongoDB is gone, without a primary, slow, reset, hangs, or starts again',
  troubled('mongo', [notPrimary, reset, refused, slow, restarted, hanging], { slice: 1, ci: 50 }, 3),
);
chaos(
  'F8',
  'of a bulk some items fail, or its answer is cut after half',
  troubled(
    'mongo',
    [
      { strike: (world, _server, random) => world.stores('failMongo', { failItems: 0.05 + random() * 0.4 }) },
      {
        strike: (world, _server, random) =>
          world.stores('failMongo', {
            cutReplies: { insert: 1 + Math.floor(random() * 5), update: 1 + Math.floor(random() * 5) },
          }),
      },
    ],
    { slice: 1, ci: 50 },
    2,
  ),
);
chaos(
  'F14',
  'a partition: both ways, one way, replies lost, half-open',
  troubled('either', [hanging, replyLost, halfOpen, oneWay('to-server'), oneWay('to-client')], { slice: 1, ci: 50 }, 2),
);
