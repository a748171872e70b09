export * from './contracts/catalog.events.js';
export * from './contracts/catalog.folds.js';
export type * from './contracts/catalog.commands.js';
