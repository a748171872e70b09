// Sends what falls due. Time is data (architecture, decision 11): the items are documents of `due_work`, folded from
// events, so nothing is lost by a restart, and what fell due while nobody ran is sent late, in order of due time. A
// command's id derives from its item, so sending it again is a replay; the event that it records closes the item.
import {
  uuidv5,
  type Command,
  type CommandOutcome,
  type DueItem,
  type Instant,
  type Issued,
  type TenantId,
} from '@cairn/kernel';
import type { Filter, FindOptions, ReadModel } from '@cairn/readmodel';
import { isInfrastructure } from './errors.js';
import { keepLease } from './lease.js';
import { backoffMs, sleep, systemTimers, type OnTrouble, type Timers } from './time.js';
import type { ViewDocument } from './views.js';

/** Any timekeeper: what a list of them can be typed as. */
export type AnyTimekeeper = {
  readonly name: string;
  readonly kind: string;
  readonly command: (item: never) => Command;
  readonly tolerates: readonly string[];
  readonly apart?: true;
};

export type SchedulerOptions = {
  /** Of its lease; default `scheduler`. */
  readonly name?: string;
  readonly timekeepers: readonly AnyTimekeeper[];
  /** Which due items it looks for; all if left out. */
  readonly which?: Filter;
  /** What is due at different instants is sent at the same time, too. */
  readonly inAnyOrder?: true;
  /** Errors of commands that go away by themselves, besides those of the stores. */
  readonly transient?: (error: unknown) => boolean;
  readonly readModel: ReadModel;
  /** Looks up documents of a projection by its name. */
  readonly find: (projection: string, filter: Filter, options: FindOptions) => Promise<readonly ViewDocument[]>;
  readonly tenants: () => Promise<readonly TenantId[]>;
  /** The tenant's clock. */
  readonly now: (tenant: TenantId) => Promise<Instant>;
  readonly dispatch: (command: Issued<Command>) => Promise<CommandOutcome>;
  /** Waits until projections and reactors have followed what was recorded up to the position; false if they did not. */
  readonly followed: (position: string) => Promise<boolean>;
  readonly owner: string;
  /** Default 15,000. */
  readonly leaseTtlMs?: number;
  /** How often it looks for due items while there are none; default 1,000. */
  readonly pollMs?: number;
  /** How long an item waits after a refusal or a fault before it is tried again; default 60,000. */
  readonly setAsideMs?: number;
  readonly timers?: Timers;
  readonly onTrouble?: OnTrouble;
};

export type SchedulerStatus = {
  readonly state: 'running' | 'standby' | 'stopped';
  /** Items that were refused or could not be sent; each is tried again from time to time. */
  readonly setAside: readonly { readonly item: string; readonly code: string; readonly detail: string }[];
};

export type Scheduler = {
  readonly start: () => void;
  /** Ends after the commands under way. */
  readonly stop: () => Promise<void>;
  readonly status: () => SchedulerStatus;
  /** True if nothing is due that is not set aside; else it looks again at once. */
  readonly isIdle: () => Promise<boolean>;
};

/** The projection that holds what falls due. */
const DUE_WORK = 'due_work';
/** Items of one instant are sent at the same time, at most so many. */
const AT_ONCE = 64;
/** With more refused items than this a tenant waits for people: that is a bug, not data. */
const SET_ASIDE_LIMIT = 5_000;

type Due = DueItem & { readonly _id: string };
type Aside = { readonly code: string; readonly detail: string; readonly untilMs: number };

/** The command's id: the same for every try, another when the item is due at another instant. */
export const dueCommandId = (item: Pick<Due, '_id' | 'dueAt'>): string => uuidv5(DUE_NAMESPACE, item._id, item.dueAt);
const DUE_NAMESPACE = 'b8a7d3c5-3f0e-5a51-9c4e-6d2f1e0a9b87';

/** Throws a RangeError for two timekeepers of one kind. */
export function createScheduler(options: SchedulerOptions): Scheduler {
  const { find, tenants, now, dispatch, followed, onTrouble, timers = systemTimers } = options;
  const { pollMs = 1_000, setAsideMs = 60_000, leaseTtlMs = 15_000 } = options;
  const keepers = new Map<string, AnyTimekeeper>();
  for (const keeper of options.timekeepers) {
    if (keepers.has(keeper.kind)) throw new RangeError(`two timekeepers send what is due of kind "${keeper.kind}"`);
    keepers.set(keeper.kind, keeper);
  }
  const stopping = new AbortController();
  /** By tenant, then item and due time: an item that is due at another instant is another try. */
  const setAside = new Map<TenantId, Map<string, Aside>>();
  let lease: ReturnType<typeof keepLease> | undefined;
  let running: Promise<void> | undefined;
  let looking = new AbortController();

  const tryOf = (item: Due): string => `${item._id}@${item.dueAt}`;

  /** What of a tenant is due and not set aside: the earliest first, and of one instant only. */
  async function nextDue(tenant: TenantId, at: Instant): Promise<readonly Due[]> {
    const aside = setAside.get(tenant);
    for (const [key, { untilMs }] of aside ?? []) if (untilMs <= timers.monotonicMs()) aside?.delete(key);
    const found = (await find(
      DUE_WORK,
      { tenant, state: 'open', ...options.which, dueAt: { $lte: at } },
      { sort: [['dueAt', 1], ['_id', 1]], limit: AT_ONCE + (aside?.size ?? 0) }, // prettier-ignore
    )) as unknown as readonly Due[];
    const free = found.filter((item) => !aside?.has(tryOf(item)));
    return free.filter(({ dueAt }) => options.inAnyOrder || dueAt === free[0]?.dueAt).slice(0, AT_ONCE);
  }

  /** Sends one item until it is answered. The position of what it recorded; undefined if it was refused. */
  async function send(item: Due, at: Instant): Promise<string | undefined> {
    const keeper = keepers.get(item.kind);
    if (!keeper) return putAside(item, 'kind-unknown', `no timekeeper sends what is due of kind "${item.kind}"`);
    const commandId = dueCommandId(item);
    const issued: Issued<Command> = {
      ...keeper.command(item as never),
      tenant: item.tenant as TenantId,
      commandId,
      idSource: 'derived',
      actor: `scheduler:${keeper.name}`,
      correlationId: commandId,
      now: at,
    };
    for (let attempt = 1; !stopping.signal.aborted; attempt++) {
      try {
        const outcome = await dispatch(issued);
        if (outcome.accepted) return outcome.position;
        if (keeper.tolerates.includes(outcome.code)) return putAside(item, outcome.code, outcome.detail, true);
        if (outcome.code !== 'revision-conflict') return putAside(item, outcome.code, outcome.detail);
      } catch (error) {
        if (!isInfrastructure(error) && !options.transient?.(error))
          return putAside(item, (error as Error).name, (error as Error).message);
        onTrouble?.(`due ${item._id}`, error);
      }
      await sleep(timers, backoffMs(timers, attempt, 1_000), stopping.signal);
    }
    return undefined;
  }

  function putAside(item: Due, code: string, detail: string, forGood = false): undefined {
    const tenant = item.tenant as TenantId;
    const aside = setAside.get(tenant) ?? new Map<string, Aside>();
    setAside.set(tenant, aside);
    aside.set(tryOf(item), { code, detail, untilMs: forGood ? Infinity : timers.monotonicMs() + setAsideMs });
    if (!forGood) onTrouble?.(`due ${item._id}`, new Error(`${code}: ${detail}`));
  }

  /** Sends what of a tenant is due at its next instant; false if nothing was. */
  async function sendNext(tenant: TenantId): Promise<boolean> {
    if ((setAside.get(tenant)?.size ?? 0) >= SET_ASIDE_LIMIT) return false;
    const at = await now(tenant);
    const items = await nextDue(tenant, at);
    if (items.length === 0 || !lease?.held()) return false;
    const positions = await Promise.all(items.map((item) => send(item, at)));
    const last = positions.reduce<string>((newest, next) => (next !== undefined && next > newest ? next : newest), '');
    // What follows from it comes before what is due later: reactors may make, move and close items.
    if (last !== '' && !(await followed(last))) return true;
    // An item that stays open though its command was accepted is not sent for ever.
    const still = new Map((await nextDue(tenant, at)).map((item) => [tryOf(item), item]));
    for (const [index, item] of items.entries())
      if (positions[index] !== undefined && still.has(tryOf(item)))
        putAside(item, 'still-open', 'its command was accepted, but no event closed the item');
    return true;
  }

  async function run(held: ReturnType<typeof keepLease>): Promise<void> {
    while (!stopping.signal.aborted) {
      if (!held.held() && !(await held.whenHeld(stopping.signal))) return;
      looking = new AbortController();
      let sent = false;
      try {
        for (const tenant of await tenants()) {
          if (stopping.signal.aborted || !held.held()) break;
          if (await sendNext(tenant)) sent = true;
        }
      } catch (error) {
        onTrouble?.(options.name ?? 'scheduler', error);
      }
      if (!sent) await sleep(timers, pollMs, AbortSignal.any([stopping.signal, looking.signal]));
    }
  }

  return {
    start: () => {
      lease = keepLease({
        readModel: options.readModel,
        name: options.name ?? 'scheduler',
        owner: options.owner,
        ttlMs: leaseTtlMs,
        timers,
        ...(onTrouble ? { onTrouble } : {}),
      });
      running = run(lease);
    },
    stop: async () => {
      stopping.abort();
      await running;
      await lease?.stop();
    },
    status: () => ({
      state: stopping.signal.aborted || !lease ? 'stopped' : lease.held() ? 'running' : 'standby',
      setAside: [...setAside.values()].flatMap((aside) =>
        [...aside].map(([item, { code, detail }]) => ({ item, code, detail })),
      ),
    }),
    isIdle: async () => {
      for (const tenant of await tenants()) {
        if ((await nextDue(tenant, await now(tenant))).length === 0) continue;
        looking.abort();
        return false;
      }
      return true;
    },
  };
}
