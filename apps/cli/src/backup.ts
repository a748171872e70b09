// Backups of the embedded store, taken beside a running server or without one, and their way back.
import { closeSync, copyFileSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { cp, mkdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { lockDataDirectory, openSqliteEventLog } from '@cairn/eventlog';
import type { BackupResult } from '@cairn/platform';
import { CliError } from './session.js';

/** Asks the server that holds the data folder for a backup, and copies that to where it is wanted. */
export async function backupFromServer(
  data: string,
  folder: string,
  server: string,
  keys: boolean,
): Promise<BackupResult> {
  refuseExisting(folder);
  const token = (
    await readFile(process.env['CAIRN_OPERATOR_TOKEN_FILE'] ?? join(data, 'operator-token'), 'utf8')
  ).trim();
  const answer = await fetch(new URL('/ops/backup', server), {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ keys }),
  }).catch((error: Error) => {
    throw new CliError(
      `${server} does not answer (${(error.cause as Error | undefined)?.message ?? error.message}).`,
      1,
    );
  });
  if (!answer.ok) throw new CliError(`${server} made no backup: ${answer.status} ${await answer.text()}`, 1);
  const result = (await answer.json()) as BackupResult;
  await mkdir(dirname(resolve(folder)), { recursive: true });
  await cp(result.folder, folder, { recursive: true, errorOnExist: true });
  rmSync(result.folder, { recursive: true });
  return { ...result, folder: resolve(folder) };
}

export function refuseExisting(folder: string): void {
  if (existsSync(folder)) throw new CliError(`${folder} is there already; name a new folder for the backup.`);
}

/** Files of the vaults. Those that are there are never replaced: an erased key must not come back. */
const KEY_FILES = ['keys.sqlite', 'blobs.sqlite', 'master-key', 'base-url'] as const;

export type RestoreResult = {
  readonly events: number;
  /** Where the log that was replaced is now; undefined if there was none. */
  readonly setAside?: string;
  readonly keys: 'kept' | 'restored';
};

/**
 * Puts the log of a backup in place of the one in the data folder. Read models that know more than it are noticed at
 * the next start, and folded anew. Throws `DataDirectoryLocked` while the server runs.
 */
export async function restore(data: string, folder: string, now: Date = new Date()): Promise<RestoreResult> {
  const source = join(folder, 'events.sqlite');
  if (!existsSync(source)) throw new CliError(`There is no backup in ${folder}: events.sqlite is missing.`);
  const hasKeys = existsSync(join(data, 'keys.sqlite'));
  if (!hasKeys && !existsSync(join(folder, 'keys.sqlite')))
    throw new CliError(
      `Neither ${data} nor ${folder} holds keys.sqlite: nothing personal could be read and nothing signed any more. ` +
        'Put back keys.sqlite and master-key first, or restore a backup that was made with --keys.',
    );
  const events = await countOf(source, data);
  const lock = await lockDataDirectory(data);
  try {
    if (!hasKeys)
      for (const file of KEY_FILES)
        if (existsSync(join(folder, file)) && !existsSync(join(data, file))) put(join(folder, file), join(data, file));
    const target = join(data, 'events.sqlite');
    const keys = hasKeys ? 'kept' : 'restored';
    if (!existsSync(target)) {
      put(source, target);
      return { events, keys };
    }
    const setAside = join(data, `events-before-restore-${now.toISOString().replaceAll(':', '-')}.sqlite`);
    copyFileSync(target, setAside);
    // Its newest events may still be in the write-ahead log, which must never meet another file of that name.
    if (existsSync(`${target}-wal`)) copyFileSync(`${target}-wal`, `${setAside}-wal`);
    for (const suffix of ['-wal', '-shm']) rmSync(target + suffix, { force: true });
    put(source, target);
    return { events, setAside, keys };
  } finally {
    lock.release();
  }
}

/** Copies beside the target, syncs, then renames over it: what stops halfway leaves what was there. */
function put(source: string, target: string): void {
  const partial = `${target}.restoring`;
  copyFileSync(source, partial);
  const handle = openSync(partial, 'r+');
  fsyncSync(handle);
  closeSync(handle);
  renameSync(partial, target);
}

/** Opens a copy of the backup as an event log: a file that is none, or damaged, is refused before anything changes. */
async function countOf(file: string, data: string): Promise<number> {
  const trial = join(data, '.restore-trial');
  rmSync(trial, { recursive: true, force: true });
  await mkdir(trial, { recursive: true, mode: 0o700 });
  try {
    copyFileSync(file, join(trial, 'events.sqlite'));
    const log = await openSqliteEventLog({ directory: trial });
    const head = await log.head().finally(() => log.close());
    return Number(head);
  } finally {
    rmSync(trial, { recursive: true, force: true });
  }
}
