// Pulling events out of the client's streams: one at a time, with back-pressure, and never waiting for ever.
import type { Readable } from 'node:stream';

/**
 * A stream of the client, pulled. What the stream signals beside its events (checkpoints, caught-up) is `mark`ed and
 * comes out behind the events that were there before it: in the order in which the server sent them.
 */
export type EventSource<T, Mark> = {
  /** The next event or mark, if there is one now. */
  readonly take: () => { readonly event: T } | { readonly mark: Mark } | undefined;
  readonly mark: (mark: Mark) => void;
  /** Resolves when there is something to take, when the stream is over, on `wake`, and after `limitMs`. */
  readonly wait: (limitMs: number) => Promise<void>;
  readonly wake: () => void;
  readonly over: () => { readonly error: unknown } | { readonly error?: never } | undefined;
};

export function createEventSource<T, Mark = never>(stream: Readable): EventSource<T, Mark> {
  const marks: { readonly mark: Mark; readonly behind: number }[] = [];
  let taken = 0;
  let over: { readonly error: unknown } | { readonly error?: never } | undefined;
  let woken: (() => void) | undefined;
  let readable = false;

  const wake = (): void => woken?.();
  stream.on('readable', () => {
    readable = true;
    wake();
  });
  // The listener stays: the client may emit a harmless second error after the first.
  stream.on('error', (error) => {
    over ??= { error };
    wake();
  });
  for (const event of ['end', 'close'])
    stream.on(event, () => {
      over ??= {};
      wake();
    });

  return {
    take: () => {
      const first = marks[0];
      if (first && first.behind <= taken) {
        marks.shift();
        return { mark: first.mark };
      }
      const event = stream.read() as T | null;
      if (event === null) {
        readable = false;
        return undefined;
      }
      taken++;
      return { event };
    },
    mark: (mark) => {
      marks.push({ mark, behind: taken + stream.readableLength });
      wake();
    },
    wait: (limitMs) => {
      if (over || readable || (marks[0] && marks[0].behind <= taken)) return Promise.resolve();
      return new Promise((resolve) => {
        const timer = setTimeout(() => woken?.(), limitMs);
        woken = () => {
          clearTimeout(timer);
          woken = undefined;
          resolve();
        };
      });
    },
    wake,
    over: () => over,
  };
}
