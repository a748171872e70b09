// `cairn bulk`: one act on many credentials, a preview unless confirmed in its words.
import { Command, Option } from 'commander';
import { existsSync, readFileSync } from 'node:fs';
import { bareId, type CredentialId, type Instant, type LearnerId, type TemplateId } from '@cairn/kernel';
import { idOrSlug, instantOf } from '@cairn/platform';
import { BulkRun } from '../../../libs/contexts/credentials/src/commands/bulk-run.js';
import { BULK_ACTS, type BulkAct } from '../../../libs/contexts/credentials/src/domain/bulk-acts.js';
import type { BulkTarget } from '../../../libs/contexts/credentials/src/queries/bulk-items.js';
import { print } from './output.js';
import { CliError, withSession, type GlobalOptions, type Session } from './session.js';

type Options = {
  credentials?: string;
  learners?: string;
  template?: string;
  reason: string;
  authority: string;
  hold?: string;
  effectiveAt?: string;
  position?: string;
  asOf?: string;
  confirm?: string;
};

/** How long what follows from a run is waited for. */
const SETTLE_MS = 600_000;

export function addBulk(program: Command, globals: () => GlobalOptions): void {
  program
    .command('bulk')
    .argument('<action>', BULK_ACTS.join(', '))
    .description('one act on many credentials; a preview unless confirmed in its words')
    .option('--credentials <file>', 'file with ids of credentials, one a line')
    .option('--learners <file>', 'file with ids of learners, one a line')
    .option('--template <template>', 'id or slug of a template')
    .requiredOption('--reason <code>', 'why')
    .requiredOption('--authority <who>', 'who is entitled to decide it')
    .option('--hold <name>', 'to suspend and reinstate: name of the hold')
    .option('--effective-at <instant>', 'from when on; the instant of the preview if left out')
    .addOption(new Option('--position <position>', 'position that the preview gave'))
    .addOption(new Option('--as-of <instant>', 'instant that the preview gave'))
    .addOption(new Option('--confirm <words>', 'the words that the preview ended with, such as "revoke 500"'))
    .addHelpText(
      'after',
      '\nExample: npm run cairn -- bulk revoke --template DMC --reason issued-in-error --authority dean',
    )
    .action(async (action: string, options: Options) => {
      if (!(BULK_ACTS as readonly string[]).includes(action))
        throw new CliError(`"${action}" is no act; there are ${BULK_ACTS.join(', ')}.`);
      const isGood = await withSession(globals(), (session) =>
        bulk(session, globals().json === true, action as BulkAct, options),
      );
      if (!isGood) process.exitCode = 1;
    });
}

async function bulk(session: Session, json: boolean, action: BulkAct, options: Options): Promise<boolean> {
  const { app, installation } = session;
  const { tenant, namespace } = await session.tenant();
  const target = targetOf({ tenant, namespace }, action, options);
  const service = app.get(BulkRun, { strict: false });
  const line = (value: object, text: string): void => print(json ? JSON.stringify(value) : text);
  const { position, asOf, confirm } = options;
  if (confirm === undefined) {
    const { head, rows } = await service.preview(target);
    line(head, `Preview of ${head.run}: ${action}, as of ${head.asOf}`);
    for await (const row of rows)
      if ('counts' in row)
        line(
          row,
          [
            counted(row.counts),
            ...(Object.keys(row.cascade).length > 0 ? [`What follows: ${counted(row.cascade)}`] : []),
            `Nothing is changed yet. To do it, say the same with: --position ${head.position} --as-of ${head.asOf} --confirm "${row.confirm}"`,
          ].join('\n'),
        );
      else
        line(
          row,
          [
            `${row.credential ?? row.learner}  ${row.effect}${refused(row)}`,
            ...row.cascade.map(
              ({ effect, credential, enrollment, step, because }) =>
                `  ${effect} ${credential ?? `${step} of ${enrollment}`}${because ? ` (${because})` : ''}`,
            ),
          ].join('\n'),
        );
    return true;
  }
  const at = asOf === undefined ? undefined : (instantOf<Instant>(asOf) as Instant | undefined);
  if (position === undefined || at === undefined)
    throw new CliError('--confirm goes with --position and --as-of, as the preview gave them.');
  const context = { actor: 'service:cli', now: await installation.now(tenant) };
  const { head, rows } = await service.run(target, { position, asOf: at }, confirm, context);
  line(head, `Run ${head.run}: ${action}. Cut off, say the same again.`);
  let isGood = true;
  for await (const row of rows)
    if ('counts' in row) {
      isGood = row.cancelled !== true && row.counts.refused === 0 && row.counts['changed-since'] === 0;
      line(row, `${counted(row.counts)}${row.cancelled ? '; cancelled' : ''}`);
    } else line(row, `${row.credential ?? row.learner}  ${row.outcome}${refused(row)}`);
  if (!(await installation.settled(SETTLE_MS)))
    throw new CliError('Not all that follows was done within ten minutes; see: npm run cairn -- projections', 1);
  return isGood;
}

function targetOf(of: Pick<BulkTarget, 'tenant' | 'namespace'>, action: BulkAct, options: Options): BulkTarget {
  const { reason, authority, hold, effectiveAt, template } = options;
  const credentials = idsIn<CredentialId>('crd', options.credentials);
  const learners = idsIn<LearnerId>('lrn', options.learners);
  if (
    action === 'issue'
      ? !learners || !template || credentials
      : (credentials !== undefined) === Boolean(learners ?? template)
  )
    throw new CliError(
      action === 'issue'
        ? 'To issue, name --learners and --template.'
        : 'Name --credentials; or --learners, --template, or both.',
    );
  if ((action === 'suspend' || action === 'reinstate') !== (hold !== undefined))
    throw new CliError(`--hold goes with suspend and reinstate, and only with these.`);
  const since = effectiveAt === undefined ? undefined : (instantOf<Instant>(effectiveAt) as Instant | undefined);
  if (effectiveAt !== undefined && since === undefined)
    throw new CliError(`"${effectiveAt}" is not an instant in UTC such as 2026-03-10T09:00:00Z.`);
  return {
    ...of,
    action,
    selection: {
      ...(credentials ? { credentials } : {}),
      ...(learners ? { learners } : {}),
      ...(template === undefined ? {} : { template: idOrSlug<TemplateId>('tpl', of.tenant, template) }),
    },
    words: {
      reasonCode: reason,
      authority,
      ...(hold === undefined ? {} : { hold }),
      ...(since === undefined ? {} : { effectiveAt: since }),
    },
  };
}

function idsIn<T extends string>(prefix: 'crd' | 'lrn', file: string | undefined): readonly T[] | undefined {
  if (file === undefined) return undefined;
  if (!existsSync(file)) throw new CliError(`There is no file ${file}.`);
  return readFileSync(file, 'utf8')
    .split(/\r?\n/)
    .flatMap((text, index) => {
      if (text.trim() === '') return [];
      const id = bareId(prefix, text.trim());
      if (id === undefined)
        throw new CliError(
          `${file}, line ${index + 1}: "${text.trim().slice(0, 40)}" is not an id such as ${prefix}_….`,
        );
      return [id as T];
    });
}

const counted = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');

const refused = ({ refusal }: { readonly refusal?: { readonly code: string; readonly detail: string } }): string =>
  refusal ? ` (${refusal.code}: ${refusal.detail})` : '';
