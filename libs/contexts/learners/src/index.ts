export * from './contracts/learner.events.js';
export * from './contracts/learner.folds.js';
export type * from './contracts/learner.commands.js';
