export * from './port.js';
export * from './query-subset.js';
export { createMemoryReadModel, type MemoryReadModelOptions } from './memory/memory-read-model.js';
export { openSqliteReadModel, type SqliteReadModelOptions } from './sqlite/sqlite-read-model.js';
