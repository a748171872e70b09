// `cairn simulate`: what a version would change, as of now. `cairn shadow`: what a draft would have decided meanwhile.
import type { Command } from 'commander';
import { randomUUID } from 'node:crypto';
import { bareId, type CommandContext, type EnrollmentId, type PathwayId } from '@cairn/kernel';
import {
  pathwayFold,
  pathwayStream,
  versionByLabelOrNumber,
  type StartPathwayShadow,
  type StopPathwayShadow,
} from '@cairn/contexts/catalog';
import { idOrSlug } from '@cairn/platform';
import { ShadowReport, type ShadowRow, type ShadowSince } from '../../../libs/contexts/progress/src/queries/shadow.js';
import {
  SimulationReport,
  type SimulationSummary,
} from '../../../libs/contexts/progress/src/queries/simulation-report.js';
import { print, printJson } from './output.js';
import { CliError, dispatched, withSession, type GlobalOptions, type Session } from './session.js';

type Looking = { from?: string; map?: string[] };

export function addSimulations(program: Command, globals: () => GlobalOptions): void {
  /** A line at a time: there may be more learners than memory holds. */
  const line = (value: object, text: string): void => print(globals().json ? JSON.stringify(value) : text);
  const printRows = async (rows: AsyncIterable<ShadowRow | SimulationSummary>): Promise<void> => {
    for await (const row of rows) line(row, 'counts' in row ? countsIn(row) : rowIn(row));
  };
  const looking = (command: Command): Command =>
    command
      .option('--from <label>', 'only who is in this version; in any older one if left out')
      .option('--map <old=new...>', 'what a step that is called otherwise becomes');

  looking(
    program
      .command('simulate <pathway>')
      .description('who would gain, lose or stay as they are under a version; nothing is written')
      .option('--version <label>', 'label or number of the version; the draft if left out'),
  ).action(async (pathway: string, { version, from, map }: Looking & { version?: string }) => {
    const mapping = mappingOf(map);
    await withSession(globals(), async (session) => {
      const { head, rows } = await session.app.get(SimulationReport, { strict: false }).preview({
        ...(await named(session, pathway)),
        ...(version === undefined ? {} : { version }),
        ...(from === undefined ? {} : { from }),
        ...mapping,
      });
      line(head, `${head.pathway} ${head.version ?? 'draft'}, position ${head.position}, as of ${head.asOf}`);
      await printRows(rows);
    });
  });

  const shadow = program.command('shadow').description('a draft evaluated beside the versions that people are in');
  looking(
    shadow
      .command('start <pathway>')
      .description('puts the draft in shadow until it is stopped, published or rewritten; it issues nothing'),
  ).action(async (pathway: string, { from, map }: Looking) => {
    const mapping = mappingOf(map);
    const outcome = await withSession(globals(), async (session) => {
      const { tenant, pathwayId } = await named(session, pathway);
      const { state } = await session.installation.executor.snapshot(pathwayFold, pathwayStream(tenant, pathwayId));
      const version = from === undefined ? undefined : versionByLabelOrNumber(state, from);
      if (from !== undefined && !version) throw new CliError(`The pathway has no published version "${from}".`);
      const data = { pathwayId, ...(version ? { from: version.version } : {}), ...mapping };
      const command: StartPathwayShadow = { type: 'StartPathwayShadow', data };
      return (await dispatched(session, command, await contextIn(session))).outcome;
    });
    line({ outcome }, outcome === 'unchanged' ? 'In shadow already.' : 'In shadow. What it finds: cairn shadow report');
  });
  shadow
    .command('stop <pathway>')
    .description('ends the shadow; what it found up to now can still be asked')
    .requiredOption('--reason <code>', 'why, such as seen-enough')
    .action(async (pathway: string, { reason }: { reason: string }) => {
      if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(reason) || reason.length > 64)
        throw new CliError(`--reason takes a code such as seen-enough; not "${reason}".`);
      const outcome = await withSession(globals(), async (session) => {
        const { pathwayId } = await named(session, pathway);
        const command: StopPathwayShadow = { type: 'StopPathwayShadow', data: { pathwayId, reasonCode: reason } };
        return (await dispatched(session, command, await contextIn(session))).outcome;
      });
      line({ outcome }, outcome === 'unchanged' ? 'No draft is in shadow.' : 'Stopped.');
    });
  shadow
    .command('report <pathway>')
    .description('what the draft would have decided for everyone, and since when')
    .option('--enrollment <id>', 'only for this one, change by change')
    .action(async (pathway: string, { enrollment }: { enrollment?: string }) => {
      const enrollmentId = enrollment === undefined ? undefined : bareId('enr', enrollment);
      if (enrollment !== undefined && enrollmentId === undefined)
        throw new CliError(`"${enrollment}" is not the id of an enrollment, which begins with enr_.`);
      await withSession(globals(), async (session) => {
        const shadows = session.app.get(ShadowReport, { strict: false });
        const of = await named(session, pathway);
        if (enrollmentId !== undefined) {
          const found = await shadows.changes(of, enrollmentId as EnrollmentId);
          if (globals().json) return printJson(found);
          const { enrollment: id, learner } = found;
          return print(found.changes.map((change) => rowIn({ enrollment: id, learner, ...change })).join('\n'));
        }
        const { head, rows } = await shadows.report(of);
        line(
          head,
          [
            `${head.pathway}, draft in shadow since ${head.started.at} by ${head.started.by}`,
            ...(head.ended ? [`${head.ended.why} ${head.ended.at} by ${head.ended.by}`] : []),
            `position ${head.position}, as of ${head.asOf}`,
          ].join('\n'),
        );
        await printRows(rows);
      });
    });
}

function mappingOf(map: readonly string[] | undefined): { readonly mapping?: Record<string, string> } {
  if (map === undefined) return {};
  const pairs = map.map((pair) => {
    const [old, next, ...more] = pair.split('=');
    if (!old || !next || more.length > 0) throw new CliError(`--map takes old=new, such as L1=basics; not "${pair}".`);
    return [old, next] as const;
  });
  return { mapping: Object.fromEntries(pairs) };
}

async function named(session: Session, pathway: string) {
  const { tenant } = await session.tenant();
  return { tenant, pathwayId: idOrSlug<PathwayId>('pwy', tenant, pathway) };
}

async function contextIn(session: Session): Promise<CommandContext> {
  const { tenant } = await session.tenant();
  const commandId = randomUUID();
  const now = await session.installation.now(tenant);
  return { tenant, commandId, idSource: 'fresh', actor: 'service:cli', correlationId: commandId, now };
}

const countsIn = ({ counts }: SimulationSummary): string =>
  Object.entries(counts)
    .map(([outcome, count]) => `${outcome} ${count}`)
    .join(', ');

const sinceIn = ({ by, at, event }: ShadowSince): string =>
  by === 'start'
    ? `since the shadow began (${at})`
    : by === 'event'
      ? `since ${at}, by ${event}`
      : `by time alone, some time after ${at}`;

const rowIn = ({ enrollment, outcome, gains, loses, refusal, since }: ShadowRow): string =>
  [
    `${enrollment}  ${outcome}${since ? `, ${sinceIn(since)}` : ''}`,
    ...gains.map(
      ({ award, from: start, because }) =>
        `  gains ${award} from ${start}: ${because.map(({ text }) => text).join('; ')}`,
    ),
    ...loses.map(({ award, because }) => `  keeps ${award}, for which the rules would ask: ${because.join('; ')}`),
    ...(refusal ? [`  ${refusal.code}: ${refusal.detail}`] : []),
  ].join('\n');
