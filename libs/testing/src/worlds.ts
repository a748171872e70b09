// The catalogs of the six worked examples (E1 to E6) as plain drafts by slug, as an author would send them.
import type { PathwayRules, Requirement } from '@cairn/rules';

export type ModuleDraft = {
  readonly slug: string;
  readonly title: { readonly en: string };
  readonly credits: number;
  readonly area?: string;
  readonly level?: number;
  readonly passMark?: number;
};
type Effect = 'keep' | 'flag' | 'suspend' | 'revoke';
/** Without its issuer, which the world's user adds. */
export type TemplateDraft = {
  readonly slug: string;
  readonly achievement: {
    readonly name: { readonly en: string };
    readonly description: { readonly en: string };
    readonly achievementType: string;
    readonly criteria: { readonly en: string };
    readonly level?: number;
  };
  readonly validityMonths?: number;
  readonly renewal?: { readonly requirement: Requirement; readonly window: string; readonly grace: string };
  readonly reminders?: readonly string[];
  readonly componentPolicy: { readonly revoked: Effect; readonly expired: Effect; readonly withdrawn: Effect };
  readonly issue: 'automatic' | 'manual';
};
export type PathwayDraft = {
  readonly slug: string;
  /** Label under which this draft is published. */
  readonly label: string;
  readonly title: { readonly en: string };
  readonly rules: PathwayRules;
  readonly enrollment: 'automatic' | 'on-request' | 'closed';
  readonly returnWithinDays?: number;
};
/** Lists in an order in which they can be published one after the other. */
export type CatalogWorld = {
  readonly modules: readonly ModuleDraft[];
  readonly templates: readonly TemplateDraft[];
  readonly pathways: readonly PathwayDraft[];
};

export const WORLD_ZONE = 'Europe/Berlin';

const module = (slug: string, title: string, more: Partial<ModuleDraft> = {}): ModuleDraft => ({
  slug,
  title: { en: title },
  credits: 0,
  ...more,
});

const template = (
  slug: string,
  name: string,
  criteria: string,
  more: Partial<Omit<TemplateDraft, 'componentPolicy'>> & {
    readonly about?: string;
    readonly type?: string;
    readonly level?: number;
    readonly componentPolicy?: Partial<TemplateDraft['componentPolicy']>;
  } = {},
): TemplateDraft => {
  const {
    about = `Awarded for ${name.toLowerCase()}.`,
    type = 'MicroCredential',
    level,
    componentPolicy,
    ...rest
  } = more;
  return {
    slug,
    achievement: {
      name: { en: name },
      description: { en: about },
      achievementType: type,
      criteria: { en: criteria },
      ...(level === undefined ? {} : { level }),
    },
    componentPolicy: { revoked: 'flag', expired: 'flag', withdrawn: 'revoke', ...componentPolicy },
    issue: 'automatic',
    ...rest,
  };
};

/** What stands alone: one step, one award, enrolled by itself. */
const single = (slug: string, title: string, template_: string, need: Requirement): PathwayDraft => ({
  slug,
  label: '1',
  title: { en: title },
  enrollment: 'automatic',
  rules: {
    zone: WORLD_ZONE,
    order: 'advisory',
    entryPoints: [{ id: 'start', at: template_ }],
    steps: [{ id: template_, title, need }],
    awards: [{ id: template_, template: template_, kind: 'final', when: template_ }],
  },
});

/** E1 First aid: vertical, two-year terms, renewal, suspension while the level below is not valid. */
export function e1Catalog(): CatalogWorld {
  const suspended = { revoked: 'suspend', expired: 'suspend' } as const;
  return {
    modules: [
      module('FA-101', 'Basic life support course', { level: 1 }),
      module('FA-201', 'Advanced response course', { level: 2 }),
      module('FA-PED', 'Paediatric elective', { level: 2 }),
      module('FA-SIM', 'Simulation elective', { level: 2 }),
      module('FA-301', 'Instructor course', { level: 3 }),
      module('FA-R1', 'Basic life support refresher', { level: 1 }),
    ],
    templates: [
      template('BLS', 'Basic life support', 'FA-101 with a grade of at least 80.', {
        type: 'Certification',
        level: 1,
        validityMonths: 24,
        renewal: {
          requirement: { any: [{ module: 'FA-R1' }, { module: 'FA-101', minGrade: 80 }] },
          window: 'P3M',
          grace: 'P1M',
        },
      }),
      template('ADV', 'Advanced response', 'FA-201 and one elective while basic life support is valid.', {
        type: 'Certification',
        level: 2,
        validityMonths: 24,
        componentPolicy: suspended,
      }),
      template('INS', 'First-aid instructor', 'FA-301 while advanced response is valid.', {
        type: 'Certification',
        level: 3,
        validityMonths: 24,
      }),
    ],
    pathways: [
      {
        slug: 'first-aid',
        label: '1',
        title: { en: 'First aid' },
        enrollment: 'on-request',
        rules: {
          zone: WORLD_ZONE,
          order: 'enforced',
          entryPoints: [{ id: 'start', at: 'BLS' }],
          steps: [
            { id: 'BLS', title: 'Basic life support', need: { module: 'FA-101', minGrade: 80 } },
            {
              id: 'ADV',
              title: 'Advanced response',
              after: ['BLS'],
              need: { all: [{ module: 'FA-201' }, { any: [{ module: 'FA-PED' }, { module: 'FA-SIM' }] }] },
            },
            { id: 'INS', title: 'Instructor', after: ['ADV'], need: { module: 'FA-301' } },
          ],
          awards: [
            { id: 'BLS', template: 'BLS', kind: 'step', when: 'BLS' },
            { id: 'ADV', template: 'ADV', kind: 'step', when: 'ADV' },
            { id: 'INS', template: 'INS', kind: 'final', when: 'INS' },
          ],
        },
      },
    ],
  };
}

const dataSkills = (label: string, firstLevel: readonly string[]): PathwayDraft => ({
  slug: 'data-skills',
  label,
  title: { en: 'Data skills' },
  enrollment: 'on-request',
  rules: {
    zone: WORLD_ZONE,
    order: 'gate',
    entryPoints: [
      { id: 'start', at: 'L1' },
      { id: 'direct', at: 'L2', recognise: [{ step: 'L1', when: { credential: 'EXT-DF' } }] },
    ],
    steps: [
      { id: 'L1', title: 'Foundations', need: { all: firstLevel.map((slug) => ({ module: slug })) } },
      {
        id: 'L2',
        title: 'Practice',
        after: ['L1'],
        need: { all: [{ module: 'DS-201' }, { any: [{ module: 'DS-210' }, { module: 'DS-211' }] }] },
      },
      {
        id: 'L3',
        title: 'Breadth',
        after: ['L2'],
        need: {
          credits: 20,
          from: ['DS-310', 'DS-311', 'DS-320', 'DS-330'],
          minGrade: 50,
          distinct: { by: 'area', min: 2 },
        },
      },
      { id: 'L4', title: 'Project', after: ['L3'], need: { module: 'DS-401', minGrade: 60 } },
    ],
    awards: [
      ...['L1', 'L2', 'L3', 'L4'].map((id) => ({ id, template: id, kind: 'step', when: id }) as const),
      { id: 'STACK', template: 'STACK', kind: 'final', when: { all: ['L1', 'L2', 'L3', 'L4'] } },
    ],
  },
});

/** E2 University data skills: four levels, order gate, an entry for those who bring a credential from outside. */
export function e2Catalog(): CatalogWorld {
  return {
    modules: [
      module('DS-101', 'Data literacy', { credits: 5, area: 'statistics', level: 1 }),
      module('DS-102', 'Spreadsheets', { credits: 5, area: 'computing', level: 1 }),
      module('DS-103', 'Data ethics', { credits: 5, area: 'governance', level: 1 }),
      module('DS-201', 'Data cleaning', { credits: 5, area: 'computing', level: 2 }),
      module('DS-210', 'Databases', { credits: 5, area: 'computing', level: 2 }),
      module('DS-211', 'Surveys', { credits: 5, area: 'statistics', level: 2 }),
      module('DS-310', 'Regression', { credits: 10, area: 'statistics', level: 3 }),
      module('DS-311', 'Sampling', { credits: 10, area: 'statistics', level: 3 }),
      module('DS-320', 'Visual storytelling', { credits: 10, area: 'communication', level: 3 }),
      module('DS-330', 'Data protection', { credits: 5, area: 'governance', level: 3 }),
      module('DS-401', 'Data project', { credits: 15, level: 4 }),
    ],
    templates: [
      template('L1', 'Data skills, level 1', 'Both foundation modules.', {
        about: 'Reads tables and charts with care and keeps data in order.',
        level: 1,
      }),
      template('L2', 'Data skills, level 2', 'DS-201 and one of DS-210 and DS-211.', {
        about: 'Collects, cleans and documents data of their own.',
        level: 2,
      }),
      template('L3', 'Data skills, level 3', '20 credits at grade 50 or better from two areas.', {
        about: 'Analyses data in more than one discipline and says what follows from it.',
        level: 3,
      }),
      template('L4', 'Data skills, level 4', 'The project with a grade of at least 60.', {
        about: 'Carries a data project from question to report.',
        level: 4,
      }),
      template('STACK', 'Data skills certificate', 'All four levels.', {
        about: 'Works with data from collection to report, in several disciplines.',
        type: 'Certificate',
        level: 4,
      }),
      template('EXT-DF', 'Data foundations of another institution', 'Recognised from outside.', {
        type: 'Certificate',
        issue: 'manual',
      }),
    ],
    pathways: [dataSkills('1', ['DS-101', 'DS-102'])],
  };
}

/** E2, row f: version 2 adds DS-103 to the first level. */
export const e2SecondVersion = (): PathwayDraft => dataSkills('2', ['DS-101', 'DS-102', 'DS-103']);

const horizontal = (list: readonly (readonly [slug: string, name: string, about?: string])[]): CatalogWorld => ({
  modules: list.map(([slug, name]) => module(`${slug}-101`, `${name} course`)),
  templates: list.map(([slug, name, about]) =>
    template(slug, name, `The module ${slug}-101.`, about === undefined ? {} : { about }),
  ),
  pathways: list.map(([slug, name]) => single(slug.toLowerCase(), name, slug, { module: `${slug}-101` })),
});

/** E3 Digital marketing: horizontal; three credentials of their own pathways, valid at one instant. */
export function e3Catalog(): CatalogWorld {
  const parts = horizontal([
    ['SEO', 'Search optimisation', 'Makes pages that people find, and keeps them found.'],
    ['ADS', 'Paid advertising', 'Plans, buys and steers paid campaigns.'],
    ['ANA', 'Web analytics', 'Measures what visitors do and what it is worth.'],
  ]);
  const all = ['SEO', 'ADS', 'ANA'];
  return {
    modules: parts.modules,
    templates: [
      ...parts.templates,
      template('DMC', 'Digital marketing certificate', 'The three micro-credentials, all valid at one time.', {
        about: 'Plans, runs and measures campaigns across search, paid media and the web.',
        type: 'Certificate',
        componentPolicy: { revoked: 'flag' },
      }),
    ],
    pathways: [
      ...parts.pathways,
      {
        slug: 'digital-marketing',
        label: '1',
        title: { en: 'Digital marketing' },
        enrollment: 'on-request',
        rules: {
          zone: WORLD_ZONE,
          order: 'advisory',
          entryPoints: [{ id: 'start', at: 'SEO' }],
          steps: all.map((id) => ({ id, need: { credential: id } })),
          awards: [{ id: 'DMC', template: 'DMC', kind: 'final', when: { all: all.map((id) => ({ credential: id })) } }],
        },
      },
    ],
  };
}

/** E4 Hybrid: two of three, an industry certification, then credits with a cap and an age. */
export function e4Catalog(): CatalogWorld {
  const parts = horizontal([
    ['CLOUD', 'Cloud operations'],
    ['SEC', 'Security basics'],
    ['NET', 'Networking'],
  ]);
  return {
    modules: [
      ...parts.modules,
      module('HD-12', 'Advanced systems', { credits: 12 }),
      module('HD-06', 'Legacy systems', { credits: 6 }),
      module('HD-04', 'Automation', { credits: 4 }),
      module('EXT-20', 'Courses at a partner college', { credits: 20 }),
    ],
    templates: [
      ...parts.templates,
      template('CERT-X', 'Industry certification X', 'Recognised from outside.', {
        type: 'Certification',
        issue: 'manual',
      }),
      template('PRO', 'Professional certificate', 'Two of cloud, security and networking, and certification X.', {
        type: 'Certificate',
        componentPolicy: { expired: 'suspend' },
      }),
      template('HD', 'Higher diploma', 'The professional certificate and 30 recent credits.', { type: 'Diploma' }),
    ],
    pathways: [
      ...parts.pathways,
      {
        ...single('professional', 'Professional certificate', 'PRO', {
          all: [
            { atLeast: 2, of: [{ credential: 'CLOUD' }, { credential: 'SEC' }, { credential: 'NET' }] },
            { credential: 'CERT-X' },
          ],
        }),
        enrollment: 'on-request',
      },
      {
        ...single('higher-diploma', 'Higher diploma', 'HD', {
          all: [
            { credential: 'PRO' },
            { credits: 30, from: {}, cap: [{ from: { origin: 'external' }, max: '50%' }], maxAge: 'P5Y' },
          ],
        }),
        enrollment: 'on-request',
      },
    ],
  };
}

const associate = (label: string, electives: readonly string[]): PathwayDraft => {
  const shared = { module: 'S1', uses: { n: 1, group: 'electives' } };
  const two = (own: readonly string[]): Requirement => ({
    all: [{ credential: 'UC' }, { atLeast: 2, of: [...own.map((slug) => ({ module: slug })), shared] }],
  });
  return {
    slug: 'associate',
    label,
    title: { en: 'Associate' },
    enrollment: 'on-request',
    returnWithinDays: 730,
    rules: {
      zone: WORLD_ZONE,
      order: 'advisory',
      entryPoints: [{ id: 'start', at: 'UC' }],
      steps: [
        { id: 'UC', title: 'University certificate', need: { credential: 'UC' } },
        { id: 'TECH', title: 'Technology', need: two(electives) },
        { id: 'BUS', title: 'Business', need: two(['B1', 'B2']) },
      ],
      awards: [
        { id: 'UC', template: 'UC', kind: 'exit', when: 'UC' },
        { id: 'TECH', template: 'TECH', kind: 'final', when: 'TECH' },
        { id: 'BUS', template: 'BUS', kind: 'final', when: 'BUS' },
      ],
    },
  };
};

/** E5 Nested pathways, two destinations, one module that counts for one of them. */
export function e5Catalog(): CatalogWorld {
  const suspended = { revoked: 'suspend' } as const;
  return {
    modules: ['M1', 'M2', 'M3', 'T1', 'T2', 'T3', 'S1', 'B1', 'B2'].map((slug) => module(slug, `Module ${slug}`)),
    templates: [
      template('UC', 'University certificate', 'M1, M2 and M3.', {
        type: 'Certificate',
        componentPolicy: { withdrawn: 'revoke' },
      }),
      template('TECH', 'Associate in technology', 'The university certificate and two technology modules.', {
        type: 'AssociateDegree',
        componentPolicy: suspended,
      }),
      template('BUS', 'Associate in business', 'The university certificate and two business modules.', {
        type: 'AssociateDegree',
        componentPolicy: suspended,
      }),
    ],
    pathways: [
      {
        ...single('university-certificate', 'University certificate', 'UC', {
          all: [{ module: 'M1' }, { module: 'M2' }, { module: 'M3' }],
        }),
        enrollment: 'on-request',
      },
      associate('1', ['T1', 'T2']),
    ],
  };
}

/** E5, row c: versions 2 and 3, the newest being current when the learner returns. */
export const e5LaterVersions = (): readonly PathwayDraft[] => [
  associate('2', ['T1', 'T2', 'T3']),
  associate('3', ['T2', 'T3']),
];

/** E6 Compliance: two modules close together, a yearly term, renewal by refreshers. */
export function e6Catalog(): CatalogWorld {
  return {
    modules: ['SAFETY', 'DATA', 'FORKLIFT', 'NON-DRIVER', 'R-SAFETY', 'R-DATA'].map((slug) =>
      module(slug, `Training ${slug}`),
    ),
    templates: [
      template('SA', 'Site access', 'Safety and data training within 60 days, and a driver declaration.', {
        type: 'Certification',
        validityMonths: 12,
        renewal: {
          requirement: { all: [{ module: 'R-SAFETY' }, { module: 'R-DATA' }] },
          window: 'P60D',
          grace: 'P14D',
        },
      }),
    ],
    pathways: [
      {
        ...single('site-access', 'Site access', 'SA', {
          all: [
            { all: [{ module: 'SAFETY' }, { module: 'DATA', id: 'data' }], within: 'P60D' },
            { any: [{ module: 'FORKLIFT' }, { module: 'NON-DRIVER' }] },
          ],
        }),
        enrollment: 'on-request',
      },
    ],
  };
}

/** All six, by name. */
export const WORLDS = {
  E1: e1Catalog,
  E2: e2Catalog,
  E3: e3Catalog,
  E4: e4Catalog,
  E5: e5Catalog,
  E6: e6Catalog,
} as const;
