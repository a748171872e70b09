// Coming back to a pathway: within the days that its version grants the learner goes on by the rules that they left,
// later by the newest ones.
import { accept, type Decision, type Instant, type Issued } from '@cairn/kernel';
import { daysBetween, localDay } from '@cairn/rules';
import type { ReinstateEnrollment } from '../contracts/record.commands.js';
import type { RecordEvent } from '../contracts/record.events.js';
import { heldAlready } from './awards.js';
import { decideMarked } from './deciding.js';
import { mark, type Draft } from './draft.js';
import { earlierCompletions } from './enrolling.js';
import { goOnBy } from './moving.js';
import { versionAskedFor } from './record.facts.js';
import { enrollmentOf, isOpen } from './record.state.js';
import type { EnrollmentState } from './record.types.js';
import { dateInFuture, isBlank, reasonRequired, unknownEnrollment } from './refusals.js';
import { versionKey, type Version } from './version.js';

export function reinstateEnrollment({ data, now }: Issued<ReinstateEnrollment>, draft: Draft): Decision<RecordEvent> {
  const enrollment = enrollmentOf(draft.state(), data.enrollmentId);
  if (!enrollment) return unknownEnrollment(data.enrollmentId);
  if (isBlank(data.reasonCode)) return reasonRequired('A reinstatement');
  if (data.occurredAt > now) return dateInFuture('occurredAt', data.occurredAt, now);
  if (isOpen(enrollment)) return accept();
  const version = draft.versionOf(enrollment);
  draft.record(
    {
      type: 'enrollment-reinstated',
      data: {
        learnerId: draft.addressee,
        enrollment: enrollment.ref,
        reasonCode: data.reasonCode,
        ...earlierCompletions(draft, version),
        ...heldAlready(draft, version, enrollment),
      },
    },
    data.occurredAt,
  );
  // Facts that came while the learner was away count from now on.
  mark(draft, enrollment, version.all);
  const newer = newerRulesFor(draft, enrollment, version, data.occurredAt);
  if (newer) {
    const refusal = goOnBy(draft, enrollmentOf(draft.state(), data.enrollmentId) as EnrollmentState, newer, data);
    if (refusal) return refusal;
  }
  decideMarked(draft);
  return accept(...draft.events());
}

/**
 * The newest version that is not retired, for whoever was away for longer than the version they left keeps. Days are
 * local days in the pathway's zone, from leaving to returning.
 */
function newerRulesFor(
  draft: Draft,
  { ref, away }: EnrollmentState,
  { published, rules }: Version,
  returnedAt: Instant,
): Version | undefined {
  const { pathway, versions } = draft.facts;
  const leftAt = away.at(-1)?.from;
  if (published.returnWithinDays === undefined || leftAt === undefined || !pathway) return undefined;
  const days = daysBetween(localDay(leftAt, rules.zone), localDay(returnedAt, rules.zone));
  const newest = versionAskedFor(pathway, undefined);
  if (days <= published.returnWithinDays || newest === undefined || newest <= ref.version) return undefined;
  return versions.get(versionKey(ref.pathwayId, newest));
}
