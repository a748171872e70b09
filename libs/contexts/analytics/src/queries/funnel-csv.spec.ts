import { parse } from 'csv-parse/sync';
import { funnelCsv } from './funnel-csv.js';
import type { FunnelAnswer } from './pathway-analytics.js';

it('is one row a step with the question it answers; nothing in it is run as a formula', () => {
  const answer = {
    pathway: 'p',
    version: '=1+1',
    order: 'any',
    enrolled: 3,
    steps: [
      { id: 'S"1", a', reached: 3, satisfied: 2, conversion: 0.5 },
      { id: '-2', reached: 1, satisfied: 0 },
    ],
    asOf: '2026-01-01T00:00:00.000Z',
    position: 'x-1',
  } as unknown as FunnelAnswer;
  const frame = { pathway: 'p', version: "'=1+1", order: 'any', enrolled: '3' };
  const when = { asOf: '2026-01-01T00:00:00.000Z', position: 'x-1' };
  expect(parse(funnelCsv(answer), { columns: true })).toEqual([
    { ...frame, step: 'S"1", a', reached: '3', satisfied: '2', conversion: '0.5', ...when },
    { ...frame, step: "'-2", reached: '1', satisfied: '0', conversion: '', ...when },
  ]);
});
