// Preview and run of a change of rules as people and programs read it: a head, a row for each enrollment, the counts.
import { Inject, Injectable } from '@nestjs/common';
import { publicId } from '@cairn/kernel';
import { INSTALLATION, positionToken, type Installation } from '@cairn/platform';
import { SIMULATED_OUTCOMES, type Simulated } from '../domain/simulating.js';
import { Simulator, type SimulationFrame, type SimulationTarget } from './simulation.js';

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

@Injectable()
export class SimulationReport {
  constructor(
    private readonly simulator: Simulator,
    @Inject(INSTALLATION) private readonly installation: Installation,
  ) {}

  async preview(target: SimulationTarget): Promise<{
    readonly head: SimulationHead;
    readonly rows: AsyncGenerator<SimulationRow | SimulationSummary>;
  }> {
    const frame = await this.simulator.frame(target);
    return { head: this.headOf(frame), rows: this.rows(frame) };
  }

  private headOf({ target, to, position, asOf }: SimulationFrame): SimulationHead {
    return {
      pathway: to.slug,
      version: target.version === undefined ? null : to.label,
      hash: to.hash,
      position: positionToken(this.installation.logId, position),
      asOf,
    };
  }

  private async *rows(frame: SimulationFrame): AsyncGenerator<SimulationRow | SimulationSummary> {
    const counts = Object.fromEntries(SIMULATED_OUTCOMES.map((outcome) => [outcome, 0])) as Record<
      Simulated['outcome'],
      number
    >;
    for await (const { enrollmentId, then } of this.simulator.enrollments(frame)) {
      const simulated = await this.simulator.simulate(frame, enrollmentId, then, frame.asOf);
      counts[simulated.outcome]++;
      yield shown(simulated);
    }
    yield { counts };
  }
}

function shown({ enrollment, gains, loses, ...rest }: Simulated): SimulationRow {
  return {
    enrollment: publicId('enr', enrollment),
    learner: publicId('lrn', enrollment.slice(0, 36)),
    ...rest,
    gains: gains.map(({ templateId, because, ...gain }) => ({
      ...gain,
      template: publicId('tpl', templateId),
      because: because.map(({ by, ...met }) => ({ ...met, by: by.map((event) => publicId('evt', event)) })),
    })),
    loses: loses.map(({ templateId, ...loss }) => ({ ...loss, template: publicId('tpl', templateId) })),
  };
}
