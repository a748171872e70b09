import { createReport, type CheckName, type Outcome } from './report.js';

type Entry = readonly [CheckName, Outcome, code?: string];
const proven: readonly Entry[] = [
  ['structure', 'pass'],
  ['signature', 'pass'],
  ['issuer-key', 'pass'],
  ['validity', 'pass'],
];
const verdictOf = (...entries: readonly Entry[]): string => {
  const report = createReport();
  for (const [check, outcome, code = 'x'] of entries) report.add(check, outcome, code, 'because');
  return report.report({}).verdict;
};

describe('the verdict', () => {
  it('is valid only if signature, key, structure and term have passed', () => {
    expect(verdictOf(...proven)).toBe('valid');
    for (const left of proven) expect(verdictOf(...proven.filter((each) => each !== left))).toBe('unknown');
    expect(verdictOf()).toBe('unknown');
  });

  const ladder: readonly [verdict: string, Entry][] = [
    ['malformed', ['claims', 'fail']],
    ['tampered', ['signature', 'fail']],
    ['unknown-issuer', ['issuer-key', 'fail']],
    ['unknown', ['terms', 'unknown']],
    ['revoked', ['life-cycle', 'fail', 'revoked']],
    ['suspended', ['status', 'fail', 'suspended']],
    ['expired', ['validity', 'fail', 'expired']],
  ];
  it.each(ladder)('%s outranks everything below it', (verdict, entry) => {
    const rank = ladder.findIndex(([each]) => each === verdict);
    const below = ladder.slice(rank + 1).map(([, each]) => each);
    expect(verdictOf(...below.toReversed(), entry, ...proven)).toBe(verdict);
  });

  it('a status that is not known is unknown, below every definite state', () => {
    expect(verdictOf(['status', 'unknown'], ...proven)).toBe('unknown');
    expect(verdictOf(['status', 'unknown'], ['validity', 'fail', 'expired'], ...proven)).toBe('expired');
  });

  it('endorsements never decide', () => {
    expect(verdictOf(['endorsements', 'unknown'], ...proven)).toBe('valid');
  });

  it('the first word on a check stands', () => {
    expect(verdictOf(['secured', 'fail'], ['secured', 'pass'], ...proven)).toBe('malformed');
  });
});
