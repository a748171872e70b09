// Preview and run of a change of rules as people and programs read it: a head, a row for each enrollment, the counts.
import { Inject, Injectable } from '@nestjs/common';
import {
  canonicalJson,
  publicId,
  uuidv5,
  type CommandContext,
  type EnrollmentId,
  type Instant,
  type Json,
} from '@cairn/kernel';
import { CommandGateway, INSTALLATION, positionOf, positionToken, type Installation } from '@cairn/platform';
import { enrollmentOf } from '../domain/record.state.js';
import { SIMULATED_OUTCOMES, type Simulated } from '../domain/simulating.js';
import { moveCommand, Simulator, type Previewed, type SimulationFrame, type SimulationTarget } from './simulation.js';

export type SimulationHead = {
  readonly pathway: string;
  /** Label of the version; the draft has none yet. */
  readonly version: string | null;
  readonly hash: string;
  readonly position: string;
  readonly asOf: string;
};
export type SimulationRow = Omit<Simulated, 'enrollment' | 'gains' | 'loses'> & {
  readonly enrollment: string;
  readonly learner: string;
  readonly gains: readonly (Omit<Simulated['gains'][number], 'templateId'> & { readonly template: string })[];
  readonly loses: readonly (Omit<Simulated['loses'][number], 'templateId'> & { readonly template: string })[];
};
export type SimulationSummary = { readonly counts: Readonly<Record<Simulated['outcome'], number>> };

/** `unchanged`: it is in the version already. `changed-since`: not as previewed any more, hence not touched. */
const RUN_OUTCOMES = ['moved', 'unchanged', 'changed-since', 'refused'] as const;
type RunOutcome = (typeof RUN_OUTCOMES)[number];

export type RunTarget = SimulationTarget & {
  readonly version: string;
  /** Position and instant of the preview. */
  readonly position: string;
  readonly asOf: Instant;
  readonly reasonCode: string;
};
export type RunRow = {
  readonly enrollment: string;
  readonly learner: string;
  readonly outcome: RunOutcome;
  /** Revision of the record: as previewed, and after the move. */
  readonly previewed: number;
  readonly revision?: number;
  readonly refusal?: { readonly code: string; readonly detail: string };
};
export type RunSummary = { readonly counts: Readonly<Record<RunOutcome, number>> };

@Injectable()
export class SimulationReport {
  constructor(
    private readonly simulator: Simulator,
    private readonly gateway: CommandGateway,
    @Inject(INSTALLATION) private readonly installation: Installation,
  ) {}

  async preview(target: SimulationTarget): Promise<{
    readonly head: SimulationHead;
    readonly rows: AsyncGenerator<SimulationRow | SimulationSummary>;
  }> {
    const frame = await this.simulator.frame(target);
    return { head: this.headOf(frame), rows: this.rows(frame) };
  }

  /**
   * Moves everyone as previewed at the position and instant named, each at the revision of then. Run again, it finds
   * them moved. `context`: its correlation id names the run.
   */
  async run(
    { position, asOf, reasonCode, ...target }: RunTarget,
    context: CommandContext,
  ): Promise<{
    readonly head: SimulationHead & { readonly run: string };
    readonly rows: AsyncGenerator<RunRow | RunSummary>;
  }> {
    const frame = await this.simulator.frame(target, { position: positionOf(this.installation.logId, position), asOf });
    return {
      head: { run: context.correlationId, ...this.headOf(frame) },
      rows: this.moves(frame, reasonCode, context),
    };
  }

  private async *moves(
    frame: SimulationFrame,
    reasonCode: string,
    context: CommandContext,
  ): AsyncGenerator<RunRow | RunSummary> {
    const counts = countsOf(RUN_OUTCOMES);
    // A learner with two enrollments: the first move is ours, and no change since.
    let own: { readonly stream: string; readonly revision: number } | undefined;
    for await (const previewed of this.simulator.enrollments(frame)) {
      const expected = own?.stream === previewed.stream ? own.revision : previewed.revision;
      const found = await this.move(frame, previewed, expected, reasonCode, context);
      if (found.outcome === 'moved') own = { stream: previewed.stream, revision: found.revision };
      counts[found.outcome]++;
      yield { ...namesOf(previewed.enrollmentId), previewed: previewed.revision, ...found };
    }
    yield { counts };
  }

  private async move(
    frame: SimulationFrame,
    { enrollmentId, before, now, nowRevision }: Previewed,
    expected: number,
    reasonCode: string,
    context: CommandContext,
  ): Promise<
    | { readonly outcome: 'moved'; readonly revision: number }
    | (Pick<RunRow, 'refusal'> & { readonly outcome: Exclude<RunOutcome, 'moved'> })
  > {
    if (enrollmentOf(now, enrollmentId)?.ref.version === frame.to.version) return { outcome: 'unchanged' };
    if (nowRevision !== expected) return { outcome: 'changed-since' };
    const preview = await this.simulator.simulate(frame, enrollmentId, before, frame.asOf);
    if (preview.refusal) return { outcome: 'refused', refusal: preview.refusal };
    // Time alone changes something too: a term ends, credits grow too old.
    const today = await this.simulator.simulate(frame, enrollmentId, now, context.now);
    if (decided(today) !== decided(preview)) return { outcome: 'changed-since' };
    const command = moveCommand(frame, enrollmentId, reasonCode, {
      tenant: context.tenant,
      actor: context.actor,
      now: context.now,
      correlationId: context.correlationId,
      commandId: uuidv5(context.correlationId, 'move', enrollmentId),
      idSource: 'derived',
    });
    const outcome = await this.gateway.dispatch(command, { expectedRevision: expected });
    if (!outcome.accepted)
      return outcome.code === 'revision-stale'
        ? { outcome: 'changed-since' }
        : { outcome: 'refused', refusal: { code: outcome.code, detail: outcome.detail } };
    return outcome.outcome === 'recorded' ? { outcome: 'moved', revision: outcome.revision } : { outcome: 'unchanged' };
  }

  headOf({ target, to, position, asOf }: SimulationFrame): SimulationHead {
    return {
      pathway: to.slug,
      version: target.version === undefined ? null : to.label,
      hash: to.hash,
      position: positionToken(this.installation.logId, position),
      asOf,
    };
  }

  private async *rows(frame: SimulationFrame): AsyncGenerator<SimulationRow | SimulationSummary> {
    const counts = countsOf(SIMULATED_OUTCOMES);
    for await (const { enrollmentId, before } of this.simulator.enrollments(frame)) {
      const simulated = await this.simulator.simulate(frame, enrollmentId, before, frame.asOf);
      counts[simulated.outcome]++;
      yield shown(simulated);
    }
    yield { counts };
  }
}

export const countsOf = <T extends string>(outcomes: readonly T[]): Record<T, number> =>
  Object.fromEntries(outcomes.map((outcome) => [outcome, 0])) as Record<T, number>;

export const namesOf = (enrollment: EnrollmentId) => ({
  enrollment: publicId('enr', enrollment),
  learner: publicId('lrn', enrollment.slice(0, 36)),
});

/** What a move decides. */
const decided = ({ outcome, gains, stepsMet }: Simulated): string =>
  canonicalJson({ outcome, gains, stepsMet } as unknown as Json);

/** As people and programs read it. */
export function shown({ enrollment, gains, loses, ...rest }: Simulated): SimulationRow {
  return {
    ...namesOf(enrollment),
    ...rest,
    gains: gains.map(({ templateId, because, ...gain }) => ({
      ...gain,
      template: publicId('tpl', templateId),
      because: because.map(({ by, ...met }) => ({ ...met, by: by.map((event) => publicId('evt', event)) })),
    })),
    loses: loses.map(({ templateId, ...loss }) => ({ ...loss, template: publicId('tpl', templateId) })),
  };
}
