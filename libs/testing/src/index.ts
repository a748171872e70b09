export * from './given-when-then.js';
export * from './worlds.js';
