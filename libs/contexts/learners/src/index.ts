export * from './contracts/learner.events.js';
export * from './contracts/learner.folds.js';
export * from './contracts/identity.js';
export type * from './contracts/learner.commands.js';
export { learnerDecider } from './domain/learner.decider.js';
