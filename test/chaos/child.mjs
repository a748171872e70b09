// The process that is killed: imports or rebuilds on the data folder with the built code. It says on stdout how far it
// is, and writes every command that was acknowledged to a synced journal, which outlives it.
//
//   node child.mjs import|rebuild <data folder> <folder with the tables> <journal> <first n students>
import 'reflect-metadata';
import { once } from 'node:events';
import { fdatasyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const [, , mode, data, tables, journal, students] = process.argv;
const dist = new URL('../../dist/', import.meta.url);
const { CommandGateway } = await import(new URL('libs/platform/src/index.js', dist));
const { LearnerDesk } = await import(new URL('libs/contexts/learners/src/commands/learners.js', dist));
const { withSession } = await import(new URL('apps/cli/src/session.js', dist));
const { importOulad } = await import(new URL('apps/cli/src/oulad/import.js', dist));

const said = new Set();
/** Once each, and without a buffer: the parent measures its delay from here. */
const say = (word) => {
  if (said.has(word)) return;
  said.add(word);
  writeSync(1, `${word}\n`);
};

const file = openSync(journal, 'a');
/**
 * Only what the log answered for: a journal that is written before the answer would prove nothing. Answers that name no
 * event are in it, too: to a command that was recorded before, such an answer is wrong. They need not outlive the power.
 */
function acknowledged(outcome, commandId) {
  if (!outcome.accepted) return;
  const { stream, revision, replayed, events } = outcome;
  const entry = { commandId, stream, revision, replayed, events: events.map((event) => [event.id, event.revision]) };
  writeSync(file, `${JSON.stringify(entry)}\n`);
  if (events.length > 0) fdatasyncSync(file);
}

const { dispatch } = CommandGateway.prototype;
CommandGateway.prototype.dispatch = async function (issued, options) {
  if (issued.type === 'IssueCredential') say('issuing');
  const outcome = await dispatch.call(this, issued, options);
  acknowledged(outcome, issued.commandId);
  return outcome;
};
// Registrations of the importer do not come through the gateway.
const { register } = LearnerDesk.prototype;
LearnerDesk.prototype.register = async function (context, profile) {
  const outcome = await register.call(this, context, profile);
  acknowledged(outcome, context.commandId);
  return outcome;
};

// The program is loaded while the round before still runs; nothing is opened until the parent sends a line.
await once(process.stdin, 'data');
process.stdin.destroy();
say('opening');
const result = await withSession(
  { data },
  async (session) => {
    say('working');
    return mode === 'rebuild'
      ? session.installation.rebuild(undefined, { dropOld: true })
      : importOulad(session, tables, join(data, 'report.ndjson'), Number(students));
  },
  { create: true, catchUp: mode === 'rebuild' },
);
writeSync(1, `${JSON.stringify(result)}\n`);
