// Completions from a table: a command a row. What a row says wrong is told by file, line, code and reason, and stops
// nothing. Command ids derive from run and row, so a file sent again goes on; business keys see to it that another run
// of the same file adds nothing.
import { Inject, Injectable } from '@nestjs/common';
import {
  canonicalJson,
  publicId,
  uuidv5,
  type CommandContext,
  type CommandOutcome,
  type DomainEvent,
  type Issued,
  type Json,
  type LearnerId,
  type ModuleId,
  type TenantId,
} from '@cairn/kernel';
import { countOfCorrelation } from '@cairn/contexts/audit';
import { identityFold, identityHash, identityStream, normaliseIdentity } from '@cairn/contexts/learners';
import {
  begun,
  CommandGateway,
  idOrSlug,
  INSTALLATION,
  ProblemException,
  Runs,
  type Installation,
} from '@cairn/platform';
import { isZone } from '@cairn/rules';
import { patiently } from '@cairn/runtime';
import type { CompleteModule } from '../contracts/record.commands.js';
import { recordOwner } from '../contracts/merged-records.js';
import { recordStream } from '../contracts/record.events.js';
import { inRecord } from './record-handler.js';
import { cellsOf, linesOf, QUOTE_OPEN } from './table-lines.js';
import { completionRow, type CompletionMapping, type RowNote } from '../domain/completion-row.js';
import { recordDecider } from '../domain/record.decider.js';
import { loadRecordFacts } from '../domain/record.facts.js';

export type ImportFormat = 'csv' | 'ndjson';
export type ImportSource = {
  /** As the report names it. */
  readonly file: string;
  readonly format: ImportFormat;
  /** Of CSV; default a comma. */
  readonly delimiter?: string;
  readonly bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
};

const OUTCOMES = ['recorded', 'unchanged', 'refused'] as const;
/** Of a refused row code and reason say why. */
export type ImportRow = Pick<RowNote, 'file' | 'line'> &
  Partial<Pick<RowNote, 'code' | 'reason'>> & {
    readonly outcome: (typeof OUTCOMES)[number];
    readonly learner?: string;
    /** Credentials that the row earned, or would. */
    readonly earned?: readonly string[];
  };
export type ImportHead = { readonly run: string; readonly dryRun: boolean };
export type ImportSummary = {
  readonly counts: Readonly<Record<(typeof OUTCOMES)[number] | 'earned', number>>;
  /** It was cancelled, or the server closes: sent again, it goes on. */
  readonly cancelled?: true;
};

/** Rows under way at the same time; they share the log's syncs. */
const AT_ONCE = 64;

type ReadRow = { readonly line: number } & ({ readonly fault: string } | { readonly cells: Cells });
type Cells = (column: string) => string | undefined;

@Injectable()
export class CompletionImport {
  constructor(
    private readonly gateway: CommandGateway,
    private readonly runs: Runs,
    @Inject(INSTALLATION) private readonly installation: Installation,
  ) {}

  /**
   * `context.correlationId` names the run. A dry run decides every row by the records as they are and writes nothing.
   * Throws `run-undone`, `run-under-way`, `validation-failed`, `mapping-incomplete`, all before the first row.
   */
  async import(
    source: ImportSource,
    mapping: CompletionMapping,
    context: CommandContext,
    dryRun = false,
  ): Promise<{ readonly head: ImportHead; readonly rows: AsyncGenerator<ImportRow | ImportSummary> }> {
    if (!isZone(mapping.zone))
      throw new ProblemException('validation-failed', `"${mapping.zone}" is no time zone such as Europe/Berlin.`, {
        errors: [{ pointer: '/zone', code: 'zone', message: 'must be the name of a zone such as Europe/Berlin' }],
      });
    const { tenant, correlationId } = context;
    if ((await countOfCorrelation(this.installation, tenant, uuidv5(correlationId, 'undo'), 1)) > 0)
      throw new ProblemException('run-undone', `${publicId('imp', correlationId)} was undone.`);
    return begun<ImportHead, ImportRow | ImportSummary>(this.rows(source, mapping, context, dryRun));
  }

  private async *rows(
    source: ImportSource,
    mapping: CompletionMapping,
    context: CommandContext,
    dryRun: boolean,
  ): AsyncGenerator<ImportHead | ImportRow | ImportSummary> {
    const { file } = source;
    const counts = { recorded: 0, unchanged: 0, refused: 0, earned: 0 };
    const { tenant, correlationId } = context;
    const underWay = this.runs.begin(tenant, dryRun ? uuidv5(correlationId, 'dry-run') : correlationId);
    /** Rows that a dry run has seen: the second of two that are the same would find the first one recorded. */
    const seen = new Set<string>();
    try {
      const rows = readRows(source, mapping);
      const first = await rows.next(); // a mapping that does not fit is told before anything is answered
      yield { run: publicId('imp', correlationId), dryRun };
      for await (const some of batches(prepended(first, rows))) {
        if (underWay.signal.aborted) {
          yield { counts, cancelled: true };
          return;
        }
        const learners = await Promise.all(some.map((row) => this.learnerOf(tenant, row, mapping)));
        // Sent in the order of the file: rows of one learner wait for each other in the learner's stream.
        const done = await Promise.all(learners.map((known) => this.row(known, context, dryRun ? seen : undefined)));
        for (const [index, result] of done.entries()) {
          counts[result.outcome]++;
          counts.earned += result.earned?.length ?? 0;
          yield { file, line: (some[index] as ReadRow).line, ...result };
        }
        underWay.tell(counts);
      }
      yield { counts };
    } finally {
      underWay.end();
    }
  }

  private async learnerOf(tenant: TenantId, read: ReadRow, mapping: CompletionMapping): Promise<KnownRow> {
    if ('fault' in read) return refused('row-malformed', read.fault);
    const row = completionRow(read.cells, mapping);
    if ('fault' in row) return refused('row-malformed', row.fault);
    const { learner, module, ...more } = row;
    const value = normaliseIdentity(mapping.learnerBy, learner);
    if (value === undefined)
      return refused(
        'row-malformed',
        mapping.learnerBy === 'email'
          ? `"${learner.slice(0, 40)}" is no e-mail address`
          : `"${learner.slice(0, 40)}" is no external id such as system:value; or name the system of all`,
      );
    const { keyVault, executor } = this.installation;
    const hash = identityHash(await keyVault.secret(tenant, 'identity'), tenant, { kind: mapping.learnerBy, value });
    const { owner } = await patiently(() => executor.loader.fold(identityFold, identityStream(tenant, hash)));
    if (owner === undefined)
      return refused('learner-unknown', 'no learner has this identifier; register the learner first');
    return {
      learnerId: owner,
      command: {
        type: 'CompleteModule',
        data: {
          learnerId: owner,
          moduleId: idOrSlug<ModuleId>('mod', tenant, module),
          ...more,
          source: mapping.source,
        },
      },
    };
  }

  private async row(
    known: KnownRow,
    context: CommandContext,
    seen: Set<string> | undefined,
  ): Promise<Omit<ImportRow, 'file' | 'line'>> {
    if (!('command' in known)) return known;
    const { command, learnerId } = known;
    const commandId = uuidv5(context.correlationId, 'row', canonicalJson(command.data as unknown as Json));
    const issued: Issued<CompleteModule> = { ...command, ...context, commandId, idSource: 'derived' };
    const named = { learner: publicId('lrn', learnerId) };
    if (seen?.has(commandId)) return { outcome: 'unchanged', ...named };
    seen?.add(commandId);
    const outcome = await patiently(() => (seen ? this.decided(issued) : this.gateway.dispatch(issued)));
    if (!outcome.accepted) return { ...refused(outcome.code, outcome.detail), ...named };
    const recorded = outcome.outcome === 'recorded' && !outcome.replayed;
    const earned = recorded ? earnedIn(outcome.events) : [];
    return { outcome: recorded ? 'recorded' : 'unchanged', ...named, ...(earned.length > 0 ? { earned } : {}) };
  }

  /** What the command would come to, decided by the record as it is. */
  private async decided(issued: Issued<CompleteModule>): Promise<
    | (Pick<Extract<CommandOutcome, { accepted: true }>, 'accepted' | 'outcome' | 'replayed'> & {
        readonly events: readonly DomainEvent[];
      })
    | Extract<CommandOutcome, { accepted: false }>
  > {
    const { executor } = this.installation;
    const { tenant, data } = issued;
    const owner = await recordOwner(executor.loader.fold, tenant, data.learnerId);
    const { state } = await executor.snapshot(recordDecider, recordStream(tenant, owner));
    const command = inRecord(issued, owner);
    const decision = recordDecider.decide(command, state, await loadRecordFacts(command, state, executor.loader));
    if (!decision.accepted) return decision;
    const { events } = decision;
    return { accepted: true, outcome: events.length > 0 ? 'recorded' : 'unchanged', replayed: false, events };
  }
}

type KnownRow =
  | { readonly learnerId: LearnerId; readonly command: CompleteModule }
  | { readonly outcome: 'refused'; readonly code: string; readonly reason: string };

const refused = (code: string, reason: string) => ({ outcome: 'refused' as const, code, reason });

const earnedIn = (events: readonly DomainEvent[]): readonly string[] =>
  events.flatMap(({ type, data }) =>
    type === 'credential-earned' ? [publicId('crd', (data as { credentialId: string }).credentialId)] : [],
  );

/** One row a line, in either format: a line break ends a row even within quotes, so a broken row stays one row. */
async function* readRows(
  { file, format, delimiter = ',', bytes }: ImportSource,
  { columns }: CompletionMapping,
): AsyncGenerator<ReadRow> {
  let header: ReadonlyMap<string, number> | undefined;
  for await (const { line, text, fault } of linesOf(bytes)) {
    if (text?.trim() === '') continue;
    if (format === 'ndjson') {
      yield fault === undefined ? jsonRow(line, text) : { line, fault };
      continue;
    }
    const cells = fault === undefined ? cellsOf(text, delimiter) : undefined;
    if (!header) {
      header = new Map(cells?.map((name, index) => [name, index]));
      refuseMissing(file, Object.values(columns), [...header.keys()]);
      continue;
    }
    const places = header;
    if (fault !== undefined) yield { line, fault };
    else if (!cells) yield { line, fault: QUOTE_OPEN };
    else if (cells.length !== places.size)
      yield { line, fault: `has ${cells.length} columns instead of ${places.size}` };
    else yield { line, cells: (column) => cells[places.get(column) ?? -1] };
  }
  if (format === 'csv' && !header) refuseMissing(file, Object.values(columns), []);
}

function refuseMissing(file: string, wanted: readonly string[], there: readonly string[]): void {
  const missing = wanted.filter((name) => !there.includes(name));
  if (missing.length === 0) return;
  throw new ProblemException(
    'mapping-incomplete',
    `${file} has no column ${missing.map((name) => `"${name}"`).join(', ')}; its first line names ${there.join(', ') || 'none'}.`,
    {
      next: 'Map to columns that are there.',
      errors: missing.map((name) => ({ pointer: `/${name}`, code: 'unknown', message: 'is no column of the file' })),
    },
  );
}

function jsonRow(line: number, text: string): ReadRow {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { line, fault: 'is not readable as JSON' };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { line, fault: 'is not a JSON object' };
  const members = value as Readonly<Record<string, unknown>>;
  return {
    line,
    cells: (column) => {
      const cell = Object.hasOwn(members, column) ? members[column] : undefined;
      return typeof cell === 'string'
        ? cell
        : typeof cell === 'number' || typeof cell === 'boolean'
          ? String(cell)
          : undefined;
    },
  };
}

async function* prepended<T>(first: IteratorResult<T>, rest: AsyncGenerator<T>): AsyncGenerator<T> {
  if (first.done) return;
  yield first.value;
  yield* rest;
}

async function* batches<T>(all: AsyncIterable<T>): AsyncGenerator<readonly T[]> {
  let some: T[] = [];
  for await (const one of all) {
    some.push(one);
    if (some.length < AT_ONCE) continue;
    yield some;
    some = [];
  }
  if (some.length > 0) yield some;
}
