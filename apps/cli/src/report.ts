// The report of an import: one JSON object a line for each row that was refused or is worth a remark.
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import type { RowNote } from '../../../libs/contexts/progress/src/domain/completion-row.js';

export async function writeReport(file: string, notes: Iterable<RowNote> | AsyncIterable<RowNote>): Promise<void> {
  const stream = createWriteStream(file);
  for await (const note of notes) if (!stream.write(`${JSON.stringify(note)}\n`)) await once(stream, 'drain');
  stream.end();
  await once(stream, 'finish');
}
