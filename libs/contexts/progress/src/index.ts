export * from './contracts/record.events.js';
export type * from './contracts/record.commands.js';
export * from './contracts/merged-records.js';
