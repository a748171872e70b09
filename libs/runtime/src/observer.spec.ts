// A process without projections of its own: it learns from the store what the others have come to.
import { createMemoryEventLog } from '@cairn/eventlog';
import { createMemoryReadModel, ReadModelUnavailable } from '@cairn/readmodel';
import { TENANT } from '@cairn/testing';
import { createFeed } from './feed.js';
import { createObserver } from './observer.js';
import { balances, bankCodec, bankProjections } from './spec/bank.js';
import { deposit, open, startedProcess, type Process } from './spec/world.js';
import { createViews } from './views.js';
import { createWaiters } from './waiters.js';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

async function world() {
  const log = createMemoryEventLog();
  const readModel = createMemoryReadModel();
  const waiters = createWaiters();
  const feed = createFeed({ log, codec: bankCodec() });
  const adopted: string[] = [];
  let worker: Process | undefined;
  const observer = createObserver({
    projections: bankProjections,
    reactors: [{ name: 'nobody' }],
    log,
    feed,
    readModel,
    waiters,
    pollMs: 5,
    onBuilds: (name, { live }) => {
      adopted.push(live.collection);
      worker?.runner.adopt(name, { live });
    },
  });
  closing.push(feed.close, observer.stop);
  const started = async (owner: string): Promise<Process> => {
    const process = await startedProcess(log, readModel, { owner });
    closing.push(process.stop);
    return process;
  };
  return { log, readModel, waiters, observer, adopted, started, adopter: (one: Process) => void (worker = one) };
}

it('waits for positions that another process reaches, and reads the build that is live there', async () => {
  const { readModel, waiters, observer, started } = await world();
  await observer.start();
  expect(() => observer.collectionOf('balances')).toThrow(ReadModelUnavailable);
  expect(() => observer.collectionOf('balances')).toThrow(/start a process with the role projector/);
  expect(() => observer.collectionOf('none')).toThrow(RangeError);

  const worker = await started('worker');
  await worker.run(open('a'));
  const outcome = await worker.run(deposit('a', 10));
  const { position } = outcome as { position: string };
  expect(await waiters.waitFor(['balances', 'branches'], position, 5_000)).toBe(true);
  const views = createViews(readModel, observer.collectionOf);
  expect(await views.get('balances', `${TENANT}:a`)).toMatchObject({ balance: 10 });
  expect(await observer.projections()).toMatchObject(
    bankProjections.map(({ name }) => ({ name, state: 'live', lagMs: 0, parked: 0, position })),
  );
  expect(await observer.reactors()).toMatchObject([{ name: 'nobody', position: '' }]);

  await worker.runner.rebuild(['balances']);
  const until = Date.now() + 5_000;
  while (observer.collectionOf('balances') === 'balances__v1' && Date.now() < until)
    await new Promise((resolve) => setTimeout(resolve, 5));
  expect(observer.collectionOf('balances')).toBe('balances__v1__2');
  expect(await views.get('balances', `${TENANT}:a`)).toMatchObject({ balance: 10 });
});

it('a process that stands by adopts the build that the holder of the lanes made live, and goes on with it', async () => {
  const { observer, adopter, adopted, started } = await world();
  const holder = await started('holder');
  const heir = await started('heir');
  adopter(heir);
  await observer.start();
  await holder.run(open('a'));
  await holder.caughtUp();
  await holder.runner.rebuild(['balances'], { dropOld: true });
  const until = Date.now() + 5_000;
  while (heir.runner.collectionOf('balances') === 'balances__v1' && Date.now() < until)
    await new Promise((resolve) => setTimeout(resolve, 5));
  expect(adopted).toContain('balances__v1__2');
  await holder.stop();
  await heir.run(deposit('a', 7));
  await heir.caughtUp([balances.name]);
  expect(await heir.views.get('balances', `${TENANT}:a`)).toMatchObject({ balance: 7 });
});
