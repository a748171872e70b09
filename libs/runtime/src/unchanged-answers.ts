// Commands that found nothing to change leave no event by which a retry could be recognised; their answers are kept here
// for as long as a retry may come (api.md §3). What is lost with the read models is decided again, as any command is.
import type { Instant, Position } from '@cairn/kernel';
import { ReadModelUnavailable, type ReadModel } from '@cairn/readmodel';
import { systemTimers, type Clock, type Timers } from './time.js';

export type UnchangedAnswer = {
  /** Of the command's type and data: another command under the same id is refused. */
  readonly hash: string;
  readonly revision: number;
  readonly position: Position;
};

export type UnchangedAnswers = {
  readonly recall: (commandId: string) => Promise<UnchangedAnswer | undefined>;
  readonly remember: (commandId: string, answer: UnchangedAnswer) => Promise<void>;
};

const COLLECTION = 'runtime_unchanged_answers';
const KEPT_MS = 7 * 86_400_000;
/** Swept with each answer that is added, so the store shrinks faster than it can grow. */
const SWEPT_AT_ONCE = 10;
/** A store that is silent must not use up a command's deadline. */
const ANSWER_MS = 1_000;

export async function openUnchangedAnswers(
  readModel: ReadModel,
  clock: Clock,
  timers: Timers = systemTimers,
): Promise<UnchangedAnswers> {
  await readModel.ensureCollection(COLLECTION, [{ name: 'until', fields: [['until', 1]] }]);
  // Writing must go on while the read models are away (F8): then a retry is decided again.
  const orNothing = <T>(work: () => Promise<T>): Promise<T | undefined> =>
    new Promise((resolve, reject) => {
      const cancel = timers.after(ANSWER_MS, () => resolve(undefined));
      work().then(
        (answer) => {
          cancel();
          resolve(answer);
        },
        (error: unknown) => {
          cancel();
          if (error instanceof ReadModelUnavailable) resolve(undefined);
          else reject(error as Error);
        },
      );
    });
  return {
    recall: (commandId) =>
      orNothing(async () => {
        const [stored] = await readModel.load(COLLECTION, [commandId]);
        if (!stored || (stored['until'] as Instant) <= clock.now()) return undefined;
        const { hash, revision, position } = stored as unknown as UnchangedAnswer;
        return { hash, revision, position };
      }),
    remember: async (commandId, answer) => {
      await orNothing(async () => {
        const now = clock.now();
        const old = await readModel.find(
          COLLECTION,
          { until: { $lte: now } },
          { sort: [['until', 1]], limit: SWEPT_AT_ONCE },
        );
        const until = new Date(Date.parse(now) + KEPT_MS).toISOString();
        const swept = old
          .filter(({ _id }) => _id !== commandId)
          .map(({ _id, _p }) => ({ id: _id, expected: _p, next: null }));
        const expected = old.find(({ _id }) => _id === commandId)?._p ?? null;
        const next = { _id: commandId, _p: `${Number(expected ?? 0) + 1}`, ...answer, until };
        await readModel.writeGuarded(COLLECTION, [...swept, { id: commandId, expected, next }]);
      });
    },
  };
}
