export * from './time.js';
export * from './errors.js';
export * from './command-executor.js';
