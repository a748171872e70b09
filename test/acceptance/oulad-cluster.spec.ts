// The Open University data on EventStoreDB and MongoDB gives the read models that the embedded stores give: the same
// commands under the same clock, and one hash for each collection, positions left out. Ids, keys and addresses follow
// from the installation's identity and its vault, so both installations begin with the same ones.
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import type { Instant, Issued, Position, StoredEvent } from '@cairn/kernel';
import { copyLog, type EventLog } from '@cairn/eventlog';
import { ROLES, type Configuration } from '@cairn/platform';
import type { StoredDocument } from '@cairn/readmodel';
import { startTestEventStore, startTestMongo } from '@cairn/testing';
import { createHeadless } from '../../apps/server/src/app.js';
import { importOulad, type ImportSummary } from '../../apps/cli/src/oulad/import.js';
import { sessionOn, type Session } from '../../apps/cli/src/session.js';
import { verifyLog } from '../../apps/cli/src/verify-log.js';
import { contentOf } from '../../libs/runtime/src/collection-hash.js';
import { openStores, type Stores } from '../../libs/platform/src/stores.js';

const whole = join(import.meta.dirname, '../../../shared/data/oulad');
const there = existsSync(join(whole, 'studentAssessment.csv'));
/** Two modules with their presentations: the whole catalog would cost more time than all that students do in it. */
const MODULES = ['AAA', 'GGG'];
const STUDENTS = 16;
const clock = { now: () => '2026-03-10T09:00:00.000Z' as Instant };

/** ES256 signs with a random number, so what is signed twice has two hashes. */
const SIGNED: { readonly [projection: string]: readonly string[] } = { register: ['vcHash'], verification: ['vcHash'] };

type Hashes = { readonly [projection: string]: string };
type Outcome = {
  readonly summary: ImportSummary | undefined;
  /** One hash for each collection; without what is signed if it was signed by itself. */
  readonly hashes: (leftOut: typeof SIGNED) => Hashes;
  readonly head: string;
};

const eventStore = there ? await startTestEventStore() : undefined;
const mongo = there ? await startTestMongo() : undefined;
const title = there
  ? `OULAD, ${STUDENTS} students of the modules ${MODULES.join(' and ')}, on ${eventStore?.ranAgainst} and ${mongo?.ranAgainst}`
  : 'OULAD on the cluster (skipped: ../shared/data/oulad is not there)';

(there ? describe : describe.skip)(title, () => {
  const directories: string[] = [];
  const made = (): string => {
    const directory = mkdtempSync(join(tmpdir(), 'cairn-oulad-'));
    directories.push(directory);
    return directory;
  };
  const configurationOf = (dataDirectory: string): Configuration => ({
    dataDirectory,
    port: 0,
    host: '127.0.0.1',
    baseUrl: 'https://cairn.example',
    operatorToken: 'operator-token-of-the-tests-0123456789',
    logLevel: 'silent',
    ratePerMinute: 1_000_000,
  });
  const database = `cairn_oulad_${process.pid}_${Date.now()}`;
  const onCluster = (dataDirectory: string): Configuration => ({
    ...configurationOf(dataDirectory),
    cluster: {
      eventStoreUrl: eventStore?.url ?? '',
      mongoUrl: (mongo?.url ?? '').replace(/(:\/\/[^/]+)\/?[^?]*/, `$1/${database}`),
      masterKey: Buffer.alloc(32, 7),
      roles: ROLES,
      leaseMs: 15_000,
    },
  });
  /** A data folder with the vault of another one. */
  const withVaultOf = (directory: string): string => {
    const copy = made();
    for (const file of ['keys.sqlite', 'keys.sqlite-wal', 'master-key', 'blobs.sqlite', 'blobs.sqlite-wal'])
      if (existsSync(join(directory, file))) copyFileSync(join(directory, file), join(copy, file));
    return copy;
  };

  /** Imports, or only folds what is in the log already; closes the stores. */
  async function run(configuration: Configuration, stores: Stores, imports: boolean): Promise<Outcome> {
    const running = await createHeadless(configuration, { clock, stores });
    const { installation, app } = running;
    try {
      const session = unhurried(sessionOn({ app, installation }, {}));
      const report = join(configuration.dataDirectory, 'report');
      const summary = imports ? await importOulad(session, tables, report, STUDENTS, 1) : undefined;
      expect(await installation.settled(120_000)).toBe(true);
      expect(await installation.parked()).toEqual([]);
      expect((await verifyLog(installation, { redecide: true })).faults).toEqual([]);
      const contents = new Map<string, StoredDocument[]>();
      for (const { name, collection } of (await installation.status()).projections) {
        const documents: StoredDocument[] = [];
        for await (const document of installation.readModel.scan(collection)) documents.push(document);
        contents.set(name, documents);
      }
      return {
        summary,
        head: await installation.log.head(),
        hashes: (leftOut) =>
          Object.fromEntries([...contents].map(([name, documents]) => [name, hashOf(documents, leftOut[name] ?? [])])),
      };
    } finally {
      await running.close();
    }
  }

  let embedded: Outcome;
  let clustered: Outcome;
  let folded: Outcome;
  let headOfCopy: string;

  let tables: string;

  beforeAll(async () => {
    tables = made();
    writeSlice(tables);
    const first = made();
    embedded = await run(configurationOf(first), await openStores(configurationOf(first)), true);

    const second = withVaultOf(first);
    const [vaults, cluster] = [await openStores(configurationOf(second)), await openStores(onCluster(second))];
    await beginAs(await identityOf(first), cluster.log);
    const { keyVault, blobVault } = vaults;
    const close = (): Promise<void> => cluster.close().then(vaults.close);
    clustered = await run(onCluster(second), { ...cluster, keyVault, blobVault, close }, true);

    const third = withVaultOf(second);
    const [copy, source] = [await openStores(configurationOf(third)), await openStores(onCluster(third))];
    await copyLog({ from: source.log, to: copy.log });
    await source.close();
    headOfCopy = await copy.log.head();
    folded = await run(configurationOf(third), copy, false);
  }, 600_000);

  afterAll(async () => {
    for (const directory of directories) rmSync(directory, { recursive: true, force: true });
    await Promise.all([eventStore?.stop(), mongo?.stop()]);
  });

  async function identityOf(directory: string): Promise<StoredEvent> {
    const stores = await openStores(configurationOf(directory));
    try {
      const { events } = await stores.log.readAll({ after: '' as Position, limit: 1 });
      return events[0] as StoredEvent;
    } finally {
      await stores.close();
    }
  }

  it('records as much and refuses as much', () => {
    // A command sent twice, since its answer came too late, is recorded once and counted as unchanged.
    const countsOf = ({ learners, commands, newEvents, codes, credentials }: ImportSummary) => ({
      learners,
      newEvents,
      codes,
      credentials,
      refused: commands.refused,
      accepted: commands.recorded + commands.unchanged,
    });
    const counts = countsOf(embedded.summary as ImportSummary);
    expect(countsOf(clustered.summary as ImportSummary)).toEqual(counts);
    expect([counts.learners, counts.credentials > STUDENTS]).toEqual([STUDENTS, true]);
  });

  it('fills the same read models from the same commands', () => {
    const found = clustered.hashes(SIGNED);
    expect(found).toEqual(embedded.hashes(SIGNED));
    expect(Object.values(found).filter((hash) => !hash.startsWith('0 ')).length).toBeGreaterThan(8);
  });

  it('fills the same read models from the same events, to the byte', () => {
    expect(folded.head).toBe(headOfCopy); // nothing was recorded anew
    expect(folded.hashes({})).toEqual(clustered.hashes({}));
  });
});

/** The rows of some modules, as they are. */
function writeSlice(folder: string): void {
  const rowsOf = (file: string, keeps: (cells: readonly string[]) => boolean): readonly (readonly string[])[] => {
    const [head = '', ...lines] = readFileSync(join(whole, file), 'utf8').trimEnd().split('\n');
    const kept = lines.filter((line) => keeps(line.replaceAll('"', '').split(',')));
    writeFileSync(join(folder, file), [head, ...kept, ''].join('\n'));
    return kept.map((line) => line.replaceAll('"', '').split(','));
  };
  const ofModule = ([module]: readonly string[]): boolean => MODULES.includes(module as string);
  for (const file of ['courses.csv', 'studentRegistration.csv', 'studentInfo.csv']) rowsOf(file, ofModule);
  const assessments = new Set(rowsOf('assessments.csv', ofModule).map((cells) => cells[2]));
  rowsOf('studentAssessment.csv', ([assessment]) => assessments.has(assessment));
}

/** The log begins as another one did. Throws unless it is empty: a server that is given must be. */
async function beginAs({ stream, id, type, data, meta }: StoredEvent, log: EventLog): Promise<void> {
  if ((await log.head()) !== '') throw new Error('this test needs an EventStoreDB that holds nothing yet');
  const result = await log.append(stream, 'none', [{ id, type, data, meta }]);
  expect(result.ok).toBe(true);
}

/**
 * What follows from a command has happened before the next one is sent: else an award may come before or after the next
 * completion, on any store, and revisions and status indexes with it.
 */
function unhurried(session: Session): Session {
  const gateway = {
    dispatch: async (issued: Issued) => {
      const outcome = await session.gateway.dispatch(issued);
      await session.installation.settled(60_000);
      return outcome;
    },
  };
  return { ...session, gateway: gateway as Session['gateway'] };
}

function hashOf(documents: readonly StoredDocument[], leftOut: readonly string[]): string {
  const contents = documents.flatMap((document) => {
    // Where in the log an actor's or a correlation's events are: EventStoreDB counts bytes, the embedded log events.
    if ('stretches' in document) return [];
    const kept = Object.entries(document).filter(([field]) => !leftOut.includes(field));
    return contentOf(Object.fromEntries(kept) as StoredDocument) ?? [];
  });
  return `${contents.length} ${createHash('sha256').update(contents.join('\n')).digest('hex')}`;
}
