// Old and new code on one store (F21): the new program reads what the old one writes; the old one refuses what it cannot
// read, says so and touches nothing else; once it has gone, the new one makes up for all that it left.
import fc from 'fast-check';
import { createMemoryEventLog, type EventLog } from '@cairn/eventlog';
import {
  accept,
  createCodec,
  defineEvent,
  s,
  type Command,
  type DecodeError,
  type Decider,
  type StoredEvent,
} from '@cairn/kernel';
import { createMemoryReadModel, type ReadModel } from '@cairn/readmodel';
import { collectionHash } from './collection-hash.js';
import { account, accountStream, bankCodec, bankProjections, bonus, deposited, moved, opened } from './spec/bank.js';
import { close, deposit, open, processOn, startedProcess } from './spec/world.js';

const RUNS = Number(process.env['CAIRN_CHAOS_RUNS'] ?? 20);
const ACCOUNTS = ['a', 'b', 'c'];

const place = { account: 'a', branch: 'north' };
/** The next release's: says why. */
const closedWithReason = defineEvent({
  type: 'account-closed',
  version: 2,
  schema: s.object({ account: s.string(), branch: s.string(), why: s.string() }),
  upcasters: { 1: (data) => ({ ...data, why: 'unknown' }) },
  samples: { 1: [place], 2: [{ ...place, why: 'moved-away' }] },
  means: 'The account is gone.',
});
/** An event that only the next release knows. */
const reviewed = defineEvent({
  type: 'account-reviewed',
  version: 1,
  schema: s.object({ account: s.string(), branch: s.string() }),
  samples: { 1: [place] },
  means: 'Somebody looked at it.',
});
const newCodec = createCodec([opened, deposited, moved, bonus, closedWithReason, reviewed], {
  seal: (_subject, field, value) => ({ sealed: field, value }),
  open: (_subject, _field, sealed) => sealed['value'] as never,
});
type AnyAccount = Decider<unknown, Command, never>;
const { decide, evolve, ...same } = account as unknown as AnyAccount;
const newAccount: AnyAccount = {
  ...same,
  evolve: (state, event) => ((event as { type: string }).type === 'account-reviewed' ? state : evolve(state, event)),
  decide: (command, state, facts) => {
    const decision = decide(command, state, facts);
    if (!decision.accepted || command.type !== 'close') return decision;
    return accept(
      { type: 'account-reviewed', data: { account: 'a', branch: 'north' } } as never,
      ...(decision.events as readonly { readonly data: object }[]).map(
        (event) => ({ ...event, data: { ...event.data, why: 'told' } }) as never,
      ),
    );
  },
};

const everything = async (log: EventLog): Promise<readonly StoredEvent[]> =>
  (await log.readAll({ after: '' as StoredEvent['position'], limit: 10_000 })).events;

async function expectFoldedAnew(log: EventLog, store: ReadModel): Promise<void> {
  const fresh = await startedProcess(log, createMemoryReadModel(), { codec: newCodec });
  await fresh.caughtUp();
  for (const { name } of bankProjections) {
    const collection = fresh.runner.collectionOf(name);
    expect({ name, ...(await collectionHash(store, collection)) }).toEqual({
      name,
      ...(await collectionHash(fresh.readModel, collection)),
    });
  }
  await fresh.stop();
}

it('the new one reads everything, the old one refuses what it cannot read and says why; nothing is lost', async () => {
  const command = fc.oneof(
    fc.constantFrom(...ACCOUNTS).map((id) => open(id)),
    fc.tuple(fc.constantFrom(...ACCOUNTS), fc.integer({ min: 1, max: 90 })).map(([id, amount]) => deposit(id, amount)),
    fc.constantFrom(...ACCOUNTS).map(close),
  );
  let refusals = 0;
  const property = fc.asyncProperty(
    fc.array(fc.tuple(fc.constantFrom('old', 'new'), command), { minLength: 5, maxLength: 40 }),
    async (script) => {
      const log = createMemoryEventLog();
      const store = createMemoryReadModel();
      const old = await startedProcess(log, store, { codec: bankCodec(), owner: 'old' });
      const next = processOn(log, store, { codec: newCodec, deciders: [newAccount as never], owner: 'new' });
      await next.runner.start(); // waits behind the old one, which folds
      const written: string[] = [];
      for (const [which, given] of script) {
        const id = given.data.account;
        const holdsNew = (await log.read(accountStream(id))).some(
          ({ type, meta }) =>
            type === 'account-reviewed' || (type === 'account-closed' && meta['schemaVersion'] === '2'),
        );
        const outcome = await (which === 'old' ? old : next).run(given).catch((error: DecodeError) => error.code);
        if (typeof outcome !== 'string') {
          if (outcome.accepted) written.push(...outcome.events.map((event) => event.id));
          continue;
        }
        expect({ which, holdsNew }).toEqual({ which: 'old', holdsNew: true });
        expect(['event-type-unknown', 'schema-version-unknown']).toContain(outcome);
        refusals++;
      }
      expect((await everything(log)).map(({ id }) => id)).toEqual(written);
      for (const event of await everything(log)) newCodec.decode(event);
      await old.stop(); // upgraded
      await next.settled(20_000);
      for (const { name, key } of await next.runner.parked()) await next.runner.retry(name, key);
      await next.settled(20_000);
      expect(await next.runner.parked()).toEqual([]);
      await expectFoldedAnew(log, store);
      await next.stop();
    },
  );
  await fc.assert(property, { numRuns: RUNS });
  expect(refusals).toBeGreaterThan(0);
}, 120_000);
