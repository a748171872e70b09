// Tables are read a line at a time, a line being a row: a quote that somebody forgot spoils its own row and no other.
import { parse } from 'csv-parse/sync';

const LINE_LIMIT = 64 * 1024;

type Line = { readonly line: number } & (
  { readonly text: string; readonly fault?: undefined } | { readonly text?: undefined; readonly fault: string }
);

/** Lines of UTF-8 text, with or without carriage returns; what is too long is passed over without being kept. */
export async function* linesOf(bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Line> {
  const decoder = new TextDecoder('utf-8');
  let line = 0;
  let rest = '';
  let isTooLong = false;
  const lineOf = (text: string): Line => {
    line++;
    const tooLong = isTooLong || text.length > LINE_LIMIT;
    isTooLong = false;
    if (tooLong) return { line, fault: `has more than ${LINE_LIMIT} characters` };
    if (text.includes('\uFFFD')) return { line, fault: 'is not UTF-8 text' };
    return { line, text: text.endsWith('\r') ? text.slice(0, -1) : text };
  };
  for await (const chunk of bytes) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = parts.pop() as string;
    for (const part of parts) yield lineOf(part);
    if (rest.length <= LINE_LIMIT) continue;
    isTooLong = true;
    rest = '';
  }
  rest += decoder.decode();
  if (rest !== '' || isTooLong) yield lineOf(rest);
}

export const QUOTE_OPEN = 'is not readable as CSV: a quote is not closed';

/** The cells of one line, trimmed; undefined if a quote is not closed. */
export function cellsOf(text: string, delimiter = ','): readonly string[] | undefined {
  if (!text.includes('"')) return text.split(delimiter).map((cell) => cell.trim());
  try {
    return parse(text, { delimiter, relax_quotes: true, trim: true })[0] ?? [];
  } catch {
    return undefined; // the one fault that relaxed quotes leave: a quote that is not closed
  }
}
