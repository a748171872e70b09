// What the command line prints: text for people, JSON for programs, progress on the error stream if a person looks on.
import type { Position } from '@cairn/kernel';

export const print = (text: string): void => void process.stdout.write(`${text}\n`);
export const printJson = (value: unknown): void => print(JSON.stringify(value, null, 2));

/** Columns as wide as their widest cell; numbers to the right. */
export function table(header: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  if (rows.length === 0) return '(none)';
  const widths = header.map((name, column) => Math.max(name.length, ...rows.map((row) => String(row[column]).length)));
  const line = (cells: readonly (string | number)[]): string =>
    cells
      .map((cell, column) =>
        typeof cell === 'number'
          ? String(cell).padStart(widths[column] as number)
          : String(cell).padEnd(widths[column] as number),
      )
      .join('  ')
      .trimEnd();
  return [line(header), line(widths.map((width) => '─'.repeat(width))), ...rows.map(line)].join('\n');
}

export type Progress = { readonly to: (done: number) => void; readonly end: () => void };

/** A bar for a walk along the log. Positions tell how far it is, not how many events: it shows per cent. */
export function logProgressBar(label: string, head: Position): Omit<Progress, 'to'> & { to: (at: Position) => void } {
  const bar = progressBar(label, Number(head), (share) => `${Math.floor(share * 100)} %`);
  return { to: (position) => bar.to(Number(position)), end: bar.end };
}

/** A bar on the error stream; silent unless it is a terminal. */
export function progressBar(label: string, total: number, shown?: (share: number) => string): Progress {
  if (!process.stderr.isTTY || total === 0) return { to: () => undefined, end: () => undefined };
  const started = Date.now();
  let drawn = 0;
  return {
    to: (done) => {
      const now = Date.now();
      if (now - drawn < 100 && done < total) return;
      drawn = now;
      const filled = Math.min(30, Math.round((done / total) * 30));
      const seconds = (now - started) / 1000;
      const left = done === 0 ? '' : `, ${Math.ceil((seconds / done) * (total - done))} s left`;
      process.stderr.write(
        `\r${label} ${'█'.repeat(filled)}${'░'.repeat(30 - filled)} ${shown ? shown(done / total) : `${done}/${total}`}${left}   `,
      );
    },
    end: () => void process.stderr.write('\n'),
  };
}
