// Commands on a record find it wherever it is: a merge may have taken it into that of another learner.
import { Injectable } from '@nestjs/common';
import { uuidv5, type CommandOutcome, type Issued, type LearnerId } from '@cairn/kernel';
import { DecidedHandler, type CommandMessage } from '@cairn/platform';
import { recordsOf } from '../contracts/merged-records.js';
import type { AbsorbRecord, RecordCommand } from '../contracts/record.commands.js';
import { recordStream } from '../contracts/record.events.js';
import { recordDecider } from '../domain/record.decider.js';
import { learnerIn } from '../domain/record.facts.js';

/** A command as it is decided in the record of another learner. */
export const inRecord = <C extends RecordCommand>(issued: Issued<C>, record: LearnerId): Issued<C> =>
  learnerIn(issued) === record ? issued : ({ ...issued, data: { ...issued.data, record } } as unknown as Issued<C>);

/** A stale revision may be that of the record that it went on in. */
const ELSEWHERE: ReadonlySet<string> = new Set(['learner-merged', 'revision-stale']);

@Injectable()
export class RecordHandler extends DecidedHandler {
  override async execute(message: CommandMessage): Promise<CommandOutcome> {
    const outcome = await super.execute(message);
    if (outcome.accepted || !ELSEWHERE.has(outcome.code)) return outcome;
    const { executor } = this.installation;
    const issued = message.issued as Issued<RecordCommand>;
    const records = await recordsOf(executor.loader.fold, issued.tenant, learnerIn(issued));
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
    return executor.execute(inRecord(issued, record), message.options);
  }
}
