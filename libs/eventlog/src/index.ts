export * from './port.js';
export { createMemoryEventLog } from './memory/memory-event-log.js';
export { openSqliteEventLog, type SqliteEventLog } from './sqlite/sqlite-event-log.js';
export { DataDirectoryLocked, lockDataDirectory } from './sqlite/data-directory.js';
export { copyLog, LogsDiffer, type CopyResult } from './copy-log.js';
export { withFaults, type FaultPlan, type FaultyEventLog } from './fault/fault-injecting-event-log.js';
export {
  openEventStoreLog,
  type EventStoreLog,
  type EventStoreLogOptions,
} from './eventstoredb/eventstoredb-event-log.js';
