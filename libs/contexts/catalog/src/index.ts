export * from './contracts/catalog.events.js';
export * from './contracts/catalog.folds.js';
export * from './contracts/stacking.js';
export * from './contracts/would-be-version.js';
export type * from './contracts/catalog.commands.js';
