export * from './contracts/tenancy.events.js';
export * from './contracts/tenancy.folds.js';
export * from './contracts/api-key.js';
export type * from './contracts/tenancy.commands.js';
