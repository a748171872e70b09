import type { CommandOutcome, Rejected } from '@cairn/kernel';
import { ifMatch } from './gateway.js';
import { ProblemException } from './problems.js';
import type { CairnRequest } from './request.js';

const MERGES = 5;

/**
 * A merge patch (RFC 7396) is made of the state as it is, and must not undo what others changed since: `attempt` reads,
 * merges and sends with `pin(revision)`. Without the caller's If-Match it is merged anew when somebody was faster.
 */
export async function mergePatch<T extends CommandOutcome>(
  request: CairnRequest,
  attempt: (pin: (revision: number) => { readonly expectedRevision: number }) => Promise<T>,
): Promise<Exclude<T, Rejected>> {
  const given = ifMatch(request);
  for (let merges = 1; ; merges++) {
    const outcome = await attempt((revision) => ({ expectedRevision: given ?? revision }));
    if (outcome.accepted) return outcome as Exclude<T, Rejected>;
    if (outcome.code !== 'revision-stale' || given !== undefined) throw ProblemException.of(outcome);
    if (merges === MERGES)
      throw new ProblemException('revision-conflict', `Others wrote at the same time, ${MERGES} times in a row.`);
  }
}
