// The README's example does what the README says.
import { readFileSync } from 'node:fs';
import * as rules from './index.js';

test('the example', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const code = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  const body = code.replace(/^(evaluate|inWords)\(/gm, 'const $1d = $1(');
  // eslint-disable-next-line typescript/no-implied-eval -- the snippet is ours
  const run = new Function('factBase', 'evaluate', 'inWords', `${body}; return { evaluated, inWordsd };`) as (
    ...functions: readonly unknown[]
  ) => { evaluated: rules.Evaluation; inWordsd: string };
  const { evaluated, inWordsd } = run(rules.factBase, rules.evaluate, rules.inWords);
  expect(evaluated).toMatchObject({ met: true, since: '2026-04-02T09:00:00.000Z', by: ['e1', 'e2'], missing: [] });
  expect(code).toContain(`// "${inWordsd}"`);
});
