export * from './contracts/message.events.js';
export type * from './contracts/message.commands.js';
