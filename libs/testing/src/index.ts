export { startEventStoreDouble } from './eventstoredb.js';
export type { AppendFaultKind, EventStoreDouble, FeedFaultKind } from './eventstoredb-double.js';
export { startFaultProxy, type FaultProxy, type ProxyFault } from './fault-proxy.js';
export * from './given-when-then.js';
export * from './memory-cipher.js';
export * from './mongo-double.js';
export { startTestEventStore, startTestMongo, type TestServer } from './test-servers.js';
export * from './worlds.js';
