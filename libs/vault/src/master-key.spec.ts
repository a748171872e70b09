import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadMasterKey } from './master-key.js';
import { VaultUnavailable } from './port.js';

describe('the master key', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cairn-vault-'));
    file = join(folder, 'master.key');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is made once, 32 random bytes for its owner only, and read again', () => {
    const key = loadMasterKey({ file });
    expect(key).toHaveLength(32);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(loadMasterKey({ file }).equals(key)).toBe(true);
    expect(loadMasterKey({ file: join(folder, 'other.key') }).equals(key)).toBe(false);
    expect(readdirSync(folder).toSorted()).toEqual(['master.key', 'other.key']);
  });
  it.each([0o640, 0o604, 0o660, 0o622, 0o777])('is refused if others can get at it: mode %o', (mode) => {
    loadMasterKey({ file });
    chmodSync(file, mode);
    expect(() => loadMasterKey({ file })).toThrow(VaultUnavailable);
    expect(() => loadMasterKey({ file })).toThrow(`(mode ${mode.toString(8)}): chmod 600 "${file}"`);
  });
  it('may be read-only', () => {
    loadMasterKey({ file });
    chmodSync(file, 0o400);
    expect(loadMasterKey({ file })).toHaveLength(32);
  });
  it.each([0, 31, 33, 64])('is refused with %d bytes', (length) => {
    writeFileSync(file, Buffer.alloc(length, 7), { mode: 0o600 });
    expect(() => loadMasterKey({ file })).toThrow(`has ${length} bytes, expected 32: restore it from your backup`);
  });
  it('is a plain file in a folder that is there', () => {
    mkdirSync(file);
    expect(() => loadMasterKey({ file })).toThrow(/is not a plain file/);
    const real = join(folder, 'real.key');
    loadMasterKey({ file: real });
    symlinkSync(real, join(folder, 'link.key'));
    expect(() => loadMasterKey({ file: join(folder, 'link.key') })).toThrow(/is not a plain file/);
    expect(() => loadMasterKey({ file: join(folder, 'no', 'such.key') })).toThrow(VaultUnavailable);
  });
});
