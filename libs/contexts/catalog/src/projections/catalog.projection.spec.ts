import { faultsOf, type IssuerId } from '@cairn/kernel';
import { at, recorded, TENANT } from '@cairn/testing';
import {
  catalogEvents,
  moduleIdOf,
  pathwayIdOf,
  templateIdOf,
  type ModuleEvent,
  type PathwayEvent,
  type PublishedPathway,
  type TemplateEvent,
} from '../contracts/catalog.events.js';
import { catalogProjection, type CatalogDocument, type CatalogEvent } from './catalog.projection.js';

/** given(events).when(events): every document, by id, as a runner would leave them. */
function fold(events: readonly CatalogEvent[]): Record<string, CatalogDocument> {
  const documents = new Map<string, CatalogDocument>();
  for (const event of events)
    for (const id of catalogProjection.keys(event)) {
      expect(id.startsWith(`${TENANT}:`)).toBe(true);
      const next = catalogProjection.evolve(documents.get(id) ?? null, event, id);
      if (next) documents.set(id, next);
      else documents.delete(id);
    }
  return Object.fromEntries(documents);
}
const on = (day: string, event: ModuleEvent | TemplateEvent | PathwayEvent) =>
  recorded(event, { recordedAt: at(day) }) as CatalogEvent;

const M1 = moduleIdOf(TENANT, 'M1');
const M2 = moduleIdOf(TENANT, 'M2');
const L1 = templateIdOf(TENANT, 'L1');
const L2 = templateIdOf(TENANT, 'L2');
const pathwayId = pathwayIdOf(TENANT, 'p');
const publication = (day: string) => ({ publishedAt: at(day), publishedBy: 'user:test' });

describe('modules', () => {
  const definition = { moduleId: M1, slug: 'M1', title: { en: 'One' }, credits: 5 };
  it('say what they say now', () =>
    expect(
      fold([
        on('2026-01-01', { type: 'module-defined', data: { ...definition, area: 'x' } }),
        on('2026-01-02', { type: 'module-revised', data: { ...definition, passMark: 40 } }),
      ]),
    ).toEqual({
      [`${TENANT}:module:${M1}`]: {
        kind: 'module',
        tenant: TENANT,
        id: M1,
        slug: 'M1',
        title: { en: 'One' },
        credits: 5,
        passMark: 40,
      },
    }));
});

describe('templates', () => {
  const body = {
    templateId: L1,
    slug: 'L1',
    achievement: { name: { en: 'First' }, description: {}, achievementType: 'Badge', criteria: {} },
    componentPolicy: { revoked: 'flag', expired: 'flag', withdrawn: 'revoke' },
    issue: 'automatic',
    issuerId: '7d2a1b3c-4e5f-5a6b-8c7d-9e0f1a2b3c4d' as IssuerId,
  } as const;
  const named = (en: string) => ({ ...body, achievement: { ...body.achievement, name: { en } } });
  const drafted = (en: string): TemplateEvent => ({ type: 'credential-template-drafted', data: named(en) });
  const published = (en: string, version: number): TemplateEvent => ({
    type: 'credential-template-published',
    data: { ...named(en), version, hash: 'b'.repeat(64) },
  });
  const document = (title: string, ...versions: readonly object[]) => ({
    [`${TENANT}:template:${L1}`]: {
      kind: 'template',
      tenant: TENANT,
      id: L1,
      slug: 'L1',
      title: { en: title },
      versions,
    },
  });

  it('carry the title of the draft until there is a version', () =>
    expect(fold([on('2026-01-01', drafted('A')), on('2026-01-02', drafted('B'))])).toEqual(document('B')));
  it('then that of the newest version', () =>
    expect(
      fold([on('2026-01-01', drafted('A')), on('2026-01-02', published('A', 1)), on('2026-01-03', drafted('B'))]),
    ).toEqual(document('A', { version: 1, hash: 'b'.repeat(64), ...publication('2026-01-02') })));
});

const rules = (template: string, credential: string): PublishedPathway['rules'] => ({
  zone: 'UTC',
  order: 'advisory',
  entryPoints: [{ id: 'start', at: 's' }],
  steps: [{ id: 's', need: { any: [{ module: M1 }, { credential }] } }],
  awards: [{ id: template, template, kind: 'final', when: 's' }],
});

describe('pathways', () => {
  const version = (n: number, more: Partial<PublishedPathway> = {}): PathwayEvent => ({
    type: 'pathway-version-published',
    data: {
      pathwayId,
      slug: 'p',
      version: n,
      label: `v${n}`,
      title: { en: `Title ${n}` },
      rules: rules(L1, L2),
      enrollment: 'automatic',
      templateVersions: {},
      inner: [],
      hash: 'c'.repeat(64),
      ...more,
    },
  });
  const drafted: PathwayEvent = {
    type: 'pathway-drafted',
    data: { pathwayId, slug: 'p', title: { en: 'Draft' }, rules: rules(L1, L2), enrollment: 'automatic' },
  };
  const pathway = `${TENANT}:pathway:${pathwayId}`;
  const automatic = (target: string) => `${TENANT}:automatic:${target}:${pathwayId}`;
  const grants = (template: string) => `${TENANT}:grants:${template}:${pathwayId}`;

  it('list their versions, retired or not', () => {
    const documents = fold([
      on('2026-01-01', drafted),
      on('2026-01-02', version(1)),
      on('2026-01-03', version(2)),
      on('2026-01-04', { type: 'pathway-version-retired', data: { pathwayId, version: 1, reasonCode: 'replaced' } }),
    ]);
    const summary = { hash: 'c'.repeat(64), enrollment: 'automatic' };
    expect(documents[pathway]).toEqual({
      kind: 'pathway',
      tenant: TENANT,
      id: pathwayId,
      slug: 'p',
      title: { en: 'Title 2' },
      versions: [
        { ...summary, version: 1, label: 'v1', retired: true, ...publication('2026-01-02') },
        { ...summary, version: 2, label: 'v2', retired: false, ...publication('2026-01-03') },
      ],
    });
  });

  it('that enroll by themselves have a document for each thing they name, and for nothing else', () => {
    const first = version(1, { automatic: { version: 1, targets: [M1, L2], dropped: [] } });
    const second = version(2, { automatic: { version: 2, targets: [M2, L2], dropped: [M1] } });
    const retired: PathwayEvent = {
      type: 'pathway-version-retired',
      data: { pathwayId, version: 2, reasonCode: 'x', automatic: { targets: [], dropped: [M2, L2] } },
    };
    const targets = (...events: readonly PathwayEvent[]) =>
      Object.entries(fold([on('2026-01-01', drafted), ...events.map((event) => on('2026-01-02', event))]))
        .filter(([, { kind }]) => kind === 'automatic')
        .map(([id, document]) => [id, document['version']]);
    expect(targets(first)).toEqual([
      [automatic(M1), 1],
      [automatic(L2), 1],
    ]);
    expect(targets(first, second)).toEqual([
      [automatic(L2), 2],
      [automatic(M2), 2],
    ]);
    expect(targets(first, second, retired)).toEqual([]);
    expect(fold([on('2026-01-01', drafted), on('2026-01-02', first)])[automatic(M1)]).toEqual({
      kind: 'automatic',
      tenant: TENANT,
      target: M1,
      pathwayId,
      version: 1,
    });
  });

  it('say what they grant and what that rests on, over all versions', () => {
    const documents = fold([
      on('2026-01-01', drafted),
      on('2026-01-02', version(1)),
      on('2026-01-03', version(2, { rules: rules(L1, templateIdOf(TENANT, 'L3')) })),
      on('2026-01-04', version(3, { rules: rules(L2, templateIdOf(TENANT, 'L4')) })),
    ]);
    expect(documents[grants(L1)]).toEqual({
      kind: 'grants',
      tenant: TENANT,
      templateId: L1,
      pathwayId,
      needs: [L2, templateIdOf(TENANT, 'L3')].toSorted(),
    });
    expect(documents[grants(L2)]).toMatchObject({ needs: [templateIdOf(TENANT, 'L4')] });
  });

  it('refuse a version of which no draft came before', () =>
    expect(() => fold([on('2026-01-01', version(1))])).toThrow('no draft came before'));
});

it('every golden sample of the context fits its schema and folds', () => {
  const samples = catalogEvents.flatMap((definition) =>
    Object.values(definition.samples)
      .flat()
      .map((data) => ({ definition, data })),
  );
  expect(samples.filter(({ definition, data }) => faultsOf(definition.schema, data).length > 0)).toEqual([]);
  const followed = new Set<string>(catalogProjection.events.map(({ type }) => type));
  const events = samples
    .filter(({ definition }) => followed.has(definition.type))
    .map(({ definition, data }) => recorded({ type: definition.type, data }) as unknown as CatalogEvent);
  expect(Object.keys(fold(events)).length).toBeGreaterThan(0);
});
