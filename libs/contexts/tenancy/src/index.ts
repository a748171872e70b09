export * from './contracts/tenancy.events.js';
export type * from './contracts/tenancy.commands.js';
