// What `mutate.mjs` breaks: protections of quality.md §7 taken away by a small replacement each, and the narrowest test
// that must notice. Some are broken twice: the simulated world must notice by its invariants alone.
const unit = (spec, only) => ({ project: 'unit', spec, ...(only ? { only } : {}) });

const EXECUTOR = 'libs/runtime/src/command-executor.ts';
const LANE = 'libs/runtime/src/projection-lane.ts';
const MEMORY_MODEL = 'libs/readmodel/src/memory/memory-read-model.ts';
const SQLITE_MODEL = 'libs/readmodel/src/sqlite/sqlite-read-model.ts';
const GUARDS = 'guarded writes|checkpoints'; // of the contract suite
const MEMORY_MODEL_TEST = unit('libs/readmodel/src/memory/memory-read-model.spec.ts', GUARDS);
const SQLITE_MODEL_TEST = unit('libs/readmodel/src/sqlite/sqlite-read-model.spec.ts', GUARDS);

const SIM_WORLD_TEST = unit('libs/runtime/src/sim-world.spec.ts', 'keeps every promise');

export const MUTATIONS = [
  {
    // The bank's deposits are accepted anew each time: no decider hides the loss by answering `unchanged`.
    name: 'dedupe: a command whose id is in the stream is decided again',
    file: EXECUTOR,
    from: 'if (seen) return recordedBefore(',
    to: 'if (seen && false) return recordedBefore(',
    test: unit('libs/runtime/src/chaos.spec.ts', 'commands on an unreliable log'),
  },
  {
    // Here deciders do hide it: what tells is the answer to a command that is sent again after a kill.
    name: 'dedupe: a command that was recorded before a kill is decided again',
    file: EXECUTOR,
    from: 'if (seen) return recordedBefore(',
    to: 'if (seen && false) return recordedBefore(',
    test: { project: 'chaos', spec: 'test/chaos/kill.spec.ts' },
  },
  {
    name: 'dedupe: another payload under the same key passes',
    file: EXECUTOR,
    from: "if (command.idSource === 'client' && seen.hash !== hash) return keyReused();",
    to: '',
    test: unit('libs/runtime/src/command-executor.spec.ts'),
  },
  {
    name: 'sync: a commit returns before it is on disk',
    file: 'libs/eventlog/src/sqlite/schema.ts',
    from: 'PRAGMA synchronous = FULL;',
    to: 'PRAGMA synchronous = OFF;',
    test: unit('libs/eventlog/src/sqlite/sqlite-event-log.spec.ts', 'syncs'),
  },
  {
    name: 'expected revision: not compared by the log',
    file: 'libs/eventlog/src/append-rule.ts',
    from: 'if (before === tip) return undefined;',
    to: 'return undefined;',
    test: unit('libs/runtime/src/chaos.spec.ts', 'commands on an unreliable log'),
  },
  {
    name: 'position guard: memory read model',
    file: MEMORY_MODEL,
    from: "if ((current?._p ?? null) !== expected) return 'lost';",
    to: '',
    test: MEMORY_MODEL_TEST,
  },
  {
    name: 'position guard: SQLite read model',
    file: 'libs/readmodel/src/sqlite/documents.ts',
    from: '`UPDATE ${table} SET p = ?, json = ? WHERE id = ? AND p = ?${',
    to: '`UPDATE ${table} SET p = ?, json = ? WHERE id = ? AND ? IS NOT NULL${',
    test: SQLITE_MODEL_TEST,
  },
  {
    name: 'lease epoch: memory checkpoint',
    file: MEMORY_MODEL,
    from: ' || (stored?.epoch ?? 0) > next.epoch',
    to: '',
    test: MEMORY_MODEL_TEST,
  },
  {
    name: 'lease epoch: SQLite checkpoint',
    file: SQLITE_MODEL,
    from: 'AND position = ? AND epoch <= ?',
    to: 'AND position = ? AND ? IS NOT NULL',
    test: SQLITE_MODEL_TEST,
  },
  {
    name: 'checkpoint after batch: saved before the documents are written',
    file: LANE,
    from: '    await foldAndWrite(groups);\n    if (last) await moveTo(last, count);',
    to: '    if (last) {\n      await moveTo(last, count);\n      await saveCheckpoint();\n    }\n    await foldAndWrite(groups);',
    test: unit('libs/runtime/src/projection-runner.spec.ts', 'whichever side of the checkpoint'),
  },
  {
    name: 'algorithm list: any algorithm that a header names',
    file: 'libs/openbadges/src/jws.ts',
    from: "if (alg !== 'RS256' && alg !== 'ES256')",
    to: 'if (false)',
    test: unit('libs/openbadges/src/verify.spec.ts'),
  },
  {
    name: 'status check: a revocation is not looked at',
    file: 'libs/contexts/credentials/src/domain/credential-status.ts',
    from: "if (revoked) return { ...base, status: 'revoked'",
    to: "if (revoked && false) return { ...base, status: 'revoked'",
    test: unit('libs/contexts/credentials/src/domain/credential-status.spec.ts'),
  },
  {
    name: 'verify after sign: a wrong key issues',
    file: 'libs/openbadges/src/sign.ts',
    from: '  if (verifyAfterSigning) {',
    to: '  if (verifyAfterSigning && false) {',
    test: unit('libs/openbadges/src/sign.spec.ts'),
  },
  {
    name: 'unknown append: a tip that it has yet to reach is taken for a conflict',
    file: 'libs/eventlog/src/eventstoredb/eventstoredb-event-log.ts',
    from: 'if (unknown && answer.actual < before) throw unknown;',
    to: '',
    test: unit('libs/eventlog/src/eventstoredb/eventstoredb-event-log.spec.ts', 'yet to reach'),
  },
  {
    name: 'unknown append: no answer is taken for not written',
    file: 'libs/eventlog/src/eventstoredb/client-errors.ts',
    from: "return { kind: 'unknown', error: unavailable('unknown', describe(fault)) };",
    to: "return { kind: 'not-written', error: unavailable('not-written', describe(fault)) };",
    test: unit('libs/eventlog/src/eventstoredb/eventstoredb-network.spec.ts', 'lost replies'),
  },
  {
    name: 'tenant filter: the feed shows what others recorded',
    file: 'libs/contexts/integration/src/queries/feed.ts',
    from: ' || parseStream(stream).tenant !== tenant) return undefined;',
    to: ') return undefined;',
    test: { project: 'e2e', spec: 'test/e2e/trouble.spec.ts', only: 'of another tenant' },
  },
  {
    name: 'simulated world: dedupe',
    file: EXECUTOR,
    from: 'if (seen) return recordedBefore(',
    to: 'if (seen && false) return recordedBefore(',
    test: SIM_WORLD_TEST,
  },
  {
    name: 'simulated world: position guard',
    file: MEMORY_MODEL,
    from: "if ((current?._p ?? null) !== expected) return 'lost';",
    to: '',
    test: SIM_WORLD_TEST,
  },
];
