// The learner's record: all facts and decisions of one person's progress, decided in one exact append (domain.md §2, §3).
// This file is the table of its commands; the rules lie beside it, forward in deciding.ts, backward in undoing.ts.
import {
  publicId,
  reject,
  type Decider,
  type Decision,
  type Issued,
  type LearnerId,
  type Rejected,
} from '@cairn/kernel';
import type { RecordCommand } from '../contracts/record.commands.js';
import { recordStream, type RecordEvent } from '../contracts/record.events.js';
import { completeModule, invalidateCompletion, startModule } from './completing.js';
import { createDraft } from './draft.js';
import { enrollLearner, withdrawEnrollment } from './enrolling.js';
import { absorbRecord, closeRecord, releaseRecord, reopenRecord } from './merging.js';
import { moveEnrollment } from './moving.js';
import { loadRecordFacts, recordIn, type RecordFacts } from './record.facts.js';
import { recordFold } from './record.state.js';
import type { RecordState } from './record.types.js';
import { erased } from './refusals.js';
import { reinstateEnrollment } from './returning.js';
import { grantRenewal, withdrawRenewal } from './renewing.js';
import { creditStackComponent, grantCredential, withdrawStackComponent } from './stacking.js';
import { waiveRequirement, withdrawWaiver } from './waiving.js';

export const recordDecider: Decider<RecordState, RecordCommand, RecordEvent, RecordFacts> = {
  ...recordFold,
  commands: [
    'EnrollLearner',
    'WithdrawEnrollment',
    'ReinstateEnrollment',
    'MoveEnrollmentToVersion',
    'StartModule',
    'CompleteModule',
    'InvalidateModuleCompletion',
    'WaiveRequirement',
    'WithdrawWaiver',
    'CreditStackComponent',
    'WithdrawStackComponent',
    'GrantCredential',
    'GrantRenewal',
    'WithdrawRenewal',
    'CloseRecord',
    'AbsorbRecord',
    'ReleaseRecord',
    'ReopenRecord',
  ],
  streamOf: (command) => recordStream(command.tenant, recordIn(command)),
  loadFacts: loadRecordFacts,
  decide,
};

function decide(command: Issued<RecordCommand>, state: RecordState, facts: RecordFacts): Decision<RecordEvent> {
  if (command.type === 'CloseRecord') return closeRecord(command, state);
  if (facts.learner === 'erased') return erased();
  if (state.mergedInto !== undefined && command.type !== 'ReopenRecord') return merged(state.mergedInto);
  if (state.closed && command.type !== 'ReopenRecord') return erased();
  if (facts.learner === 'unknown')
    return reject('not-found', 'There is no such learner.', 'Register the learner first, or check the id.');
  const { tenant } = facts;
  if (!tenant) return reject('not-found', 'There is no such tenant.', 'Register the tenant first, or check its id.');
  const draft = createDraft(command, state, { ...facts, tenant });
  switch (command.type) {
    case 'EnrollLearner':
      return enrollLearner(command, draft);
    case 'WithdrawEnrollment':
      return withdrawEnrollment(command, draft);
    case 'ReinstateEnrollment':
      return reinstateEnrollment(command, draft);
    case 'MoveEnrollmentToVersion':
      return moveEnrollment(command, draft);
    case 'StartModule':
      return startModule(command, draft);
    case 'CompleteModule':
      return completeModule(command, draft);
    case 'InvalidateModuleCompletion':
      return invalidateCompletion(command, draft);
    case 'WaiveRequirement':
      return waiveRequirement(command, draft);
    case 'WithdrawWaiver':
      return withdrawWaiver(command, draft);
    case 'CreditStackComponent':
      return creditStackComponent(command, draft);
    case 'WithdrawStackComponent':
      return withdrawStackComponent(command, draft);
    case 'GrantCredential':
      return grantCredential(command, draft);
    case 'GrantRenewal':
      return grantRenewal(command, draft);
    case 'WithdrawRenewal':
      return withdrawRenewal(command, draft);
    case 'AbsorbRecord':
      return absorbRecord(command, draft);
    case 'ReleaseRecord':
      return releaseRecord(command, draft);
    case 'ReopenRecord':
      return reopenRecord(command, state, draft);
    default:
      return command satisfies never;
  }
}

const merged = (into: LearnerId): Rejected =>
  reject(
    'learner-merged',
    `The learner goes on as ${publicId('lrn', into)}.`,
    'Send it for that learner, or un-merge the two first.',
  );
