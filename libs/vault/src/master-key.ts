// The one key that is not in the vault: 32 bytes in a file that only its owner can read.
import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, lstatSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { VaultUnavailable } from './port.js';
import { KEY_BYTES } from './sealing.js';

/** Reads the master key; creates it, with mode 0600, if there is no such file. Throws {@link VaultUnavailable}. */
export function loadMasterKey({ file }: { readonly file: string }): Buffer {
  try {
    if (!lstatSync(file, { throwIfNoEntry: false })) create(file);
    const stat = lstatSync(file);
    if (!stat.isFile()) throw new VaultUnavailable(`master key ${file} is not a plain file`);
    if ((stat.mode & 0o077) !== 0)
      throw new VaultUnavailable(
        `master key ${file} can be read or changed by others (mode ${(stat.mode & 0o777).toString(8)}): chmod 600 "${file}"`,
      );
    const key = readFileSync(file);
    if (key.length !== KEY_BYTES)
      throw new VaultUnavailable(
        `master key ${file} has ${key.length} bytes, expected ${KEY_BYTES}: restore it from your backup; a new one opens nothing`,
      );
    return key;
  } catch (error) {
    if (error instanceof VaultUnavailable) throw error;
    throw new VaultUnavailable(`master key ${file}: ${(error as Error).message}`, { cause: error });
  }
}

/** Whole or not at all, and never over another one. */
function create(file: string): void {
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  const descriptor = openSync(draft, 'wx', 0o600);
  try {
    writeSync(descriptor, randomBytes(KEY_BYTES));
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  try {
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error; // somebody was faster: theirs counts
  } finally {
    unlinkSync(draft);
  }
  const folder = openSync(dirname(file), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
