// What a version, published or a draft, would change for everyone in the older ones: one learner's record after the
// other, as of one position of the log. Nothing is kept but the counts, however many learners there are.
import { Inject, Injectable } from '@nestjs/common';
import {
  pathwayFold,
  pathwayStream,
  versionByLabelOrNumber,
  WOULD_BE_VERSION,
  type PathwayState,
  type PublishedPathway,
  type WouldBeVersion,
} from '@cairn/contexts/catalog';
import type {
  CommandContext,
  EnrollmentId,
  FactLoader,
  Instant,
  Issued,
  LearnerId,
  PathwayId,
  Position,
  Recorded,
  TenantId,
} from '@cairn/kernel';
import { INSTALLATION, ProblemException, type Installation } from '@cairn/platform';
import type { MoveEnrollmentToVersion } from '../contracts/record.commands.js';
import { learnerOf, recordStream, type RecordEvent } from '../contracts/record.events.js';
import { loadRecordFacts } from '../domain/record.facts.js';
import { mergeFold } from '../contracts/merged-records.js';
import { enrollmentOf, recordFold } from '../domain/record.state.js';
import type { RecordState } from '../domain/record.types.js';
import { simulateMove, type Simulated } from '../domain/simulating.js';
import { versionOf } from '../domain/version.js';
import { namesNeeded, type CatalogWords } from '../domain/why-not.js';
import { catalogWords } from './catalog-words.js';

export type SimulationTarget = {
  readonly tenant: TenantId;
  readonly pathwayId: PathwayId;
  /** Label or number; left out: the draft, as publishing it now would make it. */
  readonly version?: string;
  /** Only who is in this version; left out: in any older one. */
  readonly from?: string;
  readonly mapping?: { readonly [stepId: string]: string };
  readonly entryPoint?: string;
};

/** What a preview was made of: the same position and instant give the same rows again. */
export type FramePlace = { readonly position: Position; readonly asOf: Instant };
export type SimulationFrame = FramePlace & {
  readonly target: SimulationTarget;
  readonly to: PublishedPathway;
  /** Number of the one version left, if only that is asked about. */
  readonly from: number | undefined;
  readonly loader: FactLoader;
  readonly words: CatalogWords;
};

/** An enrollment as it was at the frame's position. */
export type Previewed = {
  readonly enrollmentId: EnrollmentId;
  readonly stream: string;
  /** Revision of the record at that position. */
  readonly revision: number;
  readonly before: RecordState;
  /** The events of `before`. */
  readonly known: readonly Recorded<RecordEvent>[];
  /** The record as it is now, and its revision. */
  readonly now: RecordState;
  readonly nowRevision: number;
};

const PAGE = 500;
const WAIT_MS = 10_000;

@Injectable()
export class Simulator {
  constructor(
    @Inject(INSTALLATION) private readonly installation: Installation,
    @Inject(WOULD_BE_VERSION) private readonly wouldBe: WouldBeVersion,
  ) {}

  /** `at`: of an earlier preview; left out: the head of the log, now. */
  async frame(target: SimulationTarget, at?: FramePlace): Promise<SimulationFrame> {
    const { tenant, pathwayId } = target;
    const { state } = await this.installation.executor.snapshot(pathwayFold, pathwayStream(tenant, pathwayId));
    const published = (text: string): PublishedPathway => {
      const found = versionByLabelOrNumber(state, text);
      if (!found) throw new ProblemException('not-found', `The pathway has no published version "${text}".`);
      return found;
    };
    const to = target.version === undefined ? await this.draftOf(target, state) : published(target.version);
    const from = target.from === undefined ? undefined : published(target.from).version;
    return this.frameOf({ target, to, from }, state, at);
  }

  /** `to`: any version that takes the place of its number, whatever was published under it since. */
  async frameOf(
    named: Pick<SimulationFrame, 'target' | 'to' | 'from'>,
    state: PathwayState,
    at?: FramePlace,
  ): Promise<SimulationFrame> {
    const { executor, log, now } = this.installation;
    const { tenant, pathwayId } = named.target;
    const position = at?.position ?? (await log.head());
    if (!(await this.installation.waitFor(['learner_progress'], position, WAIT_MS)))
      throw new ProblemException('read-model-behind', 'learner_progress has not caught up; ask again in a moment.');
    const loader = withVersion(executor.loader, pathwayStream(tenant, pathwayId), state, named.to);
    const words = await catalogWords(executor.loader, tenant, namesNeeded(versionOf(named.to)));
    return { ...named, position, asOf: at?.asOf ?? (await now(tenant)), loader, words };
  }

  private async draftOf({ tenant, pathwayId }: SimulationTarget, state: PathwayState): Promise<PublishedPathway> {
    if (!state.draft) throw new ProblemException('not-found', 'There is no such pathway.');
    const draft = await this.wouldBe(tenant, pathwayId);
    if ('accepted' in draft) throw ProblemException.of(draft);
    return draft;
  }

  /** Everyone who was in the versions left at the frame's position, in the order of learners. */
  async *enrollments(frame: SimulationFrame): AsyncGenerator<Previewed> {
    const { target, from } = frame;
    for (let after: readonly unknown[] | undefined; ;) {
      const page = await this.installation.views.find(
        'learner_progress',
        // Whoever moved on since is in a newer version by now.
        { tenant: target.tenant, pathwayId: target.pathwayId, version: { $gte: from ?? 1 } },
        { sort: [['_id', 1]], limit: PAGE, ...(after ? { after } : {}) },
      );
      for (const document of page) {
        const found = await this.enrollment(frame, document['enrollmentId'] as EnrollmentId);
        if (found) yield found;
      }
      const last = page.at(-1);
      if (page.length < PAGE || !last) return;
      after = [last._id];
    }
  }

  /** One of them; undefined if it was in none of the versions left at the frame's position. */
  async enrollment(frame: SimulationFrame, enrollmentId: EnrollmentId): Promise<Previewed | undefined> {
    const { stream, record, known } = await this.recordAt(frame, learnerOf(enrollmentId));
    const before = known.reduce(recordFold.evolve, recordFold.initial);
    if (!isAskedAbout(frame, before, enrollmentId)) return undefined;
    const now = record.slice(known.length).reduce(recordFold.evolve, before);
    return {
      enrollmentId,
      stream,
      revision: known.length - 1,
      before,
      known,
      now,
      nowRevision: record.length - 1,
    };
  }

  /** The record that a learner's went on in at the frame's position, and its events up to then. */
  private async recordAt({ target: { tenant }, position }: SimulationFrame, learner: LearnerId) {
    const seen = new Set<LearnerId>();
    for (let owner = learner; ;) {
      seen.add(owner);
      const stream = recordStream(tenant, owner);
      const record = (await this.installation.executor.history(stream)) as readonly Recorded<RecordEvent>[];
      const later = record.findIndex((event) => event.position > position);
      const known = later < 0 ? record : record.slice(0, later);
      const { into } = known.reduce(mergeFold.evolve, mergeFold.initial);
      if (into === undefined || seen.has(into)) return { stream, record, known };
      owner = into;
    }
  }

  /** What the move would change for one of them, decided at an instant. */
  async simulate(
    frame: SimulationFrame,
    enrollmentId: EnrollmentId,
    state: RecordState,
    now: Instant,
  ): Promise<Simulated> {
    const command = moveCommand(frame, enrollmentId, 'preview', {
      tenant: frame.target.tenant,
      commandId: enrollmentId.slice(0, 36),
      idSource: 'derived',
      actor: 'service:preview',
      correlationId: enrollmentId.slice(0, 36),
      now,
    });
    return simulateMove(command, state, await loadRecordFacts(command, state, frame.loader), frame.words);
  }
}

/** Whether an enrollment is in one of the versions left. */
export function isAskedAbout(
  { from, to, target }: Pick<SimulationFrame, 'from' | 'to' | 'target'>,
  state: RecordState,
  enrollmentId: EnrollmentId,
): boolean {
  const ref = enrollmentOf(state, enrollmentId)?.ref;
  if (ref?.pathwayId !== target.pathwayId) return false;
  return from === undefined ? ref.version < to.version : ref.version === from;
}

/** The move of one enrollment as the preview has it: dated like the preview. */
export const moveCommand = (
  { target, to, asOf }: Pick<SimulationFrame, 'target' | 'to' | 'asOf'>,
  enrollmentId: EnrollmentId,
  reasonCode: string,
  context: CommandContext,
): Issued<MoveEnrollmentToVersion> => ({
  type: 'MoveEnrollmentToVersion',
  data: {
    enrollmentId,
    version: to.version,
    ...(target.mapping === undefined ? {} : { mapping: target.mapping }),
    ...(target.entryPoint === undefined ? {} : { entryPoint: target.entryPoint }),
    reasonCode,
    occurredAt: asOf,
  },
  ...context,
});

/** The catalog as it would be with one more version of a pathway. */
function withVersion(loader: FactLoader, stream: string, state: PathwayState, version: PublishedPathway): FactLoader {
  const versions = [...state.versions.slice(0, version.version - 1), version, ...state.versions.slice(version.version)];
  const pathway = { ...state, versions };
  const instead = <S>(asked: { readonly category: string }, of: string): S | undefined =>
    asked.category === pathwayFold.category && of === stream ? (pathway as S) : undefined;
  return {
    ...loader,
    fold: async (fold, of) => instead(fold, of) ?? loader.fold(fold, of),
    foldHaving: async (fold, of, has) => instead(fold, of) ?? loader.foldHaving(fold, of, has),
  };
}
