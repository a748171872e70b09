// Two learners are one person, or two after all: what would follow is shown first, by the decisions themselves.
import { Body, Controller, Inject, Injectable, Param, Post, Req } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { publicId, uuidv5, type CommandContext, type CommandOutcome, type Issued, type LearnerId } from '@cairn/kernel';
import {
  learnerDecider,
  learnerFold,
  learnerStream,
  type MergeLearners,
  type UnmergeLearners,
} from '@cairn/contexts/learners';
import {
  Code,
  CommandGateway,
  CommandMessage,
  DecidedHandler,
  Flag,
  idFromPath,
  INSTALLATION,
  ProblemException,
  PublicId,
  RequireScope,
  Text,
  type CairnRequest,
  type Installation,
} from '@cairn/platform';
import type {
  AbsorbRecord,
  CarryOutMerge,
  CarryOutUnmerge,
  CloseRecord,
  ReleaseRecord,
  ReopenRecord,
} from '../contracts/record.commands.js';
import { recordOwner } from '../contracts/merged-records.js';
import { recordStream, type RecordEvent } from '../contracts/record.events.js';
import { recordDecider } from '../domain/record.decider.js';
import { loadRecordFacts, type RecordFacts } from '../domain/record.facts.js';
import { RecordHandler } from './record-handler.js';

export class AbsorbRecordMessage extends CommandMessage<AbsorbRecord> {
  static readonly type = 'AbsorbRecord';
}
@CommandHandler(AbsorbRecordMessage)
export class AbsorbRecordHandler extends RecordHandler {}

export class ReleaseRecordMessage extends CommandMessage<ReleaseRecord> {
  static readonly type = 'ReleaseRecord';
}
@CommandHandler(ReleaseRecordMessage)
export class ReleaseRecordHandler extends RecordHandler {}

/** Names a record that is closed by a merge: it never goes elsewhere. */
export class ReopenRecordMessage extends CommandMessage<ReopenRecord> {
  static readonly type = 'ReopenRecord';
}
@CommandHandler(ReopenRecordMessage)
export class ReopenRecordHandler extends DecidedHandler {}

export class CarryOutMergeMessage extends CommandMessage<CarryOutMerge> {
  static readonly type = 'CarryOutMerge';
}
export class CarryOutUnmergeMessage extends CommandMessage<CarryOutUnmerge> {
  static readonly type = 'CarryOutUnmerge';
}

type Step = CloseRecord | AbsorbRecord | ReleaseRecord | ReopenRecord | UnmergeLearners;

/** Has no decider: it sends steps, which have; each may be the last before a crash, and is sent again then. */
@CommandHandler(CarryOutMergeMessage)
export class CarryOutMergeHandler implements ICommandHandler<CarryOutMergeMessage> {
  constructor(private readonly gateway: CommandGateway) {}

  async execute({ issued }: CarryOutMergeMessage): Promise<CommandOutcome> {
    const { learnerId, into } = issued.data;
    const send = stepsOf(this.gateway, issued);
    const closed = await send('close', { type: 'CloseRecord', data: { learnerId, why: 'merged', into } });
    if (!closed.accepted) return closed;
    const absorbed = await send('absorb', { type: 'AbsorbRecord', data: { learnerId: into, from: learnerId } });
    if (absorbed.accepted || absorbed.code === 'revision-conflict') return absorbed;
    // The other one is gone or goes on as this one by now: nothing was lost, the learner goes on alone.
    return send('undo', {
      type: 'UnmergeLearners',
      data: { learnerId, reasonCode: 'merge-not-carried-out', authority: `merge-cascade: ${absorbed.code}` },
    });
  }
}

@CommandHandler(CarryOutUnmergeMessage)
export class CarryOutUnmergeHandler implements ICommandHandler<CarryOutUnmergeMessage> {
  constructor(
    private readonly gateway: CommandGateway,
    @Inject(INSTALLATION) private readonly installation: Installation,
  ) {}

  async execute({ issued }: CarryOutUnmergeMessage): Promise<CommandOutcome> {
    const { learnerId, from, because } = issued.data;
    const send = stepsOf(this.gateway, issued);
    const { executor } = this.installation;
    const record = await recordOwner(executor.loader.fold, issued.tenant, from);
    const { state } = await executor.snapshot(recordDecider, recordStream(issued.tenant, record));
    // A merge that was refused when it was carried out left nothing there.
    if (state.absorbed.has(learnerId)) {
      const released = await send('release', {
        type: 'ReleaseRecord',
        data: { learnerId: record, from: learnerId, because },
      });
      if (!released.accepted) return released;
    }
    return send('reopen', { type: 'ReopenRecord', data: { learnerId, from: record } });
  }
}

const stepsOf =
  (gateway: CommandGateway, issued: Issued) =>
  (name: string, step: Step): Promise<CommandOutcome> =>
    gateway.dispatch({ ...issued, ...step, commandId: uuidv5(issued.commandId, name), idSource: 'derived' });

/** What a merge or its end would change, or changes: for people to look at before they decide. */
export type MergeEffects = {
  /** Earned by what counts now. */
  readonly credentials: readonly { readonly template: string; readonly from: string; readonly until?: string }[];
  /** Holds placed on credentials or lifted from them. */
  readonly holds: readonly { readonly credential: string; readonly effect: string; readonly cause: string }[];
  readonly stepsSatisfied: number;
  readonly stepsReopened: number;
  /** Enrollments that stand aside for one of the same person in the same pathway, or come back. */
  readonly aside: readonly string[];
  readonly back: readonly string[];
};

/** Merging and un-merging, for the HTTP routes and the command line. */
@Injectable()
export class MergeDesk {
  constructor(@Inject(INSTALLATION) private readonly installation: Installation) {}

  /** Throws the problem that the merge itself would end with. */
  async merge({ data, ...context }: Issued<MergeLearners>): Promise<MergeEffects> {
    await this.judge({ ...context, data });
    const { learnerId: from, into } = data;
    return this.effects(context, { type: 'AbsorbRecord', data: { learnerId: into, from } }, into, (facts) => ({
      ...facts,
      other: { events: [], ...facts.other, closedInto: into },
    }));
  }

  async unmerge({ data, ...context }: Issued<UnmergeLearners>): Promise<MergeEffects> {
    await this.judge({ ...context, data });
    const { learnerId: from } = data;
    const record = await recordOwner(this.installation.executor.loader.fold, context.tenant, from);
    const because = uuidv5(context.commandId, 'preview');
    const command: ReleaseRecord = { type: 'ReleaseRecord', data: { learnerId: record, from, because } };
    return this.effects(context, command, record, (facts) => facts);
  }

  private async judge(issued: Issued<MergeLearners | UnmergeLearners>): Promise<void> {
    const { loader } = this.installation.executor;
    const state = await loader.fold(learnerFold, learnerStream(issued.tenant, issued.data.learnerId));
    const other = await learnerDecider.loadFacts?.(issued, state, loader);
    const decision = learnerDecider.decide(issued, state, other);
    if (!decision.accepted) throw ProblemException.of(decision);
  }

  private async effects(
    context: CommandContext,
    step: AbsorbRecord | ReleaseRecord,
    record: LearnerId,
    adapt: (facts: RecordFacts) => RecordFacts,
  ): Promise<MergeEffects> {
    const { executor } = this.installation;
    const issued: Issued<AbsorbRecord | ReleaseRecord> = { ...context, ...step };
    const { state } = await executor.snapshot(recordDecider, recordStream(context.tenant, record));
    const facts = adapt(await loadRecordFacts(issued, state, executor.loader));
    const decision = recordDecider.decide(issued, state, facts);
    if (!decision.accepted) throw ProblemException.of(decision);
    return effectsOf(decision.events);
  }
}

function effectsOf(events: readonly RecordEvent[]): MergeEffects {
  const of = <T extends RecordEvent['type']>(type: T) =>
    events.filter((event): event is Extract<RecordEvent, { type: T }> => event.type === type);
  return {
    credentials: of('credential-earned').map(({ data: { templateId, from, until } }) => ({
      template: publicId('tpl', templateId),
      from,
      ...(until === undefined ? {} : { until }),
    })),
    holds: of('component-policy-applied').map(({ data: { credentialId, effect, cause } }) => ({
      credential: publicId('crd', credentialId),
      effect,
      cause,
    })),
    stepsSatisfied: of('step-satisfied').length,
    stepsReopened: of('step-reopened').length,
    aside: of('enrollment-withdrawn').map(({ data }) => publicId('enr', data.enrollment.enrollmentId)),
    back: of('enrollment-reinstated').map(({ data }) => publicId('enr', data.enrollment.enrollmentId)),
  };
}

class UnmergeBody {
  @Code({ optional: true, description: 'Why; without it the act is refused.', example: 'two-persons' })
  reasonCode?: string;
  @Text({ optional: true, max: 200, description: 'Who is entitled to decide it; without it the act is refused.' })
  authority?: string;
  @Flag({ optional: true, description: 'Shows what would follow, and changes nothing.' }) dryRun?: boolean;
}
class MergeBody extends UnmergeBody {
  @PublicId('lrn', { description: 'As whom the person goes on.' }) into!: string;
}

@ApiTags('learners')
@Controller('api/learners')
@RequireScope('learners:write')
export class MergeRoutes {
  constructor(
    private readonly gateway: CommandGateway,
    private readonly desk: MergeDesk,
  ) {}

  @Post(':id/merge')
  @ApiOperation({ summary: 'The learner and another one are one person: progress unites in the record of the other' })
  async merge(@Req() request: CairnRequest, @Param('id') id: string, @Body() body: MergeBody) {
    const context = this.gateway.contextOf(request);
    const command: MergeLearners = {
      type: 'MergeLearners',
      data: {
        learnerId: idFromPath<LearnerId>('lrn', id),
        into: idFromPath<LearnerId>('lrn', body.into),
        reasonCode: body.reasonCode ?? '',
        authority: body.authority ?? '',
      },
    };
    if (body.dryRun) return { dryRun: true, effects: await this.desk.merge({ ...context, ...command }) };
    return this.decided(request, command, context, id);
  }

  @Post(':id/unmerge')
  @ApiOperation({ summary: 'They are two persons after all: each goes on with what is theirs' })
  async unmerge(@Req() request: CairnRequest, @Param('id') id: string, @Body() body: UnmergeBody) {
    const context = this.gateway.contextOf(request);
    const command: UnmergeLearners = {
      type: 'UnmergeLearners',
      data: {
        learnerId: idFromPath<LearnerId>('lrn', id),
        reasonCode: body.reasonCode ?? '',
        authority: body.authority ?? '',
      },
    };
    if (body.dryRun) return { dryRun: true, effects: await this.desk.unmerge({ ...context, ...command }) };
    return this.decided(request, command, context, id);
  }

  private async decided(
    request: CairnRequest,
    command: MergeLearners | UnmergeLearners,
    context: CommandContext,
    id: string,
  ) {
    return this.gateway.answer(await this.gateway.send(request, command, context), { id });
  }
}
