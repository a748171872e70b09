// Whether this process can do its work, and if not, why: what /readyz, /metrics and the log say is said here once.
import type { EventLog } from '@cairn/eventlog';
import type { Position } from '@cairn/kernel';
import type { MailStatus } from '@cairn/mail';
import type { ReadModel } from '@cairn/readmodel';
import type { Clock, Feed, ProjectionStatus, ReactorStatus, SchedulerStatus } from '@cairn/runtime';
import type { Role } from './configuration.js';
import type { Stores } from './stores.js';

/** What `/ops/projections` tells. */
export type InstallationStatus = {
  /** Projections and reactors have reached the head of the log, and nothing is in flight or due. */
  readonly settled: boolean;
  readonly head: Position;
  readonly projections: readonly ProjectionStatus[];
  readonly reactors: readonly ReactorStatus[];
  readonly scheduler: SchedulerStatus;
  /** A mail server in trouble makes nobody unready: messages wait. */
  readonly mail: MailStatus;
};

export type StoreHealth = { readonly ok: boolean; readonly detail?: string };

export type Health = {
  readonly ready: boolean;
  /** What keeps it from being ready, in words that say what to do; for the operator. */
  readonly faults: readonly string[];
  readonly log: StoreHealth;
  readonly readModel: StoreHealth;
  /** Age of the oldest event that some projection has not folded; 0 at the head. */
  readonly lagMs: number;
  /** Age of the oldest event that some reactor has not answered; 0 at the head. */
  readonly deliveryAgeMs: number;
  /** Keys set aside by projections and reactors. */
  readonly parked: number;
  /** Undefined while a store does not answer. */
  readonly status?: InstallationStatus;
  readonly connection?: ReturnType<NonNullable<Stores['connection']>>;
};

/** Longer than a store needs, shorter than what a probe waits. */
const ANSWER_MS = 2_500;

export function createHealth(of: {
  readonly roles: ReadonlySet<Role>;
  readonly log: EventLog;
  readonly readModel: ReadModel;
  readonly stores: Pick<Stores, 'connection' | 'clockSkewMs' | 'appendFault' | 'writeFault'>;
  readonly maxSkewMs: number;
  readonly feed: Feed;
  readonly clock: Clock;
  readonly closing: AbortSignal;
  readonly status: () => Promise<InstallationStatus>;
}): () => Promise<Health> {
  const { roles, log, readModel, stores, feed, clock, closing } = of;

  const ageAfter = async (positions: readonly Position[]): Promise<number> => {
    const least = positions.toSorted()[0];
    const [oldest] = least === undefined ? [] : await feed.page(least);
    return oldest ? Math.max(0, Date.parse(clock.now()) - Date.parse(oldest.stored.meta['recordedAt'] ?? '')) : 0;
  };

  const look = async (status: InstallationStatus): Promise<Pick<Health, 'lagMs' | 'parked' | 'deliveryAgeMs'>> => {
    const { projections, reactors } = status;
    return {
      lagMs: Math.max(0, ...projections.map(({ lagMs }) => lagMs)),
      deliveryAgeMs: await ageAfter(reactors.map(({ position }) => position)),
      parked: [...projections, ...reactors].reduce((sum, { parked }) => sum + parked, 0),
    };
  };

  /** What stands still in this process, or is missing everywhere. What others do is told in numbers only. */
  function faultsOf({ projections, reactors }: InstallationStatus): string[] {
    const own = [...(roles.has('projector') ? projections : []), ...(roles.has('reactor') ? reactors : [])];
    const stopped = own
      .filter(({ state }) => state === 'stopped')
      .map(({ name }) => `${name} has stopped and needs a person: see /ops/parked`);
    const missing = projections.filter(({ collection }) => collection === '').map(({ name }) => name);
    return missing.length === 0
      ? stopped
      : [...stopped, `nobody has begun to fold ${missing.join(', ')}: start a process with the role projector`];
  }

  return async () => {
    const [reads, modelReads, skewMs] = await Promise.all([
      answering('the event log', () => log.head()),
      answering('the read model', () => readModel.collections()),
      inTime(stores.clockSkewMs?.() ?? Promise.resolve(0)).catch(() => 0),
    ]);
    const logHealth = withFault(reads, stores.appendFault?.());
    const modelHealth = withFault(modelReads, stores.writeFault?.());
    const faults = [logHealth, modelHealth].flatMap(({ detail }) => detail ?? []);
    if (closing.aborted) faults.push('this process is shutting down');
    if (Math.abs(skewMs) > of.maxSkewMs)
      faults.push(
        `the clock of this machine is ${Math.round(Math.abs(skewMs) / 1_000)} s ${skewMs > 0 ? 'ahead of' : 'behind'} that of ` +
          'MongoDB: processes judge by it who may work; let NTP set all of them',
      );
    const stores_ = {
      log: logHealth,
      readModel: modelHealth,
      ...(stores.connection ? { connection: stores.connection() } : {}),
    };
    const unknown = { lagMs: 0, deliveryAgeMs: 0, parked: 0 };
    if (!logHealth.ok || !modelHealth.ok) return { ready: false, faults, ...stores_, ...unknown };
    try {
      const status = await inTime(of.status());
      faults.push(...faultsOf(status));
      return { ready: faults.length === 0, faults, ...stores_, ...(await inTime(look(status))), status };
    } catch (error) {
      return { ready: false, faults: [...faults, (error as Error).message], ...stores_, ...unknown };
    }
  };
}

/** A store that answers reads may still refuse writes. */
const withFault = (reads: StoreHealth, fault: string | undefined): StoreHealth =>
  !reads.ok || fault === undefined ? reads : { ok: false, detail: fault };

async function answering(what: string, ask: () => Promise<unknown>): Promise<StoreHealth> {
  try {
    await inTime(ask());
    return { ok: true };
  } catch (error) {
    return { ok: false, detail: error instanceof NoAnswer ? `${what} ${error.message}` : (error as Error).message };
  }
}

class NoAnswer extends Error {}

async function inTime<T>(work: Promise<T>): Promise<T> {
  work.catch(() => undefined);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new NoAnswer(`did not answer within ${ANSWER_MS} ms`)), ANSWER_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
