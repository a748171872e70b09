import { at } from '@cairn/testing';
import { createWorld, m, t, type RecordWorld } from './record-world-spec.js';
import { versionOf } from './version.js';
import { namesNeeded, whyNot, type WhyNotAnswer } from './why-not.js';

const NOW = at('2025-12-01');
const answerIn = (world: RecordWorld, number = 1): WhyNotAnswer => {
  const state = world.state();
  const enrollment = state.enrollments[number - 1];
  if (!enrollment) throw new Error(`no enrollment ${number}`);
  const nameOf = (id: string) => world.slugs.get(id);
  return whyNot(state, enrollment, ({ ref }) => versionOf(world.publishedPathway(ref.pathwayId, ref.version)), NOW, {
    names: { module: nameOf, credential: nameOf },
    modules: new Map(),
  });
};

const levels = async (order: 'gate' | 'enforced' = 'gate'): Promise<RecordWorld> => {
  const world = createWorld()
    .modules('A', 'B', 'C')
    .templates('ONE', 'ALL')
    .pathway('levels', {
      rules: {
        order,
        entryPoints: [{ id: 'start', at: 'L1' }],
        steps: [
          { id: 'L1', title: 'First level', need: { all: [{ module: m('A') }, { module: m('B'), minGrade: 50 }] } },
          { id: 'L2', after: ['L1'], need: { module: m('C') } },
        ],
        awards: [
          { id: 'ONE', template: t('ONE'), kind: 'step', when: 'L1' },
          { id: 'ALL', template: t('ALL'), kind: 'final', when: { all: ['L1', 'L2'] } },
        ],
      },
    });
  await world.enroll('levels', '2025-01-01');
  return world;
};

it('names what is missing in each step and award, in words and with the way there', async () => {
  const world = await levels();
  await world.complete('A', '2025-02-01');
  expect(answerIn(world)).toEqual({
    pathway: 'levels',
    version: 'v1',
    state: 'open',
    steps: [
      {
        id: 'L1',
        title: 'First level',
        reached: true,
        text: 'Module A and module B with at least 50',
        waitsFor: [],
        missing: [
          {
            requirement: 'L1/1',
            rule: { module: m('B'), minGrade: 50, id: 'L1/1' },
            text: 'Module B with at least 50',
            metBy: ['module B with 50'],
          },
        ],
        route: ['module B with 50'],
        outOfOrder: [],
      },
      {
        id: 'L2',
        reached: false,
        text: 'Module C',
        waitsFor: ['L1'],
        missing: [{ requirement: 'L2', rule: { module: m('C'), id: 'L2' }, text: 'Module C', metBy: ['module C'] }],
        route: ['module B with 50', 'module C'],
        outOfOrder: [],
      },
    ],
    awards: [
      {
        id: 'ONE',
        kind: 'step',
        text: 'Step First level',
        missing: [
          {
            requirement: 'ONE!',
            rule: { step: 'L1', id: 'ONE!' },
            text: 'Step First level',
            metBy: ['module B with 50'],
          },
        ],
        route: ['module B with 50'],
      },
      expect.objectContaining({ id: 'ALL', route: ['module B with 50', 'module C'] }),
    ],
  });
});

it('what it names does meet the step', async () => {
  const world = await levels();
  await world.complete('A', '2025-02-01');
  await world.complete('B', '2025-02-02', { score: 50 });
  expect(answerIn(world).steps.map(({ id }) => id)).toEqual(['L2']);
  await world.complete('C', '2025-02-03');
  expect(answerIn(world)).toMatchObject({ steps: [], awards: [] });
});

it('asks for nothing that is held, and says that nothing counts while away', async () => {
  const world = await levels();
  await world.complete('A', '2025-02-01');
  await world.complete('B', '2025-02-02', { score: 50 });
  await world.leave(1, '2025-02-10');
  expect(answerIn(world)).toMatchObject({ state: 'withdrawn', awards: [{ id: 'ALL' }] });
});

it('shows what is kept out of order', async () => {
  const world = await levels('enforced');
  await world.complete('C', '2025-02-01');
  const [completed] = world.events('module-completed');
  expect(answerIn(world).steps[1]).toMatchObject({ id: 'L2', waitsFor: ['L1'], outOfOrder: [completed?.id] });
});

it('does not offer a module whose uses are spent elsewhere', async () => {
  const world = createWorld()
    .modules('X', 'Y', 'S', 'OTHER')
    .templates('X', 'Y')
    .pathway('limited', {
      rules: {
        order: 'advisory',
        entryPoints: [{ id: 'start', at: 'X' }],
        steps: ['X', 'Y'].map((id) => ({
          id,
          need: {
            all: [{ module: m(id) }, { any: [{ module: m('S'), uses: { n: 1, group: 'g' } }, { module: m('OTHER') }] }],
          },
        })),
        awards: ['X', 'Y'].map((id) => ({ id, template: t(id), kind: 'final', when: id })),
      },
    });
  await world.enroll('limited', '2025-01-01');
  await world.complete('S', '2025-02-01');
  await world.complete('X', '2025-02-02');
  await world.complete('Y', '2025-02-03');
  expect(answerIn(world).steps).toMatchObject([{ id: 'Y', route: ['module OTHER'] }]);
});

it('a step re-opened by the end of a component asks for a new one', async () => {
  const world = createWorld()
    .templates('EXT', 'END')
    .pathway('outside', {
      rules: {
        order: 'advisory',
        entryPoints: [{ id: 'start', at: 'S' }],
        steps: [{ id: 'S', need: { credential: t('EXT') } }],
        awards: [{ id: 'END', template: t('END'), kind: 'final', when: 'S' }],
      },
    });
  await world.enroll('outside', '2025-01-01');
  await world.recognise('EXT', '2025-01-10');
  await world.expire(world.events('stack-component-credited')[0]?.data.componentId as string, '2025-03-01');
  expect(answerIn(world)).toMatchObject({ steps: [{ id: 'S', route: ['credential EXT'] }], awards: [] });
});

it('knows which titles an answer needs', async () => {
  const world = await levels();
  const [enrollment] = world.state().enrollments;
  const version = versionOf(world.publishedPathway(enrollment?.ref.pathwayId as string, 1));
  expect(new Set(namesNeeded(version))).toEqual(new Set([t('ONE'), t('ALL'), m('A'), m('B'), m('C')]));
});
