// The data directory: on a disk that keeps its promises, and held by one process.
//
// The lock is an operating system lock on `lock.sqlite`, taken through SQLite and held as long as the process lives:
// it goes with the process, however that ends, so nothing can be stale. A pid in a file could be: after kill -9 another
// process may bear that number. `lock.json` only tells the refused one whom to look for. Nothing else ever opens
// `lock.sqlite`: closing any handle of a file drops a process's locks on it.
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';

/** Another process (or another log in this one) holds the data directory. */
export class DataDirectoryLocked extends Error {
  constructor(
    readonly directory: string,
    /** Undefined if the holder has not written its name. */
    readonly pid: number | undefined,
    holder: string,
  ) {
    super(
      `the data directory ${directory} is in use by ${holder}. Only one process may hold it: stop that one first, ` +
        'or use another directory',
    );
    this.name = 'DataDirectoryLocked';
  }
}

export type DirectoryLock = { readonly release: () => void };

/** Creates the directory if need be and takes its lock. Throws {@link DataDirectoryLocked} if it is held. */
export async function lockDataDirectory(directory: string): Promise<DirectoryLock> {
  createDirectory(directory);
  refuseNetworkFileSystem(directory);
  const lock = new DatabaseSync(join(directory, 'lock.sqlite'), { timeout: 0 });
  try {
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    if ((error as { errcode?: number }).errcode !== 5 /* SQLITE_BUSY */) throw error;
    throw await describeHolder(directory);
  }
  try {
    const text = JSON.stringify({ pid: process.pid, host: hostname(), since: new Date().toISOString() });
    writeFileSync(join(directory, 'lock.json.new'), text);
    renameSync(join(directory, 'lock.json.new'), join(directory, 'lock.json'));
  } catch (error) {
    lock.close();
    throw error;
  }
  return { release: () => lock.close() };
}

async function describeHolder(directory: string): Promise<DataDirectoryLocked> {
  // It may have taken the lock a moment ago and not have written its name yet.
  for (let attempt = 0; attempt < 10; attempt++) {
    try {
      const { pid, host, since } = JSON.parse(readFileSync(join(directory, 'lock.json'), 'utf8')) as {
        pid: number;
        host: string;
        since: string;
      };
      if (host !== hostname() || isAlive(pid))
        return new DataDirectoryLocked(directory, pid, `process ${pid} on ${host} since ${since}`);
    } catch (error) {
      if (!(error instanceof SyntaxError) && (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    await sleep(20);
  }
  return new DataDirectoryLocked(directory, undefined, 'another process, which has not left its number');
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** 0700: it holds what people did. Synced, so that the directory itself survives a power cut. */
function createDirectory(directory: string): void {
  const first = mkdirSync(directory, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  const end = dirname(resolve(first));
  for (let at = resolve(directory); ; at = dirname(at)) {
    syncDirectory(at);
    if (at === end) return;
  }
}

/** Makes the names in a directory survive a power cut; Windows knows no such call. */
export function syncDirectory(directory: string): void {
  if (process.platform === 'win32') return;
  const handle = openSync(directory, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** File system types of Linux (statfs(2)) whose locks or syncs cannot be relied on. */
const NETWORK_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x01021997, '9p'],
  [0x65735546, 'FUSE'],
  [0x5346414f, 'AFS'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
  [0x01161970, 'GFS2'],
  [0x7461636f, 'OCFS2'],
  [0x73757245, 'Coda'],
]);

/** Throws an Error if the directory lies on a network file system. `typeOf` is statfs, replaceable for tests. */
export function refuseNetworkFileSystem(
  directory: string,
  typeOf: (directory: string) => number = (path) => (process.platform === 'linux' ? statfsSync(path).type : 0),
): void {
  const name = NETWORK_FILE_SYSTEMS.get(typeOf(directory) >>> 0);
  if (name)
    throw new Error(
      `the data directory ${directory} lies on a ${name} file system. Locks and syncs cannot be relied on there, and ` +
        'acknowledged events could be lost: choose a directory on a local disk',
    );
}
