// How long one evaluation of a large rule over a long history takes.
import { join } from 'node:path';
import { median, percentile } from './arithmetic.ts';
import { answerAsks } from './child.mjs';
import { bigTree } from '../libs/rules/src/big-tree-spec.ts';

const { evaluate, factBase } = await import(join(process.argv[2], 'libs/rules/src/index.js'));
const { requirement, facts, at } = bigTree(200, 500);
const context = { zone: 'Europe/Berlin' };

answerAsks({
  run: (ms) => {
    // From bare facts: the index over them is built too, as on a first look at a learner.
    const time = (history) => {
      for (const end = performance.now() + ms / 3; performance.now() < end;)
        evaluate(requirement, history(), at, context);
      const took = [];
      for (const end = performance.now() + ms; performance.now() < end;) {
        const given = history();
        const start = performance.now();
        evaluate(requirement, given, at, context);
        took.push(performance.now() - start);
      }
      return took;
    };
    const base = factBase(facts);
    const cold = time(() => [...facts]);
    const warm = time(() => base);
    const { met } = evaluate(requirement, base, at, context);
    const same =
      JSON.stringify(evaluate(requirement, base, at, context)) ===
      JSON.stringify(evaluate(requirement, facts, at, context));
    return {
      cold: median(cold),
      coldP99: percentile(cold, 0.99),
      warm: median(warm),
      warmP99: percentile(warm, 0.99),
      met,
      same,
    };
  },
});
