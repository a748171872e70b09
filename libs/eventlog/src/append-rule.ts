// The one rule by which every log of ours judges an append. It is the event store's own, measured and read in its
// source: idempotency is a comparison of ids at the expected place, and remembers nothing else.
import type { Position } from '@cairn/kernel';
import type { AppendResult, ExpectedRevision } from './port.js';

type Recorded = { readonly id: string; readonly position: Position };

/**
 * `tip` is the stream's last revision, -1 if it does not exist; `recorded` reads ids from a revision on.
 * Returns undefined if the events are to be written.
 *
 * Behind the tip: the same ids at the same place answer with the original result, whatever came later; anything else,
 * also a mixture of old and new ids, is a conflict. At the tip the events are written, even if their ids are there
 * already. Beyond the tip: conflict.
 */
export function judgeAppend(
  tip: number,
  expected: ExpectedRevision,
  ids: readonly { readonly id: string }[],
  recorded: (fromRevision: number, count: number) => readonly Recorded[],
): AppendResult | undefined {
  const before = expected === 'none' ? -1 : expected;
  if (before === tip) return undefined;
  const conflict = { ok: false, actual: tip } as const;
  if (before > tip || before + ids.length > tip) return conflict;
  const there = recorded(before + 1, ids.length);
  if (!ids.every(({ id }, index) => there[index]?.id === id)) return conflict;
  return { ok: true, revision: before + ids.length, position: (there.at(-1) as Recorded).position };
}
