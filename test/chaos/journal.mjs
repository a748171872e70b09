// The journal: what was sent and what was answered, on disk before anything follows from it. Lines that come together
// share one fsync. It is a process of its own, so that nothing that is killed takes it along.
//
//   fork('journal.mjs', [file]); then { id, line } is answered by { id } once the line is on disk
import { fsyncSync, openSync, writeSync } from 'node:fs';

const file = openSync(process.argv[2], 'a');
let batch = [];
process.on('message', (message) => {
  if (batch.push(message) > 1) return;
  setImmediate(() => {
    const together = batch;
    batch = [];
    writeSync(file, together.map(({ line }) => `${line}\n`).join(''));
    fsyncSync(file);
    for (const { id } of together) process.send({ id });
  });
});
process.on('disconnect', () => process.exit(0));
