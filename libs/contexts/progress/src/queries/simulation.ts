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
  PathwayId,
  Position,
  Recorded,
  TenantId,
} from '@cairn/kernel';
import { INSTALLATION, ProblemException, type Installation } from '@cairn/platform';
import type { MoveEnrollmentToVersion } from '../contracts/record.commands.js';
import { learnerOf, recordStream, type RecordEvent } from '../contracts/record.events.js';
import { loadRecordFacts } from '../domain/record.facts.js';
import { recordOwner } from '../contracts/merged-records.js';
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
export type SimulationFrame = {
  readonly target: SimulationTarget;
  readonly to: PublishedPathway;
  /** Number of the one version left, if only that is asked about. */
  readonly from: number | undefined;
  readonly position: Position;
  readonly asOf: Instant;
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
  async frame(
    target: SimulationTarget,
    at?: { readonly position: Position; readonly asOf: Instant },
  ): Promise<SimulationFrame> {
    const { executor, log, now } = this.installation;
    const { tenant, pathwayId } = target;
    const { state } = await executor.snapshot(pathwayFold, pathwayStream(tenant, pathwayId));
    const published = (text: string): PublishedPathway => {
      const found = versionByLabelOrNumber(state, text);
      if (!found) throw new ProblemException('not-found', `The pathway has no published version "${text}".`);
      return found;
    };
    const to = target.version === undefined ? await this.draftOf(target, state) : published(target.version);
    const from = target.from === undefined ? undefined : published(target.from).version;
    const position = at?.position ?? (await log.head());
    if (!(await this.installation.waitFor(['learner_progress'], position, WAIT_MS)))
      throw new ProblemException('read-model-behind', 'learner_progress has not caught up; ask again in a moment.');
    const loader = withVersion(executor.loader, pathwayStream(tenant, pathwayId), state, to);
    const words = await catalogWords(executor.loader, tenant, namesNeeded(versionOf(to)));
    return { target, to, from, position, asOf: at?.asOf ?? (await now(tenant)), loader, words };
  }

  private async draftOf({ tenant, pathwayId }: SimulationTarget, state: PathwayState): Promise<PublishedPathway> {
    if (!state.draft) throw new ProblemException('not-found', 'There is no such pathway.');
    const draft = await this.wouldBe(tenant, pathwayId);
    if ('accepted' in draft) throw ProblemException.of(draft);
    return draft;
  }

  /** Everyone who was in the versions left at the frame's position, in the order of learners. */
  async *enrollments(frame: SimulationFrame): AsyncGenerator<Previewed> {
    const { target, to, from, position } = frame;
    const { executor, views } = this.installation;
    for (let after: readonly unknown[] | undefined; ;) {
      const page = await views.find(
        'learner_progress',
        // Whoever moved on since is in a newer version by now.
        { tenant: target.tenant, pathwayId: target.pathwayId, version: { $gte: from ?? 1 } },
        { sort: [['_id', 1]], limit: PAGE, ...(after ? { after } : {}) },
      );
      for (const document of page) {
        const enrollmentId = document['enrollmentId'] as EnrollmentId;
        const owner = await recordOwner(executor.loader.fold, target.tenant, learnerOf(enrollmentId));
        const stream = recordStream(target.tenant, owner);
        const record = (await executor.history(stream)) as readonly Recorded<RecordEvent>[];
        const later = record.findIndex((event) => event.position > position);
        const known = later < 0 ? record : record.slice(0, later);
        const before = known.reduce(recordFold.evolve, recordFold.initial);
        const version = enrollmentOf(before, enrollmentId)?.ref.version;
        if (version === undefined || (from === undefined ? version >= to.version : version !== from)) continue;
        const now = record.slice(known.length).reduce(recordFold.evolve, before);
        yield { enrollmentId, stream, revision: known.length - 1, before, now, nowRevision: record.length - 1 };
      }
      const last = page.at(-1);
      if (page.length < PAGE || !last) return;
      after = [last._id];
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
  const versions = state.versions.some((one) => one.version === version.version)
    ? state.versions
    : [...state.versions, version];
  const pathway = { ...state, versions };
  const instead = <S>(asked: { readonly category: string }, of: string): S | undefined =>
    asked.category === pathwayFold.category && of === stream ? (pathway as S) : undefined;
  return {
    ...loader,
    fold: async (fold, of) => instead(fold, of) ?? loader.fold(fold, of),
    foldHaving: async (fold, of, has) => instead(fold, of) ?? loader.foldHaving(fold, of, has),
  };
}
