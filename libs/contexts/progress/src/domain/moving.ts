// Moving an enrollment to a newer version of its pathway (D7): an explicit event says what each step becomes. What was
// met and earned stays; what the new rules find met besides is decided in the same append.
import {
  accept,
  canonicalJson,
  invalid,
  reject,
  type Decision,
  type Issued,
  type Json,
  type Rejected,
} from '@cairn/kernel';
import type { Requirement, StepId } from '@cairn/rules';
import type { MoveEnrollmentToVersion } from '../contracts/record.commands.js';
import type { EnrollmentRef, RecordEvent } from '../contracts/record.events.js';
import { heldAlready, lastTerm } from './awards.js';
import { standingOf } from './course.js';
import { decideMarked } from './deciding.js';
import { mark, type Draft } from './draft.js';
import { earlierCompletions, joinInner } from './enrolling.js';
import { heldIn } from './merged-record.js';
import { enrollmentOf, isOpen } from './record.state.js';
import type { EnrollmentState, MovedData } from './record.types.js';
import { dateInFuture, isBlank, reasonRequired, unknownEnrollment } from './refusals.js';
import { takeBackAward } from './undoing.js';
import { nodesOf, versionKey, type Version } from './version.js';

type Mapping = ReadonlyMap<StepId, StepId>;

export function moveEnrollment({ data, now }: Issued<MoveEnrollmentToVersion>, draft: Draft): Decision<RecordEvent> {
  const enrollment = enrollmentOf(draft.state(), data.enrollmentId);
  if (!enrollment) return unknownEnrollment(data.enrollmentId);
  if (isBlank(data.reasonCode)) return reasonRequired('A move to another version');
  if (data.occurredAt > now) return dateInFuture('occurredAt', data.occurredAt, now);
  if (data.undoes !== undefined) return moveBack(draft, enrollment, data, data.undoes);
  if (data.version === enrollment.ref.version) return accept();
  const target = versionToMoveTo(draft, enrollment, data.version);
  if ('accepted' in target) return target;
  if (data.occurredAt < enrollment.joinedAt)
    return invalid('/occurredAt', 'before-joining', `The learner joined on ${enrollment.joinedAt}.`);
  const refusal = goOnBy(draft, enrollment, target, data);
  if (refusal) return refusal;
  decideMarked(draft);
  return accept(...draft.events());
}

/** Records that an open enrollment goes on by another version, and marks all of it; nothing if it would lose a step. */
export function goOnBy(
  draft: Draft,
  enrollment: EnrollmentState,
  target: Version,
  move: Omit<MoveEnrollmentToVersion['data'], 'enrollmentId' | 'version'>,
): Rejected | undefined {
  const entryPoint = move.entryPoint ?? enrollment.ref.entryPoint;
  if (!target.entryPoint(entryPoint)) return entryPointGone(target, entryPoint);
  const mapping = mappingTo(target, draft.versionOf(enrollment), move.mapping ?? {}, enrollment);
  if ('accepted' in mapping) return mapping;
  record(draft, enrollment, target, entryPoint, mapping, move);
  const moved = enrollmentOf(draft.state(), enrollment.ref.enrollmentId) as EnrollmentState;
  // Nobody asked to join an automatic pathway: it commits to no further one.
  if (target.published.enrollment !== 'automatic') joinInner(draft, target, moved.number, move.occurredAt);
  mark(draft, moved, target.all);
  return undefined;
}

/**
 * Undoes the last move: the enrollment is in the version it left, steps and awards that the move decided are decided anew
 * by its rules. What was met and earned before the move, or by facts that came later, stays.
 */
function moveBack(
  draft: Draft,
  enrollment: EnrollmentState,
  data: MoveEnrollmentToVersion['data'],
  undoes: string,
): Decision<RecordEvent> {
  const { lastMove, ref, steps } = enrollment;
  if (!isOpen(enrollment)) return withdrawn();
  if (lastMove?.ref !== undoes || lastMove.from.version !== data.version)
    return reject(
      'version-not-newer',
      `That move is not the last one, or did not leave version ${data.version}.`,
      'Undo the last move of the enrollment first.',
    );
  const { from, decided } = lastMove;
  const target = draft.facts.versions.get(versionKey(ref.pathwayId, from.version));
  if (!target) throw new RangeError(`version ${from.version} of pathway ${ref.pathwayId} was not loaded`);
  const mapping = new Map(
    Object.entries(lastMove.mapping).flatMap(([left, became]) =>
      decided.has(steps.get(became)?.ref ?? '') ? [] : [[became, left] as const],
    ),
  );
  const cause = { because: record(draft, enrollment, target, from.entryPoint, mapping, data), at: data.occurredAt };
  const back = (): EnrollmentState => enrollmentOf(draft.state(), ref.enrollmentId) as EnrollmentState;
  mark(draft, back(), target.all);
  decideMarked(draft);
  for (const holding of heldIn(draft.state()))
    if (decided.has(holding.ref) && !holding.ended && holding.withdrawn === undefined)
      takeBackAward(draft, holding, back(), cause);
  decideMarked(draft);
  return accept(...draft.events());
}

const withdrawn = (): Rejected =>
  reject('enrollment-not-active', 'The learner is withdrawn from this enrollment.', 'Reinstate the enrollment first.');

function versionToMoveTo(draft: Draft, enrollment: EnrollmentState, number: number): Version | Rejected {
  const { pathwayId, version } = enrollment.ref;
  if (!isOpen(enrollment)) return withdrawn();
  if (number < version)
    return reject(
      'version-not-newer',
      `The enrollment is pinned to version ${version}; version ${number} is older.`,
      'Name a newer version; nobody moves back.',
    );
  const target = draft.facts.versions.get(versionKey(pathwayId, number));
  if (!target) return reject('not-found', `The pathway has no version ${number}.`, 'List its versions and name one.');
  if (draft.facts.pathway?.retired.includes(number))
    return reject('not-found', `Version ${number} of the pathway is retired.`, 'Name a version that is not retired.');
  return target;
}

const entryPointGone = ({ published, rules }: Version, entryPoint: string): Rejected =>
  reject(
    'mapping-incomplete',
    `Version ${published.version} has no entry point "${entryPoint}".`,
    `Send entryPoint: one of ${rules.entryPoints.map(({ id }) => `"${id}"`).join(', ')}.`,
    [{ pointer: '/entryPoint', code: 'unknown', message: `names no entry point of version ${published.version}` }],
  );

/** What every step becomes that goes on. Refused if a name stands for nothing, or a satisfied step would be lost. */
function mappingTo(
  to: Version,
  from: Version,
  named: { readonly [stepId: string]: string },
  { steps }: EnrollmentState,
): Mapping | Rejected {
  const known = new Set(from.rules.steps.map(({ id }) => id));
  const there = new Set(to.rules.steps.map(({ id }) => id));
  const mapping = new Map<StepId, StepId>();
  const faults: { pointer: string; code: string; message: string }[] = [];
  const fault = (stepId: StepId, code: string, message: string): void =>
    void faults.push({ pointer: `/mapping/${stepId.replaceAll('~', '~0').replaceAll('/', '~1')}`, code, message });
  const taken = new Map<StepId, StepId>();
  for (const [id, next] of Object.entries(named)) {
    const other = taken.get(next);
    if (!known.has(id)) fault(id, 'unknown', `is no step of version ${from.published.version}, which is left`);
    else if (!there.has(next)) fault(id, 'unknown', `"${next}" is no step of version ${to.published.version}`);
    else if (other !== undefined) fault(id, 'taken', `"${next}" is what step "${other}" becomes`);
    else mapping.set(id, next);
    taken.set(next, id);
  }
  for (const id of known) {
    if (Object.hasOwn(named, id)) continue;
    const other = taken.get(id);
    if (there.has(id) && other === undefined) mapping.set(id, id);
    else if (steps.has(id))
      fault(
        id,
        'lost',
        other === undefined
          ? `is satisfied, and version ${to.published.version} has no such step`
          : `is satisfied, and its name is what step "${other}" becomes`,
      );
  }
  if (faults.length === 0) return mapping;
  return reject(
    'mapping-incomplete',
    `The mapping to version ${to.published.version} would lose ${faults.map(({ pointer }) => `"${pointer.slice(9)}"`).join(', ')}.`,
    `Name for each in errors one step of version ${to.published.version} that it becomes: ${[...there].join(', ')}.`,
    faults,
  );
}

function record(
  draft: Draft,
  enrollment: EnrollmentState,
  target: Version,
  entryPoint: string,
  mapping: Mapping,
  { reasonCode, occurredAt, undoes }: Pick<MoveEnrollmentToVersion['data'], 'reasonCode' | 'occurredAt' | 'undoes'>,
): string {
  const { published, rules } = target;
  const { ref, attempt, joinedAt, steps, opened, inOrder } = enrollment;
  const satisfied = Array.from(steps.values()).flatMap(({ data: { stepId: left, at, reachedAt, recognised } }) => {
    const stepId = mapping.get(left);
    // Only a move that is taken back leaves steps behind.
    return stepId === undefined ? [] : [{ stepId, at, reachedAt, ...(recognised === undefined ? {} : { recognised }) }];
  });
  const waivers = waiversGoingOn(enrollment, draft.versionOf(enrollment), target, mapping);
  const restored = undoes === undefined ? [] : waiversRestored(enrollment, waivers);
  const moved: EnrollmentRef = { ...ref, version: published.version, entryPoint };
  return draft.record(
    {
      type: 'enrollment-moved-to-version',
      data: {
        learnerId: draft.addressee,
        enrollment: moved,
        label: published.label,
        rulesHash: published.hash,
        attempt,
        joinedAt,
        from: {
          version: ref.version,
          entryPoint: ref.entryPoint,
          reached: [...opened],
          satisfied: [...steps.keys()],
          inOrder: [...inOrder],
        },
        mapping: Object.fromEntries(mapping),
        steps: rules.steps.map(({ id }) => id),
        ...standingOf(target, entryPoint, new Map(satisfied.map(({ stepId, at }) => [stepId, at]))),
        satisfied,
        waivers,
        ...(restored.length === 0 ? {} : { restored }),
        awards: awardsOf(draft, enrollment),
        reasonCode,
        ...(undoes === undefined ? {} : { undoes }),
        ...earlierCompletions(draft, target),
        ...heldAlready(draft, target, enrollment),
      },
    },
    occurredAt,
  );
}

/** A waiver goes on where its requirement says the same; of another requirement the authority decided nothing. */
function waiversGoingOn({ waivers }: EnrollmentState, from: Version, to: Version, mapping: Mapping) {
  const before = requirementsOf(from);
  const after = requirementsOf(to);
  return Array.from(waivers).flatMap(([left, { ref }]) => {
    const owner = from.ownerOf.get(left);
    const step = owner === undefined ? undefined : from.steps[owner]?.id;
    const becomes = step === undefined ? undefined : mapping.get(step);
    const requirementId =
      step !== undefined && becomes !== undefined && (left === step || left.startsWith(`${step}/`))
        ? `${becomes}${left.slice(step.length)}`
        : left;
    const said = before.get(left);
    return said !== undefined && said === after.get(requirementId) ? [{ waiver: ref, left, requirementId }] : [];
  });
}

/** Of a move that is taken back: what had ended with it stands again; the version that it was decided of is back. */
function waiversRestored(
  { lastMove }: EnrollmentState,
  goingOn: readonly { readonly requirementId: string }[],
): NonNullable<MovedData['restored']> {
  const taken = new Set(goingOn.map(({ requirementId }) => requirementId));
  return Array.from(lastMove?.waivers ?? []).flatMap(([requirementId, { ref, at, authority }]) =>
    taken.has(requirementId) ? [] : [{ waiver: ref, requirementId, authority, at }],
  );
}

/** What each requirement says, by id: its text without the ids of its parts. */
function requirementsOf({ rules }: Version): ReadonlyMap<string, string> {
  const trees: readonly Requirement[] = [
    ...rules.steps.map(({ need }) => need),
    ...rules.awards.map(({ when }) => when),
  ];
  return new Map(
    trees
      .flatMap(nodesOf)
      .map((node) => [node.id as string, canonicalJson(JSON.parse(JSON.stringify(node, withoutIds)) as Json)]),
  );
}

const withoutIds = (key: string, value: unknown): unknown => (key === 'id' ? undefined : value);

function awardsOf(draft: Draft, { ref }: EnrollmentState) {
  return heldIn(draft.state()).flatMap((holding) => {
    const { data, withdrawn, ended } = holding;
    if (data.enrollment?.enrollmentId !== ref.enrollmentId || withdrawn !== undefined || ended) return [];
    const { credentialId, awardId, awardKind, from } = data;
    const { until } = lastTerm(holding);
    return [{ credentialId, awardId, awardKind, from, ...(until === undefined ? {} : { until }) }];
  });
}
