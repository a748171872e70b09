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
    // Alternately, so that other work on the machine meets both alike.
    const base = factBase(facts);
    const cold = [];
    const warm = [];
    const time = (given) => {
      const start = performance.now();
      evaluate(requirement, given, at, context);
      return performance.now() - start;
    };
    for (const end = performance.now() + ms / 3; performance.now() < end;) {
      time(base);
      time([...facts]);
    }
    for (const end = performance.now() + ms; performance.now() < end;) {
      cold.push(time([...facts])); // the index over the facts is built too, as on a first look at a learner
      warm.push(time(base));
    }
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
