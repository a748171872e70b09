// Would the same decision follow again? The record is folded up to the decision, and the award or renewal alone is decided
// anew by the version it is pinned to. Nothing else is needed: the facts stand in the record, published versions never
// change.
import { canonicalJson, type FactLoader, type Issued, type Json, type Recorded } from '@cairn/kernel';
import type { GrantRenewal } from '../contracts/record.commands.js';
import type { RecordEvent } from '../contracts/record.events.js';
import { decideMarked } from './deciding.js';
import { createDraft, type Draft } from './draft.js';
import { loadRecordFacts } from './record.facts.js';
import { recordFold } from './record.state.js';
import { renewMarked } from './renewing.js';

type Decision = Recorded<Extract<RecordEvent, { type: 'credential-earned' | 'credential-granted' | 'renewal-earned' }>>;
type Award = Recorded<Extract<RecordEvent, { type: 'credential-earned' | 'credential-granted' }>>;
const isAward = (event: Recorded<RecordEvent>): event is Award =>
  event.type === 'credential-earned' || event.type === 'credential-granted';
type Again = { readonly matches: boolean; readonly mismatch?: string };

/** `record` from its first event on; `decision` is one of them. Null for an authority's word: it has no rule. */
export async function decideAgain(
  loader: FactLoader,
  record: readonly Recorded<RecordEvent>[],
  decision: Decision,
): Promise<Again | null> {
  if (decision.type === 'credential-granted') {
    // The next edition of an award is right if that was.
    const { replaces } = decision.data;
    const replaced = record.filter(isAward).find(({ data }) => data.credentialId === replaces);
    return replaced ? decideAgain(loader, record, replaced) : null;
  }
  if (decision.type === 'renewal-earned' ? decision.data.authority !== undefined : !decision.data.enrollment)
    return null;
  const before = record.slice(0, decision.revision).reduce(recordFold.evolve, recordFold.initial);
  const { tenant, actor, $correlationId, $causationId, occurredAt, recordedAt } = decision.meta;
  const { learnerId, credentialId } = decision.data;
  // Decides nothing itself: it names the record, the instant and the ids.
  const command: Issued<GrantRenewal> = {
    type: 'GrantRenewal',
    data: { learnerId, credentialId, reasonCode: 'decided-again', authority: 'nobody', occurredAt },
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
  const refused = decide(draft, decision);
  if (refused !== undefined) return { matches: false, mismatch: refused };
  const again = draft.events().find(({ type }) => type === decision.type);
  if (!again) return { matches: false, mismatch: 'the rule is not met by the facts of then' };
  const differing = Object.keys({ ...decision.data, ...again.data }).filter(
    (key) => textOf(decision.data, key) !== textOf(again.data, key),
  );
  return differing.length === 0
    ? { matches: true }
    : { matches: false, mismatch: `${differing.join(', ')} would be different` };
}

/** Decides into the draft; says what it lacks if it cannot. */
function decide(draft: Draft, decision: Decision): string | undefined {
  if (decision.type === 'renewal-earned') {
    draft.renewing.add(decision.data.templateId);
    renewMarked(draft);
    return undefined;
  }
  const { awardId, enrollment: pinned } = decision.data;
  const enrollment = draft.state().enrollments.find(({ ref }) => ref.enrollmentId === pinned?.enrollmentId);
  if (!enrollment) return 'the record knows no such enrollment by then';
  const { awards, steps } = draft.versionOf(enrollment);
  const index = awards.findIndex(({ id }) => id === awardId);
  if (index < 0) return `the version has no award ${awardId}`;
  draft.dirty.set(enrollment.number, new Set([steps.length + index]));
  decideMarked(draft);
  return undefined;
}

const textOf = (data: object, key: string): string => canonicalJson((data as Record<string, Json>)[key] ?? null);
