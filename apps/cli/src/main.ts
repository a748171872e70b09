// `cairn`: the command line. Exit codes: 0 done, 1 a check failed or something broke, 2 wrong use or not found,
// 3 the data folder is held by another process.
import 'reflect-metadata';
import { Command, CommanderError, Option } from 'commander';
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  bareId,
  publicId,
  uuidv5,
  type CommandContext,
  type CredentialId,
  type EnrollmentId,
  type Instant,
  type PathwayId,
  type Position,
  type TenantId,
} from '@cairn/kernel';
import { sandboxClock, type SetTenantClock } from '@cairn/contexts/tenancy';
import { DataDirectoryLocked } from '@cairn/eventlog';
import {
  CONFIGURATION,
  idOrSlug,
  instantOf,
  positionOf,
  positionToken,
  ProblemException,
  runIdOf,
  type Configuration,
  type Installation,
} from '@cairn/platform';
import type { ParkedKey } from '@cairn/runtime';
import { FunnelQuery } from '../../../libs/contexts/analytics/src/queries/pathway-analytics.js';
import { trailFilter, TrailQuery, type NamedTrail } from '../../../libs/contexts/audit/src/queries/trail.js';
import { ExplainCredentialQuery } from '../../../libs/contexts/credentials/src/queries/explain-credential.js';
import { VerifyCredentialQuery } from '../../../libs/contexts/credentials/src/queries/verify-credential.js';
import { PresentedVerifier } from '../../../libs/contexts/credentials/src/queries/verify-presented.js';
import { ParkedDesk } from '../../../libs/contexts/governance/src/commands/parked-work.js';
import { RebuildDesk } from '../../../libs/contexts/governance/src/commands/rebuild.js';
import { cloudEventOf } from '../../../libs/contexts/integration/src/domain/public-events.js';
import { UndoRun } from '../../../libs/contexts/progress/src/commands/undo-run.js';
import { WhyNotQuery } from '../../../libs/contexts/progress/src/queries/why-not.js';
import { backupFromServer, refuseExisting, restore } from './backup.js';
import { migrate } from './migrate.js';
import { addBulk } from './bulk.js';
import { addImportCsv } from './import-csv.js';
import { addMerges } from './merges.js';
import { importOulad } from './oulad/import.js';
import { OuladUnreadable } from './oulad/tables.js';
import { logProgressBar, print, printJson, progressBar, table } from './output.js';
import { CliError, dispatched, withSession, type GlobalOptions, type Session } from './session.js';
import { addSimulations } from './simulations.js';
import { verifyLog } from './verify-log.js';

/** How long a moved clock waits for what falls due. */
const SETTLE_MS = 600_000;
/** How long a lane that is let go is watched. */
const COMES_THROUGH_MS = 10_000;

/** What the command line that runs will end with: set by an answer that is no good, and by whatever fails. */
let exitCode = 0;

const program = new Command('cairn')
  .description('Issues stackable digital credentials and can prove every step of how each came about.')
  .option('--data <folder>', 'data folder of the embedded store', process.env['CAIRN_DATA'] ?? './data')
  .option('--tenant <slug>', 'tenant; not needed if there is only one')
  .option('--json', 'print JSON')
  .showHelpAfterError('Add --help for what can be said here.')
  .addHelpText(
    'after',
    `
Examples:
  npm run cairn -- import oulad --from ../shared/data/oulad --data ./data/oulad
  npm run cairn -- import csv --from results.csv --map learner=student module=course occurredAt=passed --system sis
  npm run cairn -- funnel oulad-fff --version 2013J --order in-order --json --data ./data/oulad
  npm run cairn -- simulate data-skills --version 2027
  npm run cairn -- shadow start data-skills
  npm run cairn -- verify crd_… --as-of 2014-06-01T00:00:00Z
  npm run cairn -- merge lrn_… --into lrn_… --reason registered-twice --authority registrar
  npm run cairn -- audit --learner lrn_…
  npm run cairn -- verify-log

Exit codes: 0 done, 1 a check failed or something broke, 2 wrong use or not found, 3 the data folder is in use.`,
  )
  .exitOverride();

const globals = (): GlobalOptions => program.opts<GlobalOptions>();

/** Runs on a caught-up installation and prints the answer: as JSON, or as `show` has it. Exit code 1 unless it is good. */
async function answer<T>(
  work: (session: Session) => Promise<T>,
  show: (value: T) => string,
  isGood: (value: T) => boolean = () => true,
  opening: { readonly catchUp?: boolean } = {},
): Promise<void> {
  const value = await withSession(globals(), work, opening);
  if (globals().json) printJson(value);
  else print(show(value));
  if (!isGood(value)) exitCode = 1;
}

/** All documents of a projection of the tenant that a filter meets. */
async function list(session: Session, projection: string, filter: Record<string, unknown>, limit: number) {
  return session.installation.views.find(projection, filter, { sort: [['_id', 1]], limit });
}

/** An instant, or a day for its first one in UTC. */
function instantIn(text: string, flag: string): Instant {
  const value = instantOf<Instant>(text.length === 10 ? `${text}T00:00:00Z` : text) as Instant | undefined;
  if (value === undefined) throw new CliError(`${flag} takes an instant such as 2026-03-10T09:00:00Z, or a day.`);
  return value;
}

/** Reads an option that counts something. */
const countOf =
  (flag: string, least: number, most = Number.MAX_SAFE_INTEGER) =>
  (text: string): number => {
    const value = Number(text);
    if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
    throw new CliError(
      `${flag} takes a whole number ${most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`}, not "${text}".`,
    );
  };

const limitOption = new Option('--limit <n>', 'at most so many').default(50).argParser(countOf('--limit', 1, 10_000));

program
  .command('tenants')
  .description('customers of this installation')
  .action(() =>
    answer(
      async (session) =>
        (await session.tenants()).map(({ tenant, slug, zone }) => ({ id: publicId('ten', tenant), slug, zone })),
      (rows) =>
        table(
          ['id', 'slug', 'zone'],
          rows.map(({ id, slug, zone }) => [id, slug, zone]),
        ),
    ),
  );

program
  .command('clock [to]')
  .description("a tenant's time; of a sandbox it is moved on to an instant, and what falls due by then is done")
  .addHelpText('after', '\nExample: npm run cairn -- clock 2028-03-10T09:00:00Z --tenant try-out')
  .action((to: string | undefined) =>
    answer(
      async (session) => {
        const { tenant, slug, namespace } = await session.tenant();
        const { installation } = session;
        if (to !== undefined) {
          const instant = instantOf<Instant>(to) as Instant | undefined;
          if (instant === undefined)
            throw new CliError(`"${to}" is not an instant in UTC such as 2028-03-10T09:00:00Z.`);
          const commandId = uuidv5(namespace, 'clock', instant);
          await dispatched<SetTenantClock>(
            session,
            { type: 'SetTenantClock', data: { to: instant } },
            {
              tenant,
              commandId,
              idSource: 'derived',
              actor: 'service:cli',
              correlationId: commandId,
              now: await installation.now(tenant),
            },
          );
          if (!(await installation.settled(SETTLE_MS)))
            throw new CliError(
              'Not all that fell due was done within ten minutes; see: npm run cairn -- projections',
              1,
            );
        }
        const sandbox = (await sandboxClock(installation.executor.loader, tenant)) !== undefined;
        return { tenant: slug, now: await installation.now(tenant), sandbox };
      },
      ({ tenant, now, sandbox }) => `${tenant}: ${now}${sandbox ? ' (its own clock)' : ''}`,
    ),
  );

const importing = program.command('import').description('bring data in');
importing
  .command('oulad')
  .description('the Open University Learning Analytics Dataset, by public commands only; a second run records nothing')
  .requiredOption('--from <folder>', 'folder with the five CSV files')
  .option(
    '--report <file>',
    'where every remark and refusal goes, one JSON a line (default: <data>/import-oulad-report.ndjson)',
  )
  .addOption(new Option('--students <n>', 'only the first n students').argParser(countOf('--students', 1)))
  .action(async (options: { from: string; report?: string; students?: number }) => {
    const { data, json } = globals();
    const summary = await withSession(
      globals(),
      (session) =>
        importOulad(
          session,
          options.from,
          options.report ?? join(data, 'import-oulad-report.ndjson'),
          options.students,
        ),
      { create: true, catchUp: false },
    );
    if (json) return printJson(summary);
    print(
      `Imported into tenant ${summary.tenant}: ${summary.learners} learners, ${summary.registrations} registrations, ${summary.submissions} submissions.`,
    );
    print(
      `Commands: ${summary.commands.recorded} recorded, ${summary.commands.unchanged} unchanged, ${summary.commands.refused} refused.`,
    );
    print(`New events: ${summary.newEvents}. Credentials: ${summary.credentials}. ${summary.seconds} s.`);
    print(table(['remark or refusal', 'rows'], Object.entries(summary.codes)));
    print(`Each by file, line, code and reason: ${summary.report}`);
  });

addImportCsv(importing, globals);

program
  .command('pathways')
  .description('published pathways and their versions')
  .addOption(limitOption)
  .action((options: { limit: number }) =>
    answer(
      async (session) => {
        const { tenant } = await session.tenant();
        return (await list(session, 'catalog', { tenant, kind: 'pathway' }, options.limit)).map((document) => ({
          id: publicId('pwy', document['id'] as string),
          slug: document['slug'] as string,
          versions: (document['versions'] as readonly { label: string }[]).map(({ label }) => label),
        }));
      },
      (rows) =>
        table(
          ['id', 'slug', 'versions'],
          rows.map(({ id, slug, versions }) => [id, slug, versions.join(' ')]),
        ),
    ),
  );

program
  .command('learners')
  .description('learners, without personal data')
  .addOption(limitOption)
  .action((options: { limit: number }) =>
    answer(
      async (session) => {
        const { tenant } = await session.tenant();
        return (await list(session, 'learners', { tenant }, options.limit)).map(
          ({ _id, tenant: _tenant, learnerId: _learner, ...rest }) => ({
            ...(rest as { readonly status?: string; readonly registeredAt?: string }),
            id: publicId('lrn', _id.slice(tenant.length + 1)),
          }),
        );
      },
      (rows) =>
        table(
          ['id', 'state', 'registered'],
          rows.map(({ id, status, registeredAt }) => [id, status ?? '', registeredAt ?? '']),
        ),
    ),
  );

program
  .command('credentials')
  .description('issued credentials')
  .addOption(limitOption)
  .action((options: { limit: number }) =>
    answer(
      async (session) => {
        const { tenant } = await session.tenant();
        return (await list(session, 'register', { tenant }, options.limit)).map((document) => ({
          id: publicId('crd', document['credentialId'] as string),
          learner: publicId('lrn', document['learnerId'] as string),
          template: publicId('tpl', document['templateId'] as string),
          state: document['state'] as string,
          validFrom: document['validFrom'] as string,
        }));
      },
      (rows) =>
        table(
          ['id', 'learner', 'state', 'valid from'],
          rows.map((row) => [row.id, row.learner, row.state, row.validFrom]),
        ),
    ),
  );

program
  .command('funnel <pathway>')
  .description('learners who reached and who satisfied each step')
  .option('--version <label>', 'label or number of the version; the newest if left out')
  .addOption(
    new Option('--order <order>', 'count steps whenever satisfied, or only in order')
      .choices(['any', 'in-order'])
      .default('any'),
  )
  .action((pathway: string, options: { version?: string; order: 'any' | 'in-order' }) =>
    answer(
      async (session) => {
        const { tenant } = await session.tenant();
        const pathwayId = idOrSlug<PathwayId>('pwy', tenant, pathway);
        const target = { tenant, pathwayId, ...(options.version === undefined ? {} : { version: options.version }) };
        return session.queries.execute(new FunnelQuery(target, options.order));
      },
      (funnel) =>
        [
          `${funnel.pathway} ${funnel.version}, ${funnel.order}: ${funnel.enrolled} enrolled`,
          table(
            ['step', 'reached', 'satisfied'],
            funnel.steps.map((step) => [step.id, step.reached, step.satisfied]),
          ),
          funnel.definition,
          `Position ${funnel.position}, as of ${funnel.asOf}`,
        ].join('\n'),
    ),
  );

addSimulations(program, globals);

program
  .command('explain <credential>')
  .description('why a credential exists: the rule, the facts, who recorded them')
  .action((credential: string) =>
    answer(
      async (session) => {
        const { tenant } = await session.tenant();
        const id = bareId('crd', credential) as CredentialId | undefined;
        const found = id && (await session.queries.execute(new ExplainCredentialQuery(tenant, id, 'staff')));
        if (!found) throw new CliError(`There is no credential ${credential}.`);
        return found;
      },
      (value) =>
        [
          value.text['en'] ?? '',
          ...(value.rule
            ? [`Rule: ${value.rule.text['en'] ?? ''} (${value.rule.pathwaySlug} ${value.rule.label})`]
            : []),
          ...value.requirements.flatMap((requirement) => [
            `  ${requirement.text['en'] ?? requirement.requirement}`,
            ...requirement.facts.map(
              (fact) =>
                `    ${fact.at} (UTC)  ${fact.text['en'] ?? ''}${fact.source ? ` [${fact.source}]` : ''}; ` +
                `recorded ${fact.recordedAt}${fact.staff ? ` by ${fact.staff.trace.actor}` : ''}`,
            ),
          ]),
          `Decided again from these facts: ${value.matches === null ? 'nothing to evaluate' : value.matches ? 'the same' : `different: ${value.mismatch ?? ''}`}`,
        ].join('\n'),
    ),
  );

program
  .command('why-not <enrollment>')
  .description('what is missing, and the shortest way there')
  .action((enrollment: string) =>
    answer(
      async (session) => {
        const { tenant } = await session.tenant();
        const id = bareId('enr', enrollment) as EnrollmentId | undefined;
        const found = id && (await session.queries.execute(new WhyNotQuery(tenant, id)));
        if (!found) throw new CliError(`There is no enrollment ${enrollment}.`);
        return found;
      },
      ({ pathway, version, state, steps, awards, renewals }) =>
        [
          `${pathway} ${version}${state === 'withdrawn' ? ', withdrawn: nothing counts until the learner is reinstated' : ''}`,
          ...[...steps, ...awards].flatMap(({ id, text, missing, route }) => [
            `${id}: ${text}`,
            ...missing.map(
              ({ text: what, metBy }) => `  missing: ${what}${metBy ? '' : ' (nothing that happens now meets it)'}`,
            ),
            ...(route ? [`  shortest way: ${route.join(', ')}`] : []),
          ]),
          ...(steps.length + awards.length === 0 ? ['Nothing is missing.'] : []),
          ...renewals.flatMap(({ credential, term, opens, closes, state: standing, text, missing }) => [
            `${credential}, term ${term.serial} until ${term.until}: renewal ${standing}, from ${opens} to before ${closes}`,
            `  renews: ${text}`,
            ...(standing === 'over' ? [] : missing.map(({ text: what }) => `  missing: ${what}`)),
          ]),
        ].join('\n'),
    ),
  );

program
  .command('verify <credential-or-file>')
  .description('does it hold? by id, or a signed copy from a file')
  .option('--as-of <instant>', 'did it hold then?')
  .option('--known-at <instant>', 'by what was known then')
  .action(async (subject: string, options: { asOf?: string; knownAt?: string }) => {
    const axes = {
      ...(options.asOf === undefined ? {} : { asOf: instantIn(options.asOf, '--as-of') }),
      ...(options.knownAt === undefined ? {} : { knownAt: instantIn(options.knownAt, '--known-at') }),
    };
    await answer<object>(
      async (session) => {
        const id = bareId('crd', subject) as CredentialId | undefined;
        if (id === undefined && existsSync(subject)) {
          const verifier = session.app.get(PresentedVerifier, { strict: false });
          const found = await verifier.verify(readFileSync(subject), axes);
          return found;
        }
        const found = id && (await session.queries.execute(new VerifyCredentialQuery(id, axes)));
        if (!found) throw new CliError(`There is no credential ${subject}, and no such file.`);
        return found;
      },
      (value) => {
        const { status, text, verdict, reason } = value as {
          status?: string;
          text?: Record<string, string>;
          verdict?: string;
          reason?: string;
        };
        return status ? `${status}: ${text?.['en'] ?? ''}` : `${verdict ?? ''}: ${reason ?? ''}`;
      },
      (value) => ('status' in value ? value.status === 'valid' : 'verdict' in value && value.verdict === 'valid'),
    );
  });

program
  .command('audit')
  .description('everything recorded about a subject, by an actor, or through one request or run; of several all hold')
  .option('--subject <id>', 'lrn_…, crd_…, enr_…, pwy_…, mod_…, tpl_…, iss_…, ext_… or ten_…')
  .option('--learner <id>', 'a subject that is a learner')
  .option('--credential <id>', 'a subject that is a credential')
  .option('--actor <actor>', 'service:key_…, user:… or reactor:…')
  .option('--correlation <id>', 'correlation id, or that of a run: imp_… or opr_…')
  .option('--from <instant>', 'what was recorded then or later')
  .option('--cursor <cursor>', 'from the page before')
  .addOption(limitOption)
  .action(({ limit, cursor, from, ...named }: NamedTrail & { limit: number; cursor?: string }) =>
    answer(
      async (session) => {
        const filter = trailFilter({ ...named, ...(from === undefined ? {} : { from: instantIn(from, '--from') }) });
        const { tenant } = await session.tenant();
        return session.queries.execute(
          new TrailQuery(tenant, filter, { limit, ...(cursor === undefined ? {} : { cursor }) }),
        );
      },
      ({ items, nextCursor }) =>
        table(
          ['recorded', 'occurred', 'what', 'actor', 'event'],
          items.map((item) => [item.recordedAt, item.occurredAt, item.type, item.actor, item.id]),
        ) + (nextCursor === undefined ? '' : `\nThere is more: --cursor ${nextCursor}`),
    ),
  );

addBulk(program, globals);
addMerges(program, globals);

program
  .command('undo <run>')
  .description('take back everything that a run set off, and only that; a preview unless confirmed')
  .requiredOption('--authority <who>', 'who is entitled to decide it')
  .addOption(
    new Option('--confirm <n>', 'the number of effects that the preview gave').argParser(countOf('--confirm', 0)),
  )
  .action((run: string, options: { authority: string; confirm?: number }) =>
    answer(
      async (session) => {
        const { tenant } = await session.tenant();
        const undoRun = session.app.get(UndoRun, { strict: false });
        return undoRun.undo(tenant, runIdOf(run), 'service:cli', options.authority, options.confirm);
      },
      (found) =>
        [
          table(['effect', 'to undo'], Object.entries(found.types)),
          `${found.gone} effect(s) stand no more; ${found.follows} decision(s) follow by themselves.`,
          ...found.remains.map(({ type, count, why }) => `Stays: ${count} ${type}: ${why}.`),
          ...found.seen.feed.map(({ reader, events }) => `Seen: ${reader} has read ${events} of its events.`),
          ...(found.seen.issued > 0 ? [`Seen: ${found.seen.issued} signed credential(s) are out.`] : []),
          ...found.seen.restingOn.map((credential) => `Seen: ${credential} rests on one of them.`),
          ...(found.done === undefined
            ? [`Nothing is changed yet. To undo ${found.effects} effect(s): --confirm ${found.effects}`]
            : [
                `Undone: ${found.done.compensated} of ${found.effects}, by the run ${publicId('opr', found.undo)}.`,
                ...found.done.refused.map(({ learner, code, detail }) => `Refused (${code}) for ${learner}: ${detail}`),
              ]),
        ].join('\n'),
      (found) => (found.done?.refused.length ?? 0) === 0,
    ),
  );

program
  .command('verify-log')
  .description('revisions, decoding, invariants and decisions of the whole log')
  .option('--no-redecide', 'leave out deciding completions again')
  .action(async (options: { redecide: boolean }) => {
    await answer(
      async ({ installation }) => {
        const bar = logProgressBar('Verifying the log', await installation.log.head());
        const found = await verifyLog(installation, { redecide: options.redecide, onProgress: bar.to });
        bar.end();
        return found;
      },
      (found) =>
        [
          `${found.events} events in ${found.streams} streams, ${found.credentials} credentials, ${found.redecided} decisions made again: ${found.faults.length} fault(s)`,
          ...found.faults.map((fault) => `  ${fault.invariant} ${fault.stream}@${fault.revision}: ${fault.detail}`),
        ].join('\n'),
      (found) => found.faults.length === 0,
      { catchUp: false },
    );
  });

function checkReason(reason: string | undefined): void {
  if (reason !== undefined && (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(reason) || reason.length > 64))
    throw new CliError(`--reason takes a code such as row-sent-twice; not "${reason}".`);
}
/** The envelope of an act of whoever may run the command line: the operator. */
const byTheCli =
  ({ clock }: Installation) =>
  (tenant: TenantId): CommandContext => {
    const commandId = randomUUID();
    return { tenant, commandId, idSource: 'fresh', actor: 'service:cli', correlationId: commandId, now: clock.now() };
  };

program
  .command('rebuild [projection...]')
  .description('fold read models anew beside the live ones, compare, switch; goes on record')
  .option('--reason <code>', 'why, such as numbers-doubted')
  .action(async (names: string[], { reason }: { reason?: string }) => {
    checkReason(reason);
    await answer(
      async ({ app, installation }) => {
        for (const name of names)
          if (!installation.projectionNames.includes(name))
            throw new CliError(
              `There is no projection "${name}"; there are ${installation.projectionNames.join(', ')}.`,
            );
        const bar = logProgressBar('Rebuilding', await installation.log.head());
        const found = await app
          .get(RebuildDesk, { strict: false })
          .rebuild(names.length === 0 ? undefined : names, reason, byTheCli(installation), {
            dropOld: true,
            onProgress: ({ position }) => bar.to(position),
          });
        bar.end();
        return found;
      },
      (rows) =>
        table(
          ['projection', 'documents', 'parity', 'content hash'],
          rows.map((row) => [
            row.name,
            row.documents,
            row.equal ? 'equal' : `${row.differing.length} differ`,
            row.rebuiltHash.slice(0, 16),
          ]),
        ),
      (rows) => rows.every(({ equal }) => equal),
    );
  });

program
  .command('projections')
  .description('where projections and reactors stand')
  .action(() =>
    answer(
      ({ installation }) => installation.status(),
      (status) =>
        [
          table(
            ['name', 'state', 'position', 'parked'],
            [...status.projections, ...status.reactors].map((row) => [row.name, row.state, row.position, row.parked]),
          ),
          status.settled ? 'Settled: all is done up to the head of the log.' : `Not settled; head ${status.head}.`,
        ].join('\n'),
    ),
  );

const parked = program.command('parked').description('work set aside because an event could not be handled');
parked
  .command('list')
  .description('what is parked, and why')
  .action(() =>
    answer(
      ({ installation }) => installation.parked(),
      (rows) =>
        table(
          ['runner', 'name', 'key', 'code', 'detail'],
          rows.map((row) => [row.runner, row.name, row.key, row.code, row.detail]),
        ),
    ),
  );
/** A whole lane goes on by itself once it is let go: it is free if it comes through, or at least far. */
async function parkedAgain(installation: Installation, name: string, key: string): Promise<ParkedKey | undefined> {
  const deadline = Date.now() + COMES_THROUGH_MS;
  while (Date.now() < deadline && !(await installation.settled(100))) {
    const row = (await installation.parked()).find((each) => each.name === name && each.key === key);
    if (row) return row;
  }
  return undefined;
}

/** Prints what came of a parked key; exit code 1 if it is parked still. */
function settledAs(still: ParkedKey | undefined, more: { readonly recorded?: string } = {}): void {
  if (globals().json) printJson({ free: still === undefined, ...more, ...(still ? { parked: still } : {}) });
  else print(still ? `Still parked: ${still.detail}` : 'Free.');
  if (still) exitCode = 1;
}
parked
  .command('retry <name> <key>')
  .description('try it again; goes on record')
  .option('--reason <code>', 'why it will succeed now, such as key-added')
  .action(async (name: string, key: string, { reason }: { reason?: string }) => {
    checkReason(reason);
    const { recorded, parked: still } = await withSession(
      globals(),
      async ({ app, installation }) => {
        const desk = app.get(ParkedDesk, { strict: false });
        if (!(await desk.stopped(name, key))) throw new CliError(`Nothing is parked as ${name} ${key}.`);
        const done = await desk.retry(name, key, reason, byTheCli(installation));
        const again = done.parked ?? (await parkedAgain(installation, name, key));
        return { recorded: done.recorded, parked: again };
      },
      { catchUp: false },
    );
    settledAs(still, { recorded });
  });
parked
  .command('discard <name> <key>')
  .description('pass over the event it waits for; goes on record')
  .requiredOption('--reason <code>', 'why it may be passed over, such as row-sent-twice')
  .action(async (name: string, key: string, { reason }: { reason: string }) => {
    checkReason(reason);
    const { recorded, parked: still } = await withSession(
      globals(),
      ({ app, installation }) =>
        app.get(ParkedDesk, { strict: false }).discard(name, key, reason, byTheCli(installation)),
      { catchUp: false },
    );
    settledAs(still, { recorded });
  });

program
  .command('events')
  .description('public events, one a line')
  .option('--after <position>', 'after this position; from the first if left out')
  .addOption(limitOption)
  .action((options: { after?: string; limit: number }) =>
    withSession(globals(), async (session) => {
      const { installation } = session;
      const { tenant } = await session.tenant();
      let after = options.after === undefined ? ('' as Position) : positionOf(installation.logId, options.after);
      for (let shown = 0; shown < options.limit;) {
        const page = await installation.feed.page(after);
        if (page.length === 0) return;
        for (const event of page) {
          after = event.stored.position;
          if (event.stored.meta['tenant'] !== tenant) continue;
          const cloudEvent = cloudEventOf(
            event.decoded(),
            (position) => positionToken(installation.logId, position),
            session.app.get<Configuration>(CONFIGURATION, { strict: false }).baseUrl,
          );
          if (!cloudEvent) continue;
          print(JSON.stringify(cloudEvent));
          if (++shown === options.limit) return;
        }
      }
    }),
  );

program
  .command('backup <folder>')
  .description('copy the event log to a new folder, also while a server runs')
  .option('--keys', 'the key vault, the master key and the signed copies too: whoever has them can read everything')
  .option('--server <address>', 'ask the server that holds the data folder, such as http://127.0.0.1:3000')
  .action(async (folder: string, { keys = false, server }: { keys?: boolean; server?: string }) => {
    refuseExisting(folder);
    const { data, json } = globals();
    const result =
      server === undefined
        ? await withSession(globals(), ({ installation }) => installation.backup(folder, { keys }), { catchUp: false })
        : await backupFromServer(data, folder, server, keys);
    if (json) printJson(result);
    else print(`${result.events} events${result.keys ? ', keys and signed copies' : ''} are in ${result.folder}.`);
  });

program
  .command('restore <folder>')
  .description("put a backup's event log in place of the data folder's; keys that are there stay")
  .action(async (folder: string) => {
    const { data, json } = globals();
    const result = await restore(data, folder);
    if (json) return printJson(result);
    print(`${result.events} events restored into ${data}; keys were ${result.keys}.`);
    if (result.setAside !== undefined) print(`The log before is now ${result.setAside}.`);
    print('Read models that know more than this log are folded anew at the next start.');
  });

program
  .command('migrate-log')
  .description('copy the event log, in its order, into another one; may be broken off and run again')
  .requiredOption(
    '--to <target>',
    'another data folder; esdb://… for the log alone; or `cluster`: log, keys and signed copies go where CAIRN_EVENTSTORE_URL and CAIRN_MONGODB_URL say',
  )
  .action(async ({ to }: { to: string }) => {
    const { data, json } = globals();
    let bar: ReturnType<typeof progressBar> | undefined;
    const result = await migrate(data, to, (events, of) => (bar ??= progressBar('Copying the log', of)).to(events));
    bar?.end();
    if (json) return printJson(result);
    const where = to.startsWith('esdb') ? 'EventStoreDB' : to === 'cluster' ? 'the cluster' : to;
    print(
      `${result.events} events in ${result.streams} streams are in ${where}, compared one by one (${result.found} were there already). Positions of the old log are refused from now on.`,
    );
    if (result.vault) print(`${result.vault.keys} keys and ${result.vault.blobs} signed copies are in its vault.`);
    else print(`Keys and signed copies are still in ${data}.`);
  });

/** Runs one command line, given without the program's name. Returns its exit code. */
export async function cairn(argv: readonly string[]): Promise<number> {
  exitCode = 0;
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) exitCode = error.exitCode === 0 ? 0 : 2;
    else if (error instanceof CliError) fail(error.message, error.exitCode);
    else if (error instanceof OuladUnreadable) fail(error.message, 2);
    else if (error instanceof DataDirectoryLocked) fail(error.message, 3);
    else if (error instanceof ProblemException)
      fail(`${error.detail} ${error.page().next}`, [400, 404].includes(error.getStatus()) ? 2 : 1);
    else fail((error as Error).message, 1);
  }
  return exitCode;
}

function fail(message: string, code: number): void {
  process.stderr.write(`cairn: ${message}\n`);
  exitCode = code;
}

if (import.meta.main) process.exitCode = await cairn(process.argv.slice(2));
