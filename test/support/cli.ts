// The command line in this process, as a shell would run it: one program to load, however many lines are tried.
import { cairn } from '../../apps/cli/src/main.js';

export type CliRun = { readonly code: number; readonly out: string; readonly err: string };

/** Runs one command line and gives its exit code and what it printed. One at a time: it stands in for the process's streams. */
export async function runCli(...args: readonly string[]): Promise<CliRun> {
  const captured = { out: '', err: '' };
  const streams = [
    [process.stdout, 'out'],
    [process.stderr, 'err'],
  ] as const;
  for (const [stream, name] of streams)
    Object.defineProperty(stream, 'write', {
      configurable: true,
      writable: true,
      value: (chunk: unknown) => {
        captured[name] += String(chunk);
        return true;
      },
    });
  try {
    return { code: await cairn(args), ...captured };
  } finally {
    // The stream's own method, which the property hid, is seen again.
    for (const [stream] of streams) Reflect.deleteProperty(stream, 'write');
  }
}
