// The analyses of one pathway version: funnel, drop-off, time in step. Every answer carries its definition, the log's
// position and the as-of instant, so that it can be reproduced.
import { Inject, Injectable } from '@nestjs/common';
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import type { Instant, PathwayId, TenantId } from '@cairn/kernel';
import { pathwayFold, pathwayStream, versionByLabelOrNumber, type PublishedPathway } from '@cairn/contexts/catalog';
import { INSTALLATION, positionToken, ProblemException, type Installation } from '@cairn/platform';
import {
  countersSuffice,
  dropOff,
  dropOffDefinition,
  FUNNEL_DEFINITION,
  funnelFromCounters,
  funnelFromJourneys,
  holdUndone,
  TIME_IN_STEP_DEFINITION,
  timeInStep,
  type DropOffAnswer,
  type FunnelCountsAnswer,
  type FunnelOrder,
  type TimeInStep,
} from '../domain/funnel.js';
import type { Axes, Journey } from '../domain/journey.js';
import type { FunnelCounts } from '../projections/pathway-funnel.projection.js';

/** What is asked about. `version` is a label or number; left out: the newest published. */
export type AnalysisTarget = {
  readonly tenant: TenantId;
  readonly pathwayId: PathwayId;
  readonly version?: string;
  readonly entryPoint?: string;
  /** ISO week of joining, `2026-W10`. */
  readonly cohort?: string;
  readonly asOf?: Instant;
  readonly knownAt?: Instant;
};

export type Framed<T> = T & {
  readonly pathway: string;
  readonly version: string;
  readonly definition: string;
  readonly position: string;
  readonly asOf: Instant;
};

export type FunnelAnswer = Framed<FunnelCountsAnswer & { readonly order: FunnelOrder }>;

export class FunnelQuery extends Query<FunnelAnswer> {
  constructor(
    readonly target: AnalysisTarget,
    readonly order: FunnelOrder,
  ) {
    super();
  }
}
export class DropOffQuery extends Query<Framed<DropOffAnswer & { readonly activeDays: number }>> {
  constructor(
    readonly target: AnalysisTarget,
    readonly activeDays: number,
  ) {
    super();
  }
}
export class TimeInStepQuery extends Query<Framed<{ readonly steps: readonly TimeInStep[] }>> {
  constructor(readonly target: AnalysisTarget) {
    super();
  }
}

const PAGE = 1_000;

/** Reads the documents behind an analysis. */
@Injectable()
export class AnalyticsReader {
  constructor(@Inject(INSTALLATION) private readonly installation: Installation) {}

  /** The version asked about. Throws `not-found` and says which versions there are. */
  async version(target: AnalysisTarget): Promise<PublishedPathway> {
    const stream = pathwayStream(target.tenant, target.pathwayId);
    const { state } = await this.installation.executor.snapshot(pathwayFold, stream);
    const found = target.version === undefined ? state.versions.at(-1) : versionByLabelOrNumber(state, target.version);
    if (found) {
      await this.refuseUnknown(target, found);
      return found;
    }
    if (state.versions.length === 0) throw new ProblemException('not-found', 'There is no such published pathway.');
    const labels = state.versions.map(({ label }) => label).join(', ');
    throw new ProblemException('not-found', `The pathway has no version "${target.version}"; it has ${labels}.`);
  }

  /** Zeros for a name that nobody ever used would pass for an answer: says which entry points and cohorts there are. */
  private async refuseUnknown(target: AnalysisTarget, version: PublishedPathway): Promise<void> {
    const refuse = (what: string, name: string, known: readonly string[]): never => {
      throw new ProblemException(
        'not-found',
        `The version ${version.label} has no ${what} "${name}"; it has ${known.join(', ') || 'none yet'}.`,
        { next: 'Name one of those, or leave it out.' },
      );
    };
    const entryPoints = version.rules.entryPoints.map(({ id }) => id);
    if (target.entryPoint !== undefined && !entryPoints.includes(target.entryPoint))
      refuse('entry point', target.entryPoint, entryPoints);
    if (target.cohort === undefined) return;
    // One document a cohort.
    const { cohort: _cohort, ...all } = target;
    const cohorts = [...new Set((await this.counters(all, version)).map(({ cohortWeek }) => cohortWeek))].toSorted();
    if (!cohorts.includes(target.cohort)) refuse('cohort', target.cohort, cohorts);
  }

  frame<T extends object>(
    { asOf }: Axes,
    version: PublishedPathway,
    projection: string,
    definition: string,
    answer: T,
  ): Framed<T> {
    const position = this.installation.positionOfProjections([projection]);
    return {
      pathway: version.slug,
      version: version.label,
      ...answer,
      definition,
      position: positionToken(this.installation.logId, position),
      asOf,
    };
  }

  /** The instants asked about; left out, both are now: by the tenant's clock, which in a sandbox is its own. */
  async axes(target: AnalysisTarget): Promise<Axes> {
    const now = await this.installation.now(target.tenant);
    return { asOf: target.asOf ?? now, knownAt: target.knownAt ?? now };
  }

  async journeys(target: AnalysisTarget, version: PublishedPathway): Promise<readonly Journey[]> {
    const found = await this.all<Journey>('journeys', target, version);
    return target.entryPoint === undefined ? found : found.filter(({ entryPoint }) => entryPoint === target.entryPoint);
  }

  counters(target: AnalysisTarget, version: PublishedPathway): Promise<readonly FunnelCounts[]> {
    return this.all<FunnelCounts>('pathway_funnel', target, version);
  }

  private async all<D>(projection: string, target: AnalysisTarget, version: PublishedPathway): Promise<readonly D[]> {
    const filter = {
      tenant: target.tenant,
      pathwayId: target.pathwayId,
      version: version.version,
      ...(target.cohort === undefined ? {} : { cohortWeek: target.cohort }),
    };
    const documents: D[] = [];
    let after: readonly unknown[] | undefined;
    for (;;) {
      const page = await this.installation.views.find(projection, filter, {
        sort: [['_id', 1]],
        limit: PAGE,
        ...(after ? { after } : {}),
      });
      documents.push(...(page as unknown as readonly D[]));
      const last = page.at(-1);
      if (page.length < PAGE || !last) return documents;
      after = [last._id];
    }
  }
}

@QueryHandler(FunnelQuery)
export class FunnelHandler implements IQueryHandler<FunnelQuery> {
  constructor(private readonly reader: AnalyticsReader) {}

  async execute({ target, order }: FunnelQuery): Promise<FunnelAnswer> {
    const version = await this.reader.version(target);
    const axes = await this.reader.axes(target);
    const { rules } = version;
    // The counters know the present only; a question about another instant recounts the journeys.
    const present = target.asOf === undefined && target.knownAt === undefined;
    const counters = present && countersSuffice(rules, order) ? await this.reader.counters(target, version) : [];
    const fromCounters = counters.length > 0 && !holdUndone(counters);
    const answer = fromCounters
      ? funnelFromCounters(rules, counters, order, target.entryPoint)
      : funnelFromJourneys(rules, await this.reader.journeys(target, version), order, axes);
    const projection = fromCounters ? 'pathway_funnel' : 'journeys';
    return this.reader.frame(axes, version, projection, FUNNEL_DEFINITION[order], { order, ...answer });
  }
}

@QueryHandler(DropOffQuery)
export class DropOffHandler implements IQueryHandler<DropOffQuery> {
  constructor(private readonly reader: AnalyticsReader) {}

  async execute({ target, activeDays }: DropOffQuery) {
    const version = await this.reader.version(target);
    const axes = await this.reader.axes(target);
    const answer = dropOff(version.rules, await this.reader.journeys(target, version), axes, activeDays);
    return this.reader.frame(axes, version, 'journeys', dropOffDefinition(activeDays), { activeDays, ...answer });
  }
}

@QueryHandler(TimeInStepQuery)
export class TimeInStepHandler implements IQueryHandler<TimeInStepQuery> {
  constructor(private readonly reader: AnalyticsReader) {}

  async execute({ target }: TimeInStepQuery) {
    const version = await this.reader.version(target);
    const axes = await this.reader.axes(target);
    const steps = timeInStep(version.rules, await this.reader.journeys(target, version), axes);
    return this.reader.frame(axes, version, 'journeys', TIME_IN_STEP_DEFINITION, { steps });
  }
}
