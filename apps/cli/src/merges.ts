// `cairn merge`, `cairn unmerge`: two learners are one person, or two after all; a preview unless confirmed.
import type { Command } from 'commander';
import { randomUUID } from 'node:crypto';
import { bareId, type CommandContext, type LearnerId } from '@cairn/kernel';
import type { MergeLearners, UnmergeLearners } from '@cairn/contexts/learners';
import { MergeDesk, type MergeEffects } from '../../../libs/contexts/progress/src/commands/merges.js';
import { print, printJson } from './output.js';
import { CliError, dispatched, withSession, type GlobalOptions, type Session } from './session.js';

type Options = { into?: string; reason: string; authority: string; confirm?: true };

/** How long what follows is waited for. */
const SETTLE_MS = 600_000;

export function addMerges(program: Command, globals: () => GlobalOptions): void {
  const act = async (learner: string, options: Options): Promise<void> => {
    const effects = await withSession(globals(), (session) => decided(session, learner, options));
    if (globals().json) printJson({ done: options.confirm === true, effects });
    else print(shown(effects, options.confirm === true));
  };
  program
    .command('merge <learner>')
    .description('two learners are one person: progress unites in the record of the other; a preview unless confirmed')
    .requiredOption('--into <learner>', 'as whom the person goes on')
    .requiredOption('--reason <code>', 'why, such as registered-twice')
    .requiredOption('--authority <who>', 'who is entitled to decide it')
    .option('--confirm', 'do it')
    .action(act);
  program
    .command('unmerge <learner>')
    .description('they are two persons after all: each goes on with what is theirs; a preview unless confirmed')
    .requiredOption('--reason <code>', 'why, such as two-persons')
    .requiredOption('--authority <who>', 'who is entitled to decide it')
    .option('--confirm', 'do it')
    .action(act);
}

function learnerNamed(text: string): LearnerId {
  const id = bareId('lrn', text);
  if (id === undefined) throw new CliError(`"${text}" is not the id of a learner, which begins with lrn_.`);
  return id as LearnerId;
}

/** What follows, by the decisions themselves; confirmed, it has followed. */
async function decided(session: Session, learner: string, options: Options): Promise<MergeEffects> {
  const { into, reason: reasonCode, authority, confirm } = options;
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(reasonCode) || reasonCode.length > 64)
    throw new CliError(`--reason takes a code such as registered-twice; not "${reasonCode}".`);
  const { tenant } = await session.tenant();
  const commandId = randomUUID();
  const context: CommandContext = {
    tenant,
    commandId,
    idSource: 'fresh',
    actor: 'service:cli',
    correlationId: commandId,
    now: await session.installation.now(tenant),
  };
  const data = { learnerId: learnerNamed(learner), reasonCode, authority };
  const desk = session.app.get(MergeDesk, { strict: false });
  const merge: MergeLearners | undefined =
    into === undefined ? undefined : { type: 'MergeLearners', data: { ...data, into: learnerNamed(into) } };
  const unmerge: UnmergeLearners = { type: 'UnmergeLearners', data };
  const effects = await (merge ? desk.merge({ ...merge, ...context }) : desk.unmerge({ ...unmerge, ...context }));
  if (!confirm) return effects;
  await dispatched(session, merge ?? unmerge, context);
  if (!(await session.installation.settled(SETTLE_MS)))
    throw new CliError('It is decided; what follows from it takes longer and goes on at the next start.', 1);
  return effects;
}

const shown = ({ credentials, holds, stepsSatisfied, stepsReopened, aside, back }: MergeEffects, done: boolean) =>
  [
    ...credentials.map(({ template, from }) => `Earned: ${template} from ${from}`),
    ...holds.map(({ credential, effect, cause }) => `${credential}: ${effect} (${cause})`),
    `${stepsSatisfied} step(s) met, ${stepsReopened} open again.`,
    ...aside.map((enrollment) => `Stands aside: ${enrollment}`),
    ...back.map((enrollment) => `Comes back: ${enrollment}`),
    done ? 'Done.' : 'Nothing is changed yet. To do it: --confirm',
  ].join('\n');
