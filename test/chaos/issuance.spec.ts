// F3: killed in the middle of issuing, of a bulk job, and of a merge of two persons: nothing twice, nothing missing, and
// what was begun is brought to its end.
import { chaos, CI, type CrashPoint, type Program, type Sent, type World } from './harness.js';

const ISSUED = 'credential-issued';
const POINTS: readonly CrashPoint[] = [
  { point: 'put.before' },
  { point: 'put.after' },
  { point: 'append.after', type: 'status-block-leased' },
  { point: 'append.before', type: ISSUED },
  { point: 'append.after', type: ISSUED },
];

chaos('F3', 'kill -9 while a credential is issued', {
  stores: ['embedded', 'cluster'],
  rounds: { slice: 1, ci: 100 },
  round: ({ programs: [program] }, random, n) => {
    const point = POINTS[n % POINTS.length] as CrashPoint;
    const leases = point.type === 'status-block-leased';
    return {
      before: async () => {
        if (leases) {
          // A process leases when it issues first.
          await program?.signal('SIGKILL');
          await program?.start();
        }
        await program?.crashAt({ ...point, nth: leases ? 1 : 1 + Math.floor(random() * 4) });
      },
      inject: async () => program?.died(10_000),
    };
  },
});

/** A template that people issue. */
async function publishBriefing({ client, tenant }: World): Promise<void> {
  await client.post('/api/templates', {
    slug: 'briefing',
    issuer: tenant.issuer,
    issue: 'manual',
    achievement: {
      name: { en: 'Safety briefing' },
      description: { en: 'Attended the safety briefing.' },
      criteria: { en: 'Attend the briefing.' },
      achievementType: 'Badge',
    },
  });
  const etag = (await client.get('/api/templates/briefing')).headers['etag'] as string;
  await client.post('/api/templates/briefing/publish', {}, { 'if-match': etag });
}

const registrations = (n: number, count: number): readonly Sent[] =>
  Array.from({ length: count }, (_, index) => ({
    path: '/api/learners',
    key: `${n}-person-${index}`,
    kind: 'register',
    body: { name: `Canary-person-${n}-${index}` },
  }));
const idsOf = async (world: World, sent: readonly Sent[]): Promise<readonly string[]> => {
  const answers = await world.send(sent);
  return answers.map((answer) => {
    if (answer?.status !== 201 && answer?.status !== 200)
      throw new Error(`refused in quiet: ${JSON.stringify(answer)}`);
    return answer.body.id as string;
  });
};

const ITEMS = CI ? 200 : 20;

chaos('F3', `kill -9 inside a bulk job of ${ITEMS}`, {
  stores: ['embedded', 'cluster'],
  rounds: { slice: 1, ci: 20 },
  prepare: publishBriefing,
  round: (world, random, n) => {
    const { client, programs } = world;
    const program = programs[0] as Program;
    let learners: readonly string[] = [];
    let confirmed: object = {};
    type Row = { run: string; position: string; asOf: string; confirm: string; counts: Record<string, number> };
    const batch = async (body: object): Promise<readonly Row[]> => {
      const { status, text } = await client.send('POST', '/api/credential-batches', body);
      if (status !== 200) throw new Error(`${status} ${text}`);
      return text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Row);
    };
    return {
      load: { learners: 0 },
      before: async () => {
        learners = await idsOf(world, registrations(n, ITEMS));
        await world.settled();
        const act = {
          action: 'issue',
          selection: { learners, template: 'briefing' },
          reasonCode: 'attended',
          authority: 'safety office',
        };
        const preview = await batch({ ...act, dryRun: true });
        const { position, asOf } = preview[0] as Row;
        confirmed = { ...act, position, asOf, confirm: (preview.at(-1) as Row).confirm };
        const point = n % 2 === 0 ? 'append.before' : 'append.after';
        await program.crashAt({ point, type: ISSUED, nth: 1 + Math.floor(random() * (ITEMS - 1)) });
      },
      inject: async () => {
        const cutOff = batch(confirmed).then(
          () => undefined,
          () => undefined,
        );
        const died = await program.died(30_000);
        await cutOff;
        return died;
      },
      after: async () => {
        const { counts } = (await batch(confirmed)).at(-1) as Row;
        if ((counts['done'] ?? 0) + (counts['unchanged'] ?? 0) !== ITEMS)
          throw new Error(`F3: said again, the job ended with ${JSON.stringify(counts)} of ${ITEMS}`);
        await world.settled();
        const holders = new Set(learners);
        const { body } = await client.get(`/api/credentials?learner=${learners[0]}`);
        if (body.items.length !== 1) throw new Error(`F3: ${learners[0]} holds ${body.items.length} credentials`);
        const issued = (await world.events()).filter(({ type }) => type === ISSUED).length;
        if (issued !== holders.size * (n + 1))
          throw new Error(`F3: ${issued} credentials for ${holders.size * (n + 1)} grants`);
      },
    };
  },
});

chaos('F3', 'kill -9 inside a merge of persons', {
  stores: ['embedded', 'cluster'],
  rounds: { slice: 1, ci: 50 },
  round: (world, random, n) => {
    const program = world.programs[0] as Program;
    let merges: readonly (Sent & { readonly pair: readonly [string, string] })[] = [];
    return {
      load: { learners: 0 },
      before: async () => {
        const ids = await idsOf(world, registrations(n, 6));
        // Each of them has enrolled; one of each pair has completed.
        const enrolled = await idsOf(
          world,
          ids.map((learner) => ({
            path: '/api/enrollments',
            key: `${n}-${learner}-enroll`,
            kind: 'enroll',
            body: { learner, pathway: 'seo', occurredAt: '2026-01-10T09:00:00Z' },
          })),
        );
        await idsOf(
          world,
          enrolled
            .filter((_, index) => index % 2 === 0)
            .map((enrollment) => ({
              path: `/api/enrollments/${enrollment}/complete-module`,
              key: `${n}-${enrollment}-complete`,
              kind: 'complete',
              body: { module: 'SEO', score: 81, occurredAt: '2026-02-01T09:00:00Z' },
            })),
        );
        await world.settled();
        merges = [0, 2, 4].map((index) => {
          const pair = [ids[index], ids[index + 1]] as [string, string];
          return {
            pair,
            path: `/api/learners/${pair[0]}/merge`,
            key: `${n}-${index}-merge`,
            kind: 'merge',
            body: { into: pair[1], reasonCode: 'registered-twice', authority: 'registrar' },
          };
        });
        const point = random() < 0.5 ? 'append.before' : 'append.after';
        await program.crashAt({ point, nth: 1 + Math.floor(random() * 9) });
      },
      inject: async () => {
        const sent = world.send(merges);
        const died = await program.died(5_000);
        await sent;
        return died;
      },
      after: async () => {
        for (const answer of await world.send(merges))
          if (answer?.status !== 200) throw new Error(`F3: said again, a merge was answered ${JSON.stringify(answer)}`);
        await world.settled();
        for (const { pair } of merges) {
          const [one, other] = await Promise.all(
            pair.map(async (id) => (await world.client.get(`/api/learners/${id}/wallet`)).body.items as object[]),
          );
          if (one?.length !== 1 || JSON.stringify(one) !== JSON.stringify(other))
            throw new Error(`F3: merged, they hold ${JSON.stringify([one, other])}`);
        }
      },
    };
  },
});
