export type * from './contracts/achievement-answer.js';
export * from './contracts/credential.events.js';
export type * from './contracts/credential.commands.js';
export * from './contracts/verification-answer.js';
export * from './contracts/explain-answer.js';
export * from './contracts/decision-replay.js';
export * from './contracts/record-preview.js';
