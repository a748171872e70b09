// `cairn import csv`: completions from a file of any size, CSV or NDJSON; what was refused goes to the report.
import { Command, Option } from 'commander';
import { randomUUID } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { publicId } from '@cairn/kernel';
import { runIdOf, Runs } from '@cairn/platform';
import {
  CompletionImport,
  type ImportFormat,
  type ImportRow,
  type ImportSummary,
} from '../../../libs/contexts/progress/src/commands/completion-import.js';
import {
  ROW_COLUMNS,
  type CompletionMapping,
  type RowNote,
} from '../../../libs/contexts/progress/src/domain/completion-row.js';
import { print, printJson, table } from './output.js';
import { writeReport } from './report.js';
import { CliError, withSession, type GlobalOptions, type Session } from './session.js';

type Options = {
  from: string;
  map: string[];
  system?: string;
  learnerBy: CompletionMapping['learnerBy'];
  zone?: string;
  source: string;
  format?: ImportFormat;
  delimiter?: string;
  run?: string;
  dryRun?: boolean;
  report?: string;
};
type Result = ImportSummary & {
  readonly run: string;
  readonly dryRun: boolean;
  readonly codes: Readonly<Record<string, number>>;
  readonly report: string;
};

const SETTLE_MS = 600_000;

export function addImportCsv(importing: Command, globals: () => GlobalOptions): void {
  importing
    .command('csv')
    .description('completions from a CSV or NDJSON file, a command a row; a second run records nothing')
    .requiredOption('--from <file>', 'the file; one row a line')
    .requiredOption('--map <member=column...>', `which column is what: ${ROW_COLUMNS.join(', ')}`)
    .option('--system <name>', 'system of the external ids; left out: each is written system:value')
    .addOption(
      new Option('--learner-by <kind>', 'what identifies a learner')
        .choices(['external-id', 'email'])
        .default('external-id'),
    )
    .option('--zone <zone>', 'zone of times without an offset; the tenant’s if left out')
    .option('--source <name>', 'channel of all rows', 'import')
    .addOption(new Option('--format <format>', 'by the name of the file if left out').choices(['csv', 'ndjson']))
    .option('--delimiter <character>', 'between columns', ',')
    .option('--run <id>', 'go on with a run that was cut off, under its id')
    .option('--dry-run', 'what each row would come to; nothing is written')
    .option('--report <file>', 'where every refusal goes, one JSON a line (default: <data>/import-report.ndjson)')
    .addHelpText(
      'after',
      '\nExample: npm run cairn -- import csv --from results.csv --map learner=student module=course occurredAt=passed score=grade --system sis --dry-run',
    )
    .action(async (options: Options) => {
      const { data, json } = globals();
      const report = options.report ?? join(data, 'import-report.ndjson');
      const result = await withSession(globals(), (session) => importCsv(session, options, report));
      if (json) printJson(result);
      else print(shown(result));
      if (result.cancelled) process.exitCode = 1;
    });
}

async function importCsv(session: Session, options: Options, report: string): Promise<Result> {
  const { from, delimiter, dryRun = false } = options;
  if (!existsSync(from)) throw new CliError(`There is no file ${from}.`);
  const { app, installation } = session;
  const { tenant, zone } = await session.tenant();
  const runId = options.run === undefined ? randomUUID() : runIdOf(options.run);
  const run = publicId('imp', runId);
  if (!dryRun) process.stderr.write(`Run ${run}; cut off, say the same with --run ${run}\n`);
  const { rows } = await app.get(CompletionImport, { strict: false }).import(
    {
      file: basename(from),
      format: options.format ?? (/\.(nd)?jsonl?$/i.test(from) ? 'ndjson' : 'csv'),
      ...(delimiter === undefined ? {} : { delimiter }),
      bytes: createReadStream(from) as AsyncIterable<Uint8Array>,
    },
    mappingOf(options, zone),
    {
      tenant,
      commandId: runId,
      idSource: 'derived',
      actor: 'service:import',
      correlationId: runId,
      now: await installation.now(tenant),
    },
    dryRun,
  );
  // The first ^C ends it before its next rows; what was done stays, and the report is whole.
  const cancel = (): void => void app.get(Runs, { strict: false }).cancel(tenant, runId);
  process.once('SIGINT', cancel);
  const codes: Record<string, number> = {};
  let summary: ImportSummary | undefined;
  await writeReport(
    report,
    refusals(rows, codes, (found) => (summary = found)),
  );
  process.removeListener('SIGINT', cancel);
  if (!dryRun && !(await installation.settled(SETTLE_MS)))
    throw new CliError('Not all that follows was done within ten minutes; see: npm run cairn -- projections', 1);
  return { run, dryRun, ...(summary as ImportSummary), codes, report };
}

async function* refusals(
  rows: AsyncIterable<ImportRow | ImportSummary>,
  codes: Record<string, number>,
  atEnd: (summary: ImportSummary) => void,
): AsyncGenerator<RowNote> {
  for await (const row of rows) {
    if ('counts' in row) atEnd(row);
    else if (row.outcome === 'refused') {
      const { file, line, code = '', reason = '' } = row;
      codes[code] = (codes[code] ?? 0) + 1;
      yield { file, line, code, reason };
    }
  }
}

function mappingOf({ map, system, learnerBy, zone, source }: Options, tenantZone: string): CompletionMapping {
  const columns: Record<string, string> = {};
  for (const pair of map) {
    const [member = '', column, ...more] = pair.split('=');
    if (!(ROW_COLUMNS as readonly string[]).includes(member) || !column || more.length > 0)
      throw new CliError(`--map takes member=column, with one of ${ROW_COLUMNS.join(', ')}; not "${pair}".`);
    columns[member] = column;
  }
  const missing = (['learner', 'module', 'occurredAt'] as const).filter((member) => columns[member] === undefined);
  if (missing.length > 0) throw new CliError(`--map must say which column is ${missing.join(', ')}.`);
  return {
    columns: columns as CompletionMapping['columns'],
    learnerBy,
    ...(system === undefined ? {} : { system }),
    zone: zone ?? tenantZone,
    source,
  };
}

const shown = ({ run, dryRun, counts, codes, report, cancelled }: Result): string =>
  [
    dryRun ? 'Dry run; nothing is written.' : `Run ${run}${cancelled ? ': cancelled; say the same with --run' : ''}.`,
    `Rows: ${counts.recorded} ${dryRun ? 'to record' : 'recorded'}, ${counts.unchanged} unchanged, ${counts.refused} refused. Credentials earned: ${counts.earned}.`,
    ...(counts.refused > 0
      ? [table(['refusal', 'rows'], Object.entries(codes)), `Each by file, line, code and reason: ${report}`]
      : []),
  ].join('\n');
