import fc from 'fast-check';
import { bareId, base32OfUuid, eventIdOf, isUuid, publicId, uuidOfBase32, uuidv5 } from './ids.js';

const DNS = '6ba7b810-9dad-11d1-80b4-00c04fd430c8';

describe('ids', () => {
  it('derives version 5 UUIDs (vector of RFC 9562, appendix A.4)', () => {
    expect(uuidv5(DNS, 'www.example.com')).toBe('2ed6657d-e927-568b-95e1-2665a8aea6a2');
  });

  it('keeps the parts of a name apart', () => {
    expect(uuidv5(DNS, 'ab', 'c')).not.toBe(uuidv5(DNS, 'a', 'bc'));
  });

  it('gives each event of a command its own id, the same on every retry', () => {
    const ids = [0, 1, 2].map((index) => eventIdOf(DNS, index));
    expect(new Set(ids).size).toBe(3);
    expect(ids).toEqual([0, 1, 2].map((index) => eventIdOf(DNS, index)));
    expect(ids.every(isUuid)).toBe(true);
  });

  it('writes every UUID as base32 and reads it back', () => {
    fc.assert(
      fc.property(fc.uuid(), (uuid) => {
        const text = base32OfUuid(uuid);
        expect(text).toMatch(/^[0-7][0-9a-hjkmnp-tv-z]{25}$/);
        expect(uuidOfBase32(text)).toBe(uuid);
      }),
    );
  });

  it('has one public form for each id', () => {
    const learner = '0d9c5a52-7a4f-4c8b-8f5e-5b0f5f6f9d21';
    const enrollment = publicId('enr', `${learner}-12`);
    expect(enrollment).toMatch(/^enr_.{26}-12$/);
    expect(bareId('enr', enrollment)).toBe(`${learner}-12`);
    expect(bareId('lrn', publicId('lrn', learner))).toBe(learner);
  });

  it.each([
    ['another kind', 'crd', publicId('lrn', DNS)],
    ['upper case', 'lrn', publicId('lrn', DNS).toUpperCase()],
    ['a letter that looks like a digit', 'lrn', `lrn_${'0'.repeat(25)}l`],
    ['more than 128 bits', 'lrn', `lrn_8${'0'.repeat(25)}`],
    ['a number with a leading zero', 'enr', `${publicId('enr', `${DNS}-1`).slice(0, -1)}01`],
    ['nothing', 'lrn', ''],
  ] as const)('refuses %s', (_what, prefix, text) => {
    expect(bareId(prefix, text)).toBeUndefined();
  });
});
