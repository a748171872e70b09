// U3, U4: any state of a credential at any pair of instants, effective and recorded, against an oracle that knows local
// days, terms and holds and nothing of events; and what an explanation names is all that the decision takes.
import { bareId, type Recorded } from '@cairn/kernel';
import { e1Catalog, e3Catalog, e5Catalog, WORLD_ZONE } from '@cairn/testing';
import type { RecordEvent } from '@cairn/contexts/progress';
import fc from 'fast-check';
import { decideAgain } from '../../libs/contexts/progress/src/domain/decide-again.js';
import type { TestServer } from '../support/server.js';
import { runs, startAcceptanceServer } from './server.js';
import { openWorld, type AcceptanceWorld } from './world.js';

let server: TestServer;
beforeAll(async () => {
  server = await startAcceptanceServer();
});

// ---- local days, reckoned by themselves -----------------------------------------------------------------------------

const DAY = 86_400_000;
const iso = (time: number): string => new Date(time).toISOString();
const localDay = (time: number): string =>
  new Intl.DateTimeFormat('sv-SE', { timeZone: WORLD_ZONE }).format(new Date(time));
/** Berlin is one or two hours ahead of UTC, and never changes at midnight. */
const startOf = (day: string): number =>
  [2, 1].map((hours) => Date.parse(`${day}T00:00:00Z`) - hours * 3_600_000).find((time) => localDay(time) === day) as number; // prettier-ignore
function monthsAfter(day: string, months: number): string {
  const [year = 0, month = 0, date = 0] = day.split('-').map(Number);
  const last = new Date(Date.UTC(year, month + months, 0)).getUTCDate();
  return iso(Date.UTC(year, month - 1 + months, Math.min(date, last))).slice(0, 10);
}
const monthsOn = (time: number, months: number): number => startOf(monthsAfter(localDay(time), months));

// ---- the oracle -----------------------------------------------------------------------------------------------------

type Said = { readonly from: number; readonly said: number };
type Act = {
  readonly wait: number;
  readonly back: number;
  readonly does: 'refresh' | 'suspend' | 'reinstate' | 'revoke';
};

/** BLS of E1: 24 months from the pass, renewed by FA-R1 from 3 months before the end to 1 month after it. */
function createOracle(passed: number, recorded: number) {
  const terms: (Said & { readonly until: number })[] = [{ from: passed, until: monthsOn(passed, 24), said: recorded }];
  const holds: (Said & { to?: { readonly at: number; readonly said: number } })[] = [];
  const refreshed = new Set<number>();
  let revoked: Said | undefined;
  return {
    act: ({ does }: Act, at: number, now: number): void => {
      const open = holds.find(({ to }) => to === undefined);
      if (does === 'revoke') revoked ??= { from: at, said: now };
      if (revoked) return;
      if (does === 'suspend' && !open) holds.push({ from: at, said: now });
      if (does === 'reinstate' && open && at >= open.from) open.to = { at, said: now };
      if (does !== 'refresh') return;
      refreshed.add(at);
      for (;;) {
        const { until } = terms.at(-1) as (typeof terms)[number];
        const met = [...refreshed].filter((fact) => fact >= monthsOn(until, -3) && fact < monthsOn(until, 1)).toSorted((a, b) => a - b)[0]; // prettier-ignore
        if (met === undefined) return;
        refreshed.delete(met);
        const from = Math.max(met, until);
        terms.push({ from, until: monthsOn(from, 24), said: now });
      }
    },
    /** Undefined: nothing of it was known then. */
    statusAt: (asOf: number, known: number): string | undefined => {
      const inForce = (one: Said | undefined): boolean => !!one && one.said <= known && one.from <= asOf;
      const told = terms.filter(({ said }) => said <= known);
      if (told.length === 0) return undefined;
      if (inForce(revoked)) return 'revoked';
      if (holds.some((one) => inForce(one) && !(one.to && one.to.said <= known && one.to.at <= asOf)))
        return 'suspended';
      if (told.some(({ from, until }) => from <= asOf && asOf < until)) return 'valid';
      return told.some(({ from }) => from <= asOf) ? 'expired' : 'not-yet-valid';
    },
    moments: (): readonly number[] => [
      ...terms.flatMap(({ from, until }) => [from, until, until - 1]),
      ...holds.flatMap(({ from, to }) => [from, to?.at ?? from]),
      ...(revoked ? [revoked.from, revoked.from - 1] : []),
    ],
  };
}

const acts: fc.Arbitrary<readonly Act[]> = fc.array(
  fc.record({
    wait: fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 300, max: 700 })),
    back: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 90 })),
    does: fc.oneof(
      { weight: 5, arbitrary: fc.constant('refresh' as const) },
      { weight: 3, arbitrary: fc.constant('suspend' as const) },
      { weight: 3, arbitrary: fc.constant('reinstate' as const) },
      { weight: 1, arbitrary: fc.constant('revoke' as const) },
    ),
  }),
  { minLength: 3, maxLength: 9 },
);

/** Of the time that it lives, in thousandths. */
const part = fc.integer({ min: 0, max: 999 }).map((thousandths) => thousandths / 1_000);

it('any state at any pair of instants, effective and recorded, whichever door is asked', async () => {
  let worlds = 0;
  const seen = new Set<string | undefined>();
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 60 }),
      acts,
      fc.array(fc.tuple(part, part), {
        minLength: 15,
        maxLength: 15,
      }),
      async (late, history, looks) => {
        const start = Date.parse('2024-04-01T09:00:00Z');
        const world = await openWorld(server, `as-of-${++worlds}`, e1Catalog(), iso(start));
        const learner = await world.learner();
        await learner.enroll('first-aid', '2024-01-01');
        const passed = start - late * DAY;
        await learner.complete('FA-101', iso(passed), 85);
        const oracle = createOracle(passed, start);
        const credential = await learner.credential('BLS');
        let now = start;
        for (const one of history) {
          now += one.wait * DAY;
          await world.moveTo(iso(now));
          await perform(world, learner.id, credential, one, now - one.back * DAY);
          oracle.act(one, now - one.back * DAY, now);
        }
        const begin = passed - 5 * DAY;
        const some = oracle.moments().filter((time) => time <= now);
        const pairs = looks.map(([effective, recorded], index) => {
          const spread = begin + Math.floor(effective * (now - begin));
          return [
            index % 2 === 0 ? spread : (some[Math.floor(effective * (some.length - 1))] ?? spread),
            begin + Math.floor(recorded * (now - begin)),
          ] as const;
        });
        for (const [asOf, known] of [...pairs, [now, now] as const]) {
          const axes = `asOf=${iso(asOf)}&knownAt=${iso(known)}`;
          const status = oracle.statusAt(asOf, known);
          expect({ axes, history, ...(await told(world, learner.id, credential, axes)) }).toEqual({
            axes,
            history,
            verified: status,
            listed: status,
            explained: status,
            held: status,
          });
          seen.add(status);
        }
      },
    ),
    { numRuns: runs(10), endOnFailure: true },
  );
  expect(seen.size).toBeGreaterThan(2);
}, 120_000);

/** Refusals are fine: they change nothing. */
async function perform(world: AcceptanceWorld, learner: string, credential: string, { does }: Act, at: number) {
  const { client } = world;
  const path = `/api/credentials/${credential}`;
  const etag = { 'if-match': (await client.get(path)).headers['etag'] as string };
  const by = { reasonCode: 'inquiry', authority: 'registrar', effectiveAt: iso(at) };
  const answer =
    does === 'refresh'
      ? await client.send('POST', `/api/learners/${learner}/complete-module`, { module: 'FA-R1', occurredAt: iso(at) })
      : await client.send('POST', `${path}/${does}`, does === 'revoke' ? by : { ...by, hold: 'inquiry' }, etag);
  expect([200, 201, 400, 409, 422]).toContain(answer.status);
  await server.settled();
}

async function told({ client }: AcceptanceWorld, learner: string, credential: string, axes: string) {
  const [page, one, explained, wallet] = await Promise.all([
    server.as(undefined).get(`/c/${credential}.json?${axes}`),
    client.get(`/api/credentials/${credential}?${axes}`),
    client.get(`/api/credentials/${credential}/explain?${axes}`),
    client.get(`/api/learners/${learner}/wallet?${axes}`),
  ]);
  const held = (wallet.body.items as { credential: string; state: string }[]).find(
    (item) => item.credential === credential,
  );
  return {
    verified: page.status === 200 ? (page.body.status as string) : undefined,
    listed: one.status === 200 ? (one.body.status as string) : undefined,
    explained: explained.status === 200 ? (explained.body.status as string) : undefined,
    held: held?.state,
  };
}

// ---- explanations ---------------------------------------------------------------------------------------------------

/** Folds what an explanation names of the record, nothing else, and decides anew. */
async function decidedFromNamed(world: AcceptanceWorld, credential: string) {
  const { loader, history } = server.installation.executor;
  const { body } = await world.client.get(`/api/credentials/${credential}/explain`);
  const named = new Set((body.staff.events as { event: string }[]).map(({ event }) => bareId('evt', event)));
  const { stream, event } = body.decision.staff.trace as { stream: string; event: string };
  const record = (await history(stream)) as readonly Recorded<RecordEvent>[];
  const alone = record.filter(({ id }) => named.has(id));
  const decisions = alone.filter(
    ({ id, type }) => id === bareId('evt', event) || (type === 'renewal-earned' && named.has(id)),
  );
  const again = await Promise.all(decisions.map((one) => decideAgain(loader, alone, one as never)));
  return { all: record.length, alone: alone.length, matches: again.map((one) => one?.matches) };
}

it('the events that an explanation names, folded alone, decide the same', async () => {
  const firstAid = await openWorld(server, 'named-1', e1Catalog(), '2026-07-01T12:00:00Z');
  const e1 = await firstAid.learner();
  await e1.enroll('first-aid', '2024-01-10');
  for (const [module, day, score] of [
    ['FA-101', '2024-03-10', 85],
    ['FA-201', '2024-05-04', undefined],
    ['FA-SIM', '2024-06-01', undefined],
    ['FA-R1', '2026-05-20', undefined],
    ['FA-101', '2026-05-21', 90],
  ] as const)
    await e1.complete(module, day, score);
  // The second one is earned because the first is over; FA-201 and FA-SIM have no part in it.
  expect(await decidedFromNamed(firstAid, await e1.credential('BLS'))).toMatchObject({ matches: [true] });
  expect(await decidedFromNamed(firstAid, await e1.credential('ADV'))).toMatchObject({ matches: [true] });
  const renewed = await firstAid.learner();
  await renewed.enroll('first-aid', '2024-01-10');
  await renewed.complete('FA-101', '2024-03-10', 85);
  await renewed.complete('FA-R1', '2026-01-15');
  await renewed.complete('FA-PED', '2026-01-16');
  const told = await decidedFromNamed(firstAid, await renewed.credential('BLS'));
  expect(told.matches).toEqual([true, true]);
  expect(told.alone).toBeLessThan(told.all);

  const marketing = await openWorld(server, 'named-3', e3Catalog());
  const e3 = await marketing.learner();
  await e3.enroll('digital-marketing', '2025-01-01');
  for (const [module, day] of [['SEO-101', '2025-02-01'], ['ADS-101', '2025-06-01'], ['ANA-101', '2025-09-01']] as const) await e3.complete(module, day); // prettier-ignore
  expect(await decidedFromNamed(marketing, await e3.credential('DMC'))).toMatchObject({ matches: [true] });

  const nested = await openWorld(server, 'named-5', e5Catalog());
  const e5 = await nested.learner();
  await e5.enroll('associate', '2024-09-01');
  for (const [index, module] of ['M1', 'M2', 'M3', 'T1', 'S1', 'B1', 'B2'].entries())
    await e5.complete(module, `2024-09-1${index}`);
  for (const template of ['UC', 'TECH', 'BUS'])
    expect({ template, ...(await decidedFromNamed(nested, await e5.credential(template))) }).toMatchObject({
      template,
      matches: [true],
    });
});
