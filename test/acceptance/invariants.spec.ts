// What every acceptance test is looked at for in the end can be seen to fail: D5, D11 and D12 planted in a running
// installation. D1 to D11 as a log shows them: apps/cli/src/log-invariants.spec.ts.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StoredEvent } from '@cairn/kernel';
import { e3Catalog } from '@cairn/testing';
import { startServer, type TestServer } from '../support/server.js';
import { createLogWitness, wrongVerdicts } from '../support/invariants.js';
import { openWorld, type AcceptanceLearner, type AcceptanceWorld } from './world.js';

let server: TestServer;
let world: AcceptanceWorld;
let learner: AcceptanceLearner;
beforeAll(async () => {
  server = await startServer({ watched: true });
  world = await openWorld(server, 'breached', e3Catalog());
  learner = await world.learner();
  await learner.complete('SEO-101', '2025-02-01');
  await learner.revoke('SEO', '2025-07-01');
});
afterAll(() => server.close());

it('nothing is found where nothing is wrong', async () => {
  expect(await server.breaches()).toEqual([]);
});

it('D5: a revoked credential that is answered as valid', async () => {
  const place = { stream: 'credential-t.c', revision: 1, id: 'e' };
  const revoked = { credentialId: 'c', tenant: 't', issued: true, state: 'revoked', place } as const;
  expect(await wrongVerdicts([revoked, { ...revoked, state: 'held-good' }], () => Promise.resolve('valid'))).toEqual([
    expect.objectContaining({ invariant: 'D5', stream: 'credential-t.c', revision: 1 }),
  ]);
  expect(await wrongVerdicts([revoked], () => Promise.resolve('revoked'))).toEqual([]);
});

it('D11: an address that somebody put where it does not belong is found in log, files and feed', async () => {
  await world.client.post('/api/modules', { slug: 'LEAK', title: { en: `For ${learner.email}` } });
  const breaches = await server.breaches();
  expect(breaches).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^D11 module-\S+@0: the personal value "person-1@example.org" stands in the clear$/),
      expect.stringMatching(/^D11 events\.sqlite/),
    ]),
  );
  expect(breaches.every((breach) => breach.startsWith('D11'))).toBe(true);
});

describe('D12: an event that is not as it was when it was seen', () => {
  const event = (revision: number, more: object = {}) => ({
    id: `event-${revision}`,
    stream: 'record-t.l',
    revision,
    position: `00${revision}`,
    type: 'module-completed',
    data: { score: 70 },
    meta: { tenant: 't' },
    ...more,
  });
  const log = [event(0), event(1)];
  it.each<readonly [string, readonly object[], readonly string[]]>([
    ['appended to', [...log, event(2)], []],
    ['changed', [event(0), event(1, { data: { score: 71 } })], ['record-t.l@1']],
    ['gone', [event(1)], ['record-t.l@0']],
    ['cut off', [event(0)], ['record-t.l@1']],
    ['in another order', [event(1), event(0)], ['record-t.l@0']],
  ])('%s', async (_what, after, named) => {
    let events: readonly object[] = log;
    const witness = createLogWitness({
      readAll: async (options) => {
        const rest = (events as StoredEvent[]).filter(({ position }) => position > options.after);
        return { events: rest, readUpTo: rest.at(-1)?.position ?? options.after, atEnd: true };
      },
    });
    await witness.look();
    events = after;
    const faults = await witness.rewritten();
    expect(faults.map(({ stream, revision }) => `${stream}@${revision}`)).toEqual(named);
    expect(faults.every(({ invariant }) => invariant === 'D12')).toBe(true);
  });
});

it('no acceptance test goes without: each starts its servers so that they are looked at, or looks itself', () => {
  const itself: { readonly [file: string]: string } = {
    'bench-cluster.spec.ts': 'the benchmark’s own child verifies its log',
    'invariants.spec.ts': 'it breaks them',
    'oulad.spec.ts': 'verifyLog(',
    'oulad-cluster.spec.ts': 'verifyLog(',
  };
  const folder = import.meta.dirname;
  const files = readdirSync(folder).filter((file) => file.endsWith('.spec.ts'));
  expect(files).toEqual(expect.arrayContaining(Object.keys(itself)));
  const text = (file: string): string => readFileSync(join(folder, file), 'utf8');
  expect(files.filter((file) => !(file in itself) && !text(file).includes('startAcceptanceServer('))).toEqual([]);
  expect(files.filter((file) => !(file in itself) && text(file).includes('startServer('))).toEqual([]);
  for (const file of ['oulad.spec.ts', 'oulad-cluster.spec.ts']) expect(text(file)).toContain(itself[file]);
});
