// F13: the same act 64 times at once, each under a key of its own, spread over the processes: it takes effect once.
import { chaos, type Random, type Sent, type World } from './harness.js';

const AT_ONCE = 64;
const DAY_MS = 86_400_000;
const daysAgo = (days: number): string => new Date(Date.now() - days * DAY_MS).toISOString();

async function publishYearly({ client, tenant }: World): Promise<void> {
  const etag = async (path: string) => ({ 'if-match': (await client.get(path)).headers['etag'] as string });
  const achievement = (name: string) => ({
    name: { en: name },
    description: { en: name },
    criteria: { en: name },
    achievementType: 'Certification',
  });
  await client.post('/api/modules', { slug: 'REFRESHER', title: { en: 'Refresher' } });
  await client.post('/api/templates', {
    slug: 'yearly',
    issuer: tenant.issuer,
    issue: 'manual',
    achievement: achievement('Yearly'),
    validityMonths: 12,
    renewal: { requirement: { module: 'REFRESHER' }, window: 'P3M', grace: 'P1M' },
  });
  await client.post('/api/templates/yearly/publish', {}, await etag('/api/templates/yearly'));
}

const must = (holds: boolean, otherwise: string): void => {
  if (!holds) throw new Error(`F13: ${otherwise}`);
};

/** One race: what is sent, and what it may have come to. */
type Race = (world: World, n: number, random: Random) => Promise<void>;

async function person(world: World, n: number): Promise<string> {
  return (await world.client.post('/api/learners', { name: `Canary-racer-${n}` })).id as string;
}
const many = (n: number, kind: string, request: Omit<Sent, 'key' | 'kind'>, count = AT_ONCE): readonly Sent[] =>
  Array.from({ length: count }, (_, index) => ({ ...request, kind, key: `${n}-${kind}-${index}` }));
/** Under load all of them may have been left without an answer: then one is sent again. */
async function race(world: World, requests: readonly Sent[]): Promise<void> {
  const answers = await world.send(requests);
  if (answers.some((answer) => answer !== null && answer.status < 300)) return;
  const [again] = await world.send(requests.slice(0, 1));
  must(
    again !== null && again !== undefined && again.status < 300,
    `nobody succeeded: ${JSON.stringify([again, ...answers.slice(0, 3)])}`,
  );
}
const since = async (world: World, before: number, type: string): Promise<number> =>
  (await world.events()).slice(before).filter((event) => event.type === type).length;

const races: readonly Race[] = [
  async function completion(world, n) {
    const learner = await person(world, n);
    const enrolled = await world.client.post('/api/enrollments', {
      learner,
      pathway: 'seo',
      occurredAt: '2026-01-10T09:00:00Z',
    });
    const before = (await world.events()).length;
    await race(
      world,
      many(n, 'race-complete', {
        path: `/api/enrollments/${enrolled.id}/complete-module`,
        body: { module: 'SEO', score: 81, occurredAt: '2026-02-01T09:00:00Z' },
      }),
    );
    await world.settled();
    must((await since(world, before, 'module-completed')) === 1, 'one completion was recorded more than once');
    must((await since(world, before, 'credential-issued')) === 1, 'one completion did not give one credential');
  },
  async function issue(world, n) {
    const learner = await person(world, n);
    const before = (await world.events()).length;
    const body = { learner, template: 'yearly', reasonCode: 'attended', authority: 'office', occurredAt: daysAgo(330) };
    await race(world, many(n, 'race-issue', { path: '/api/credentials', body, twoSteps: true }));
    await world.settled();
    must((await since(world, before, 'credential-issued')) === 1, 'one award was issued more than once');
  },
  async function revokeAgainstRenew(world, n, random) {
    const learner = await person(world, n);
    const { id } = await world.client.post('/api/credentials', {
      learner,
      template: 'yearly',
      reasonCode: 'attended',
      authority: 'office',
      occurredAt: daysAgo(330),
    });
    await world.settled();
    const before = (await world.events()).length;
    const etag = (await world.client.get(`/api/credentials/${id}`)).headers['etag'] as string;
    const revoke = many(
      n,
      'race-revoke',
      {
        path: `/api/credentials/${id}/revoke`,
        body: { reasonCode: 'issued-in-error', authority: 'registrar' },
        headers: { 'if-match': etag },
      },
      AT_ONCE / 2,
    );
    const renew = many(
      n,
      'race-renew',
      {
        path: `/api/credentials/${id}/renew`,
        body: { reasonCode: 'attended-elsewhere', authority: 'office' },
        twoSteps: true,
      },
      AT_ONCE / 2,
    );
    const mixed = [...revoke, ...renew].map((one) => ({ one, at: random() })).toSorted((a, b) => a.at - b.at);
    const sent = mixed.map(({ one }) => one);
    await race(world, sent);
    await world.settled();
    const revoked = await since(world, before, 'credential-revoked');
    const renewed = await since(world, before, 'credential-renewed');
    // Who revokes names the state that was decided on: renewed meanwhile, it is refused.
    must(revoked + renewed === 1, `revoked ${revoked} times, renewed ${renewed} times`);
  },
];

chaos('F13', `${AT_ONCE} at once: double completion, double issue, revoke against renew`, {
  stores: ['embedded', 'cluster'],
  rounds: { slice: 3, ci: 1_000 },
  programs: 2,
  prepare: publishYearly,
  round: (world, random, n) => ({
    load: { learners: 0 },
    inject: () => (races[n % races.length] as Race)(world, n, random),
  }),
});
