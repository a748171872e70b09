// A shadow: a draft evaluated beside the versions that people are in. Nothing is kept of it: what the draft would have
// decided follows from the records up to a position and the rules frozen when it was put in shadow, by the same code as
// a dry run. So it issues nothing, costs nothing while nobody asks, and answers the same for ever.
import { Controller, Get, Inject, Injectable, Param, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Readable } from 'node:stream';
import {
  canonicalJson,
  publicActor,
  publicId,
  type EnrollmentId,
  type Instant,
  type Json,
  type PathwayId,
  type Recorded,
  type TenantId,
} from '@cairn/kernel';
import { pathwayFold, pathwayStream, type PathwayEvent } from '@cairn/contexts/catalog';
import {
  Caller,
  idFromPath,
  idOrSlug,
  INSTALLATION,
  InstantField,
  instantOf,
  NDJSON,
  ndjson,
  positionOf,
  ProblemException,
  RequireScope,
  Text,
  type Installation,
  type TenantCaller,
} from '@cairn/platform';
import type { RecordEvent } from '../contracts/record.events.js';
import { recordFold } from '../domain/record.state.js';
import type { RecordState } from '../domain/record.types.js';
import { SIMULATED_OUTCOMES, type Simulated } from '../domain/simulating.js';
import {
  countsOf,
  namesOf,
  shown,
  SimulationReport,
  type SimulationHead,
  type SimulationRow,
  type SimulationSummary,
} from './simulation-report.js';
import { isAskedAbout, Simulator, type FramePlace, type Previewed, type SimulationFrame } from './simulation.js';

/**
 * Since when the draft would have decided this: `start`, it was so when the shadow began; `event`, from that event of the
 * record on; `time`, no event made it so: a term ended or credits grew too old at some instant after `at`.
 */
export type ShadowSince = { readonly by: 'start' | 'event' | 'time'; readonly at: Instant; readonly event?: string };
export type ShadowHead = SimulationHead & {
  readonly shadow: 'running' | 'ended';
  readonly started: { readonly at: Instant; readonly by: string };
  readonly ended?: { readonly at: Instant; readonly by: string; readonly why: string; readonly reasonCode?: string };
};
/** `since`: left out for those whom the draft changes nothing for. */
export type ShadowRow = SimulationRow & { readonly since?: ShadowSince };
export type ShadowChange = Omit<SimulationRow, 'enrollment' | 'learner'> & { readonly since: ShadowSince };

type Named = { readonly tenant: TenantId; readonly pathwayId: PathwayId };
type Shadow = {
  readonly started: Recorded<Extract<PathwayEvent, { type: 'pathway-shadow-started' }>>;
  readonly ended: Recorded<Extract<PathwayEvent, { type: 'pathway-shadow-ended' }>> | undefined;
  readonly frame: SimulationFrame;
};

@Injectable()
export class ShadowReport {
  constructor(
    private readonly simulator: Simulator,
    private readonly reports: SimulationReport,
    @Inject(INSTALLATION) private readonly installation: Installation,
  ) {}

  /** Everyone; `at` as an answer gave it, else where the shadow ended, else the head of the log, now. */
  async report(
    named: Named,
    at?: FramePlace,
  ): Promise<{ readonly head: ShadowHead; readonly rows: AsyncGenerator<ShadowRow | SimulationSummary> }> {
    const shadow = await this.shadow(named, at);
    return { head: this.headOf(shadow), rows: this.rows(shadow) };
  }

  /** What the draft would have decided for one enrollment, from the start of the shadow on, change by change. */
  async changes(
    named: Named,
    enrollmentId: EnrollmentId,
  ): Promise<ShadowHead & { readonly enrollment: string; readonly learner: string; readonly changes: ShadowChange[] }> {
    const shadow = await this.shadow(named);
    const found = await this.simulator.enrollment(shadow.frame, enrollmentId);
    if (!found) throw new ProblemException('not-found', 'The shadow looks at no such enrollment.');
    const changes: ShadowChange[] = [];
    let before: string | undefined;
    for (const moment of momentsOf(shadow, found)) {
      const simulated = await this.decidedAt(shadow, enrollmentId, moment);
      const says = simulated && said(simulated);
      if (simulated && says !== before) changes.push({ ...changeOf(simulated), since: moment.since });
      before = says;
    }
    return { ...this.headOf(shadow), ...namesOf(enrollmentId), changes };
  }

  private async shadow({ tenant, pathwayId }: Named, at?: FramePlace): Promise<Shadow> {
    const { executor } = this.installation;
    const stream = pathwayStream(tenant, pathwayId);
    const history = (await executor.history(stream)) as readonly Recorded<PathwayEvent>[];
    const started = history.findLast((event) => event.type === 'pathway-shadow-started');
    if (!started) throw new ProblemException('not-found', 'No draft of this pathway was ever put in shadow.');
    const ended = history.find(
      (event) => event.type === 'pathway-shadow-ended' && event.revision > started.revision,
    ) as Shadow['ended'];
    if (at && (at.position < started.position || (ended && at.position > ended.position)))
      throw new ProblemException('not-found', 'The shadow was not running at that position.');
    const { candidate, from, ...more } = started.data;
    const place = at ?? (ended && { position: ended.position, asOf: ended.meta.recordedAt });
    const state = history.reduce(pathwayFold.evolve, pathwayFold.initial);
    const target = { tenant, ...more };
    return { started, ended, frame: await this.simulator.frameOf({ target, to: candidate, from }, state, place) };
  }

  private headOf({ started, ended, frame }: Shadow): ShadowHead {
    const by = ({ meta }: Recorded) => ({ at: meta.recordedAt, by: publicActor(meta.actor) });
    return {
      ...this.reports.headOf(frame),
      shadow: ended ? 'ended' : 'running',
      started: by(started),
      ...(ended
        ? {
            ended: {
              ...by(ended),
              why: ended.data.why,
              ...(ended.data.reasonCode === undefined ? {} : { reasonCode: ended.data.reasonCode }),
            },
          }
        : {}),
    };
  }

  private async *rows(shadow: Shadow): AsyncGenerator<ShadowRow | SimulationSummary> {
    const counts = countsOf(SIMULATED_OUTCOMES);
    const { frame } = shadow;
    for await (const previewed of this.simulator.enrollments(frame)) {
      const simulated = await this.simulator.simulate(frame, previewed.enrollmentId, previewed.before, frame.asOf);
      counts[simulated.outcome]++;
      const since =
        simulated.outcome === 'unchanged' ? undefined : await this.since(shadow, previewed, said(simulated));
      yield { ...shown(simulated), ...(since ? { since } : {}) };
    }
    yield { counts };
  }

  /** Goes back through the record, one append after the other, until the draft would have decided otherwise. */
  private async since(shadow: Shadow, previewed: Previewed, says: string): Promise<ShadowSince> {
    const [now, ...earlier] = momentsOf(shadow, previewed).toReversed() as [Moment, ...Moment[]];
    let since = now.since;
    for (const moment of earlier) {
      const simulated = await this.decidedAt(shadow, previewed.enrollmentId, moment);
      if (!simulated || said(simulated) !== says) break;
      ({ since } = moment);
    }
    return since;
  }

  private async decidedAt(
    { frame }: Shadow,
    enrollmentId: EnrollmentId,
    { state, now }: Moment,
  ): Promise<Simulated | undefined> {
    if (!isAskedAbout(frame, state, enrollmentId)) return undefined;
    return this.simulator.simulate({ ...frame, asOf: now }, enrollmentId, state, now);
  }
}

/** A record at an instant at which the draft may have come to decide otherwise. */
type Moment = { readonly state: RecordState; readonly now: Instant; readonly since: ShadowSince };

/** The start of the shadow, each append to the record since, and the instant of the answer; oldest first. */
function momentsOf({ started, frame }: Shadow, { known }: Previewed): readonly Moment[] {
  const startedAt = started.meta.recordedAt;
  const begin = known.filter(({ position }) => position <= started.position);
  const start: Moment = {
    state: begin.reduce(recordFold.evolve, recordFold.initial),
    now: startedAt,
    since: { by: 'start', at: startedAt },
  };
  const moments = [start];
  for (const append of appendsIn(known.slice(begin.length))) {
    const { id, meta } = append[0] as Recorded<RecordEvent>;
    const before = moments.at(-1) as Moment;
    moments.push({
      state: append.reduce(recordFold.evolve, before.state),
      now: meta.recordedAt,
      since: { by: 'event', at: meta.recordedAt, event: publicId('evt', id) },
    });
  }
  const last = moments.at(-1) as Moment;
  return [...moments, { state: last.state, now: frame.asOf, since: { by: 'time', at: last.now } }];
}

/** Events that were appended together: between them there was never anything to see. */
function appendsIn(events: readonly Recorded<RecordEvent>[]): readonly (readonly Recorded<RecordEvent>[])[] {
  const appends: Recorded<RecordEvent>[][] = [];
  for (const event of events) {
    const last = appends.at(-1);
    if (last?.[0]?.meta.$causationId === event.meta.$causationId && last) last.push(event);
    else appends.push([event]);
  }
  return appends;
}

const said = ({ enrollment: _enrollment, version: _version, ...rest }: Simulated): string =>
  canonicalJson(rest as unknown as Json);

const changeOf = (simulated: Simulated) => {
  const { enrollment: _enrollment, learner: _learner, ...change } = shown(simulated);
  return change;
};

class ShadowQuery {
  @Text({ optional: true, max: 60, description: 'Position of an earlier answer; with asOf.' }) position?: string;
  @InstantField({ optional: true, description: 'Instant of that answer.' }) asOf?: string;
}

@ApiTags('progress')
@Controller('api/pathways')
@RequireScope('progress:read')
export class ShadowQueries {
  constructor(
    private readonly shadows: ShadowReport,
    @Inject(INSTALLATION) private readonly installation: Installation,
  ) {}

  @Get(':id/shadow')
  @ApiProduces(NDJSON)
  @ApiOperation({
    summary: 'What the draft in shadow would have decided for everyone, and since when; nothing is issued by it',
    description:
      'Lines as a dry run of the draft gives them at the same position and instant, each with `since`. Of a shadow that ' +
      'has ended, as it was then. Without its last line an answer is not complete.',
  })
  async report(
    @Res() reply: FastifyReply,
    @Caller() { tenant }: TenantCaller,
    @Param('id') id: string,
    @Query() { position, asOf }: ShadowQuery,
  ): Promise<void> {
    if ((position === undefined) !== (asOf === undefined))
      throw new ProblemException('validation-failed', 'An earlier answer is named by its position and its asOf.');
    const at =
      position === undefined || asOf === undefined
        ? undefined
        : { position: positionOf(this.installation.logId, position), asOf: instantOf<Instant>(asOf) };
    const { head, rows } = await this.shadows.report({ tenant, pathwayId: idOrSlug<PathwayId>('pwy', tenant, id) }, at);
    await reply.type(NDJSON).send(Readable.from(ndjson(head, rows)));
  }

  @Get(':id/shadow/enrollments/:enrollment')
  @ApiOperation({ summary: 'What the draft in shadow would have decided for one learner, change by change' })
  changes(@Caller() { tenant }: TenantCaller, @Param('id') id: string, @Param('enrollment') enrollment: string) {
    return this.shadows.changes(
      { tenant, pathwayId: idOrSlug<PathwayId>('pwy', tenant, id) },
      idFromPath<EnrollmentId>('enr', enrollment),
    );
  }
}
