export * from './given-when-then.js';
export * from './memory-cipher.js';
export * from './worlds.js';
