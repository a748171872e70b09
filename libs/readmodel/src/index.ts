export * from './port.js';
export * from './query-subset.js';
// What an allowed query means: for adapters and test servers elsewhere.
export { compareValues, compileFilter, createSorter } from './matching.js';
export { runPipeline } from './aggregation.js';
export { createMemoryReadModel, type MemoryReadModelOptions } from './memory/memory-read-model.js';
export { openSqliteReadModel, type SqliteReadModelOptions } from './sqlite/sqlite-read-model.js';
