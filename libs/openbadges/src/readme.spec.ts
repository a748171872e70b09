// The README's example does what the README says.
import { readFileSync } from 'node:fs';
import { buildAchievementCredential, signVcJwt, verifyPresented } from './index.js';
import { exampleInput, newKey } from './test-samples.js';

test('the example', async () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const code = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  const { status: _status, ...input } = exampleInput;
  const { privateKey, publicJwk } = newKey('RS256');
  const given = {
    buildAchievementCredential,
    signVcJwt,
    verifyPresented,
    input,
    privateKey,
    publicJwk,
    trustedKeys: () => [publicJwk],
    now: '2027-01-01T00:00:00Z',
  };
  const body = code
    .replace(/^report\.verdict;/m, 'return report.verdict;')
    .replace('verifyPresented(bytes', 'verifyPresented(Buffer.from(jwt)');
  // eslint-disable-next-line typescript/no-implied-eval -- the snippet is ours
  const run = new Function(...Object.keys(given), `return (async () => { ${body} })();`) as (
    ...values: readonly unknown[]
  ) => Promise<unknown>;
  expect(await run(...Object.values(given))).toBe('valid');
});
