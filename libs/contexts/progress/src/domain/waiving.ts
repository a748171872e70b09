// Requirements met by a named authority's decision, and such decisions taken back.
import { accept, reject, type Decision, type Issued, type Rejected } from '@cairn/kernel';
import type { WaiveRequirement, WithdrawWaiver } from '../contracts/record.commands.js';
import type { RecordEvent } from '../contracts/record.events.js';
import { decideMarked } from './deciding.js';
import { mark, type Draft } from './draft.js';
import { enrollmentOf, isOpen } from './record.state.js';
import type { EnrollmentState } from './record.types.js';
import { authorityRequired, dateInFuture, isBlank, reasonRequired, unknownEnrollment } from './refusals.js';
import { takeBackWhatUsed } from './undoing.js';

export function waiveRequirement({ data, now }: Issued<WaiveRequirement>, draft: Draft): Decision<RecordEvent> {
  const enrollment = waivable(draft, data);
  if ('accepted' in enrollment) return enrollment;
  if (isBlank(data.reasonCode)) return reasonRequired('A waiver');
  if (isBlank(data.authority)) return authorityRequired('A waiver');
  if (data.occurredAt > now) return dateInFuture('occurredAt', data.occurredAt, now);
  if (!isOpen(enrollment))
    return reject('enrollment-not-active', 'The learner is withdrawn from this enrollment.', 'Reinstate it first.');
  if (enrollment.waivers.has(data.requirementId)) return accept();
  const { requirementId, authority, reasonCode } = data;
  draft.record(
    {
      type: 'requirement-waived',
      data: { learnerId: draft.addressee, enrollment: enrollment.ref, requirementId, authority, reasonCode },
    },
    data.occurredAt,
  );
  const owner = draft.versionOf(enrollment).ownerOf.get(requirementId);
  if (owner !== undefined) mark(draft, enrollment, [owner]);
  decideMarked(draft);
  return accept(...draft.events());
}

export function withdrawWaiver({ data, now }: Issued<WithdrawWaiver>, draft: Draft): Decision<RecordEvent> {
  const enrollment = waivable(draft, data);
  if ('accepted' in enrollment) return enrollment;
  if (isBlank(data.reasonCode)) return reasonRequired('Withdrawing a waiver');
  if (isBlank(data.authority)) return authorityRequired('Withdrawing a waiver');
  if (data.occurredAt > now) return dateInFuture('occurredAt', data.occurredAt, now);
  const waiver = enrollment.waivers.get(data.requirementId);
  if (!waiver) return accept();
  const { requirementId, authority, reasonCode } = data;
  const because = draft.record(
    {
      type: 'requirement-waiver-withdrawn',
      data: {
        learnerId: draft.addressee,
        enrollment: enrollment.ref,
        waiver: waiver.ref,
        requirementId,
        authority,
        reasonCode,
      },
    },
    data.occurredAt,
  );
  takeBackWhatUsed(draft, waiver.ref, { because, at: data.occurredAt });
  decideMarked(draft);
  return accept(...draft.events());
}

function waivable(draft: Draft, { enrollmentId, requirementId }: WaiveRequirement['data']): EnrollmentState | Rejected {
  const enrollment = enrollmentOf(draft.state(), enrollmentId);
  if (!enrollment) return unknownEnrollment(enrollmentId);
  const { ownerOf } = draft.versionOf(enrollment);
  // Joining is over: what an entry point recognises cannot be waived after it.
  if (ownerOf.get(requirementId) !== undefined) return enrollment;
  const known = Array.from(ownerOf).flatMap(([id, owner]) => (owner === undefined ? [] : [`"${id}"`]));
  return reject(
    'not-found',
    `Version ${enrollment.ref.version} of the pathway has no requirement "${requirementId}".`,
    `Its requirements are ${known.join(', ')}.`,
    [{ pointer: '/requirementId', code: 'not-found', message: 'names no requirement of the version' }],
  );
}
