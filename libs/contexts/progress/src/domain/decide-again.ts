// Would the same decision follow again? The record is folded up to the decision, and the award alone is decided anew by
// the version it is pinned to. Nothing else is needed: the facts stand in the record, published versions never change.
import { canonicalJson, type FactLoader, type Issued, type Json, type Recorded } from '@cairn/kernel';
import type { WithdrawEnrollment } from '../contracts/record.commands.js';
import type { RecordEvent } from '../contracts/record.events.js';
import { decideMarked } from './deciding.js';
import { createDraft } from './draft.js';
import { loadRecordFacts } from './record.facts.js';
import { recordFold } from './record.state.js';

type Decision = Recorded<Extract<RecordEvent, { type: 'credential-earned' | 'credential-granted' }>>;

/** `record` from its first event on; `decision` is one of them. Null for a grant: an authority's word has no rule. */
export async function decideAgain(
  loader: FactLoader,
  record: readonly Recorded<RecordEvent>[],
  decision: Decision,
): Promise<{ readonly matches: boolean; readonly mismatch?: string } | null> {
  if (decision.type !== 'credential-earned' || !decision.data.enrollment) return null;
  const { awardId, enrollment: pinned } = decision.data;
  const before = record.slice(0, decision.revision).reduce(recordFold.evolve, recordFold.initial);
  const enrollment = before.enrollments.find(({ ref }) => ref.enrollmentId === pinned.enrollmentId);
  if (!enrollment) return { matches: false, mismatch: 'the record knows no such enrollment by then' };
  const { tenant, actor, $correlationId, $causationId, occurredAt, recordedAt } = decision.meta;
  // Decides nothing itself: it names the enrollment, the instant and the ids.
  const command: Issued<WithdrawEnrollment> = {
    type: 'WithdrawEnrollment',
    data: { enrollmentId: pinned.enrollmentId, reasonCode: 'decided-again', occurredAt },
    tenant,
    commandId: $causationId,
    idSource: 'derived',
    actor,
    correlationId: $correlationId,
    now: recordedAt,
  };
  const facts = await loadRecordFacts(command, before, loader);
  if (!facts.tenant) return { matches: false, mismatch: 'there is no such tenant' };
  const draft = createDraft(command, before, { ...facts, tenant: facts.tenant });
  const { awards, steps } = draft.versionOf(enrollment);
  const index = awards.findIndex(({ id }) => id === awardId);
  if (index < 0) return { matches: false, mismatch: `the version has no award ${awardId}` };
  draft.dirty.set(enrollment.number, new Set([steps.length + index]));
  decideMarked(draft);
  const again = draft.events().find(({ type }) => type === 'credential-earned');
  if (!again) return { matches: false, mismatch: 'the rule is not met by the facts of then' };
  const differing = Object.keys({ ...decision.data, ...again.data }).filter(
    (key) => textOf(decision.data, key) !== textOf(again.data, key),
  );
  return differing.length === 0
    ? { matches: true }
    : { matches: false, mismatch: `${differing.join(', ')} would be different` };
}

const textOf = (data: object, key: string): string => canonicalJson((data as Record<string, Json>)[key] ?? null);
