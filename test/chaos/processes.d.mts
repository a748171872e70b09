import type { ChildProcess } from 'node:child_process';

export function answerAsks(acts: object): void;
export function asker(child: ChildProcess, name: string): (act: string, argument?: unknown) => Promise<unknown>;
export function randomOf(seed: number): () => number;
