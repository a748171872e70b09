// An act on many credentials: previewed for all, confirmed in words, then sent item by item at the revision previewed.
import { Inject, Injectable } from '@nestjs/common';
import { publicId, uuidv5, type CommandContext, type Instant, type Recorded } from '@cairn/kernel';
import { countOfCorrelation } from '@cairn/contexts/audit';
import {
  begun,
  CommandGateway,
  INSTALLATION,
  positionOf,
  positionToken,
  ProblemException,
  Runs,
  type Installation,
} from '@cairn/platform';
import type { BulkAct } from '../domain/bulk-acts.js';
import {
  BulkItems,
  commandOf,
  isRefusal,
  type BulkFrame,
  type BulkItem,
  type BulkTarget,
} from '../queries/bulk-items.js';
import type { CascadeEffect } from '../queries/cascade.js';

export type BulkHead = {
  readonly run: string;
  readonly action: BulkAct;
  readonly position: string;
  readonly asOf: string;
};
type Named = { readonly credential?: string; readonly learner?: string };
type Refusal = { readonly refusal?: { readonly code: string; readonly detail: string } };

/** `revision`: of the stream decided on, which the run expects again. */
export type BulkPreviewRow = Named &
  Refusal & {
    readonly revision: number;
    readonly effect: BulkAct | 'unchanged' | 'refused';
    /** What would follow by policy and rule, level by level. */
    readonly cascade: readonly CascadeEffect[];
  };
export type BulkPreviewSummary = {
  readonly counts: { readonly affected: number; readonly unchanged: number; readonly refused: number };
  readonly cascade: Readonly<Record<string, number>>;
  /** The words that confirm it. */
  readonly confirm: string;
};

/** `unchanged`: it is so already, by this run or before. `changed-since`: not as previewed, hence not touched. */
const OUTCOMES = ['done', 'unchanged', 'changed-since', 'refused'] as const;
export type BulkRunRow = Named &
  Refusal & {
    readonly previewed: number;
    readonly outcome: (typeof OUTCOMES)[number];
    readonly revision?: number;
  };
export type BulkRunSummary = {
  readonly counts: Readonly<Record<(typeof OUTCOMES)[number], number>>;
  /** It was cancelled, or the server closes: sent again, it goes on. */
  readonly cancelled?: true;
};

/** An item may be changed by what follows from another of the run, but not for ever. */
const TRIES = 5;

@Injectable()
export class BulkRun {
  constructor(
    private readonly items: BulkItems,
    private readonly gateway: CommandGateway,
    private readonly runs: Runs,
    @Inject(INSTALLATION) private readonly installation: Installation,
  ) {}

  /** `run`: to act under an id of one's own, several requests under one. */
  async preview(
    target: BulkTarget,
    run?: string,
  ): Promise<{ readonly head: BulkHead; readonly rows: AsyncGenerator<BulkPreviewRow | BulkPreviewSummary> }> {
    const frame = await this.items.frame(target, undefined, run);
    return { head: this.headOf(frame), rows: this.previewed(frame) };
  }

  /**
   * Does exactly what the preview at that position and instant said. Throws `preview-stale` before anything is sent if
   * `confirm` is not its words, `run-undone`, `run-under-way`. Cut off or cancelled, it goes on when it is sent again.
   */
  async run(
    target: BulkTarget,
    at: { readonly position: string; readonly asOf: Instant },
    confirm: string,
    context: Pick<CommandContext, 'actor' | 'now' | 'traceparent'>,
    run?: string,
  ): Promise<{ readonly head: BulkHead; readonly rows: AsyncGenerator<BulkRunRow | BulkRunSummary> }> {
    const { logId } = this.installation;
    const frame = await this.items.frame(target, { ...at, position: positionOf(logId, at.position) }, run);
    if ((await countOfCorrelation(this.installation, target.tenant, uuidv5(frame.run, 'undo'), 1)) > 0)
      throw new ProblemException('run-undone', `${publicId('opr', frame.run)} was undone.`);
    let affected = 0;
    for await (const some of this.items.items(frame))
      affected += some.filter(({ effect }) => effect !== 'unchanged' && !isRefusal(effect)).length;
    const words = confirmation(target.action, affected);
    if (confirm !== words)
      throw new ProblemException(
        'preview-stale',
        `What was previewed is confirmed by "${words}"; "${confirm}" was sent.`,
      );
    return begun<BulkHead, BulkRunRow | BulkRunSummary>(this.acts(frame, context));
  }

  private headOf({ run, target, position, asOf }: BulkFrame): BulkHead {
    return {
      run: publicId('opr', run),
      action: target.action,
      position: positionToken(this.installation.logId, position),
      asOf,
    };
  }

  private async *previewed(frame: BulkFrame): AsyncGenerator<BulkPreviewRow | BulkPreviewSummary> {
    const { action } = frame.target;
    const counts = { affected: 0, unchanged: 0, refused: 0 };
    const follows: Record<string, number> = {};
    for await (const some of this.items.items(frame)) {
      const cascades = await Promise.all(some.map((item) => item.cascade()));
      for (const [index, item] of some.entries()) {
        const cascade = cascades[index] ?? [];
        for (const { effect } of cascade) follows[effect] = (follows[effect] ?? 0) + 1;
        const { effect } = item;
        const said = effect === 'unchanged' ? effect : isRefusal(effect) ? 'refused' : action;
        counts[said === action ? 'affected' : (said as 'unchanged' | 'refused')]++;
        yield { ...namesOf(item), revision: item.revision, effect: said, ...refusalOf(effect), cascade };
      }
    }
    yield { counts, cascade: follows, confirm: confirmation(action, counts.affected) };
  }

  private async *acts(
    frame: BulkFrame,
    context: Pick<CommandContext, 'actor' | 'now' | 'traceparent'>,
  ): AsyncGenerator<BulkHead | BulkRunRow | BulkRunSummary> {
    const { tenant } = frame.target;
    const counts = { done: 0, unchanged: 0, 'changed-since': 0, refused: 0 };
    const underWay = this.runs.begin(tenant, frame.run);
    try {
      yield this.headOf(frame);
      for await (const some of this.items.items(frame)) {
        if (underWay.signal.aborted) {
          yield { counts, cancelled: true };
          return;
        }
        const sent = {
          ...context,
          tenant,
          correlationId: frame.run,
          commandId: frame.run,
          idSource: 'derived' as const,
        };
        const done = await Promise.all(some.map((item) => this.act(frame, item, sent)));
        for (const [index, result] of done.entries()) {
          const item = some[index] as BulkItem;
          counts[result.outcome]++;
          yield { ...namesOf(item), previewed: item.revision, ...result };
        }
        underWay.tell(counts);
      }
      yield { counts };
    } finally {
      underWay.end();
    }
  }

  private async act(
    { run }: BulkFrame,
    item: BulkItem,
    context: CommandContext,
  ): Promise<Omit<BulkRunRow, 'previewed' | keyof Named>> {
    const { effect, commandId, stream, revision } = item;
    if (effect === 'unchanged') return { outcome: 'unchanged' };
    if (isRefusal(effect)) return { outcome: 'refused', ...refusalOf(effect) };
    for (let { newer } = item, tries = 1; ; tries++) {
      if (newer.some(({ meta }) => meta.$causationId === commandId)) return { outcome: 'unchanged' };
      // What followed from other items of this run is no change by others.
      if (tries > TRIES || newer.some(({ meta }) => meta.$correlationId !== run)) return { outcome: 'changed-since' };
      const expectedRevision = revision + newer.length;
      const outcome = await this.gateway.dispatch(commandOf(item, context), { expectedRevision });
      if (outcome.accepted)
        return outcome.outcome === 'recorded' && !outcome.replayed
          ? { outcome: 'done', revision: outcome.revision }
          : { outcome: 'unchanged' };
      if (outcome.code !== 'revision-stale') return { outcome: 'refused', ...refusalOf(outcome) };
      newer = await this.newerThan(stream, revision);
    }
  }

  private newerThan(stream: string, revision: number): Promise<readonly Recorded[]> {
    return this.installation.executor.history(stream, { from: revision + 1 });
  }
}

const confirmation = (action: BulkAct, affected: number): string => `${action} ${affected}`;

const namesOf = ({ credential, learner }: BulkItem): Named => ({
  ...(credential === undefined ? {} : { credential: publicId('crd', credential) }),
  ...(learner === undefined ? {} : { learner: publicId('lrn', learner) }),
});

const refusalOf = (effect: BulkItem['effect']): Refusal =>
  isRefusal(effect) ? { refusal: { code: effect.code, detail: effect.detail } } : {};
