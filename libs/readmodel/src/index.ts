export * from './port.js';
export * from './query-subset.js';
export { createMemoryReadModel } from './memory/memory-read-model.js';
export { openSqliteReadModel } from './sqlite/sqlite-read-model.js';
export { openMongoReadModel } from './mongodb/mongo-read-model.js';
export { connectMongo, wereThere, type MongoConnection } from './mongodb/mongo-connection.js';
// What a query means, for the test server that speaks to MongoDB's driver (libs/testing).
export { runPipeline } from './aggregation.js';
export { compareText, compileFilter, createSorter } from './matching.js';
