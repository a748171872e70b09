// B11: bulk work is killed half-way by kill -9 and said again: an import records each row once, a revocation
// revokes each credential once. Between them the credentials are suspended by a run that is cancelled, then goes on.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Position, StoredEvent } from '@cairn/kernel';
import { verifyLog } from '../../apps/cli/src/verify-log.js';
import { startServer, type Client, type TestServer } from '../support/server.js';

const COUNT = process.env['CAIRN_CHAOS'] === 'ci' ? 1_000 : 200;
const KILL_AT = COUNT / 2;
const LIMIT_MS = 300_000;
const directory = mkdtempSync(join(tmpdir(), 'cairn-bulk-'));

type Line = { credential?: string; outcome?: string; counts?: Record<string, number>; cancelled?: true };
const lines = (text: string): readonly Line[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);

type Ended = { readonly signal: string | null; readonly told: readonly Line[]; readonly err: string };

/** The command line, as a process of its own; killed once it has told so many items, or once a file has content. */
function cairn(args: readonly string[], killAt: number | string = Infinity): Promise<Ended> {
  const program = spawn(process.execPath, ['dist/apps/cli/src/main.js', ...args, '--data', directory, '--json']);
  let out = '';
  let err = '';
  program.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  program.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
    if (typeof killAt === 'number' && out.split('\n').length > killAt) program.kill('SIGKILL');
  });
  const watch =
    typeof killAt === 'string' &&
    setInterval(() => {
      if (existsSync(killAt) && statSync(killAt).size > 0) program.kill('SIGKILL');
    }, 2);
  return new Promise((resolve, reject) =>
    program.once('close', (code, signal) => {
      if (watch) clearInterval(watch);
      if (code !== 0 && signal === null) return reject(new Error(`${args.join(' ')} ended with ${code}: ${err}`));
      // The last line of a process that was killed may be cut off.
      const whole = signal === null ? out : out.slice(0, out.lastIndexOf('\n'));
      resolve({ signal, told: whole.trim() === '' ? [] : lines(whole), err });
    }),
  );
}

let server: TestServer | undefined;
let key: string;
const client = (): Client => (server as TestServer).as(key);

beforeAll(async () => {
  const built = spawnSync(process.execPath, ['scripts/build.mjs'], { encoding: 'utf8' });
  if (built.status !== 0) throw new Error(`the build failed: ${built.stderr}`);
  server = await startServer({ directory, keep: true });
  const tenant = await server.tenant('many');
  ({ key } = tenant);
  const policy = { revoked: 'flag', expired: 'flag', withdrawn: 'revoke' };
  const achievement = {
    name: { en: 'Safety briefing' },
    description: { en: 'Attended the safety briefing.' },
    criteria: { en: 'Attend the briefing.' },
    achievementType: 'Badge',
  };
  await client().post('/api/templates', {
    slug: 'briefing',
    achievement,
    componentPolicy: policy,
    issue: 'manual',
    issuer: tenant.issuer,
  });
  await client().post('/api/modules', { slug: 'BRIEFING', title: { en: 'Briefing' } });
  const etag = (await client().get('/api/templates/briefing')).headers['etag'] as string;
  await client().post('/api/templates/briefing/publish', {}, { 'if-match': etag });
  const learners: string[] = [];
  for (let index = 0; index < COUNT; index += 50)
    learners.push(
      ...(await Promise.all(
        Array.from({ length: 50 }, async (_, n) => {
          const answer = await client().post('/api/learners', {
            externalIds: [{ system: 'sis', value: `${index + n}` }],
          });
          return answer.id as string;
        }),
      )),
    );
  const act = { action: 'issue', selection: { learners, template: 'briefing' } };
  await confirmed({ ...act, reasonCode: 'attended', authority: 'safety office' });
  await server.settled();
}, LIMIT_MS);
afterAll(async () => {
  await server?.close();
  rmSync(directory, { recursive: true, force: true });
});

async function batch(body: object): Promise<readonly Line[]> {
  const { status, text } = await client().send('POST', '/api/credential-batches', body);
  if (status !== 200) throw new Error(`${status} ${text}`);
  return lines(text);
}
async function confirmed(body: object): Promise<{ run: string; again: object; told: readonly Line[] }> {
  const preview = await batch({ ...body, dryRun: true });
  const { run, position, asOf } = preview[0] as { run: string; position: string; asOf: string };
  const again = { ...body, position, asOf, confirm: (preview.at(-1) as { confirm: string }).confirm };
  return { run, again, told: await batch(again) };
}
const counts = (told: readonly Line[]) => told.at(-1)?.counts;

const everything = async (): Promise<readonly StoredEvent[]> => {
  const events: StoredEvent[] = [];
  for (let after = '' as Position; ;) {
    const page = await (server as TestServer).installation.log.readAll({ after, limit: 5_000 });
    events.push(...page.events);
    if (page.atEnd) return events;
    after = page.readUpTo;
  }
};

it(
  'an import killed half-way and sent again records each row once, under one run',
  async () => {
    await server?.close();
    server = undefined;
    const file = join(directory, 'results.csv');
    const report = join(directory, 'report.ndjson');
    const rows = Array.from({ length: COUNT }, (_, index) => `${index},BRIEFING,2025-01-10`);
    rows.splice(KILL_AT, 0, 'nobody,BRIEFING,2025-01-10');
    writeFileSync(file, ['who,what,when', ...rows].join('\n'));
    const map = ['--map', 'learner=who', 'module=what', 'occurredAt=when', '--system', 'sis', '--report', report];
    const importing = ['import', 'csv', '--from', file, ...map];
    const killed = await cairn(importing, report);
    expect(killed.signal).toBe('SIGKILL');
    const run = /imp_\w+/.exec(killed.err)?.[0] as string;
    const { stdout } = spawnSync(
      process.execPath,
      ['dist/apps/cli/src/main.js', ...importing, '--run', run, '--data', directory, '--json'],
      { encoding: 'utf8' },
    );
    const result = JSON.parse(stdout) as { run: string; counts: Record<string, number> };
    expect(result).toMatchObject({ run, counts: { refused: 1 }, codes: { 'learner-unknown': 1 } });
    const { recorded = 0, unchanged = 0 } = result.counts;
    expect(recorded + unchanged).toBe(COUNT);
    expect(recorded).toBeGreaterThan(0);
    expect(unchanged).toBeGreaterThanOrEqual(KILL_AT - 64);
    server = await startServer({ directory, keep: true });
    await server.settled();
    const completed = (await everything()).filter(({ type }) => type === 'module-completed');
    expect(completed.length).toBe(COUNT);
    expect(new Set(completed.map(({ stream }) => stream)).size).toBe(COUNT);
    expect(new Set(completed.map(({ meta }) => meta['$correlationId'])).size).toBe(1);
  },
  LIMIT_MS,
);

it(
  'cancelled from another connection it ends; said again it goes on',
  async () => {
    const words = { reasonCode: 'inquiry', authority: 'registrar', hold: 'inquiry' };
    const body = { action: 'suspend', selection: { template: 'briefing' }, ...words };
    const preview = await batch({ ...body, dryRun: true });
    const { run, position, asOf } = preview[0] as unknown as { run: string; position: string; asOf: string };
    const again = { ...body, position, asOf, confirm: `suspend ${COUNT}` };
    let ended = false;
    const running = batch(again).finally(() => (ended = true));
    const cancel = () => client().send('POST', `/api/operations/${run}/cancel`);
    // With pauses: requests in this process that wait for no I/O would let nothing else happen.
    while (!ended && (await cancel()).status !== 200) await new Promise((resolve) => setTimeout(resolve, 1));
    const told = await running;
    expect(told.at(-1)).toMatchObject({ cancelled: true });
    const first = counts(told)?.['done'] as number;
    expect(first).toBeLessThan(COUNT);
    expect(await cancel()).toMatchObject({
      status: 409,
      body: { code: 'run-not-under-way' },
    });
    // Two of the same would race for every item: the second is refused.
    const both = await Promise.all([1, 2].map(() => client().send('POST', '/api/credential-batches', again)));
    expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409]);
    expect(both.find(({ status }) => status === 409)?.body).toMatchObject({ code: 'run-under-way' });
    expect(counts(lines(both.find(({ status }) => status === 200)?.text ?? ''))).toEqual({
      done: COUNT - first,
      unchanged: first,
      'changed-since': 0,
      refused: 0,
    });
    await server?.settled();
    await server?.close();
    server = undefined;
  },
  LIMIT_MS,
);

it(
  `killed after ${KILL_AT} of ${COUNT} and said again, each is revoked once`,
  async () => {
    const act = 'bulk revoke --template briefing --reason issued-in-error --authority registrar'.split(' ');
    const { told: preview } = await cairn(act);
    const { position, asOf } = preview[0] as { position: string; asOf: string };
    const run = [...act, '--position', position, '--as-of', asOf, '--confirm', `revoke ${COUNT}`];
    const killed = await cairn(run, KILL_AT);
    expect(killed.signal).toBe('SIGKILL');
    const told = killed.told.filter(({ outcome }) => outcome === 'done');
    expect(told.length).toBeGreaterThanOrEqual(KILL_AT - 2);
    expect(told.length).toBeLessThan(COUNT);

    const resumed = await cairn(run);
    const { done = 0, unchanged = 0 } = counts(resumed.told) ?? {};
    expect(counts(resumed.told)).toMatchObject({ 'changed-since': 0, refused: 0 });
    expect(done + unchanged).toBe(COUNT);
    expect(unchanged).toBeGreaterThanOrEqual(told.length);
    // What was told as done is not done again.
    const before = new Set(told.map(({ credential }) => credential));
    expect(resumed.told.filter(({ credential, outcome }) => before.has(credential) && outcome === 'done')).toEqual([]);

    server = await startServer({ directory, keep: true });
    await server.settled();
    const revoked = (await everything()).filter(({ type }) => type === 'credential-revoked');
    expect(revoked.length).toBe(COUNT);
    expect(new Set(revoked.map(({ stream }) => stream)).size).toBe(COUNT);
    expect(new Set(revoked.map(({ meta }) => meta['$correlationId'])).size).toBe(1);
    expect((await verifyLog(server.installation, { redecide: true })).faults).toEqual([]);
    expect(await server.installation.parked()).toEqual([]);
  },
  LIMIT_MS,
);
