import { inspect } from 'node:util';
import { createCodec, DecodeError } from './codec.js';
import { defineEvent, type EventMeta, type StoredEvent } from './events.js';
import type { JsonObject } from './json.js';
import { Personal, type Cipher } from './personal.js';
import { s } from './schema.js';
import type { Instant, Position, TenantId } from './ids.js';

const tenant = '0b0e7c1c-52a4-4d5e-8a3e-2f6f3a0c9b10' as TenantId;
const learnerId = 'd1c0b0a9-8f7e-5d6c-8b5a-493827161504';
const meta: Omit<EventMeta, 'schemaVersion'> = {
  $correlationId: 'c',
  $causationId: 'c',
  commandHash: 'h',
  actor: 'user:test',
  tenant,
  occurredAt: '2026-01-01T00:00:00.000Z' as Instant,
  recordedAt: '2026-01-01T00:00:00.000Z' as Instant,
  app: 'test',
};

const scored = defineEvent({
  type: 'scored',
  version: 3,
  means: 'A test event.',
  schema: s.object({ points: s.number(), scale: s.string() }),
  upcasters: { 1: (data) => ({ points: data['score'] }), 2: (data) => ({ ...data, scale: 'percent' }) },
  samples: { 1: [{ score: 5 }], 2: [{ points: 5 }], 3: [{ points: 5, scale: 'percent' }] },
});
const named = defineEvent({
  type: 'named',
  version: 1,
  means: 'A test event with personal data.',
  schema: s.object({ learnerId: s.uuid(), profile: s.personal<{ name: string }>() }),
  personal: ['profile'],
  samples: { 1: [{ learnerId, profile: { sealed: 'x' } }] },
});

const reversed = (text: string): string => Array.from(text).toReversed().join('');
/** Seals by reversing: enough to see who calls what. */
const keys = new Set([learnerId]);
const cipher: Cipher = {
  seal: (subject, field, value) => ({
    for: subject.learner,
    field,
    text: reversed(JSON.stringify(value)),
  }),
  open: (subject, _field, sealed) =>
    keys.has(subject.learner) ? (JSON.parse(reversed(sealed['text'] as string)) as JsonObject) : undefined,
};
const codec = createCodec([scored, named], cipher);
const stored = (type: string, data: JsonObject, version: string, over: Partial<StoredEvent> = {}): StoredEvent => ({
  id: 'e',
  type,
  data,
  meta: { ...(meta as unknown as Record<string, string>), schemaVersion: version },
  stream: `test-${tenant}.s`,
  revision: 0,
  position: '1' as Position,
  ...over,
});

describe('codec', () => {
  it('reads every golden sample of every version as today’s event', () => {
    for (const [version, samples] of Object.entries(scored.samples))
      for (const sample of samples)
        expect(codec.decode(stored('scored', sample, version)).data).toEqual({ points: 5, scale: 'percent' });
  });

  it.each([
    ['event-type-unknown', stored('never-heard-of', {}, '1')],
    ['schema-version-unknown', stored('scored', {}, '4')],
    ['schema-version-unknown', stored('scored', {}, 'x')],
    ['event-corrupt', stored('scored', { points: 'many', scale: 'percent' }, '3')],
    ['tenant-mismatch', stored('scored', { points: 1, scale: 'percent' }, '3', { stream: 'test-other.s' })],
  ])('refuses to guess: %s', (code, event) => {
    expect(() => codec.decode(event)).toThrow(expect.objectContaining({ name: 'DecodeError', code }));
    expect(() => codec.decode(event)).toThrow(DecodeError);
  });

  it('writes nothing that is off its schema', () => {
    expect(() => codec.encode({ id: 'e', type: 'scored', data: { points: 1 } }, meta)).toThrow(/\/scale is missing/);
    expect(() => codec.encode({ id: 'e', type: 'unheard', data: {} }, meta)).toThrow(/not registered/);
  });

  it('seals personal data, and opens it only when asked (D11)', () => {
    const event = { id: 'e', type: 'named', data: { learnerId, profile: Personal.of({ name: 'Ann' }) } };
    const written = codec.encode(event, meta);
    expect(JSON.stringify(written)).not.toContain('Ann');
    expect(written.data['profile']).toMatchObject({ for: learnerId, field: 'named.profile' });
    const read = codec.decode(stored('named', written.data, '1')).data as { profile: Personal<{ name: string }> };
    expect(JSON.stringify(read) + inspect(read) + String(read.profile)).not.toContain('Ann');
    expect(read.profile.reveal()).toEqual({ name: 'Ann' });
    keys.delete(learnerId);
    expect(read.profile.reveal()).toBeUndefined();
    keys.add(learnerId);
  });

  it('refuses personal data in the clear', () => {
    const clear = { id: 'e', type: 'named', data: { learnerId, profile: { name: 'Ann' } } };
    expect(() => codec.encode(clear, meta)).toThrow(/must be a readable Personal value/);
  });

  it.each([
    ['two definitions of one type', [scored, scored], /two event definitions/],
    ['a missing upcaster', [{ ...scored, upcasters: {} }], /no upcaster from version 1/],
    [
      'a version without golden sample',
      [{ ...scored, samples: { 1: [{}], 3: [{}] } }],
      /no golden sample of version 2/,
    ],
  ])('refuses %s at start', (_what, definitions, message) => {
    expect(() => createCodec(definitions, cipher)).toThrow(message);
  });
});
