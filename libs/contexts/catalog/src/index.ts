export * from './contracts/catalog.events.js';
export * from './contracts/catalog.folds.js';
export * from './contracts/stacking.js';
export type * from './contracts/catalog.commands.js';
