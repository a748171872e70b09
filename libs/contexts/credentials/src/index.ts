export * from './contracts/credential.events.js';
export type * from './contracts/credential.commands.js';
