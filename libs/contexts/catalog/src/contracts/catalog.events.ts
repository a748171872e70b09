// Events of the streams `module-`, `template-` and `pathway-{t}.{id}`, id = uuidv5(tenant, kind, slug).
import {
  defineEvent,
  s,
  uuidv5,
  type EventOf,
  type Infer,
  type IssuerId,
  type ModuleId,
  type PathwayId,
  type TemplateId,
  type TenantId,
} from '@cairn/kernel';
import type { PathwayRules, Requirement } from '@cairn/rules';

/** A slug means one thing for ever: its id derives from it. */
export const moduleIdOf = (tenant: TenantId, slug: string): ModuleId => uuidv5(tenant, 'module', slug) as ModuleId;
export const templateIdOf = (tenant: TenantId, slug: string): TemplateId =>
  uuidv5(tenant, 'template', slug) as TemplateId;
export const pathwayIdOf = (tenant: TenantId, slug: string): PathwayId => uuidv5(tenant, 'pathway', slug) as PathwayId;

const isObject = (value: unknown): string | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? undefined : 'expected an object';
export const SLUG = /^[A-Za-z0-9](-?[A-Za-z0-9]){0,62}$/;
/** A text for people in one or more languages: `{en: "…"}`. */
const text = s.record(s.string({ max: 8000 }));
const slug = s.string({ pattern: SLUG });

const moduleShape = {
  moduleId: s.uuid<ModuleId>(),
  slug,
  title: text,
  credits: s.number({ min: 0, max: 1000 }),
  area: s.optional(s.string({ max: 100 })),
  level: s.optional(s.integer({ min: 0, max: 20 })),
  /** Below it a completion is refused (`evidence-refused`). Grades are 0 to 100. */
  passMark: s.optional(s.number({ min: 0, max: 100 })),
};
const moduleSample = {
  moduleId: 'c5b0a4a1-6a2f-5d0f-9b1e-3f0a5b6c7d8e',
  slug: 'DS-101',
  title: { en: 'Data literacy' },
  credits: 5,
  area: 'statistics',
  level: 1,
  passMark: 40,
};
export const moduleDefined = defineEvent({
  type: 'module-defined',
  version: 1,
  means: 'The smallest unit that can be completed came to be.',
  schema: s.object(moduleShape),
  samples: { 1: [moduleSample] },
});
export const moduleRevised = defineEvent({
  type: 'module-revised',
  version: 1,
  means: 'A module says something else from now on; completions keep what they copied.',
  schema: s.object(moduleShape),
  samples: { 1: [{ ...moduleSample, title: { en: 'Data literacy and ethics' } }] },
});

/** What a credential says was reached (Open Badges 3.0 Achievement). */
const achievement = s.object({
  name: text,
  description: text,
  /** Closed list of Open Badges 3.0, or `ext:…`. */
  achievementType: s.string({ max: 64 }),
  criteria: text,
  level: s.optional(s.integer({ min: 0, max: 20 })),
  credits: s.optional(s.number({ min: 0, max: 1000 })),
  alignments: s.optional(
    s.array(
      s.object({
        targetName: s.string({ max: 500 }),
        targetUrl: s.string({ max: 2048, pattern: /^https?:\/\// }),
        targetType: s.optional(s.string({ max: 64 })),
        targetFramework: s.optional(s.string({ max: 500 })),
        targetCode: s.optional(s.string({ max: 200 })),
      }),
      { max: 100 },
    ),
  ),
});
export const POLICY_EFFECTS = ['keep', 'flag', 'suspend', 'revoke'] as const;
export type PolicyEffect = (typeof POLICY_EFFECTS)[number];
const templateBody = {
  achievement,
  /** Length of a term in months; left out: for ever. */
  validityMonths: s.optional(s.integer({ min: 1, max: 1200 })),
  renewal: s.optional(
    s.object({
      requirement: s.json<Requirement>(),
      window: s.string({ max: 20 }),
      grace: s.string({ max: 20 }),
    }),
  ),
  /** How long before the end of a term its holder is reminded of it, as durations; left out: never. */
  reminders: s.optional(s.array(s.string({ max: 20 }))),
  /** What happens to a credential that rests on another, per cause. */
  componentPolicy: s.object({
    revoked: s.oneOf(POLICY_EFFECTS),
    expired: s.oneOf(POLICY_EFFECTS),
    withdrawn: s.oneOf(POLICY_EFFECTS),
  }),
  issue: s.oneOf(['automatic', 'manual'] as const),
  issuerId: s.uuid<IssuerId>(),
};
const templateSample = {
  achievement: {
    name: { en: 'Data skills, level 1' },
    description: { en: 'Reads and cleans data.' },
    achievementType: 'MicroCredential',
    criteria: { en: 'Modules DS-101 and DS-102.' },
    level: 1,
  },
  componentPolicy: { revoked: 'flag', expired: 'flag', withdrawn: 'revoke' },
  issue: 'automatic',
  issuerId: '7d2a1b3c-4e5f-5a6b-8c7d-9e0f1a2b3c4d',
};
export const credentialTemplateDrafted = defineEvent({
  type: 'credential-template-drafted',
  version: 1,
  means: 'A credential template was written or rewritten; nothing uses it yet.',
  schema: s.object({ templateId: s.uuid<TemplateId>(), slug, ...templateBody }),
  samples: { 1: [{ templateId: '1d9a0c3e-4b5f-5a6b-8c7d-0e1f2a3b4c5d', slug: 'L1', ...templateSample }] },
});
export const credentialTemplatePublished = defineEvent({
  type: 'credential-template-published',
  version: 1,
  means: 'A version of a template became immutable; credentials name it.',
  schema: s.object({
    templateId: s.uuid<TemplateId>(),
    slug,
    version: s.integer({ min: 1 }),
    ...templateBody,
    /** SHA-256 of the canonical JSON of the template without version and hash. */
    hash: s.string({ pattern: /^[0-9a-f]{64}$/ }),
  }),
  samples: {
    1: [
      {
        templateId: '1d9a0c3e-4b5f-5a6b-8c7d-0e1f2a3b4c5d',
        slug: 'L1',
        version: 1,
        ...templateSample,
        hash: 'b'.repeat(64),
      },
    ],
  },
});

export const ENROLLMENT_MODES = ['automatic', 'on-request', 'closed'] as const;
const pathwayBody = {
  title: text,
  /** Drafts name modules and templates by slug or id, published versions by id. */
  rules: s.json<PathwayRules>(isObject, { type: 'object' }),
  enrollment: s.oneOf(ENROLLMENT_MODES),
  /** Returning within that many days keeps the version, later takes the newest; left out: keeps it always. */
  returnWithinDays: s.optional(s.integer({ min: 0, max: 36_500 })),
};
const pathwaySample = {
  title: { en: 'Data skills' },
  rules: {
    zone: 'Europe/Berlin',
    order: 'gate',
    entryPoints: [{ id: 'start', at: 'L1' }],
    steps: [{ id: 'L1', need: { module: 'c5b0a4a1-6a2f-5d0f-9b1e-3f0a5b6c7d8e', id: 'L1/0' } }],
    awards: [{ id: 'L1', template: '1d9a0c3e-4b5f-5a6b-8c7d-0e1f2a3b4c5d', kind: 'final', when: 'L1' }],
  },
  enrollment: 'on-request',
};
/**
 * Whom the pathway enrolls by itself from here on: completing or holding one of `targets` (modules and templates that
 * its newest version names) enrolls into `version`. `dropped` did so before and does no more: a projection keyed by
 * target learns from the event alone which documents must go.
 */
const automatic = s.object({
  version: s.optional(s.integer({ min: 1 })),
  targets: s.array(s.uuid()),
  dropped: s.array(s.uuid()),
});
export type AutomaticEnrollment = Infer<typeof automatic>;

export const pathwayDrafted = defineEvent({
  type: 'pathway-drafted',
  version: 1,
  means: 'A pathway was written or rewritten; nobody is enrolled in a draft.',
  schema: s.object({ pathwayId: s.uuid<PathwayId>(), slug, ...pathwayBody }),
  samples: { 1: [{ pathwayId: '3e4b5f5a-6b8c-5d0e-9f2a-3b4c5d6e7f80', slug: 'data-skills', ...pathwaySample }] },
});
const publishedBody = {
  pathwayId: s.uuid<PathwayId>(),
  slug,
  version: s.integer({ min: 1 }),
  /** A name for people, unique within the pathway: `2013J`. */
  label: s.string({ max: 64 }),
  ...pathwayBody,
  /** Template version that each award issues, by award id. */
  templateVersions: s.record(s.integer({ min: 1 })),
  /** Pathways that grant credentials which this one's rules name: joining this one joins them. */
  inner: s.array(s.object({ pathwayId: s.uuid<PathwayId>(), version: s.integer({ min: 1 }) })),
  hash: s.string({ pattern: /^[0-9a-f]{64}$/ }),
};
const publishedSample = {
  pathwayId: '3e4b5f5a-6b8c-5d0e-9f2a-3b4c5d6e7f80',
  slug: 'data-skills',
  version: 1,
  label: '2026',
  ...pathwaySample,
  templateVersions: { L1: 1 },
  inner: [],
  hash: 'c'.repeat(64),
};

export const pathwayVersionPublished = defineEvent({
  type: 'pathway-version-published',
  version: 1,
  means: 'A version of a pathway became immutable; enrollments are pinned to it (D7).',
  schema: s.object({
    ...publishedBody,
    /** Left out: neither this version nor the newest before it enrolls by itself. */
    automatic: s.optional(automatic),
  }),
  samples: {
    1: [
      publishedSample,
      {
        ...publishedSample,
        version: 2,
        label: '2027',
        enrollment: 'automatic',
        automatic: {
          version: 2,
          targets: ['c5b0a4a1-6a2f-5d0f-9b1e-3f0a5b6c7d8e', '1d9a0c3e-4b5f-5a6b-8c7d-0e1f2a3b4c5d'],
          dropped: [],
        },
        hash: 'd'.repeat(64),
      },
    ],
  },
});
export const pathwayVersionRetired = defineEvent({
  type: 'pathway-version-retired',
  version: 1,
  means: 'Nobody new enrolls in the version; those in it go on.',
  schema: s.object({
    pathwayId: s.uuid<PathwayId>(),
    version: s.integer({ min: 1 }),
    reasonCode: s.string({ max: 64 }),
    automatic: s.optional(automatic),
  }),
  samples: {
    1: [
      { pathwayId: '3e4b5f5a-6b8c-5d0e-9f2a-3b4c5d6e7f80', version: 1, reasonCode: 'replaced' },
      {
        pathwayId: '3e4b5f5a-6b8c-5d0e-9f2a-3b4c5d6e7f80',
        version: 2,
        reasonCode: 'published-in-error',
        automatic: { targets: [], dropped: ['c5b0a4a1-6a2f-5d0f-9b1e-3f0a5b6c7d8e'] },
      },
    ],
  },
});

/** Why a shadow ended: a person's decision, or its draft is one no more. */
export const SHADOW_ENDS = ['stopped', 'redrafted', 'published'] as const;

export const pathwayShadowStarted = defineEvent({
  type: 'pathway-shadow-started',
  version: 1,
  means: 'A draft is evaluated beside the versions that people are in; it decides and issues nothing.',
  schema: s.object({
    pathwayId: s.uuid<PathwayId>(),
    /** What publishing the draft would have made of it at that moment: evaluated as it is here, whatever follows. */
    candidate: s.object(publishedBody),
    /** As for a dry run: number of the one version looked at, steps that are called otherwise, the entry point. */
    from: s.optional(s.integer({ min: 1 })),
    mapping: s.optional(s.record(s.string({ max: 64 }))),
    entryPoint: s.optional(s.string({ max: 64 })),
  }),
  samples: {
    1: [
      {
        pathwayId: '3e4b5f5a-6b8c-5d0e-9f2a-3b4c5d6e7f80',
        candidate: { ...publishedSample, version: 2, label: '2', hash: 'e'.repeat(64) },
      },
      {
        pathwayId: '3e4b5f5a-6b8c-5d0e-9f2a-3b4c5d6e7f80',
        candidate: { ...publishedSample, version: 3, label: '3', hash: 'f'.repeat(64) },
        from: 2,
        mapping: { L1: 'basics' },
        entryPoint: 'start',
      },
    ],
  },
});
export const pathwayShadowEnded = defineEvent({
  type: 'pathway-shadow-ended',
  version: 1,
  means: 'The draft is evaluated no further; what it would have decided up to here can still be asked.',
  schema: s.object({
    pathwayId: s.uuid<PathwayId>(),
    /** Of the candidate. */
    hash: s.string({ pattern: /^[0-9a-f]{64}$/ }),
    why: s.oneOf(SHADOW_ENDS),
    /** If a person stopped it. */
    reasonCode: s.optional(s.string({ max: 64 })),
  }),
  samples: {
    1: [
      { pathwayId: '3e4b5f5a-6b8c-5d0e-9f2a-3b4c5d6e7f80', hash: 'e'.repeat(64), why: 'published' },
      {
        pathwayId: '3e4b5f5a-6b8c-5d0e-9f2a-3b4c5d6e7f80',
        hash: 'f'.repeat(64),
        why: 'stopped',
        reasonCode: 'seen-enough',
      },
    ],
  },
});

export const catalogEvents = [
  moduleDefined,
  moduleRevised,
  credentialTemplateDrafted,
  credentialTemplatePublished,
  pathwayDrafted,
  pathwayVersionPublished,
  pathwayVersionRetired,
  pathwayShadowStarted,
  pathwayShadowEnded,
] as const;
export type ModuleEvent = EventOf<typeof moduleDefined | typeof moduleRevised>;
export type TemplateEvent = EventOf<typeof credentialTemplateDrafted | typeof credentialTemplatePublished>;
export type PathwayEvent = EventOf<
  | typeof pathwayDrafted
  | typeof pathwayVersionPublished
  | typeof pathwayVersionRetired
  | typeof pathwayShadowStarted
  | typeof pathwayShadowEnded
>;
export type PathwayShadow = EventOf<typeof pathwayShadowStarted>['data'];
export type PublishedPathway = EventOf<typeof pathwayVersionPublished>['data'];
export type PublishedTemplate = EventOf<typeof credentialTemplatePublished>['data'];
export type ModuleDefinition = EventOf<typeof moduleDefined>['data'];
