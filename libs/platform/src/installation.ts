// One installation, put together: stores, keys, executor, projections, reactors. Nothing here knows HTTP.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  createCodec,
  uuidv5,
  type Cipher,
  type Codec,
  type CommandOutcome,
  type Issued,
  type Position,
} from '@cairn/kernel';
import { openSqliteEventLog, type EventLog } from '@cairn/eventlog';
import { openSqliteReadModel, type ReadModel } from '@cairn/readmodel';
import {
  createCommandExecutor,
  systemClock,
  type Clock,
  type CommandExecutor,
  type Feed,
  type Parity,
  type RebuildOptions,
} from '@cairn/runtime';
import {
  createCipher,
  loadMasterKey,
  openSqliteBlobVault,
  openSqliteKeyVault,
  type BlobVault,
  type KeyVault,
} from '@cairn/vault';
import type { ContextDefinition } from './context.js';

export type Dispatch = (issued: Issued) => Promise<CommandOutcome>;

/** What `/readyz` tells. */
export type InstallationStatus = {
  readonly ready: boolean;
  /** Projections and reactors have reached the head of the log and nothing is in flight. */
  readonly settled: boolean;
  readonly head: string;
  readonly projections: readonly object[];
  readonly reactors: readonly object[];
};

/** Work set aside: of a projection (key: a document) or a reactor (key: a partition). */
export type ParkedWork = {
  readonly owner: string;
  readonly key: string;
  readonly event: string;
  readonly reason: string;
};

export type Installation = {
  readonly contexts: readonly ContextDefinition[];
  readonly version: string;
  readonly logId: string;
  readonly log: EventLog;
  readonly readModel: ReadModel;
  readonly keyVault: KeyVault;
  readonly blobVault: BlobVault;
  readonly codec: Codec;
  readonly executor: CommandExecutor;
  readonly clock: Clock;
  /** The one reader of the log that all consumers of this process share. */
  readonly feed: Feed;
  /** Aborts when the installation closes: long answers end themselves. */
  readonly closing: AbortSignal;
  /** Name of the collection that serves a projection now. */
  readonly collection: (projection: string) => string;
  /** False if the projections did not reach the position in time. */
  readonly waitFor: (projections: readonly string[], position: Position, timeoutMs: number) => Promise<boolean>;
  /** The position that all of the projections have reached. */
  readonly positionOfProjections: (projections: readonly string[]) => Promise<string>;
  readonly status: () => Promise<InstallationStatus>;
  readonly projectionNames: readonly string[];
  /** Folds projections (all, if none is named) anew beside the live ones, compares, switches. */
  readonly rebuild: (projections?: readonly string[], options?: RebuildOptions) => Promise<readonly Parity[]>;
  readonly parked: () => Promise<readonly ParkedWork[]>;
  /** Tries again or passes over; a discard is recorded with who decided it and why. What is still parked, if it is. */
  readonly settleParked: (
    act: 'retry' | 'discard',
    owner: string,
    key: string,
    decision: { readonly actor: string; readonly reasonCode: string },
  ) => Promise<ParkedWork | undefined>;
  /** How reactors send commands: through the bus, since some handlers do more than decide. */
  readonly dispatchWith: (dispatch: Dispatch) => void;
  /** Starts projections and reactors. */
  readonly start: () => Promise<void>;
  /** Finishes what is under way, then closes the stores. */
  readonly close: () => Promise<void>;
};
