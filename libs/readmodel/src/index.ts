export * from './port.js';
export * from './query-subset.js';
export { createMemoryReadModel } from './memory/memory-read-model.js';
export { openSqliteReadModel } from './sqlite/sqlite-read-model.js';
