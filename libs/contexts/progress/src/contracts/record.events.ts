// Events of the stream `record-{t}.{l}`: all facts and decisions of one learner's progress.
// Every event carries the keys its projections need and the deltas that they count, so no fold looks anything up.
import {
  defineEvent,
  s,
  type CredentialId,
  type EnrollmentId,
  type EventOf,
  type Infer,
  type Json,
  type LearnerId,
  type ModuleId,
  type PathwayId,
  type TemplateId,
  type TenantId,
} from '@cairn/kernel';

const reasonCode = s.string({ max: 64, pattern: /^[a-z0-9]+(-[a-z0-9]+)*$/ });
/** Who is entitled to decide; a person or body by role, never free text about the learner. */
const authority = s.string({ max: 200 });
const eventRef = s.uuid();
const learnerId = s.uuid<LearnerId>();
const enrollmentId = s.string<EnrollmentId>({ pattern: /^[0-9a-f-]{36}-[1-9]\d*$/ });

/** Routing keys of one enrollment, repeated in each event that concerns it. */
const enrollmentRefSchema = s.object({
  enrollmentId,
  pathwayId: s.uuid<PathwayId>(),
  version: s.integer({ min: 1 }),
  /** ISO week of joining in the tenant's zone, `2026-W10`. */
  cohortWeek: s.string({ pattern: /^\d{4}-W\d{2}$/ }),
  entryPoint: s.string({ max: 64 }),
});
export type EnrollmentRef = Infer<typeof enrollmentRefSchema>;

const L = 'd1c0b0a9-8f7e-5d6c-8b5a-493827161504';
const L2 = 'e2d1c1ba-9a80-5e7d-8c6b-5a4938271615';
const E = '11111111-2222-5333-8444-555555555501';
const E2 = '11111111-2222-5333-8444-555555555502';
const M = 'c5b0a4a1-6a2f-5d0f-9b1e-3f0a5b6c7d8e';
const T = '1d9a0c3e-4b5f-5a6b-8c7d-0e1f2a3b4c5d';
const CRD = '6a7b8c9d-0e1f-5a2b-8c3d-4e5f60718293';
const REF = {
  enrollmentId: `${L}-1`,
  pathwayId: '3e4b5f5a-6b8c-5d0e-9f2a-3b4c5d6e7f80',
  version: 1,
  cohortWeek: '2026-W10',
  entryPoint: 'start',
};
const H = 'c'.repeat(64);

/** Completions from before that count in the enrollment from now on; left out: none. */
const earlier = s.optional(
  s.array(
    s.object({
      completion: eventRef,
      moduleId: s.uuid<ModuleId>(),
      at: s.instant(),
      score: s.optional(s.number({ min: 0, max: 100 })),
    }),
  ),
);

const awardKind = s.oneOf(['step', 'exit', 'final'] as const);
/** Awards of the version whose template the learner holds by another enrollment or a grant: met, they issue nothing. */
const held = s.optional(
  s.array(
    s.object({
      credentialId: s.uuid<CredentialId>(),
      templateId: s.uuid<TemplateId>(),
      occurrence: s.integer({ min: 1 }),
      awardId: s.string({ max: 64 }),
      awardKind,
      from: s.instant(),
      until: s.optional(s.instant()),
    }),
  ),
);
/** Other open enrollments whose version awards the template: met there too, where it issues nothing. */
const alsoMeets = s.optional(
  s.array(s.object({ enrollment: enrollmentRefSchema, awardId: s.string({ max: 64 }), awardKind })),
);

export const learnerEnrolled = defineEvent({
  type: 'learner-enrolled',
  version: 1,
  means: 'One attempt at one pathway began, pinned to a version and the hash of its rules (D7).',
  schema: s.object({
    learnerId,
    enrollment: enrollmentRefSchema,
    label: s.string({ max: 64 }),
    rulesHash: s.string({ min: 64, max: 64 }),
    attempt: s.integer({ min: 1 }),
    /** All steps of the version, in order. */
    steps: s.array(s.string({ max: 64 })),
    /** Steps reached by joining. */
    opens: s.array(s.string({ max: 64 })),
    /** The outer enrollment that brought this one along. */
    because: s.optional(enrollmentId),
    earlier,
    held,
  }),
  samples: {
    1: [{ learnerId: L, enrollment: REF, label: '2026', rulesHash: H, attempt: 1, steps: ['L1', 'L2'], opens: ['L1'] }],
  },
});
export const enrollmentWithdrawn = defineEvent({
  type: 'enrollment-withdrawn',
  version: 1,
  means: 'The learner left the pathway; what was earned stays.',
  schema: s.object({ learnerId, enrollment: enrollmentRefSchema, reasonCode }),
  samples: { 1: [{ learnerId: L, enrollment: REF, reasonCode: 'learner-request' }] },
});
export const enrollmentReinstated = defineEvent({
  type: 'enrollment-reinstated',
  version: 1,
  means:
    'The learner came back, by the version that they left; if they were away too long, a move to the newest follows.',
  schema: s.object({ learnerId, enrollment: enrollmentRefSchema, reasonCode, earlier, held }),
  samples: { 1: [{ learnerId: L, enrollment: REF, reasonCode: 'returned' }] },
});

export const enrollmentMovedToVersion = defineEvent({
  type: 'enrollment-moved-to-version',
  version: 1,
  means: 'A learner under way goes on by a newer version of the pathway; what was met and earned stays (D7).',
  schema: s.object({
    learnerId,
    /** As it is from now on. */
    enrollment: enrollmentRefSchema,
    label: s.string({ max: 64 }),
    rulesHash: s.string({ min: 64, max: 64 }),
    attempt: s.integer({ min: 1 }),
    joinedAt: s.instant(),
    /** What the enrollment counted for where it was, so that a funnel can take it out there. */
    from: s.object({
      version: s.integer({ min: 1 }),
      entryPoint: s.string({ max: 64 }),
      reached: s.array(s.string({ max: 64 })),
      satisfied: s.array(s.string({ max: 64 })),
      inOrder: s.array(s.string({ max: 64 })),
    }),
    /** Steps of the version left, and what each is called from now on; steps that are gone are left out. */
    mapping: s.record(s.string({ max: 64 })),
    /** All steps of the version, in order. */
    steps: s.array(s.string({ max: 64 })),
    /** Steps reached, satisfied and in order by what was met before. */
    opens: s.array(s.string({ max: 64 })),
    satisfied: s.array(
      s.object({
        stepId: s.string({ max: 64 }),
        at: s.instant(),
        reachedAt: s.instant(),
        recognised: s.optional(s.boolean()),
      }),
    ),
    inOrder: s.array(s.string({ max: 64 })),
    /** Waivers whose requirement says the same in the new version; others end here. */
    waivers: s.array(
      s.object({ waiver: eventRef, left: s.string({ max: 300 }), requirementId: s.string({ max: 300 }) }),
    ),
    /** A move that is taken back: waivers that had ended with it stand again. */
    restored: s.optional(
      s.array(s.object({ waiver: eventRef, requirementId: s.string({ max: 300 }), authority, at: s.instant() })),
    ),
    /** What the enrollment earned before and still holds. */
    awards: s.array(
      s.object({
        credentialId: s.uuid<CredentialId>(),
        awardId: s.string({ max: 64 }),
        awardKind,
        from: s.instant(),
        until: s.optional(s.instant()),
      }),
    ),
    reasonCode,
    /** The move that this one takes back; it leads to an older version then. */
    undoes: s.optional(eventRef),
    earlier,
    held,
  }),
  samples: {
    1: [
      {
        learnerId: L,
        enrollment: { ...REF, version: 2 },
        label: '2027',
        rulesHash: H,
        attempt: 1,
        joinedAt: '2026-03-02T09:00:00.000Z',
        from: { version: 1, entryPoint: 'start', reached: ['L1', 'L2'], satisfied: ['L1'], inOrder: ['L1'] },
        mapping: { L1: 'basics', L2: 'L2' },
        steps: ['basics', 'L2', 'L3'],
        opens: ['basics', 'L2'],
        satisfied: [{ stepId: 'basics', at: '2026-03-10T09:00:00.000Z', reachedAt: '2026-03-02T09:00:00.000Z' }],
        inOrder: ['basics'],
        waivers: [],
        awards: [],
        reasonCode: 'rules-revised',
      },
    ],
  },
});

export const moduleStarted = defineEvent({
  type: 'module-started',
  version: 1,
  means: 'The learner began a module.',
  schema: s.object({ learnerId, moduleId: s.uuid<ModuleId>(), enrollments: s.array(enrollmentRefSchema) }),
  samples: { 1: [{ learnerId: L, moduleId: M, enrollments: [REF] }] },
});
export const moduleCompleted = defineEvent({
  type: 'module-completed',
  version: 1,
  means: 'The learner finished a module; a fact of the learner, counted by every open enrollment.',
  schema: s.object({
    learnerId,
    moduleId: s.uuid<ModuleId>(),
    attempt: s.integer({ min: 1 }),
    score: s.optional(s.number({ min: 0, max: 100 })),
    honours: s.optional(s.boolean()),
    /** Copied from the module as it was then. */
    credits: s.number({ min: 0 }),
    area: s.optional(s.string({ max: 100 })),
    level: s.optional(s.integer()),
    evidenceRef: s.optional(s.string({ max: 2048 })),
    assessor: s.optional(s.string({ max: 200 })),
    /** Channel it came by; with `sourceId` its business key. */
    source: s.string({ max: 64 }),
    sourceId: s.optional(s.string({ max: 200 })),
    /** The open enrollments whose version names the module. */
    enrollments: s.array(enrollmentRefSchema),
  }),
  samples: {
    1: [
      {
        learnerId: L,
        moduleId: M,
        attempt: 1,
        score: 62,
        credits: 10,
        area: 'statistics',
        level: 3,
        source: 'lms',
        sourceId: 'r-77',
        enrollments: [REF],
      },
    ],
  },
});
export const moduleCompletionInvalidated = defineEvent({
  type: 'module-completion-invalidated',
  version: 1,
  means: 'A completion does not count any more, from the beginning; it stays in the log.',
  schema: s.object({
    learnerId,
    completion: eventRef,
    moduleId: s.uuid<ModuleId>(),
    reasonCode,
    authority: s.optional(authority),
    enrollments: s.array(enrollmentRefSchema),
  }),
  samples: { 1: [{ learnerId: L, completion: E, moduleId: M, reasonCode: 'entered-in-error', enrollments: [REF] }] },
});
export const requirementWaived = defineEvent({
  type: 'requirement-waived',
  version: 1,
  means: 'A named authority decided that a requirement is met.',
  schema: s.object({
    learnerId,
    enrollment: enrollmentRefSchema,
    requirementId: s.string({ max: 300 }),
    authority,
    reasonCode,
    /** The waiver of another enrollment that it repeats, since both learners are one person. */
    carries: s.optional(eventRef),
  }),
  samples: {
    1: [{ learnerId: L, enrollment: REF, requirementId: 'L1/1', authority: 'dean', reasonCode: 'prior-learning' }],
  },
});
export const requirementWaiverWithdrawn = defineEvent({
  type: 'requirement-waiver-withdrawn',
  version: 1,
  means: 'A waiver does not count any more; what used it was decided anew.',
  schema: s.object({
    learnerId,
    enrollment: enrollmentRefSchema,
    waiver: eventRef,
    requirementId: s.string({ max: 300 }),
    authority,
    reasonCode,
  }),
  samples: {
    1: [
      {
        learnerId: L,
        enrollment: REF,
        waiver: E,
        requirementId: 'L1/1',
        authority: 'dean',
        reasonCode: 'entered-in-error',
      },
    ],
  },
});

export const stackComponentCredited = defineEvent({
  type: 'stack-component-credited',
  version: 1,
  means: 'A credential, own or recognised from outside, or a module recognised from outside, counts in the stack.',
  schema: s.object({
    learnerId,
    /** Own: the credential's id. Recognised: derived from its reference. */
    componentId: s.uuid(),
    origin: s.oneOf(['own', 'recognised'] as const),
    /** What it counts as: one of the two. */
    templateId: s.optional(s.uuid<TemplateId>()),
    moduleId: s.optional(s.uuid<ModuleId>()),
    serial: s.optional(s.integer({ min: 1 })),
    validFrom: s.instant(),
    validUntil: s.optional(s.instant()),
    /** When it was achieved: from then its credits age. */
    achievedAt: s.optional(s.instant()),
    credits: s.optional(s.number({ min: 0 })),
    area: s.optional(s.string({ max: 100 })),
    level: s.optional(s.integer()),
    /** Own: the event of the credential's stream that this notes. Recognised: the outside reference. */
    ref: s.string({ max: 2048 }),
    authority: s.optional(authority),
    reasonCode: s.optional(reasonCode),
    enrollments: s.array(enrollmentRefSchema),
  }),
  samples: {
    1: [
      {
        learnerId: L,
        componentId: CRD,
        origin: 'own',
        templateId: T,
        serial: 1,
        validFrom: '2026-03-10T09:00:00.000Z',
        ref: E2,
        enrollments: [],
      },
    ],
  },
});
export const stackComponentWithdrawn = defineEvent({
  type: 'stack-component-withdrawn',
  version: 1,
  means: 'A component counts no more: revoked ones at no time, others from the instant on.',
  schema: s.object({
    learnerId,
    componentId: s.uuid(),
    cause: s.oneOf(['revoked', 'expired', 'suspended', 'superseded'] as const),
    effectiveAt: s.instant(),
    ref: s.string({ max: 2048 }),
    authority: s.optional(authority),
    reasonCode: s.optional(reasonCode),
    enrollments: s.array(enrollmentRefSchema),
  }),
  samples: {
    1: [
      {
        learnerId: L,
        componentId: CRD,
        cause: 'revoked',
        effectiveAt: '2026-07-01T00:00:00.000Z',
        ref: E2,
        enrollments: [],
      },
    ],
  },
});

export const stepSatisfied = defineEvent({
  type: 'step-satisfied',
  version: 1,
  means: 'A step of an enrollment is met; frozen with the facts it rests on.',
  schema: s.object({
    learnerId,
    enrollment: enrollmentRefSchema,
    stepId: s.string({ max: 64 }),
    at: s.instant(),
    /** The later of joining and the steps before it; at the latest `at`. */
    reachedAt: s.instant(),
    by: s.array(eventRef),
    /** Steps newly reached through it; itself too if it had not been reached before it was met. */
    opens: s.array(s.string({ max: 64 })),
    /** Steps (this one, later ones) that now count in order, see `pathway_funnel`. */
    inOrder: s.array(s.string({ max: 64 })),
    /** Met by an entry point's recognition: met for good, issues nothing. */
    recognised: s.optional(s.boolean()),
    satisfied: s.array(s.object({ requirementId: s.string({ max: 300 }), by: s.array(eventRef) })),
  }),
  samples: {
    1: [
      {
        learnerId: L,
        enrollment: REF,
        stepId: 'L1',
        at: '2026-03-10T09:00:00.000Z',
        reachedAt: '2026-03-02T09:00:00.000Z',
        by: [E],
        opens: ['L2'],
        inOrder: ['L1'],
        satisfied: [{ requirementId: 'L1/0', by: [E] }],
      },
    ],
  },
});
export const stepReopened = defineEvent({
  type: 'step-reopened',
  version: 1,
  means: 'A step is no longer met by the facts that stand.',
  schema: s.object({
    learnerId,
    enrollment: enrollmentRefSchema,
    stepId: s.string({ max: 64 }),
    because: eventRef,
    /** The StepSatisfied that it takes back, and what that one had counted. */
    undoes: eventRef,
    at: s.instant(),
    reachedAt: s.instant(),
    closes: s.array(s.string({ max: 64 })),
    notInOrder: s.array(s.string({ max: 64 })),
    /** A component ended then: the step is met anew only from this instant on. */
    onlyFrom: s.optional(s.instant()),
  }),
  samples: {
    1: [
      {
        learnerId: L,
        enrollment: REF,
        stepId: 'L1',
        because: E2,
        undoes: E,
        at: '2026-03-10T09:00:00.000Z',
        reachedAt: '2026-03-02T09:00:00.000Z',
        closes: ['L2'],
        notInOrder: ['L1'],
      },
    ],
  },
});

const awardShape = {
  learnerId,
  enrollment: s.optional(enrollmentRefSchema),
  credentialId: s.uuid<CredentialId>(),
  awardId: s.string({ max: 64 }),
  awardKind,
  templateId: s.uuid<TemplateId>(),
  templateVersion: s.integer({ min: 1 }),
  /** Which time this learner earned this template, and which edition of that. */
  occurrence: s.integer({ min: 1 }),
  edition: s.integer({ min: 1 }),
  /** When the tree was first met. */
  at: s.instant(),
  /** The first term, half-open. */
  from: s.instant(),
  until: s.optional(s.instant()),
  satisfied: s.array(s.object({ requirementId: s.string({ max: 300 }), by: s.array(eventRef) })),
  /** Credentials that it rests on. */
  components: s.array(s.object({ componentId: s.uuid(), templateId: s.uuid<TemplateId>(), ref: eventRef })),
  rulesHash: s.string({ min: 64, max: 64 }),
  issue: s.oneOf(['automatic', 'manual'] as const),
  alsoMeets,
};
const awardSample = {
  learnerId: L,
  enrollment: REF,
  credentialId: CRD,
  awardId: 'L1',
  awardKind: 'step',
  templateId: T,
  templateVersion: 1,
  occurrence: 1,
  edition: 1,
  at: '2026-03-10T09:00:00.000Z',
  from: '2026-03-10T09:00:00.000Z',
  satisfied: [{ requirementId: 'L1/0', by: [E] }],
  components: [],
  rulesHash: H,
  issue: 'automatic',
};
export const credentialEarned = defineEvent({
  type: 'credential-earned',
  version: 1,
  means: 'An award of a pathway is met and its template not held: the learner is entitled to the credential.',
  schema: s.object(awardShape),
  samples: { 1: [awardSample] },
});
export const credentialGranted = defineEvent({
  type: 'credential-granted',
  version: 1,
  means: 'A named authority decided that the learner is entitled to a credential.',
  schema: s.object({
    ...awardShape,
    reasonCode,
    authority,
    replaces: s.optional(s.uuid<CredentialId>()),
  }),
  samples: { 1: [{ ...awardSample, reasonCode: 'honorary', authority: 'senate' }] },
});
export const credentialEntitlementWithdrawn = defineEvent({
  type: 'credential-entitlement-withdrawn',
  version: 1,
  means: 'The facts that stand do not entitle to the credential any more.',
  schema: s.object({
    learnerId,
    enrollment: s.optional(enrollmentRefSchema),
    credentialId: s.uuid<CredentialId>(),
    templateId: s.uuid<TemplateId>(),
    /** The CredentialEarned or CredentialGranted that it takes back. */
    earned: eventRef,
    because: eventRef,
    effectiveAt: s.instant(),
    alsoMeets,
  }),
  samples: {
    1: [
      {
        learnerId: L,
        enrollment: REF,
        credentialId: CRD,
        templateId: T,
        earned: E,
        because: E2,
        effectiveAt: '2026-07-01T00:00:00.000Z',
      },
    ],
  },
});
export const renewalEarned = defineEvent({
  type: 'renewal-earned',
  version: 1,
  means: 'The renewal requirement of a held credential is met, or an authority decided so: it gets a further term.',
  schema: s.object({
    learnerId,
    /** Where the credential was earned. */
    enrollment: s.optional(enrollmentRefSchema),
    credentialId: s.uuid<CredentialId>(),
    templateId: s.uuid<TemplateId>(),
    templateVersion: s.integer({ min: 1 }),
    occurrence: s.integer({ min: 1 }),
    edition: s.integer({ min: 1 }),
    /** Number of the term within the credential. */
    serial: s.integer({ min: 2 }),
    /** When it was met or decided; within `[opens, closes)` of the term before it. */
    at: s.instant(),
    /** The term, half-open: from the old end, or from `at` if that had passed. */
    from: s.instant(),
    until: s.instant(),
    satisfied: s.array(s.object({ requirementId: s.string({ max: 300 }), by: s.array(eventRef) })),
    issue: s.oneOf(['automatic', 'manual'] as const),
    /** An authority decided it. */
    reasonCode: s.optional(reasonCode),
    authority: s.optional(authority),
    alsoMeets,
  }),
  samples: {
    1: [
      {
        learnerId: L,
        enrollment: REF,
        credentialId: CRD,
        templateId: T,
        templateVersion: 1,
        occurrence: 1,
        edition: 1,
        serial: 2,
        at: '2028-01-15T09:00:00.000Z',
        from: '2028-03-09T23:00:00.000Z',
        until: '2030-03-09T23:00:00.000Z',
        satisfied: [{ requirementId: 'renewal/0', by: [E] }],
        issue: 'automatic',
      },
    ],
  },
});
export const renewalWithdrawn = defineEvent({
  type: 'renewal-withdrawn',
  version: 1,
  means: 'An authority took back its decision on a further term: it stands only if its requirement is met.',
  schema: s.object({
    learnerId,
    credentialId: s.uuid<CredentialId>(),
    templateId: s.uuid<TemplateId>(),
    serial: s.integer({ min: 2 }),
    /** The renewal that is taken back. */
    renewal: eventRef,
    reasonCode,
    authority,
  }),
  samples: {
    1: [
      {
        learnerId: L,
        credentialId: CRD,
        templateId: T,
        serial: 2,
        renewal: E,
        reasonCode: 'decided-in-error',
        authority: 'registrar',
      },
    ],
  },
});
export const componentPolicyApplied = defineEvent({
  type: 'component-policy-applied',
  version: 1,
  means: 'A credential that rests on another is flagged, suspended or revoked for a cause, or the hold is lifted.',
  schema: s.object({
    learnerId,
    credentialId: s.uuid<CredentialId>(),
    templateId: s.uuid<TemplateId>(),
    /** Names the hold: lifted only by its counterpart. */
    hold: s.string({ max: 200 }),
    cause: s.oneOf(['component-revoked', 'component-expired', 'entitlement-withdrawn', 'renewal-withdrawn'] as const),
    effect: s.oneOf(['flag', 'suspend', 'revoke', 'lift'] as const),
    effectiveAt: s.instant(),
    because: eventRef,
    /** The template of the lapsed component, if one is the cause. */
    componentTemplateId: s.optional(s.uuid<TemplateId>()),
  }),
  samples: {
    1: [
      {
        learnerId: L,
        credentialId: CRD,
        templateId: T,
        hold: 'component-revoked:1d9a0c3e-4b5f-5a6b-8c7d-0e1f2a3b4c5d',
        cause: 'component-revoked',
        effect: 'flag',
        effectiveAt: '2026-07-01T00:00:00.000Z',
        because: E2,
        componentTemplateId: T,
      },
    ],
  },
});
export const recordClosed = defineEvent({
  type: 'record-closed',
  version: 1,
  means: 'Nothing more is recorded here: the learner was erased, or goes on in the record of another.',
  schema: s.object({
    learnerId,
    why: s.oneOf(['erased', 'merged'] as const),
    /** Merged: whose record it goes on in. */
    into: s.optional(learnerId),
    /** All enrollments, the closed ones too; left out: none. */
    enrollments: s.optional(s.array(enrollmentRefSchema)),
  }),
  samples: { 1: [{ learnerId: L, why: 'erased' }] },
});

/**
 * An event of another record of the same person, as this program reads it: its id, so that what rests on it still names
 * it, and what the fold looks at. Whoever raises the version of a record's event upcasts these copies too.
 */
const copiedEvent = s.object({
  id: eventRef,
  type: s.string({ max: 64 }),
  occurredAt: s.instant(),
  data: s.json<{ readonly [member: string]: Json }>((value) =>
    typeof value === 'object' && value !== null ? undefined : 'expected an object',
  ),
});
export type CopiedEvent = Infer<typeof copiedEvent>;
const COPY = {
  id: E,
  type: 'module-completed',
  occurredAt: '2026-03-10T09:00:00.000Z',
  data: { learnerId: L2, moduleId: M, attempt: 1, credits: 10, source: 'lms', enrollments: [] },
};
export const recordAbsorbed = defineEvent({
  type: 'record-absorbed',
  version: 1,
  means: 'Two learners are one person: the closed record of the other counts in this one, and is decided on with it.',
  schema: s.object({
    learnerId,
    from: learnerId,
    /** Of the other record, now in this one. */
    enrollments: s.array(enrollmentRefSchema),
    events: s.array(copiedEvent),
  }),
  samples: { 1: [{ learnerId: L, from: L2, enrollments: [], events: [COPY] }] },
});
export const recordReleased = defineEvent({
  type: 'record-released',
  version: 1,
  means: 'Two learners are two persons after all: what belongs to the other counts here no more.',
  schema: s.object({ learnerId, from: learnerId, enrollments: s.array(enrollmentRefSchema) }),
  samples: { 1: [{ learnerId: L, from: L2, enrollments: [] }] },
});
export const recordReopened = defineEvent({
  type: 'record-reopened',
  version: 1,
  means: 'The learner goes on in a record of their own, with what was sent to them meanwhile.',
  schema: s.object({ learnerId, from: learnerId, events: s.array(copiedEvent) }),
  samples: { 1: [{ learnerId: L2, from: L, events: [COPY] }] },
});

export const recordEvents = [
  learnerEnrolled,
  enrollmentWithdrawn,
  enrollmentReinstated,
  enrollmentMovedToVersion,
  moduleStarted,
  moduleCompleted,
  moduleCompletionInvalidated,
  requirementWaived,
  requirementWaiverWithdrawn,
  stackComponentCredited,
  stackComponentWithdrawn,
  stepSatisfied,
  stepReopened,
  credentialEarned,
  credentialGranted,
  credentialEntitlementWithdrawn,
  renewalEarned,
  renewalWithdrawn,
  componentPolicyApplied,
  recordClosed,
  recordAbsorbed,
  recordReleased,
  recordReopened,
] as const;
export type RecordEvent = EventOf<(typeof recordEvents)[number]>;
export type Entitlement = EventOf<typeof credentialEarned>['data'];
export type Renewal = EventOf<typeof renewalEarned>['data'];

export const recordStream = (tenant: TenantId, learner: LearnerId): string => `record-${tenant}.${learner}`;
/** Reason codes of an enrollment that stood aside for another of the same person, and of its return. */
export const MERGED = 'merged';
export const UNMERGED = 'unmerged';
/** Whose an enrollment is; after a merge it may go on in another's record. */
export const learnerOf = (enrollment: EnrollmentId): LearnerId => enrollment.slice(0, 36) as LearnerId;
