import { faultsOf, s } from './schema.js';

const schema = s.object({
  id: s.uuid(),
  at: s.instant(),
  name: s.string({ max: 5 }),
  score: s.optional(s.number({ min: 0, max: 100 })),
  steps: s.array(s.object({ id: s.string(), count: s.integer() })),
  texts: s.record(s.string()),
  kind: s.oneOf(['a', 'b'] as const),
});
const good = {
  id: '0d9c5a52-7a4f-4c8b-8f5e-5b0f5f6f9d21',
  at: '2026-03-10T09:00:00.000Z',
  name: 'Ann',
  steps: [{ id: 'L1', count: 1 }],
  texts: { en: 'x' },
  kind: 'a',
};

describe('schemas', () => {
  it('accepts what fits', () => {
    expect(faultsOf(schema, good)).toEqual([]);
    expect(faultsOf(schema, { ...good, score: 40 })).toEqual([]);
  });

  it.each([
    ['a missing member', { ...good, name: undefined }, '/name'],
    ['an unknown member', { ...good, admin: true }, '/admin'],
    ['a member that needs escaping', { ...good, 'a/b~c': 1 }, '/a~1b~0c'],
    ['a wrong type deep inside', { ...good, steps: [{ id: 'L1', count: '1' }] }, '/steps/0/count'],
    ['a fraction for a whole number', { ...good, steps: [{ id: 'L1', count: 1.5 }] }, '/steps/0/count'],
    ['a number out of range', { ...good, score: 101 }, '/score'],
    ['a day that does not exist', { ...good, at: '2026-02-30T09:00:00.000Z' }, '/at'],
    ['an hour that does not exist', { ...good, at: '2026-02-28T24:00:00.000Z' }, '/at'],
    ['an instant without milliseconds', { ...good, at: '2026-02-28T09:00:00Z' }, '/at'],
    ['text that is too long', { ...good, name: 'Annabel' }, '/name'],
    ['a value off the list', { ...good, kind: 'c' }, '/kind'],
    ['a dictionary with a wrong value', { ...good, texts: { en: 1 } }, '/texts/en'],
    ['a list for an object', [], ''],
    ['null', null, ''],
  ])('names %s by its pointer', (_what, value, pointer) => {
    expect(faultsOf(schema, value).map((fault) => fault.pointer)).toContain(pointer);
  });

  it('is JSON Schema too', () => {
    expect(schema.json).toMatchObject({
      type: 'object',
      required: ['id', 'at', 'name', 'steps', 'texts', 'kind'],
      additionalProperties: false,
    });
  });
});
