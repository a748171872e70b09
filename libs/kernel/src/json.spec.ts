import fc from 'fast-check';
import { canonicalJson, hashJson, type Json } from './json.js';

describe('canonical JSON (RFC 8785)', () => {
  it.each([
    [{ b: 1, a: 2 }, '{"a":2,"b":1}'],
    [
      { '\u20ac': 1, '\r': 2, '1': 3, '\ud83d\ude00': 4, '\u0080': 5, '\u00f6': 6 },
      '{"\\r":2,"1":3,"\u0080":5,"ö":6,"€":1,"😀":4}',
    ], // §3.2.3
    [[1e21, 0.000001, 1e-7, -0, 333333333.3333333], '[1e+21,0.000001,1e-7,0,333333333.3333333]'], // §3.2.2.3
    [{ gone: undefined, kept: null }, '{"kept":null}'],
  ] as const)('%j', (value, text) => {
    expect(canonicalJson(value as unknown as Json)).toBe(text);
  });

  it('does not depend on the order of members', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (object) => {
        const reversed = Object.fromEntries(Object.entries(object).toReversed());
        expect(canonicalJson(reversed as Json)).toBe(canonicalJson(object as Json));
      }),
    );
  });

  it('reads back as the same value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(canonicalJson(value as Json))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it.each([[Number.NaN], [Number.POSITIVE_INFINITY], [10n], [() => 1], [[undefined]]])('refuses %p', (value) => {
    expect(() => canonicalJson(value as unknown as Json)).toThrow(TypeError);
  });

  it('hashes the canonical text', () => {
    expect(hashJson({})).toBe('44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
  });
});
