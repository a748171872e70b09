import type { Decided, Recorded } from '@cairn/kernel';
import type { PublishedPathway } from '@cairn/contexts/catalog';
import type { EnrollmentRef, RecordEvent } from '@cairn/contexts/progress';
import { at, recorded } from '@cairn/testing';
import { withoutStaffFields, type ExplainAnswer } from '../contracts/explain-answer.js';
import { standingOf } from './credential-status.js';
import { explainCredential, type ExplainInput } from './explain-credential.js';
import {
  BASE_URL,
  RECORD,
  componentTemplate,
  credentialId,
  earnedData,
  granted,
  issuedEvent,
  issuer,
  learnerId,
  template,
} from './samples-spec.js';

const MODULE = 'c5b0a4a1-6a2f-5d0f-9b1e-3f0a5b6c7d8e';
const enrollment = {
  enrollmentId: `${learnerId}-1`,
  pathwayId: '3e4b5f5a-6b8c-5d0e-9f2a-3b4c5d6e7f80',
  version: 1,
  cohortWeek: '2026-W10',
  entryPoint: 'start',
} as EnrollmentRef;
const REFS = [1, 2, 3, 4, 5].map((n) => `11111111-2222-5333-8444-55555555550${n}`) as [
  string,
  string,
  string,
  string,
  string,
];

const completed = {
  type: 'module-completed',
  occurredAt: at('2026-03-08'),
  data: {
    learnerId,
    moduleId: MODULE as never,
    attempt: 1,
    score: 62,
    credits: 10,
    source: 'lms',
    sourceId: 'r-77',
    assessor: 'Dr Example',
    evidenceRef: 'https://lms.example/r/77',
    enrollments: [enrollment],
  },
} as const satisfies Decided<RecordEvent>;
const waived = {
  type: 'requirement-waived',
  occurredAt: at('2026-03-09'),
  data: { learnerId, enrollment, requirementId: 'L1/1', authority: 'dean', reasonCode: 'prior-learning' },
} as const satisfies Decided<RecordEvent>;
const held = {
  type: 'stack-component-credited',
  data: {
    learnerId,
    componentId: componentTemplate,
    origin: 'own',
    templateId: componentTemplate,
    validFrom: at('2026-02-01'),
    ref: REFS[4],
    enrollments: [],
  },
} as const satisfies Decided<RecordEvent>;
const stepMet = {
  type: 'step-satisfied',
  occurredAt: at('2026-03-09'),
  data: {
    learnerId,
    enrollment,
    stepId: 'L1',
    at: at('2026-03-09'),
    reachedAt: at('2026-03-02'),
    by: [REFS[0], REFS[1]],
    opens: [],
    inOrder: ['L1'],
    satisfied: [
      { requirementId: 'L1/0', by: [REFS[0]] },
      { requirementId: 'L1/1', by: [REFS[1]] },
    ],
  },
} as const satisfies Decided<RecordEvent>;
const earned = {
  type: 'credential-earned',
  data: {
    ...earnedData,
    enrollment,
    satisfied: [
      { requirementId: 'award/0', by: [REFS[3]] },
      { requirementId: 'award/1', by: [REFS[2]] },
    ],
  },
} as const;

const record: readonly Recorded<RecordEvent>[] = [completed, waived, held, stepMet, earned].map((event, revision) =>
  recorded(event as Decided<RecordEvent>, {
    stream: RECORD,
    revision,
    id: REFS[revision] as string,
    recordedAt: at('2026-03-10'),
  }),
);
const pathway = {
  title: { en: 'Data skills' },
  slug: 'data-skills',
  version: 1,
  label: '2026',
  rules: { steps: [{ id: 'L1', title: 'Level 1', need: MODULE }] },
} as unknown as PublishedPathway;
const standing = standingOf([recorded(issuedEvent, { revision: 0, position: 9 })], { asOf: at('2026-04-01') });

const input = {
  baseUrl: BASE_URL,
  standing,
  basis: record[4],
  record,
  template,
  issuer,
  pathway,
  ruleText: { en: 'Step Level 1 and the credential Basics' },
  requirementText: (id) => (id === 'L1/0' ? { en: 'Module Data literacy' } : undefined),
  titleOf: (kind) => ({ en: kind === 'module' ? 'Data literacy' : 'Basics' }),
  components: [{ title: { en: 'Basics' }, status: 'valid' }],
  renewals: [],
  again: { matches: true, restsOn: [] },
} as ExplainInput;
const explain = (over: Partial<ExplainInput> = {}): ExplainAnswer => explainCredential({ ...input, ...over });
const requirement = (answer: ExplainAnswer, id: string) => answer.requirements.find((each) => each.requirement === id);

describe('why a credential exists', () => {
  it('names the rule by version, label and the hash frozen in the decision', () =>
    expect(explain()).toMatchObject({
      text: {
        en: 'Northlake College issued “Data skills, level 1” because the rule of “Data skills” (version 2026) was met.',
      },
      decision: { kind: 'earned', at: at('2026-03-10'), recordedAt: at('2026-03-10'), withdrawn: false },
      rule: { pathway: { en: 'Data skills' }, version: 1, label: '2026', hash: earnedData.rulesHash, award: 'L1' },
      matches: true,
    }));
  it('names every requirement, those of the steps too, each once', () =>
    expect(explain().requirements.map((each) => each.requirement)).toEqual(['award/0', 'L1/0', 'L1/1', 'award/1']));
  it('shows a completion with result, source and both its times', () =>
    expect(requirement(explain(), 'L1/0')).toMatchObject({
      text: { en: 'Module Data literacy' },
      waived: false,
      facts: [
        {
          kind: 'completion',
          text: { en: '“Data literacy” completed with 62' },
          at: at('2026-03-08'),
          recordedAt: at('2026-03-10'),
          source: 'lms',
          score: 62,
        },
      ],
    }));
  it('shows a waiver with authority and reason', () =>
    expect(requirement(explain(), 'L1/1')).toMatchObject({
      waived: true,
      facts: [
        { kind: 'waiver', authority: 'dean', reason: 'prior-learning', text: { en: 'Waived by dean: prior learning' } },
      ],
    }));
  it('shows a credential that it rests on, with its page', () =>
    expect(requirement(explain(), 'award/1')).toMatchObject({
      facts: [
        { kind: 'credential', text: { en: 'Credential “Basics” held' }, page: expect.stringContaining('/c/crd_') },
      ],
    }));
  it('shows a step by its title', () =>
    expect(requirement(explain(), 'award/0')).toMatchObject({
      facts: [{ kind: 'step', text: { en: 'Step “Level 1” met' } }],
    }));
  it('says if the same decision does not follow again', () =>
    expect(explain({ again: { matches: false, mismatch: 'L1/0 is not met', restsOn: [] } })).toMatchObject({
      matches: false,
      mismatch: 'L1/0 is not met',
    }));
  it('marks a fact that was taken back later, and a withdrawn decision', () => {
    const later = [
      {
        type: 'module-completion-invalidated',
        data: { learnerId, completion: REFS[0], moduleId: MODULE, reasonCode: 'entered-in-error', enrollments: [] },
      },
      {
        type: 'credential-entitlement-withdrawn',
        data: {
          learnerId,
          credentialId,
          templateId: template.templateId,
          earned: REFS[4],
          because: REFS[0],
          effectiveAt: at('2026-05-01'),
        },
      },
    ].map((event, n) => recorded(event as Decided<RecordEvent>, { stream: RECORD, revision: 5 + n }));
    const answer = explain({ record: [...record, ...later] });
    expect(requirement(answer, 'L1/0')?.facts).toMatchObject([{ withdrawn: true }]);
    expect(answer.decision.withdrawn).toBe(true);
  });
  it('explains a grant by its authority and reason', () =>
    expect(
      explain({ basis: recorded(granted, { id: REFS[4] }) as ExplainInput['basis'], pathway: undefined, again: null }),
    ).toMatchObject({
      text: { en: 'Northlake College granted “Data skills, level 1” by decision of senate: honorary.' },
      decision: { kind: 'granted', authority: 'senate', reason: 'honorary' },
      requirements: [],
      matches: null,
    }));
  it('chains all events behind it for staff, in the order of the log', () =>
    expect(explain().staff?.events.map(({ type }) => type)).toEqual([
      'module-completed',
      'requirement-waived',
      'stack-component-credited',
      'step-satisfied',
      'credential-earned',
      'credential-issued',
    ]));
});

describe("the learner's view (L16)", () => {
  const view = withoutStaffFields(explain());
  it('has the same facts', () => {
    expect(view.requirements.map((each) => each.requirement)).toEqual(['award/0', 'L1/0', 'L1/1', 'award/1']);
    expect(requirement(view, 'L1/0')?.facts).toMatchObject([{ source: 'lms', score: 62 }]);
  });
  it('has nothing that only staff may see', () => {
    const text = JSON.stringify(view);
    for (const secret of ['staff', 'Dr Example', 'r-77', 'user:test', 'evt_', RECORD])
      expect(text).not.toContain(secret);
  });
  it('leaves the answer for staff as it was', () => expect(JSON.stringify(explain())).toContain('Dr Example'));
});
