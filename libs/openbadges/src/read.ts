// What somebody presents: a JWT, JSON, or an image with either baked in (credentials.md §6, check 1).
import type { JsonObject } from '@cairn/kernel';
import { MalformedError, decodeUtf8, parseObject } from './json-text.js';
import { isPng, readPng } from './png.js';
import { readSvg } from './svg.js';

export type PresentedForm = 'vc-jwt' | 'json' | 'png' | 'svg';

export type Presented =
  | { readonly form: PresentedForm; readonly jwt: string }
  | { readonly form: PresentedForm; readonly json: JsonObject }
  | { readonly malformed: { readonly code: string; readonly reason: string } };

export const MAX_FILE_BYTES = 5 * 1024 * 1024;
export const MAX_CREDENTIAL_BYTES = 1024 * 1024;

const COMPACT = /^[A-Za-z0-9_=-]+(\.[A-Za-z0-9_=-]*)+$/;
const ENVELOPED = /^data:application\/(?:vc\+jwt|jwt),(.+)$/;

function contentOf(text: string): { readonly jwt: string } | { readonly json: JsonObject } {
  if (Buffer.byteLength(text) > MAX_CREDENTIAL_BYTES)
    throw new MalformedError('too-large', `the credential is larger than ${MAX_CREDENTIAL_BYTES / 1024} KiB`);
  if (!text.startsWith('{')) {
    if (COMPACT.test(text)) return { jwt: text };
    throw new MalformedError('unreadable', 'neither a JWT nor JSON, PNG or SVG');
  }
  const json = parseObject(text, 'the credential');
  if ('payload' in json && ('signatures' in json || 'signature' in json))
    throw new MalformedError(
      'jws-json',
      'a JWS in JSON form, which may hold several signatures: only the compact form is read',
    );
  const enveloped = typeof json['id'] === 'string' ? ENVELOPED.exec(json['id']) : null;
  const types = Array.isArray(json['type']) ? json['type'] : [json['type']];
  if (!types.includes('EnvelopedVerifiableCredential')) return { json };
  if (!enveloped) throw new MalformedError('enveloped', 'the enveloped credential has no data: id with a JWT');
  return { jwt: enveloped[1] as string };
}

/** Never throws: whatever the bytes are, the answer says what they are or why they cannot be read. */
export function readPresented(bytes: Uint8Array): Presented {
  try {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (buffer.length > MAX_FILE_BYTES)
      throw new MalformedError('too-large', `the file is larger than ${MAX_FILE_BYTES / 1024 / 1024} MiB`);
    if (isPng(buffer)) return { form: 'png', ...contentOf(readPng(buffer).trim()) };
    const text = decodeUtf8(buffer, 'the file')
      .replace(/^\uFEFF/, '')
      .trim();
    if (text.startsWith('<')) return { form: 'svg', ...contentOf(readSvg(text)) };
    const content = contentOf(text);
    return { form: 'jwt' in content && !text.startsWith('{') ? 'vc-jwt' : 'json', ...content };
  } catch (error) {
    if (error instanceof MalformedError) return { malformed: { code: error.code, reason: error.message } };
    throw error;
  }
}
