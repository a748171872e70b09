// Undoing everything that one run set off: previewed, confirmed by its number of effects, then sent command by command.
import { Body, Controller, HttpCode, Inject, Injectable, Param, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { credentialStream } from '@cairn/contexts/credentials';
import {
  categoryOf,
  publicActor,
  publicId,
  uuidv5,
  type CredentialId,
  type LearnerId,
  type Recorded,
  type TenantId,
} from '@cairn/kernel';
import {
  Caller,
  CommandGateway,
  FeedMarks,
  INSTALLATION,
  IntegerField,
  ProblemException,
  RequireScope,
  runIdOf,
  Text,
  type Installation,
  type TenantCaller,
} from '@cairn/platform';
import { eventsOfCorrelation } from '@cairn/contexts/audit';
import type { RecordState } from '../domain/record.types.js';
import { recordOwner } from '../contracts/merged-records.js';
import { recordStream } from '../contracts/record.events.js';
import { heldIn } from '../domain/merged-record.js';
import { recordDecider } from '../domain/record.decider.js';
import { isUndo, openHolds, planUndo, type Standing, type UndoPlan } from '../domain/undo-run.js';

export type UndoAnswer = {
  /** The correlation id that all commands of the run carry, and that of the commands that undo them. */
  readonly run: string;
  readonly undo: string;
  /** What would be compensated, or was: by type. `confirm` takes their number. */
  readonly effects: number;
  readonly types: Readonly<Record<string, number>>;
  readonly gone: number;
  readonly follows: number;
  readonly remains: UndoPlan['remains'];
  /** What others have seen since: an undo is told to them, it is not taken from them. */
  readonly seen: {
    /** Keys that the feed has handed events of the run to, and how many. */
    readonly feed: readonly { readonly reader: string; readonly events: number }[];
    /** Credentials that the run issued: signed copies that their holders may have shown. */
    readonly issued: number;
    /** Credentials of other runs that rest on these, and stand. */
    readonly restingOn: readonly string[];
  };
  readonly done?: { readonly compensated: number; readonly refused: readonly UndoRefusal[] };
};
type UndoRefusal = { readonly event: string; readonly learner: string; readonly code: string; readonly detail: string };

const WAIT_MS = 5_000;

/** Streams whose events the feed translates. */
const FEED_CATEGORIES: ReadonlySet<string> = new Set(['record', 'credential']);

@Injectable()
export class UndoRun {
  constructor(
    private readonly gateway: CommandGateway,
    private readonly marks: FeedMarks,
    @Inject(INSTALLATION) private readonly installation: Installation,
  ) {}

  /**
   * Without `confirm` a preview. With it, the number of effects previewed: then they are compensated; each effect by a
   * command whose id derives from it, so a run cut off in the middle is finished by sending the same again.
   * Throws `not-found` for a run without events, `undo-of-undo`, `preview-stale`.
   */
  async undo(tenant: TenantId, run: string, actor: string, authority: string, confirm?: number): Promise<UndoAnswer> {
    const { executor } = this.installation;
    const events = await this.eventsOf(tenant, run);
    if (events.length === 0) throw new ProblemException('not-found', `No event carries the correlation id ${run}.`);
    if (isUndo(events)) throw new ProblemException('undo-of-undo', `${run} is an undo itself.`);
    const states = new Map<LearnerId, RecordState>();
    for (const { data } of events) {
      const { learnerId } = data as { learnerId?: LearnerId };
      if (learnerId === undefined || states.has(learnerId)) continue;
      const record = recordStream(tenant, await recordOwner(executor.loader.fold, tenant, learnerId));
      states.set(learnerId, (await executor.snapshot(recordDecider, record)).state);
    }
    const holds = new Map<CredentialId, ReadonlySet<string> | undefined>();
    for (const { type, data } of events) {
      if (type !== 'credential-suspended' && type !== 'credential-reinstated') continue;
      const { credentialId } = data as { credentialId: CredentialId };
      if (!holds.has(credentialId))
        holds.set(credentialId, openHolds(await executor.history(credentialStream(tenant, credentialId))));
    }
    const now = await this.installation.now(tenant);
    const standing: Standing = {
      stateOf: (learner) => states.get(learner) ?? recordDecider.initial,
      holdsOf: (credential) => holds.get(credential),
    };
    const plan = planUndo(run, events, standing, authority, now);
    const undo = uuidv5(run, 'undo');
    const types: Record<string, number> = {};
    for (const { type } of plan.compensations) types[type] = (types[type] ?? 0) + 1;
    const preview: UndoAnswer = {
      run,
      undo,
      effects: plan.compensations.length,
      types,
      gone: plan.gone,
      follows: plan.follows,
      remains: plan.remains,
      seen: await this.seen(tenant, events, [...states.values()]),
    };
    if (confirm === undefined) return preview;
    if (confirm !== plan.compensations.length)
      throw new ProblemException(
        'preview-stale',
        `The run has ${plan.compensations.length} effects to undo now; ${confirm} were confirmed.`,
      );
    let compensated = 0;
    const refused: UndoRefusal[] = [];
    for (const { commandId, command, event, learnerId } of plan.compensations) {
      const outcome = await this.gateway.dispatch({
        ...command,
        tenant,
        commandId,
        idSource: 'derived',
        actor,
        correlationId: undo,
        now,
      });
      if (outcome.accepted) compensated++;
      else
        refused.push({
          event: publicId('evt', event),
          learner: publicId('lrn', learnerId),
          code: outcome.code,
          detail: outcome.detail,
        });
    }
    return { ...preview, done: { compensated, refused } };
  }

  private async seen(
    tenant: TenantId,
    events: readonly Recorded[],
    states: readonly RecordState[],
  ): Promise<UndoAnswer['seen']> {
    const told = events.filter(({ stream }) => FEED_CATEGORIES.has(categoryOf(stream)));
    const readers = await this.marks.readers(tenant);
    const issued = new Set(
      events.flatMap(({ type, data }) =>
        type === 'credential-issued' ? [(data as { credentialId: string }).credentialId] : [],
      ),
    );
    return {
      feed: readers.flatMap(({ reader, upTo }) => {
        const count = told.filter(({ position }) => position <= upTo).length;
        return count === 0 ? [] : [{ reader: publicActor(reader), events: count }];
      }),
      issued: issued.size,
      restingOn: states
        .flatMap(heldIn)
        .filter(
          ({ data, ended }) =>
            !ended &&
            !issued.has(data.credentialId) &&
            data.components.some(({ componentId }) => issued.has(componentId)),
        )
        .map(({ data }) => publicId('crd', data.credentialId)),
    };
  }

  /** All events of the run, in the log's order. */
  private async eventsOf(tenant: TenantId, run: string): Promise<readonly Recorded[]> {
    const { log, waitFor } = this.installation;
    // What the projection has not seen would be left as it is.
    if (!(await waitFor(['audit'], await log.head(), WAIT_MS)))
      throw new ProblemException('read-model-behind', 'The audit trail does not reach the end of the log yet.');
    return eventsOfCorrelation(this.installation, tenant, run);
  }
}

class UndoBody {
  @Text({ max: 200, description: 'Who is entitled to decide it.' }) authority!: string;
  @IntegerField({
    optional: true,
    max: 10_000_000,
    description: 'Number of effects, as the preview gave it: with it the run is undone. Left out: a preview.',
  })
  confirm?: number;
}

@ApiTags('progress')
@Controller('api/operations')
@RequireScope('imports:run')
export class UndoRoutes {
  constructor(private readonly undoRun: UndoRun) {}

  @Post(':run/undo')
  @HttpCode(200)
  @ApiOperation({ summary: 'What undoing a run would compensate; with `confirm`, undoes it' })
  undo(
    @Caller() { tenant, actor }: TenantCaller,
    @Param('run') run: string,
    @Body() body: UndoBody,
  ): Promise<UndoAnswer> {
    return this.undoRun.undo(tenant, runIdOf(run), actor, body.authority, body.confirm);
  }
}
