// What the tables mean in Cairn's terms: a catalog, and for each student the acts in the order they are sent.
// A pure function of the tables; the mapping is the table of the importer in the API reference.
import type { Instant } from '@cairn/kernel';
import type { Award, PathwayRules, Step } from '@cairn/rules';
import type { RowNote } from '../../../../libs/contexts/progress/src/domain/completion-row.js';
import type { Assessment, Course, OuladTables, Registration, Result, Submission } from './tables.js';

export const ZONE = 'Europe/London';
export const PASS_MARK = 40;
const ISSUER = 'open-university';

type Texts = { readonly en: string };
export type PlannedModule = { readonly slug: string; readonly title: Texts; readonly passMark?: number };
export type PlannedTemplate = {
  readonly slug: string;
  readonly name: string;
  readonly description: string;
  readonly criteria: string;
  readonly achievementType: string;
};
export type PlannedVersion = {
  readonly slug: string;
  readonly title: Texts;
  readonly label: string;
  readonly rules: PathwayRules;
  readonly enrollment: 'on-request' | 'automatic';
};
export type Catalog = {
  readonly issuer: string;
  readonly modules: readonly PlannedModule[];
  readonly templates: readonly PlannedTemplate[];
  /** In the order of publication: a pathway's versions by presentation. */
  readonly versions: readonly PlannedVersion[];
};

/** One command to send for a student; `key` names it for ever, so that a repeated import sends the same command. */
export type Act = { readonly key: string; readonly file: string; readonly line: number } & (
  | {
      readonly kind: 'enroll';
      readonly pathway: string;
      readonly label: string;
      readonly attempt: number;
      readonly at: Instant;
    }
  | {
      readonly kind: 'complete';
      readonly module: string;
      readonly score?: number;
      readonly honours?: boolean;
      readonly sourceId: string;
      readonly at: Instant;
    }
  | { readonly kind: 'recognise'; readonly module: string; readonly ref: string; readonly at: Instant }
  /** Of the attempt that the enrollment with this key began. */
  | { readonly kind: 'withdraw'; readonly enrollment: string; readonly at: Instant }
);
export type Student = { readonly id: string; readonly acts: readonly Act[] };
export type Plan = { readonly catalog: Catalog; readonly students: readonly Student[] };

const pathwaySlug = (module: string): string => `oulad-${module.toLowerCase()}`;
const resultModule = (module: string, presentation: string): string =>
  `${pathwaySlug(module)}-${presentation.toLowerCase()}-result`;
const assessmentModule = (assessment: Assessment): string =>
  `${pathwaySlug(assessment.module)}-${assessment.presentation.toLowerCase()}-${assessment.kind.toLowerCase()}-${assessment.id}`;
const earlierCredit = (module: string): string => `${pathwaySlug(module)}-earlier-credit`;
const STACK = 'oulad-stacked-certificate';

/** Presentations begin in February (B) or October (J); days count from there. Noon, so that a day is that day in any zone near. */
export function instantOfDay(presentation: string, day: number): Instant {
  const start = Date.UTC(Number(presentation.slice(0, 4)), presentation.endsWith('B') ? 1 : 9, 1, 12);
  return new Date(start + day * 86_400_000).toISOString() as Instant;
}

/** Chronological: `2013B` before `2013J`, as text order has it. */
const byPresentation = (a: { presentation: string }, b: { presentation: string }): number =>
  a.presentation < b.presentation ? -1 : a.presentation > b.presentation ? 1 : 0;

/** Tutor-marked assessments in the order of their dates; those without one last, then by id. */
const byDay = (a: Assessment, b: Assessment): number =>
  (a.day ?? Infinity) - (b.day ?? Infinity) || Number(a.id) - Number(b.id) || (a.id < b.id ? -1 : 1);

export function planOulad(tables: OuladTables, notes: RowNote[]): Plan {
  const note = (file: string, line: number, code: string, reason: string): void =>
    void notes.push({ file, line, code, reason });
  const courses = new Map(tables.courses.map((course) => [`${course.module} ${course.presentation}`, course]));
  const assessments = new Map<string, Assessment>();
  for (const assessment of tables.assessments) {
    if (!courses.has(`${assessment.module} ${assessment.presentation}`)) {
      note(
        'assessments.csv',
        assessment.line,
        'reference-unknown',
        `courses.csv has no ${assessment.module} ${assessment.presentation}`,
      );
      continue;
    }
    if (assessment.day === undefined)
      note(
        'assessments.csv',
        assessment.line,
        'assessment-without-date',
        `${assessment.kind} ${assessment.id} has no date; it is ordered last`,
      );
    assessments.set(assessment.id, assessment);
  }
  const catalog = catalogOf(tables.courses, [...assessments.values()]);
  return { catalog, students: studentsOf(tables, courses, assessments, note) };
}

function catalogOf(courses: readonly Course[], assessments: readonly Assessment[]): Catalog {
  const modules: PlannedModule[] = [];
  const templates: PlannedTemplate[] = [];
  const versions: PlannedVersion[] = [];
  const codes = [...new Set(courses.map(({ module }) => module))].toSorted();
  for (const module of codes) {
    modules.push({ slug: earlierCredit(module), title: { en: `Earlier credit for ${module}` } });
    templates.push({
      slug: pathwaySlug(module),
      name: `Module ${module}`,
      description: `Passed the module ${module} of the Open University.`,
      criteria: `A final result of Pass or Distinction in a presentation of ${module}.`,
      achievementType: 'Course',
    });
    for (const course of courses.filter((other) => other.module === module).toSorted(byPresentation)) {
      const own = assessments.filter((a) => a.module === module && a.presentation === course.presentation);
      const tmas = own.filter(({ kind }) => kind === 'TMA').toSorted(byDay);
      const steps: Step[] = [];
      const awards: Award[] = [];
      for (const assessment of own)
        modules.push({
          slug: assessmentModule(assessment),
          title: { en: `${module} ${course.presentation}, ${assessment.kind} ${assessment.id}` },
          passMark: PASS_MARK,
        });
      for (const [index, tma] of tmas.entries()) {
        const id = `TMA-${index + 1}`;
        const template = assessmentModule(tma);
        templates.push({
          slug: template,
          name: `${module} ${course.presentation}, tutor-marked assessment ${index + 1}`,
          description: `Reached at least ${PASS_MARK} in tutor-marked assessment ${index + 1} of ${module}, presentation ${course.presentation}.`,
          criteria: `A score of at least ${PASS_MARK} of 100.`,
          achievementType: 'Assessment',
        });
        steps.push({ id, title: `Tutor-marked assessment ${index + 1}`, need: { module: assessmentModule(tma) } });
        awards.push({ id, template, kind: 'step', when: { step: id } });
      }
      const result = resultModule(module, course.presentation);
      modules.push({ slug: result, title: { en: `${module} ${course.presentation}, final result` } });
      awards.push({ id: 'module', template: pathwaySlug(module), kind: 'final', when: { module: result } });
      const first = steps[0];
      versions.push({
        slug: pathwaySlug(module),
        title: { en: `Module ${module}` },
        label: course.presentation,
        enrollment: 'on-request',
        rules: {
          zone: ZONE,
          order: 'advisory',
          entryPoints: first ? [{ id: 'start', at: first.id }] : [],
          steps,
          awards,
        },
      });
    }
  }
  templates.push({
    slug: STACK,
    name: 'Two modules of the Open University',
    description: 'Passed at least two different modules.',
    criteria: 'Module credentials of two different modules.',
    achievementType: 'Certificate',
  });
  versions.push({
    slug: STACK,
    title: { en: 'Stacked certificate' },
    label: '1',
    enrollment: 'automatic',
    rules: {
      zone: ZONE,
      order: 'advisory',
      entryPoints: [{ id: 'start', at: 'two-modules' }],
      steps: [
        {
          id: 'two-modules',
          title: 'Two modules',
          need: {
            atLeast: Math.min(2, codes.length),
            of: codes.map((module) => ({ credential: pathwaySlug(module) })),
          },
        },
      ],
      awards: [{ id: 'stack', template: STACK, kind: 'final', when: { step: 'two-modules' } }],
    },
  });
  return { issuer: ISSUER, modules, templates, versions };
}

type Note = (file: string, line: number, code: string, reason: string) => void;

function studentsOf(
  tables: OuladTables,
  courses: ReadonlyMap<string, Course>,
  assessments: ReadonlyMap<string, Assessment>,
  note: Note,
): readonly Student[] {
  const results = new Map(
    tables.results.map((result) => [`${result.module} ${result.presentation} ${result.student}`, result]),
  );
  const byStudent = new Map<string, Registration[]>();
  const registered = new Set<string>();
  for (const registration of tables.registrations) {
    const { module, presentation, student, line } = registration;
    if (!courses.has(`${module} ${presentation}`)) {
      note('studentRegistration.csv', line, 'reference-unknown', `courses.csv has no ${module} ${presentation}`);
      continue;
    }
    registered.add(`${module} ${presentation} ${student}`);
    byStudent.set(student, [...(byStudent.get(student) ?? []), registration]);
  }
  for (const result of tables.results)
    if (!registered.has(`${result.module} ${result.presentation} ${result.student}`))
      note('studentInfo.csv', result.line, 'reference-unknown', 'studentRegistration.csv has no such registration');
  const submissions = new Map<string, Submission[]>();
  for (const submission of tables.submissions) {
    const assessment = assessments.get(submission.assessment);
    const key = assessment && `${assessment.module} ${assessment.presentation} ${submission.student}`;
    if (!key || !registered.has(key)) {
      const reason = assessment
        ? 'studentRegistration.csv has no such registration'
        : `assessments.csv has no ${submission.assessment}`;
      note('studentAssessment.csv', submission.line, 'reference-unknown', reason);
      continue;
    }
    const list = submissions.get(key);
    if (list) list.push(submission);
    else submissions.set(key, [submission]);
  }

  return [...byStudent].map(([id, registrations]) => {
    const acts: Act[] = [];
    const attempts = new Map<string, number>();
    for (const registration of registrations.toSorted(byPresentation)) {
      const { module, presentation } = registration;
      const attempt = (attempts.get(module) ?? 0) + 1;
      attempts.set(module, attempt);
      const key = `${module} ${presentation} ${id}`;
      const course = courses.get(`${module} ${presentation}`) as Course;
      acts.push(
        ...attemptActs(registration, attempt, course, results.get(key), submissions.get(key) ?? [], assessments, note),
      );
    }
    return { id, acts };
  });
}

/** One registration: enroll, submissions by day, result, and last the withdrawal, so that later results still count. */
function attemptActs(
  registration: Registration,
  attempt: number,
  course: Course,
  result: Result | undefined,
  submissions: readonly Submission[],
  assessments: ReadonlyMap<string, Assessment>,
  note: Note,
): readonly Act[] {
  const { module, presentation, unregisteredDay } = registration;
  const place = `${module}-${presentation}`;
  const registrationRow = { file: 'studentRegistration.csv', line: registration.line };
  const remark = (code: string, reason: string): void => note(registrationRow.file, registrationRow.line, code, reason);
  const acts: Act[] = [];
  if (registration.day === undefined)
    remark('registration-without-date', 'enrolled as of the start of the presentation');
  const enrollment = `enroll-${place}`;
  acts.push({
    kind: 'enroll',
    key: enrollment,
    ...registrationRow,
    pathway: pathwaySlug(module),
    label: presentation,
    attempt,
    at: instantOfDay(presentation, registration.day ?? 0),
  });
  for (const submission of submissions.toSorted((a, b) => a.day - b.day || (a.assessment < b.assessment ? -1 : 1))) {
    const assessment = assessments.get(submission.assessment) as Assessment;
    const row = { file: 'studentAssessment.csv', line: submission.line };
    const at = instantOfDay(presentation, submission.day);
    if (submission.banked) {
      note(
        row.file,
        row.line,
        'banked',
        'credit of an earlier presentation: recognised, no completion of this attempt',
      );
      const ref = `oulad:${place}:banked:${assessment.id}`;
      acts.push({ kind: 'recognise', key: `banked-${assessment.id}`, ...row, module: earlierCredit(module), ref, at });
      continue;
    }
    if (submission.day < 0)
      note(row.file, row.line, 'submission-before-start', `submitted ${-submission.day} day(s) before the start`);
    if (assessment.day !== undefined && submission.day > assessment.day)
      note(
        row.file,
        row.line,
        'submission-late',
        `submitted ${submission.day - assessment.day} day(s) after the date of the assessment`,
      );
    if (unregisteredDay !== undefined && submission.day > unregisteredDay)
      note(
        row.file,
        row.line,
        'submission-after-unregistration',
        `submitted ${submission.day - unregisteredDay} day(s) after unregistration; it counts`,
      );
    acts.push({
      kind: 'complete',
      key: `assessment-${assessment.id}`,
      ...row,
      module: assessmentModule(assessment),
      ...(submission.score === undefined ? {} : { score: submission.score }),
      sourceId: `assessment-${assessment.id}`,
      at,
    });
  }
  if (!result) remark('result-missing', 'studentInfo.csv has no result of this registration');
  else {
    const resultRow = { file: 'studentInfo.csv', line: result.line };
    if (result.earlierAttempts > 0)
      note(
        resultRow.file,
        resultRow.line,
        'earlier-attempts',
        `${result.earlierAttempts} earlier attempt(s), of which the data may show none`,
      );
    if (result.result === 'Pass' || result.result === 'Distinction')
      acts.push({
        kind: 'complete',
        key: `result-${place}`,
        ...resultRow,
        module: resultModule(module, presentation),
        ...(result.result === 'Distinction' ? { honours: true } : {}),
        sourceId: `result-${place}`,
        at: instantOfDay(presentation, course.lengthDays),
      });
    if (result.result === 'Withdrawn' && unregisteredDay === undefined)
      remark('withdrawn-without-date', 'the result is Withdrawn, but no day is given; the enrollment is not withdrawn');
    if (result.result !== 'Withdrawn' && unregisteredDay !== undefined)
      remark(
        'unregistered-with-other-result',
        `unregistered, although the result is ${result.result}; withdrawn as of that day`,
      );
  }
  if (unregisteredDay !== undefined)
    acts.push({
      kind: 'withdraw',
      key: `withdraw-${place}`,
      ...registrationRow,
      enrollment,
      at: instantOfDay(presentation, unregisteredDay),
    });
  return acts;
}
