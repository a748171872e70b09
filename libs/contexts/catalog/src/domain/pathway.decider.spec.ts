import {
  createCodec,
  hashJson,
  isUuid,
  type Command,
  type CommandOutcome,
  type EventDefinition,
  type IssuerId,
  type Rejected,
} from '@cairn/kernel';
import { createMemoryEventLog } from '@cairn/eventlog';
import { createCommandExecutor } from '@cairn/runtime';
import {
  at,
  createMemoryCipher,
  e2Catalog,
  e2SecondVersion,
  e3Catalog,
  e5Catalog,
  e5LaterVersions,
  issued,
  TENANT,
  WORLDS,
  type CatalogWorld,
  type PathwayDraft,
} from '@cairn/testing';
import fc from 'fast-check';
import { issuerFold, issuerStream, tenancyEvents, type IssuerEvent } from '@cairn/contexts/tenancy';
import {
  catalogEvents,
  moduleIdOf,
  pathwayIdOf,
  templateIdOf,
  type PublishedPathway,
} from '../contracts/catalog.events.js';
import { newestVersion, pathwayFold, pathwayStream, versionByLabelOrNumber } from '../contracts/catalog.folds.js';
import { findStackingCycle, joinEdges, stackingEdgesOf } from '../contracts/stacking.js';
import { moduleDecider } from './module.decider.js';
import { pathwayDecider } from './pathway.decider.js';
import { referencesOf } from './references.js';
import { templateDecider } from './template.decider.js';

const issuerId = '7d2a1b3c-4e5f-5a6b-8c7d-9e0f1a2b3c4d' as IssuerId;

/** Deciders on a log in memory, as the edge uses them. */
function createCatalog() {
  const executor = createCommandExecutor({
    log: createMemoryEventLog(),
    codec: createCodec([...catalogEvents, ...tenancyEvents] as readonly EventDefinition[], createMemoryCipher()),
    deciders: [moduleDecider, templateDecider, pathwayDecider, registrar],
    clock: { now: () => at('2026-01-01') },
    app: 'test',
  });
  const send = (command: Command): Promise<CommandOutcome> => executor.execute(issued(command));
  const draft = ({ label: _label, ...pathway }: PathwayDraft) =>
    send({ type: 'DraftPathway', data: { ...pathway, pathwayId: pathwayIdOf(TENANT, pathway.slug) } });
  const publish = (slug: string, label: string, grantedBy: readonly string[] = []) =>
    send({
      type: 'PublishPathwayVersion',
      data: {
        pathwayId: pathwayIdOf(TENANT, slug),
        label,
        grantedBy: grantedBy.map((each) => pathwayIdOf(TENANT, each)),
      },
    });
  const retire = (slug: string, version: number, reasonCode = 'replaced') =>
    send({ type: 'RetirePathwayVersion', data: { pathwayId: pathwayIdOf(TENANT, slug), version, reasonCode } });
  const pathway = async (slug: string) =>
    (await executor.snapshot(pathwayFold, pathwayStream(TENANT, pathwayIdOf(TENANT, slug)))).state;
  const things = async ({ modules, templates }: Pick<CatalogWorld, 'modules' | 'templates'>) => {
    await send({ type: 'RegisterIssuer', data: { issuerId } });
    for (const module of modules)
      expectRecorded(
        await send({ type: 'DefineModule', data: { ...module, moduleId: moduleIdOf(TENANT, module.slug) } }),
      );
    for (const template of templates) {
      const templateId = templateIdOf(TENANT, template.slug);
      expectRecorded(await send({ type: 'DraftTemplate', data: { ...template, templateId, issuerId } }));
      expectRecorded(await send({ type: 'PublishTemplate', data: { templateId } }));
    }
  };
  /** Publishes a world in order; every pathway sees those before it as candidates. */
  const world = async (catalog: CatalogWorld) => {
    await things(catalog);
    const before: string[] = [];
    for (const each of catalog.pathways) {
      expectRecorded(await draft(each));
      expectRecorded(await publish(each.slug, each.label, before));
      before.push(each.slug);
    }
  };
  return { executor, send, draft, publish, retire, pathway, things, world };
}

/** Stands in for tenancy's decider, which contexts do not share. */
const registrar = {
  ...issuerFold,
  commands: ['RegisterIssuer'],
  streamOf: () => issuerStream(TENANT, issuerId),
  decide: (_command: never, state: { registered?: object }) => {
    const data = { issuerId, slug: 'northlake', name: 'Northlake', did: 'did:web:x', zone: 'Europe/Berlin' };
    const event: IssuerEvent = { type: 'issuer-registered', data };
    return { accepted: true as const, events: state.registered ? [] : [event] };
  },
};

const expectRecorded = (outcome: CommandOutcome): PublishedPathway => {
  expect(outcome).toMatchObject({ accepted: true, outcome: 'recorded' });
  return (outcome as Extract<CommandOutcome, { accepted: true }>).events[0]?.data as PublishedPathway;
};
const expectUnchanged = (outcome: CommandOutcome) =>
  expect(outcome).toMatchObject({ accepted: true, outcome: 'unchanged' });
const expectRefused = (outcome: CommandOutcome, code: string, ...errors: readonly object[]) =>
  expect(outcome).toMatchObject({ accepted: false, code, ...(errors.length > 0 ? { errors } : {}) });

const single = (
  slug: string,
  template: string,
  need: PathwayDraft['rules']['steps'][number]['need'],
): PathwayDraft => ({
  slug,
  label: '1',
  title: { en: slug },
  enrollment: 'on-request',
  rules: {
    zone: 'Europe/Berlin',
    order: 'advisory',
    entryPoints: [{ id: 'start', at: 'only' }],
    steps: [{ id: 'only', need }],
    awards: [{ id: template, template, kind: 'final', when: 'only' }],
  },
});

describe('the worked examples', () => {
  it.each(Object.entries(WORLDS))('%s is published whole', async (_name, createWorld) => {
    const catalog = createCatalog();
    const world = createWorld();
    await catalog.world(world);
    for (const { slug, label } of world.pathways) {
      const version = newestVersion(await catalog.pathway(slug));
      expect(version).toMatchObject({ version: 1, label });
      const names = referencesOf(version!.rules);
      expect(names.filter(({ name }) => !isUuid(name))).toEqual([]);
      expect(Object.keys(version!.templateVersions)).toEqual(version!.rules.awards.map(({ id }) => id));
    }
  });

  it.each(Object.entries(WORLDS))('%s sent a second time adds nothing', async (_name, createWorld) => {
    const catalog = createCatalog();
    const world = createWorld();
    await catalog.world(world);
    for (const each of world.pathways) {
      expectUnchanged(await catalog.draft(each));
      expectUnchanged(
        await catalog.publish(
          each.slug,
          each.label,
          world.pathways.map(({ slug }) => slug),
        ),
      );
    }
  });

  it('E3: joining the certificate joins the three that grant its parts', async () => {
    const catalog = createCatalog();
    await catalog.world(e3Catalog());
    const inner = ['seo', 'ads', 'ana'].map((slug) => ({ pathwayId: pathwayIdOf(TENANT, slug), version: 1 }));
    expect(newestVersion(await catalog.pathway('digital-marketing'))?.inner).toEqual(inner);
  });

  it('E5: joining the outer joins the inner; later versions of the outer too', async () => {
    const catalog = createCatalog();
    await catalog.world(e5Catalog());
    const inner = [{ pathwayId: pathwayIdOf(TENANT, 'university-certificate'), version: 1 }];
    for (const later of e5LaterVersions()) {
      expectRecorded(await catalog.draft(later));
      expectRecorded(await catalog.publish(later.slug, later.label, ['university-certificate', 'associate']));
    }
    const { versions } = await catalog.pathway('associate');
    expect(versions.map((version) => version.inner)).toEqual([inner, inner, inner]);
  });
});

describe('PublishPathwayVersion', () => {
  it('turns names into ids, gives every node an id, pins templates, and hashes what it says', async () => {
    const catalog = createCatalog();
    await catalog.world(e2Catalog());
    const { version, label, hash, automatic, ...content } = newestVersion(await catalog.pathway('data-skills'))!;
    expect({ version, label, automatic }).toEqual({ version: 1, label: '1', automatic: undefined });
    expect(hash).toBe(hashJson(content));
    expect(content.rules.steps[0]?.need).toEqual({
      id: 'L1',
      all: [
        { id: 'L1/0', module: moduleIdOf(TENANT, 'DS-101') },
        { id: 'L1/1', module: moduleIdOf(TENANT, 'DS-102') },
      ],
    });
    expect(content.rules.awards[4]?.template).toBe(templateIdOf(TENANT, 'STACK'));
    expect(content.templateVersions).toEqual({ L1: 1, L2: 1, L3: 1, L4: 1, STACK: 1 });
  });

  it('takes ids as well as slugs', async () => {
    const catalog = createCatalog();
    await catalog.things(e2Catalog());
    await catalog.draft(single('by-id', templateIdOf(TENANT, 'L1'), { module: moduleIdOf(TENANT, 'DS-101') }));
    const bySlug = single('by-id', 'L1', { module: 'DS-101' });
    const published = expectRecorded(await catalog.publish('by-id', '1'));
    await catalog.draft({
      ...bySlug,
      rules: { ...bySlug.rules, awards: [{ ...bySlug.rules.awards[0]!, id: templateIdOf(TENANT, 'L1') }] },
    });
    expectUnchanged(await catalog.publish('by-id', '1'));
    expect(published.rules.awards[0]?.template).toBe(templateIdOf(TENANT, 'L1'));
  });

  it('makes a changed draft the next version; the first stays as it was', async () => {
    const catalog = createCatalog();
    await catalog.world(e2Catalog());
    const before = await catalog.pathway('data-skills');
    expectRecorded(await catalog.draft(e2SecondVersion()));
    expect(expectRecorded(await catalog.publish('data-skills', '2'))).toMatchObject({ version: 2, label: '2' });
    const after = await catalog.pathway('data-skills');
    expect(after.versions[0]).toEqual(before.versions[0]);
    expect(versionByLabelOrNumber(after, '2')).toEqual(after.versions[1]);
    expect(versionByLabelOrNumber(after, '3')).toBeUndefined();
  });

  it('refuses a label that names a version of other content', async () => {
    const catalog = createCatalog();
    await catalog.world(e2Catalog());
    await catalog.draft(e2SecondVersion());
    expectRefused(await catalog.publish('data-skills', '1'), 'version-immutable', { pointer: '/label' });
  });

  it('gives the same content another label as another version', async () => {
    const catalog = createCatalog();
    await catalog.world(e2Catalog());
    const second = expectRecorded(await catalog.publish('data-skills', '2014J'));
    expect(second.version).toBe(2);
    expect(second.hash).toBe((await catalog.pathway('data-skills')).versions[0]?.hash);
    expectUnchanged(await catalog.publish('data-skills', '1'));
  });

  it('is unchanged under its label although a template moved on; a new label pins the newer one', async () => {
    const catalog = createCatalog();
    const world = e2Catalog();
    await catalog.world(world);
    const templateId = templateIdOf(TENANT, 'L1');
    await catalog.send({
      type: 'DraftTemplate',
      data: { ...world.templates[0], templateId, issuerId, validityMonths: 6 },
    });
    expectRecorded(await catalog.send({ type: 'PublishTemplate', data: { templateId } }));
    expectUnchanged(await catalog.publish('data-skills', '1'));
    expect(expectRecorded(await catalog.publish('data-skills', '2')).templateVersions).toMatchObject({ L1: 2, L2: 1 });
  });

  it('without a label calls the version by its number, and changes nothing if the newest says the same', async () => {
    const catalog = createCatalog();
    await catalog.world(e2Catalog());
    const data = { pathwayId: pathwayIdOf(TENANT, 'data-skills') };
    expectUnchanged(await catalog.send({ type: 'PublishPathwayVersion', data }));
    expectRecorded(await catalog.draft(e2SecondVersion()));
    expect(expectRecorded(await catalog.send({ type: 'PublishPathwayVersion', data }))).toMatchObject({
      version: 2,
      label: '2',
    });
  });

  it('refuses without a draft, and with an empty label', async () => {
    const catalog = createCatalog();
    expectRefused(await catalog.publish('nothing', '1'), 'draft-missing');
    await catalog.world(e2Catalog());
    expectRefused(await catalog.publish('data-skills', ''), 'validation-failed', { pointer: '/label' });
  });

  it('names everything that does not exist; drafting it was fine', async () => {
    const catalog = createCatalog();
    const need = { all: [{ module: 'NO-1' }, { credential: 'NO-2' }, { credits: 5, from: ['NO-3'] }] };
    expectRecorded(await catalog.draft(single('p', 'NO-4', need)));
    expectRefused(
      await catalog.publish('p', '1'),
      'reference-unknown',
      { pointer: '/rules/steps/0/need/all/0/module', code: 'reference-unknown' },
      { pointer: '/rules/steps/0/need/all/1/credential', code: 'reference-unknown' },
      { pointer: '/rules/steps/0/need/all/2/from/0', code: 'reference-unknown' },
      { pointer: '/rules/awards/0/template', code: 'reference-unknown' },
    );
  });

  it('refuses a template that is only drafted', async () => {
    const catalog = createCatalog();
    const world = e2Catalog();
    await catalog.things({ ...world, templates: [] });
    await catalog.send({
      type: 'DraftTemplate',
      data: { ...world.templates[0], templateId: templateIdOf(TENANT, 'L1'), issuerId },
    });
    await catalog.draft(single('p', 'L1', { module: 'DS-101' }));
    expectRefused(await catalog.publish('p', '1'), 'reference-unknown', { message: expect.stringContaining('draft') });
  });

  it('refuses a name in a list that is a module and a template', async () => {
    const catalog = createCatalog();
    const world = e2Catalog();
    await catalog.things({ ...world, modules: [...world.modules, { slug: 'L2', title: { en: 'Lab' }, credits: 5 }] });
    await catalog.draft(single('p', 'L1', { credits: 5, from: ['L2', 'DS-101'] }));
    expectRefused(await catalog.publish('p', '1'), 'pathway-lint-failed', {
      pointer: '/rules/steps/0/need/from/0',
      code: 'reference-ambiguous',
    });
  });
});

describe('lint before publishing', () => {
  const base = single('p', 'L1', { module: 'DS-101' }).rules;
  it.each<[string, Partial<PathwayDraft['rules']>, string]>([
    [
      'pathway-cycle',
      {
        order: 'gate',
        steps: [
          { id: 'only', after: ['next'], need: { module: 'DS-101' } },
          { id: 'next', after: ['only'], need: { module: 'DS-102' } },
        ],
      },
      '/rules/steps/0',
    ],
    [
      'step-unreachable',
      {
        order: 'gate',
        steps: [
          { id: 'never', need: { all: [{ module: 'DS-101', minGrade: 101 }] } },
          { id: 'only', after: ['never'], need: { module: 'DS-101' } },
        ],
        entryPoints: [{ id: 'start', at: 'never' }],
      },
      '/rules/steps/1',
    ],
    ['milestone-without-requirement', { steps: [{ id: 'only', need: { all: [] } }] }, '/rules/steps/0/need'],
    ['outcome-missing', { awards: [] }, '/rules/awards'],
    ['naming-breach', { entryPoints: [{ id: 'the start', at: 'only' }] }, '/rules/entryPoints/0/id'],
    [
      'credits-unreachable',
      { steps: [{ id: 'only', need: { credits: 11, from: ['DS-101', 'DS-102'] } }] },
      '/rules/steps/0/need/credits',
    ],
  ])('refuses %s', async (code, fault, pointer) => {
    const catalog = createCatalog();
    await catalog.things(e2Catalog());
    const draft = single('p', 'L1', { module: 'DS-101' });
    expectRecorded(await catalog.draft({ ...draft, rules: { ...base, ...fault } }));
    const outcome = await catalog.publish('p', '1');
    expectRefused(outcome, 'pathway-lint-failed');
    expect((outcome as Rejected).errors).toContainEqual(expect.objectContaining({ code, pointer }));
  });

  it('names faults and unknown things in one answer', async () => {
    const catalog = createCatalog();
    await catalog.draft({ ...single('p', 'NO-1', { module: 'NO-2' }), rules: { ...base, entryPoints: [] } });
    const outcome = await catalog.publish('p', '1');
    expectRefused(outcome, 'pathway-lint-failed');
    expect(new Set((outcome as Rejected).errors?.map(({ code }) => code))).toEqual(
      new Set(['step-unreachable', 'reference-unknown']),
    );
  });

  it('does not look again at what stands published: sent a second time it changes nothing', async () => {
    const catalog = createCatalog();
    await catalog.things(e2Catalog());
    await catalog.draft(single('p', 'L1', { credits: 10, from: ['DS-101', 'DS-102'] }));
    expectRecorded(await catalog.publish('p', '1'));
    const revised = { slug: 'DS-102', title: { en: 'Spreadsheets' }, credits: 1 };
    expectRecorded(
      await catalog.send({ type: 'ReviseModule', data: { ...revised, moduleId: moduleIdOf(TENANT, 'DS-102') } }),
    );
    expectUnchanged(await catalog.publish('p', '1'));
    expectRefused(await catalog.publish('p', '2'), 'pathway-lint-failed', { code: 'credits-unreachable' });
  });
});

describe('DraftPathway', () => {
  it('refuses rules that cannot be read, and an id that is not of the slug', async () => {
    const catalog = createCatalog();
    const draft = single('p', 'T', { module: 'M' });
    const broken = { ...draft, rules: { ...draft.rules, order: 'sometimes' as never } };
    expectRefused(await catalog.draft(broken), 'rule-invalid', { pointer: '/rules/order', code: 'unreadable' });
    expectRefused(
      await catalog.send({ type: 'DraftPathway', data: { ...draft, pathwayId: pathwayIdOf(TENANT, 'q') } }),
      'validation-failed',
      { pointer: '/pathwayId' },
    );
    expectRefused(await catalog.draft({ ...draft, title: {} as never }), 'validation-failed', { pointer: '/title' });
  });
});

describe('RetirePathwayVersion', () => {
  it('retires once, for a reason, and only what there is', async () => {
    const catalog = createCatalog();
    await catalog.world(e2Catalog());
    expectRefused(await catalog.retire('data-skills', 1, ''), 'reason-required');
    expectRefused(await catalog.retire('data-skills', 2), 'not-found');
    expectRecorded(await catalog.retire('data-skills', 1));
    expectUnchanged(await catalog.retire('data-skills', 1));
    expect(newestVersion(await catalog.pathway('data-skills'))).toBeUndefined();
  });
});

const mod = (slug: string) => moduleIdOf(TENANT, slug);
const automatic = (slug: string, ...modules: readonly string[]): PathwayDraft => ({
  ...single(slug, 'L1', { any: modules.map((module) => ({ module })) }),
  enrollment: 'automatic',
});

describe('automatic enrollment', () => {
  it('says which things enroll, and which do no more, so that read models need no look-up', async () => {
    const catalog = createCatalog();
    await catalog.things(e2Catalog());
    await catalog.draft(automatic('p', 'DS-101', 'DS-102'));
    expect(expectRecorded(await catalog.publish('p', '1')).automatic).toEqual({
      version: 1,
      targets: [mod('DS-101'), mod('DS-102')],
      dropped: [],
    });
    await catalog.draft(automatic('p', 'DS-102', 'DS-103'));
    expect(expectRecorded(await catalog.publish('p', '2')).automatic).toEqual({
      version: 2,
      targets: [mod('DS-102'), mod('DS-103')],
      dropped: [mod('DS-101')],
    });
    // Retiring the newest brings the one before it back.
    expect(expectRecorded(await catalog.retire('p', 2)).automatic).toEqual({
      version: 1,
      targets: [mod('DS-101'), mod('DS-102')],
      dropped: [mod('DS-103')],
    });
    await catalog.draft({ ...automatic('p', 'DS-101'), enrollment: 'on-request' });
    expect(expectRecorded(await catalog.publish('p', '3')).automatic).toEqual({
      targets: [],
      dropped: [mod('DS-101'), mod('DS-102')],
    });
    expect(expectRecorded(await catalog.retire('p', 1)).automatic).toBeUndefined();
  });

  it('refuses rules that do not name what counts', async () => {
    const catalog = createCatalog();
    await catalog.things(e2Catalog());
    const open = single('p', 'L1', { all: [{ module: 'DS-101' }, { credits: 5, from: { area: 'statistics' } }] });
    await catalog.draft({ ...open, enrollment: 'automatic' });
    expectRefused(await catalog.publish('p', '1'), 'pathway-lint-failed', {
      pointer: '/rules/steps/0/need/all/1/from',
      code: 'automatic-unnamed',
    });
    await catalog.draft(open);
    expectRecorded(await catalog.publish('p', '1'));
  });
});

describe('cycles over the template graph (D9)', () => {
  const templates = e2Catalog().templates;

  it('are refused across pathways, with the credentials along them', async () => {
    const catalog = createCatalog();
    await catalog.things({ modules: [], templates });
    await catalog.draft(single('a', 'L1', { credential: 'L2' }));
    expectRecorded(await catalog.publish('a', '1'));
    await catalog.draft(single('b', 'L2', { any: [{ credential: 'L3' }, { credential: 'L1' }] }));
    expectRefused(await catalog.publish('b', '1', ['a']), 'pathway-lint-failed', {
      pointer: '/rules/awards/0',
      code: 'pathway-cycle',
      message: expect.stringMatching(/L1|L2/),
    });
  });

  it('are refused against retired versions too: people in them go on', async () => {
    const catalog = createCatalog();
    await catalog.things({ modules: [], templates });
    await catalog.draft(single('a', 'L1', { credential: 'L2' }));
    expectRecorded(await catalog.publish('a', '1'));
    expectRecorded(await catalog.retire('a', 1));
    await catalog.draft(single('b', 'L2', { credential: 'L1' }));
    expectRefused(await catalog.publish('b', '1', ['a']), 'pathway-lint-failed');
  });

  it('are refused within one pathway, by its earlier versions as well', async () => {
    const catalog = createCatalog();
    await catalog.things({ modules: [], templates });
    await catalog.draft(single('a', 'L1', { credential: 'L2' }));
    expectRecorded(await catalog.publish('a', '1'));
    await catalog.draft(single('a', 'L2', { credential: 'L1' }));
    expectRefused(await catalog.publish('a', '2'), 'pathway-lint-failed', { code: 'pathway-cycle' });
  });

  it('never get in, for all sequences of publishing', async () => {
    const names = ['L1', 'L2', 'L3', 'L4'] as const;
    const template = fc.constantFrom(...names);
    const attempt = fc.record({ slug: fc.constantFrom('a', 'b', 'c'), grants: template, needs: template });
    await fc.assert(
      fc.asyncProperty(fc.array(attempt, { minLength: 2, maxLength: 10 }), async (attempts) => {
        const catalog = createCatalog();
        await catalog.things({ modules: [], templates });
        for (const [index, { slug, grants, needs }] of attempts.entries()) {
          await catalog.draft(single(slug, grants, { credential: needs }));
          await catalog.publish(slug, `v${index}`, ['a', 'b', 'c']);
        }
        const published = await Promise.all(['a', 'b', 'c'].map((slug) => catalog.pathway(slug)));
        const edges = joinEdges(
          published.flatMap(({ versions }) => versions.map(({ rules }) => stackingEdgesOf(rules))),
        );
        expect(findStackingCycle(edges)).toBeUndefined();
        expect(edges.size).toBeGreaterThan(0);
      }),
      { numRuns: 60 },
    );
  });

  it('a candidate that does not exist grants nothing', async () => {
    const catalog = createCatalog();
    await catalog.world(e2Catalog());
    const grantedBy = [pathwayIdOf(TENANT, 'no-such')];
    const data = { pathwayId: pathwayIdOf(TENANT, 'data-skills'), label: 'again', grantedBy };
    expect(expectRecorded(await catalog.send({ type: 'PublishPathwayVersion', data })).inner).toEqual([]);
  });
});

describe('a draft in shadow', () => {
  const one = single('p', 'L1', { module: 'DS-101' });
  const other = single('p', 'L1', { module: 'DS-102' });
  const open = async () => {
    const catalog = createCatalog();
    await catalog.things(e2Catalog());
    const pathwayId = pathwayIdOf(TENANT, 'p');
    const start = (more: object = {}) => catalog.send({ type: 'StartPathwayShadow', data: { pathwayId, ...more } });
    const stop = (reasonCode = 'seen-enough') =>
      catalog.send({ type: 'StopPathwayShadow', data: { pathwayId, reasonCode } });
    const types = async () =>
      (await catalog.executor.history(pathwayStream(TENANT, pathwayId))).map(({ type }) => type);
    return { ...catalog, start, stop, types };
  };

  it('holds what publishing it would make, hash and all', async () => {
    const { draft, publish, start, pathway } = await open();
    await draft(one);
    await publish('p', '1');
    await draft(other);
    expect(await start({ from: 1, mapping: { only: 'only' } })).toMatchObject({ outcome: 'recorded' });
    const { shadow } = await pathway('p');
    const { automatic: _automatic, label: _label, ...published } = expectRecorded(await publish('p', 'next'));
    expect(shadow).toMatchObject({ from: 1, mapping: { only: 'only' }, candidate: published });
  });

  it('is one at a time, ends with its draft, and is stopped for a reason', async () => {
    const { draft, publish, start, stop, types, pathway } = await open();
    expectRefused(await start(), 'draft-missing');
    await draft(one);
    expectRefused(await start(), 'nothing-to-shadow');
    await publish('p', '1');
    expectRefused(await start(), 'nothing-to-shadow');
    await draft(other);
    expectRefused(await start({ from: 7 }), 'not-found');
    await start();
    expectUnchanged(await start());
    expectRefused(await start({ entryPoint: 'start' }), 'shadow-running');
    expectUnchanged(await draft(other));
    expect((await pathway('p')).shadow).toBeDefined();
    await draft(one);
    expect((await pathway('p')).shadow).toBeUndefined();
    expectUnchanged(await stop());
    await draft(other);
    await start();
    expectRefused(await stop(''), 'reason-required');
    await stop();
    await start();
    await publish('p', '2');
    expect((await types()).filter((type) => type.startsWith('pathway-shadow'))).toHaveLength(6);
    expect((await types()).at(-1)).toBe('pathway-shadow-ended');
  });

  it('is refused what publishing would be refused for', async () => {
    const { draft, publish, start } = await open();
    await draft(one);
    await publish('p', '1');
    await draft(single('p', 'L1', { module: 'nothing-of-the-kind' }));
    expectRefused(await start(), 'reference-unknown');
  });
});
