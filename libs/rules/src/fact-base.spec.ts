import type { Instant } from '@cairn/kernel';
import fc from 'fast-check';
import { addFact, evaluate, factBase, factOf, factsOf, NO_FACTS, removeFact, type CredentialFact } from './index.js';
import { EMPTY_MAP, mapGet, mapSet, mapValues, type PersistentMap } from './persistent-map.js';

const held = (until?: string): CredentialFact => ({
  kind: 'credential',
  ref: 'c',
  templateId: 'T',
  valid: [{ from: '2024-01-01T00:00:00.000Z' as Instant, ...(until ? { until: until as Instant } : {}) }],
});
const ascending = (a: number, b: number): number => a - b;
const NOW = '2025-01-01T00:00:00.000Z' as Instant;
const holds = (base: ReturnType<typeof factBase>): boolean =>
  evaluate({ credential: 'T' }, base, NOW, { zone: 'UTC', during: [{ from: NOW }] }).met;

test('a fact of the same ref is replaced, in either way of making a base', () => {
  const open = addFact(NO_FACTS, held());
  const ended = addFact(open, held('2024-06-01T00:00:00.000Z'));
  expect([holds(open), holds(ended)]).toEqual([true, false]);
  expect(factsOf(ended)).toEqual([held('2024-06-01T00:00:00.000Z')]);
  expect(holds(factBase([held(), held('2024-06-01T00:00:00.000Z')]))).toBe(false);
});

test('facts are found by ref; removing an unknown one changes nothing', () => {
  const base = factBase([held()]);
  expect(factOf(base, 'c')).toEqual(held());
  expect(factOf(base, 'x')).toBeUndefined();
  expect(removeFact(base, 'x')).toBe(base);
  expect(factsOf(removeFact(base, 'c'))).toEqual([]);
});

test('a persistent map is a map whose old versions stay', () => {
  const key = fc.string({ maxLength: 3 });
  fc.assert(
    fc.property(fc.array(fc.tuple(key, fc.option(fc.nat(), { nil: undefined })), { maxLength: 40 }), (changes) => {
      let map: PersistentMap<number> = EMPTY_MAP;
      const expected = new Map<string, number>();
      const versions: (readonly [PersistentMap<number>, ReadonlyMap<string, number>])[] = [];
      for (const [name, value] of changes) {
        map = mapSet(map, name, value);
        if (value === undefined) expected.delete(name);
        else expected.set(name, value);
        versions.push([map, new Map(expected)]);
      }
      for (const [version, known] of versions) {
        expect(version.size).toBe(known.size);
        expect(Array.from(mapValues(version)).toSorted(ascending)).toEqual([...known.values()].toSorted(ascending));
        for (const [name, value] of known) expect(mapGet(version, name)).toBe(value);
      }
    }),
    { numRuns: 100 },
  );
});
