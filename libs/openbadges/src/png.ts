// Reading a credential out of a PNG (Open Badges 3.0 §5.3.1): the text of the iTXt chunk `openbadgecredential`.
import { crc32 } from 'node:zlib';
import { MalformedError, decodeUtf8 } from './json-text.js';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const KEYWORD = 'openbadgecredential';
/** Keyword, separator, compression flag and method, empty language, empty translated keyword. */
const PREFIX = Buffer.from(`${KEYWORD}\0\0\0\0\0`, 'latin1');

export const isPng = (bytes: Buffer): boolean => bytes.subarray(0, 8).equals(SIGNATURE);

/** The first baked credential. Throws {@link MalformedError} for a broken file, a wrong checksum or none baked in. */
export function readPng(bytes: Buffer): string {
  for (let at = 8; at < bytes.length;) {
    if (at + 12 > bytes.length) throw new MalformedError('png-truncated', 'the PNG ends inside a chunk');
    const length = bytes.readUInt32BE(at);
    const end = at + 8 + length;
    if (end + 4 > bytes.length) throw new MalformedError('png-truncated', 'the PNG ends inside a chunk');
    const type = bytes.toString('latin1', at + 4, at + 8);
    if (type === 'IEND') break;
    if (type === 'iTXt' && bytes.toString('latin1', at + 8, at + 8 + KEYWORD.length + 1) === `${KEYWORD}\0`) {
      if (crc32(bytes.subarray(at + 4, end)) !== bytes.readUInt32BE(end))
        throw new MalformedError('png-crc', 'the checksum of the credential’s chunk is wrong: the file was damaged');
      const data = bytes.subarray(at + 8, end);
      if (!data.subarray(0, PREFIX.length).equals(PREFIX))
        throw new MalformedError('png-itxt', 'the credential’s chunk is compressed or names a language');
      return decodeUtf8(data.subarray(PREFIX.length), 'the credential in the PNG');
    }
    at = end + 4;
  }
  throw new MalformedError('not-baked', 'the PNG holds no credential');
}
