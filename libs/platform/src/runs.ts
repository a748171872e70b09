// Long acts under way in this process, each under its run id: looked at and cancelled from another connection. What they
// did stands in the log; nothing here outlives the process, and nothing needs to: sent again, a run goes on.
import { Inject, Injectable } from '@nestjs/common';
import { isUuid, type TenantId } from '@cairn/kernel';
import { bareRunId } from './gateway.js';
import type { Installation } from './installation.js';
import { ProblemException } from './problems.js';
import { INSTALLATION } from './tokens.js';

export type RunCounts = Readonly<Record<string, number>>;

export type RunUnderWay = {
  /** Aborted when the run is cancelled, or the installation closes. */
  readonly signal: AbortSignal;
  readonly tell: (counts: RunCounts) => void;
  readonly end: () => void;
};

type Entry = { readonly cancel: AbortController; counts: RunCounts };

@Injectable()
export class Runs {
  readonly #underWay = new Map<string, Entry>();

  constructor(@Inject(INSTALLATION) private readonly installation: Installation) {}

  /** Throws `run-under-way` if the same run is: two of them would race for every item. */
  begin(tenant: TenantId, run: string): RunUnderWay {
    const key = `${tenant}:${run}`;
    if (this.#underWay.has(key))
      throw new ProblemException('run-under-way', 'The same run is under way; wait for its end, or cancel it.');
    const entry: Entry = { cancel: new AbortController(), counts: {} };
    this.#underWay.set(key, entry);
    return {
      signal: AbortSignal.any([entry.cancel.signal, this.installation.closing]),
      tell: (counts) => {
        entry.counts = { ...counts };
      },
      end: () => void this.#underWay.delete(key),
    };
  }

  /** What a run under way has come to. */
  look(tenant: TenantId, run: string): RunCounts | undefined {
    return this.#underWay.get(`${tenant}:${run}`)?.counts;
  }

  /** It ends before its next item; false if it is not under way. */
  cancel(tenant: TenantId, run: string): boolean {
    const entry = this.#underWay.get(`${tenant}:${run}`);
    entry?.cancel.abort();
    return entry !== undefined;
  }
}

/** A run's id: the correlation id of its commands, bare or as `opr_…` or `imp_…`. Throws `not-found`. */
export function runIdOf(text: string): string {
  const run = isUuid(text) ? text : bareRunId(text);
  if (run === undefined) throw new ProblemException('not-found', `"${text.slice(0, 80)}" is not the id of a run.`);
  return run;
}

/**
 * Starts rows whose first value is their head, so that what is refused is refused before anything is answered; and once
 * started, they end what they began even if nobody reads on.
 */
export async function begun<H, R>(
  rows: AsyncGenerator<H | R>,
): Promise<{ readonly head: H; readonly rows: AsyncGenerator<R> }> {
  const { value } = (await rows.next()) as { value: H };
  return { head: value, rows: rows as AsyncGenerator<R> };
}

/** A head and rows as one JSON object a line. */
export async function* ndjson(head: object, rows: AsyncIterable<object>): AsyncGenerator<string> {
  yield `${JSON.stringify(head)}\n`;
  for await (const row of rows) yield `${JSON.stringify(row)}\n`;
}
export const NDJSON = 'application/x-ndjson';
