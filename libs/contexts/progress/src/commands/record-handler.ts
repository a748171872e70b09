// Commands on a record find it wherever it is: a merge may have taken it into that of another learner.
import { Injectable } from '@nestjs/common';
import { uuidv5, type CommandOutcome, type Issued, type LearnerId, type TenantId } from '@cairn/kernel';
import { DecidedHandler, type CommandMessage, type Installation } from '@cairn/platform';
import type { AbsorbRecord, RecordCommand } from '../contracts/record.commands.js';
import { recordStream } from '../contracts/record.events.js';
import { recordDecider } from '../domain/record.decider.js';
import { learnerIn } from '../domain/record.facts.js';

type Executor = Installation['executor'];

/** The records that a learner's went on in, their own first; the last one is open, unless the person was erased. */
export async function recordsOf(
  executor: Pick<Executor, 'snapshot'>,
  tenant: TenantId,
  learner: LearnerId,
): Promise<readonly [LearnerId, ...LearnerId[]]> {
  const records: [LearnerId, ...LearnerId[]] = [learner];
  for (let last = learner; ;) {
    const { mergedInto } = (await executor.snapshot(recordDecider, recordStream(tenant, last))).state;
    if (mergedInto === undefined || records.includes(mergedInto)) return records;
    records.push((last = mergedInto));
  }
}

/** The stream that a learner's record goes on in. */
export async function openRecordOf(
  executor: Pick<Executor, 'snapshot'>,
  tenant: TenantId,
  learner: LearnerId,
): Promise<string> {
  return recordStream(tenant, (await recordsOf(executor, tenant, learner)).at(-1) as LearnerId);
}

/** A stale revision may be that of the record that it went on in. */
const ELSEWHERE: ReadonlySet<string> = new Set(['learner-merged', 'revision-stale']);

@Injectable()
export class RecordHandler extends DecidedHandler {
  override async execute(message: CommandMessage): Promise<CommandOutcome> {
    const outcome = await super.execute(message);
    if (outcome.accepted || !ELSEWHERE.has(outcome.code)) return outcome;
    const { executor } = this.installation;
    const issued = message.issued as Issued<RecordCommand>;
    const records = await recordsOf(executor, issued.tenant, learnerIn(issued));
    const record = records.at(-1) as LearnerId;
    if (records.length === 1) return outcome;
    // Whoever comes between the closing and the taking in finishes the merge first.
    const closed = records.slice(0, -1).toReversed();
    for (const from of issued.type === 'AbsorbRecord' ? [] : closed) {
      const { state } = await executor.snapshot(recordDecider, recordStream(issued.tenant, record));
      if (state.absorbed.has(from)) continue;
      const absorb: Issued<AbsorbRecord> = {
        ...issued,
        type: 'AbsorbRecord',
        data: { learnerId: record, from },
        commandId: uuidv5(issued.commandId, 'absorb', from),
        idSource: 'derived',
      };
      const absorbed = await executor.execute(absorb);
      if (!absorbed.accepted) return absorbed;
    }
    return executor.execute({ ...issued, data: { ...issued.data, record } } as Issued, message.options);
  }
}
