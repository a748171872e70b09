export * from './time.js';
export * from './errors.js';
export * from './command-executor.js';
export * from './feed.js';
export * from './waiters.js';
export * from './collection-hash.js';
export { createProjectionRunner } from './projection-runner.js';
export type {
  Parity,
  ProjectionRunner,
  ProjectionRunnerOptions,
  ProjectionStatus,
  RebuildOptions,
} from './projection-runner.js';
export type { AnyProjection } from './projection-fold.js';
export type { LaneLimits, LaneStatus } from './projection-lane.js';
export type { ParkedKey } from './records.js';
export { createReactorRunner } from './reactor-runner.js';
export type {
  AnyReactor,
  ReactorLimits,
  ReactorRunner,
  ReactorRunnerOptions,
  ReactorStatus,
} from './reactor-runner.js';
export { createObserver } from './observer.js';
export type { Observer, ObserverOptions } from './observer.js';
export * from './views.js';
export { createScheduler } from './scheduler.js';
export type { AnyTimekeeper, Scheduler, SchedulerOptions, SchedulerStatus } from './scheduler.js';
export { openUnchangedAnswers } from './unchanged-answers.js';
export type { UnchangedAnswers } from './unchanged-answers.js';
