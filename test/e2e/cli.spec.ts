// The command line, verb by verb, in this process: on one data folder, seeded once through the API. Exit codes are
// those that `--help` documents: 0 done, 1 a check failed, 2 wrong use or not found, 3 the data folder is in use.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { bareId, eventIdOf, uuidv5, type LearnerId, type NewEvent, type TenantId } from '@cairn/kernel';
import { recordStream } from '@cairn/contexts/progress';
import { writeOuladTables } from '../chaos/oulad-data.js';
import { randomOf } from '../chaos/processes.mjs';
import { runCli, type CliRun } from '../support/cli.js';
import { startServer } from '../support/server.js';

const folder = mkdtempSync(join(tmpdir(), 'cairn-cli-'));
const data = join(folder, 'data');
/** A data folder with two tenants, one of them a sandbox. */
const twoTenants = join(folder, 'two');
/** One whose log holds an event that nothing can read. */
const damaged = join(folder, 'damaged');
const tables = join(folder, 'tables');
const signed = join(folder, 'copy.jwt');

let learner: string;
let enrollment: string;
let valid: string;
let revoked: string;
let key: string;
let damagedLearner: string;
/** Before the second credential was revoked, by the log's own clock. */
let beforeRevocation: string;

/** One command line on a data folder. */
const run = (at: string, ...args: readonly string[]): Promise<CliRun> => runCli('--data', at, ...args);
/** The same with `--json`: what it printed, read. */
async function json(at: string, ...args: readonly string[]) {
  const { code, out, err } = await run(at, '--json', ...args);
  if (out === '') throw new Error(`${args.join(' ')} printed nothing, and ended with ${code}: ${err}`);
  // oxlint-disable-next-line typescript/no-explicit-any -- answers are looked into by tests as they come
  return { code, err, value: JSON.parse(out) as any };
}
/** Rows of a printed table, by the blanks between its columns. */
const rows = (out: string): readonly (readonly string[])[] =>
  out
    .trim()
    .split('\n')
    .filter((line) => !line.startsWith('─'))
    .map((line) => line.split(/ {2,}/));

const achievement = (name: string) => ({
  name: { en: name },
  description: { en: `Awarded for ${name}.` },
  achievementType: 'Badge',
  criteria: { en: name },
});

beforeAll(async () => {
  const server = await startServer({ directory: data, keep: true });
  const tenant = await server.tenant('northlake');
  const { client, issuer } = tenant;
  key = tenant.key;
  for (const slug of ['M1', 'M2', 'M3'])
    await client.post('/api/modules', { slug, title: { en: slug }, credits: 5, passMark: 40 });
  for (const slug of ['T1', 'T2']) {
    await client.post('/api/templates', { slug, issuer, achievement: achievement(slug) });
    await client.post(`/api/templates/${slug}/publish`, {}, { 'if-match': '"0"' });
  }
  await client.post('/api/pathways', {
    slug: 'p',
    title: { en: 'P' },
    rules: {
      zone: 'Europe/Berlin',
      order: 'advisory',
      entryPoints: [{ id: 'start', at: 'S1' }],
      steps: [
        { id: 'S1', need: { module: 'M1' } },
        { id: 'S2', need: { module: 'M2' } },
        { id: 'S3', need: { module: 'M3' } },
      ],
      awards: [
        { id: 'A1', template: 'T1', kind: 'exit', when: 'S1' },
        { id: 'A2', template: 'T2', kind: 'final', when: 'S2' },
      ],
    },
  });
  await client.post('/api/pathways/p/publish', { label: '2026' }, { 'if-match': '"0"' });
  learner = (await client.post('/api/learners', { name: 'Canary McPersonal', email: 'canary@example.org' })).id;
  enrollment = (await client.post('/api/enrollments', { learner, pathway: 'p' })).id;
  for (const module of ['M1', 'M2']) {
    await client.post(`/api/enrollments/${enrollment}/complete-module`, { module, score: 70 });
    await server.settled();
  }
  const { body } = await client.get('/api/credentials');
  const ofTemplate = async (slug: string): Promise<string> => {
    const template = (await client.get(`/api/templates/${slug}`)).body.id;
    return body.items.find((item: { template: string }) => item.template === template).credential;
  };
  valid = await ofTemplate('T1');
  revoked = await ofTemplate('T2');
  writeFileSync(signed, (await client.get(`/c/${valid}.jwt`)).text);
  // The test's server is told its address; one that is started keeps it there.
  writeFileSync(join(data, 'base-url'), 'https://cairn.example');
  beforeRevocation = new Date().toISOString();
  await new Promise((resolve) => setTimeout(resolve, 5));
  const path = `/api/credentials/${revoked}`;
  const etag = (await client.get(path)).headers['etag'] as string;
  await client.post(`${path}/revoke`, { reasonCode: 'issued-in-error', authority: 'registrar' }, { 'if-match': etag });
  await server.settled();
  // While the server runs, nobody else opens the folder.
  held = await run(data, 'projections');
  await server.close();

  cpSync(data, twoTenants, { recursive: true });
  const second = await startServer({ directory: twoTenants, keep: true });
  await second.tenant('try-out', '2026-01-01T09:00:00Z');
  const { body: pathway } = await second.as(key).get('/api/pathways/p');
  const { pathwayId: _id, slug: _slug, ...draft } = pathway.draft;
  const steps = draft.rules.steps.filter(({ id }: { id: string }) => id !== 'S3');
  const easier = { ...draft, rules: { ...draft.rules, steps: [...steps, { id: 'S3', need: { module: 'M1' } }] } };
  expect((await second.as(key).send('PUT', '/api/pathways/p/draft', easier)).status).toBe(200);
  await second.settled();
  await second.close();

  cpSync(data, damaged, { recursive: true });
  const third = await startServer({ directory: damaged, keep: true });
  const person = (await third.as(key).post('/api/learners', { name: 'Two' })).id;
  await third.settled();
  const page = await third.installation.log.readAll({ after: '' as never, limit: 1_000 });
  const registered = page.events.find(({ type }) => type === 'learner-registered') as unknown as NewEvent;
  damagedLearner = person;
  const learnerId = bareId('lrn', person) as LearnerId;
  const command = uuidv5(learnerId, 'x');
  const broken = {
    id: eventIdOf(command, 0),
    type: 'module-completed',
    data: { learnerId, nonsense: true },
    meta: { ...registered.meta, $causationId: command },
  };
  const stream = recordStream(registered.meta['tenant'] as TenantId, learnerId);
  await third.installation.log.append(stream, 'none', [broken]);
  await third.close();

  mkdirSync(tables);
  writeOuladTables(tables, 4, randomOf(1));
});
let held: CliRun;
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('help', () => {
  it('of the program names every verb, examples and exit codes', async () => {
    const { code, out } = await run(data, '--help');
    expect(code).toBe(0);
    const [, listed = ''] = /\nCommands:\n([^]*?)\n\n/.exec(out) ?? [];
    const verbs = new Set([...listed.matchAll(/^ {2}([a-z-]+)/gm)].map(([, verb]) => verb));
    expect(verbs).toEqual(new Set(['help', ...VERBS.map(([verb]) => verb)]));
    expect(out).toContain('npm run cairn -- funnel');
    expect(out).toMatch(/Exit codes: 0 done, 1 .+, 2 .+, 3 /);
  });

  const VERBS = [
    ['tenants'],
    ['clock'],
    ['import', 'oulad'],
    ['import', 'csv'],
    ['pathways'],
    ['learners'],
    ['credentials'],
    ['funnel'],
    ['simulate'],
    ['shadow', 'start'],
    ['shadow', 'stop'],
    ['shadow', 'report'],
    ['explain'],
    ['why-not'],
    ['verify'],
    ['audit'],
    ['bulk'],
    ['undo'],
    ['merge'],
    ['unmerge'],
    ['verify-log'],
    ['rebuild'],
    ['projections'],
    ['parked', 'list'],
    ['parked', 'retry'],
    ['parked', 'discard'],
    ['events'],
    ['backup'],
    ['restore'],
    ['migrate-log'],
  ];
  it.each(VERBS)('of %s %s answers without a data folder', async (...verb) => {
    const { code, out } = await run(join(folder, 'nowhere'), ...verb.filter(Boolean), '--help');
    expect({ code, usage: out.split('\n')[0] }).toEqual({
      code: 0,
      usage: expect.stringMatching(`^Usage: cairn .*${verb.filter(Boolean).join(' ')}`),
    });
  });
});

const WHY = ['--reason', 'issued-in-error', '--authority', 'dean'];
const COLUMNS = ['--map', 'learner=student', 'module=course', 'occurredAt=passed'];
describe('wrong use ends with 2, nothing on the output, and says what is wrong', () => {
  it.each<[string, readonly string[], string | RegExp]>([
    ['an unknown verb', ['frobnicate'], "unknown command 'frobnicate'"],
    ['an unknown option', ['pathways', '--colour'], "unknown option '--colour'"],
    ['a missing argument', ['funnel'], "missing required argument 'pathway'"],
    ['one argument too many', ['explain', 'a', 'b'], 'too many arguments'],
    ['a limit that is no number', ['learners', '--limit', 'all'], '--limit takes a whole number from 1 to 10000'],
    ['a limit of none', ['learners', '--limit', '0'], '--limit takes a whole number'],
    ['a number of students that is none', ['import', 'oulad', '--from', '.', '--students', 'x'], '--students takes'],
    ['an import without its folder', ['import', 'oulad'], "required option '--from <folder>'"],
    ['an order that is none', ['funnel', 'p', '--order', 'random'], 'Allowed choices are any, in-order'],
    ['an unknown pathway', ['funnel', 'nowhere'], /pathway/],
    ['an unknown version', ['funnel', 'p', '--version', '1999'], /version/],
    ['an unknown credential to explain', ['explain', 'crd_00000000000000000000000000'], 'There is no credential'],
    ['no credential at all', ['explain', 'p'], 'There is no credential p'],
    ['an unknown credential to verify', ['verify', 'crd_00000000000000000000000000'], 'There is no credential'],
    ['a file that is not there', ['verify', 'missing.jwt'], 'no such file'],
    ['an instant that is none', ['verify', 'x', '--as-of', 'yesterday'], '--as-of takes an instant'],
    ['the other instant', ['verify', 'x', '--known-at', '2026-13-01'], '--known-at takes an instant'],
    ['an unknown enrollment', ['why-not', 'enr_00000000000000000000000000-1'], 'There is no enrollment'],
    ['an audit of nothing', ['audit'], 'Name a subject, an actor or a correlation'],
    ['an audit of two', ['audit', '--learner', 'a', '--credential', 'b'], /not the id|one subject/],
    ['an unknown projection', ['rebuild', 'nothing'], 'There is no projection "nothing"; there are '],
    ['work that is not parked', ['parked', 'retry', 'register', 'x'], 'Nothing is parked as register x'],
    ['a discard without a reason', ['parked', 'discard', 'register', 'x'], "required option '--reason <code>'"],
    ['a position of another log', ['events', '--after', '00000000-00000000000000000001'], /position/i],
    [
      'an unknown tenant',
      ['pathways', '--tenant', 'southlake'],
      'There is no tenant "southlake"; there are: northlake',
    ],
    ['a map of steps that is none', ['simulate', 'p', '--map', 'a'], '--map takes old=new'],
    ['an act on many that is none', ['bulk', 'praise', ...WHY, '--template', 'T1'], '"praise" is no act; there are'],
    ['an act on many without a reason', ['bulk', 'revoke', '--template', 'T1'], "required option '--reason <code>'"],
    ['an act on many without an authority', ['bulk', 'revoke', '--reason', 'x'], "required option '--authority <who>'"],
    ['an act on nobody', ['bulk', 'revoke', ...WHY], 'Name --credentials; or --learners, --template, or both.'],
    ['an issue for nobody', ['bulk', 'issue', ...WHY, '--template', 'T1'], 'To issue, name --learners and --template.'],
    ['a hold on what is none', ['bulk', 'revoke', ...WHY, '--template', 'T1', '--hold', 'h'], '--hold goes with'],
    ['a suspension without its hold', ['bulk', 'suspend', ...WHY, '--template', 'T1'], '--hold goes with suspend'],
    [
      'an act dated by no instant',
      ['bulk', 'revoke', ...WHY, '--template', 'T1', '--effective-at', 'soon'],
      '"soon" is not an instant in UTC',
    ],
    [
      'a list that is not there',
      ['bulk', 'revoke', ...WHY, '--credentials', 'missing.txt'],
      'There is no file missing.txt',
    ],
    [
      'a list of other things',
      ['bulk', 'revoke', ...WHY, '--credentials', import.meta.filename],
      /line 1: .* is not an id such as crd_/,
    ],
    [
      'a confirmation without its preview',
      ['bulk', 'revoke', ...WHY, '--template', 'T1', '--confirm', 'revoke 1'],
      '--confirm goes with --position and --as-of',
    ],
    ['an import of no file', ['import', 'csv', ...COLUMNS], "required option '--from <file>'"],
    ['an import without columns', ['import', 'csv', '--from', 'x.csv'], "required option '--map <member=column...>'"],
    ['a file to import that is not there', ['import', 'csv', '--from', 'x.csv', ...COLUMNS], 'There is no file x.csv'],
    [
      'a column that is none',
      ['import', 'csv', '--from', import.meta.filename, '--map', 'colour=red'],
      '--map takes member=column, with one of learner, ',
    ],
    [
      'a column left out',
      ['import', 'csv', '--from', import.meta.filename, '--map', 'learner=a', 'module=b'],
      '--map must say which column is occurredAt',
    ],
    [
      'a kind of identifier that is none',
      ['import', 'csv', '--from', 'x.csv', ...COLUMNS, '--learner-by', 'face'],
      'Allowed choices are external-id, email',
    ],
    ['a run that is none', ['import', 'csv', '--from', import.meta.filename, ...COLUMNS, '--run', 'x'], /run/],
    ['a merge into nobody', ['merge', 'lrn_x', ...WHY], "required option '--into <learner>'"],
    ['a merge of what is none', ['merge', 'x', '--into', 'y', ...WHY], '"x" is not the id of a learner'],
    ['a shadow of an unknown version', ['shadow', 'start', 'p', '--from', '1999'], 'no published version "1999"'],
    ['a shadow stopped without a reason', ['shadow', 'stop', 'p'], "required option '--reason <code>'"],
    ['a reason that is no code', ['shadow', 'stop', 'p', '--reason', 'No more'], '--reason takes a code'],
    ['a shadow that never was', ['shadow', 'report', 'p'], 'No draft of this pathway was ever put in shadow'],
    ['an enrollment that is none', ['shadow', 'report', 'p', '--enrollment', 'p'], 'begins with enr_'],
  ])('%s', async (_what, args, says) => {
    const { code, out, err } = await run(data, ...args);
    expect({ code, out, err }).toEqual({
      code: 2,
      out: '',
      err: typeof says === 'string' ? expect.stringContaining(says) : expect.stringMatching(says),
    });
  });

  it('a folder without a log: what to do is named, nothing is made', async () => {
    const nowhere = join(folder, 'nowhere');
    const { code, err } = await run(nowhere, 'pathways');
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(`There is no event log in ${nowhere}`) });
    expect(err).toContain('import oulad --from');
    expect(existsSync(nowhere)).toBe(false);
  });

  it('several tenants and none named', async () => {
    const { code, err } = await run(twoTenants, 'pathways');
    expect({ code, err }).toEqual({ code: 2, err: expect.stringMatching(/--tenant; there are: .*try-out/) });
    expect((await json(twoTenants, '--tenant', 'northlake', 'pathways')).value).toHaveLength(1);
  });

  it('a folder that a running server holds ends with 3 and names the holder', () => {
    expect(held).toMatchObject({ code: 3, out: '', err: expect.stringContaining(String(process.pid)) });
  });
});

describe('lists', () => {
  it('pathways', async () => {
    const { value } = await json(data, 'pathways');
    expect(value).toEqual([{ id: expect.stringMatching(/^pwy_/), slug: 'p', versions: ['2026'] }]);
    expect(rows((await run(data, 'pathways')).out)).toEqual([
      ['id', 'slug', 'versions'],
      [value[0].id, 'p', '2026'],
    ]);
  });

  it('learners, without personal data', async () => {
    const found = await run(data, 'learners', '--json');
    expect(JSON.parse(found.out)).toMatchObject([{ id: learner, status: 'registered' }]);
    expect(rows((await run(data, 'learners')).out)[1]?.slice(0, 2)).toEqual([learner, 'registered']);
    expect(found.out).not.toMatch(/canary/i);
  });

  it('credentials with their state', async () => {
    const { value } = await json(data, 'credentials');
    expect(new Map(value.map((row: Record<string, string>) => [row['id'], row['state']]))).toEqual(
      new Map([
        [valid, 'issued'],
        [revoked, 'revoked'],
      ]),
    );
    expect(value[0]).toMatchObject({ learner, template: expect.stringMatching(/^tpl_/) });
    expect((await json(data, 'credentials', '--limit', '1')).value).toHaveLength(1);
    const printed = rows((await run(data, 'credentials')).out);
    expect(printed.find(([id]) => id === revoked)?.slice(1, 3)).toEqual([learner, 'revoked']);
  });

  it('tenants, and the clock of one', async () => {
    expect((await json(twoTenants, 'tenants')).value.map(({ slug }: { slug: string }) => slug).toSorted()).toEqual([
      'northlake',
      'try-out',
    ]);
    expect((await run(twoTenants, 'tenants')).out).toMatch(/try-out +Europe\/Berlin/);
    expect(await json(twoTenants, 'clock', '2026-02-01T09:00:00Z', '--tenant', 'try-out')).toMatchObject({
      code: 0,
      value: { tenant: 'try-out', now: '2026-02-01T09:00:00.000Z', sandbox: true },
    });
    expect((await run(twoTenants, 'clock', '--tenant', 'try-out')).out).toBe(
      'try-out: 2026-02-01T09:00:00.000Z (its own clock)\n',
    );
    expect(await run(twoTenants, 'clock', '2026-01-01T09:00:00Z', '--tenant', 'try-out')).toMatchObject({ code: 1 });
    expect(await run(twoTenants, 'clock', 'tomorrow', '--tenant', 'try-out')).toMatchObject({ code: 2 });
  });
});

describe('analysis', () => {
  it('funnel', async () => {
    const { code, value } = await json(data, 'funnel', 'p', '--version', '2026', '--order', 'in-order');
    expect({ code, value }).toMatchObject({
      code: 0,
      value: {
        pathway: 'p',
        version: '2026',
        order: 'in-order',
        enrolled: 1,
        steps: [
          { id: 'S1', reached: 1, satisfied: 1 },
          { id: 'S2', reached: 1, satisfied: 1 },
          { id: 'S3', reached: 1, satisfied: 0 },
        ],
        definition: expect.any(String),
        position: expect.any(String),
        asOf: expect.any(String),
      },
    });
    const { out } = await run(data, 'funnel', 'p');
    expect(out).toContain('p 2026, any: 1 enrolled');
    expect(out).toMatch(/S3 +1 +0\n/);
  });

  it('why-not', async () => {
    const { code, value } = await json(data, 'why-not', enrollment);
    expect({ code, value }).toMatchObject({ code: 0, value: { enrollment, pathway: 'p', steps: [{ id: 'S3' }] } });
    const { out } = await run(data, 'why-not', enrollment);
    expect(out).toContain('S3: ');
    expect(out).toContain(value.steps[0].text);
    expect(out).not.toContain('{');
  });

  it('simulate: a line for each enrollment and one of counts', async () => {
    const { code, out } = await run(data, '--json', 'simulate', 'p', '--version', '2026');
    const lines = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect({ code, first: lines[0], last: lines.at(-1) }).toMatchObject({
      code: 0,
      first: { pathway: 'p' },
      last: { counts: expect.any(Object) },
    });
    expect((await run(data, 'simulate', 'p', '--version', '2026')).out).toMatch(/^p 2026, position /);
  });

  it('shadow: a draft beside the version that people are in, started, asked, stopped', async () => {
    const shadow = (...args: readonly string[]) => run(twoTenants, '--tenant', 'northlake', 'shadow', ...args);
    expect(await run(data, 'shadow', 'start', 'p')).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining('nothing-to-shadow'),
    });
    expect(await shadow('start', 'p', '--from', '2026')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^In shadow\./),
    });
    expect(await shadow('start', 'p', '--from', '2026')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^In shadow already/),
    });
    const report = await shadow('report', 'p');
    expect(report).toMatchObject({ code: 0, out: expect.stringMatching(/^p, draft in shadow since \S+ by service/) });
    expect(report.out).toMatch(/enr_\S+ {2}gains, since the shadow began/);
    expect(report.out).toContain('gains 1, loses 0');
    const one = await json(twoTenants, '--tenant', 'northlake', 'shadow', 'report', 'p', '--enrollment', enrollment);
    expect(one).toMatchObject({ value: { enrollment, changes: [{ outcome: 'gains', stepsMet: ['S3'] }] } });
    expect((await shadow('report', 'p', '--enrollment', enrollment)).out).toContain(`${enrollment}  gains, since`);
    expect(await shadow('stop', 'p', '--reason', 'seen-enough')).toMatchObject({ code: 0, out: 'Stopped.\n' });
    expect((await shadow('report', 'p')).out).toMatch(/stopped \S+ by service/);
  });
});

describe('one credential', () => {
  it('explain', async () => {
    expect(await json(data, 'explain', valid)).toMatchObject({
      code: 0,
      value: { credential: valid, matches: true, rule: { pathwaySlug: 'p', label: '2026' } },
    });
    const { out } = await run(data, 'explain', valid);
    expect(out).toContain('(p 2026)');
    expect(out).toMatch(/recorded \d{4}-.+ by service:key_/);
    expect(out).toContain('Decided again from these facts: the same');
  });

  it('verify: valid is 0, revoked is 1', async () => {
    expect(await json(data, 'verify', valid)).toMatchObject({ code: 0, value: { credential: valid, status: 'valid' } });
    expect(await json(data, 'verify', revoked)).toMatchObject({ code: 1, value: { status: 'revoked' } });
    expect((await run(data, 'verify', revoked)).out).toMatch(/^revoked: ./);
  });

  it('verify by what was true and by what was known before the revocation', async () => {
    expect(await json(data, 'verify', revoked, '--as-of', beforeRevocation)).toMatchObject({
      code: 0,
      value: { status: 'valid', asOf: beforeRevocation },
    });
    expect(await json(data, 'verify', revoked, '--known-at', beforeRevocation)).toMatchObject({
      code: 0,
      value: { status: 'valid', knownAt: beforeRevocation },
    });
    expect(await run(data, 'verify', valid, '--as-of', '2001-01-01')).toMatchObject({ code: 1 });
  });

  it('verify of a signed copy, and of one that was tampered with', async () => {
    expect(await json(data, 'verify', signed)).toMatchObject({ code: 0, value: { verdict: 'valid' } });
    expect((await run(data, 'verify', signed)).out).toMatch(/^valid: /);
    const [header = '', payload = '', signature = ''] = readFileSync(signed, 'utf8').split('.');
    const claims = Buffer.from(payload, 'base64url').toString().replaceAll('"T1"', '"T9"');
    const forged = join(folder, 'forged.jwt');
    writeFileSync(forged, [header, Buffer.from(claims).toString('base64url'), signature].join('.'));
    expect(await json(data, 'verify', forged)).toMatchObject({ code: 1, value: { verdict: 'tampered' } });
  });
});

describe('the trail', () => {
  it('of a learner, a credential and an actor', async () => {
    const types = async (...args: string[]): Promise<readonly string[]> => {
      const { code, value } = await json(data, 'audit', ...args);
      expect(code).toBe(0);
      return value.items.map(({ type }: { type: string }) => type);
    };
    expect(await types('--learner', learner)).toEqual(
      expect.arrayContaining(['learner-registered', 'learner-enrolled', 'module-completed', 'credential-issued']),
    );
    expect(await types('--credential', revoked)).toEqual(
      expect.arrayContaining(['credential-issued', 'credential-revoked']),
    );
    const { value } = await json(data, 'audit', '--credential', revoked);
    const { actor, correlation } = value.items.find(({ type }: { type: string }) => type === 'credential-revoked');
    expect(await types('--actor', actor)).toContain('credential-revoked');
    expect(await types('--correlation', correlation)).toContain('credential-revoked');
    expect(await types('--learner', learner, '--limit', '1')).toHaveLength(1);
  });

  it('is printed as a table without personal data', async () => {
    const { out } = await run(data, 'audit', '--learner', learner);
    expect(rows(out)[0]).toEqual(['recorded', 'occurred', 'what', 'actor', 'event']);
    expect(out).toContain('module-completed');
    expect(out).not.toMatch(/canary/i);
  });

  it('events: one a line, from the first or after a position', async () => {
    const read = async (...args: string[]): Promise<readonly Record<string, unknown>[]> => {
      const { code, out } = await run(data, 'events', ...args);
      expect(code).toBe(0);
      return out
        .trim()
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    };
    const all = await read();
    expect(all.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['cairn.credential.issued.v1', 'cairn.credential.revoked.v1']),
    );
    expect(await read('--limit', '2')).toEqual(all.slice(0, 2));
    expect(await read('--after', String(all[1]?.['sequence']))).toEqual(all.slice(2));
    expect(await read('--after', String(all.at(-1)?.['sequence']), '--json')).toEqual([]);
  });
});

describe('the installation', () => {
  it('verify-log', async () => {
    expect(await json(data, 'verify-log')).toMatchObject({
      code: 0,
      value: { credentials: 2, redecided: 2, faults: [] },
    });
    expect((await run(data, 'verify-log', '--no-redecide')).out).toMatch(
      /^\d+ events in \d+ streams, 2 credentials, 0 decisions made again: 0 fault/,
    );
  });

  it('verify-log ends with 1 when it finds a fault, and names it', async () => {
    const { code, out } = await run(damaged, 'verify-log');
    expect({ code, out }).toEqual({ code: 1, out: expect.stringMatching(/ 1 fault\(s\)\n {2}decode record-/) });
  });

  it.each([
    ['mark', `data = json_set(data, '$.score', 99)`, 'module-completed', 'differs from the command'],
    ['channel', `data = json_set(data, '$.source', 'sis')`, 'module-completed', 'differs from the command'],
    ['id', `id = '00000000-0000-5000-8000-000000000000'`, 'credential-issued', 'id does not follow'],
  ])('verify-log names the event whose %s was changed behind its back (D12)', async (_what, change, type, words) => {
    const changed = mkdtempSync(join(tmpdir(), 'cairn-changed-'));
    cpSync(data, changed, { recursive: true });
    const database = new DatabaseSync(join(changed, 'events.sqlite'));
    database.exec(
      `UPDATE events SET ${change} WHERE position = (SELECT min(position) FROM events WHERE type = '${type}')`,
    );
    database.close();
    const { code, value } = await json(changed, 'verify-log');
    expect({ code, value }).toMatchObject({ code: 1 });
    const faults = value.faults as { invariant: string; detail: string }[];
    expect(faults).toContainEqual(
      expect.objectContaining({ invariant: 'D12', detail: expect.stringContaining(words) }),
    );
    rmSync(changed, { recursive: true });
  });

  it('rebuild: one projection, and all', async () => {
    const one = await json(data, 'rebuild', 'register');
    expect(one).toMatchObject({ code: 0, value: [{ name: 'register', equal: true, documents: 2 }] });
    const { code, out } = await run(data, 'rebuild');
    const table = rows(out);
    expect({ code, header: table[0] }).toEqual({
      code: 0,
      header: ['projection', 'documents', 'parity', 'content hash'],
    });
    expect(table.length).toBeGreaterThan(8);
    expect(table.slice(1).filter((row) => row[2] !== 'equal')).toEqual([]);
  });

  it('projections', async () => {
    const { code, value } = await json(data, 'projections');
    expect({ code, value }).toMatchObject({ code: 0, value: { settled: true } });
    const { out } = await run(data, 'projections');
    for (const { name } of [...value.projections, ...value.reactors]) expect(out).toContain(`${name} `);
    expect(out).toContain('Settled: all is done up to the head of the log.');
  });

  it('parked: none', async () => {
    expect(await json(data, 'parked', 'list')).toMatchObject({ code: 0, value: [] });
    expect((await run(data, 'parked', 'list')).out).toBe('(none)\n');
  });

  it('parked: what an unreadable event sets aside is listed, retried in vain, passed over', async () => {
    const { value } = await json(damaged, 'parked', 'list');
    expect(value).toContainEqual(expect.objectContaining({ runner: 'projection', code: expect.any(String) }));
    const { name, key: parkedKey, code, detail } = value.find((row: { runner: string }) => row.runner === 'projection');
    expect(rows((await run(damaged, 'parked', 'list')).out)).toContainEqual(
      expect.arrayContaining(['projection', name, parkedKey, code]),
    );
    const still = await json(damaged, 'parked', 'retry', name, parkedKey);
    expect(still).toMatchObject({ code: 1, value: { free: false, parked: { detail } } });
    expect((await run(damaged, 'parked', 'retry', name, parkedKey)).out).toBe(`Still parked: ${detail}\n`);
    expect(await run(damaged, 'parked', 'discard', name, parkedKey, '--reason', 'Because!')).toMatchObject({ code: 2 });
    expect(await json(damaged, 'parked', 'discard', name, parkedKey, '--reason', 'bad-row')).toEqual({
      code: 0,
      err: '',
      value: { free: true, recorded: expect.stringMatching(/^evt_/) },
    });
    expect((await json(damaged, 'parked', 'list')).value).toHaveLength(value.length - 1);
    // Who, when and why is on record: by the actor, and in the trail of whom the event was about.
    const about = value.find((row: { name: string }) => row.name === name);
    for (const named of [
      ['--actor', 'service:cli'],
      ['--learner', damagedLearner],
    ]) {
      const { items } = (await json(damaged, 'audit', ...named)).value;
      expect(items).toContainEqual(
        expect.objectContaining({
          type: 'parked-work-discarded',
          actor: 'service:cli',
          data: expect.objectContaining({
            runner: 'projection',
            name,
            key: parkedKey,
            code,
            reasonCode: 'bad-row',
            event: expect.objectContaining({ eventId: about.eventId }),
          }),
        }),
      );
    }
  });

  it('backup and restore; an existing folder is refused', async () => {
    const copy = join(folder, 'copy');
    const { code, value } = await json(data, 'backup', copy, '--keys');
    expect({ code, value }).toMatchObject({ code: 0, value: { folder: copy, keys: true } });
    expect(await run(data, 'backup', copy)).toMatchObject({
      code: 2,
      err: expect.stringContaining('is there already'),
    });
    const elsewhere = join(folder, 'elsewhere');
    mkdirSync(elsewhere);
    expect(await json(elsewhere, 'restore', copy)).toMatchObject({
      code: 0,
      value: { events: value.events, keys: 'restored' },
    });
    expect((await json(elsewhere, 'pathways')).value).toHaveLength(1);
    expect(await run(elsewhere, 'restore', tables)).toMatchObject({ code: 2 });
  });

  it('migrate-log', async () => {
    const to = join(folder, 'moved');
    expect(await json(data, 'migrate-log', '--to', to)).toMatchObject({ code: 0, value: { found: 0 } });
    expect((await run(data, 'migrate-log', '--to', to)).out).toMatch(/were there already/);
    expect(await run(data, 'migrate-log', '--to', data)).toMatchObject({ code: 2 });
  });
});

describe('import oulad', () => {
  const target = join(folder, 'oulad');
  it('makes the data folder, reports, and a second run records nothing; its run can be undone', async () => {
    const first = await json(target, 'import', 'oulad', '--from', tables, '--students', '3');
    expect(first).toMatchObject({ code: 0, value: { learners: 3 } });
    expect(first.value.newEvents).toBeGreaterThan(0);
    expect(existsSync(first.value.report)).toBe(true);
    const { code, out } = await run(target, 'import', 'oulad', '--from', tables, '--students', '3');
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining('New events: 0.') });
    expect((await json(target, 'learners')).value).toHaveLength(3);

    const { value: trail } = await json(target, 'audit', '--learner', (await json(target, 'learners')).value[0].id);
    const runId = trail.items.find(({ type }: { type: string }) => type === 'learner-enrolled').correlation;
    const preview = await run(target, 'undo', runId, '--authority', 'registrar');
    expect(preview).toMatchObject({ code: 0, out: expect.stringContaining('Nothing is changed yet.') });
    const refused = await run(target, 'undo', 'nonsense', '--authority', 'registrar');
    expect(refused.code).not.toBe(0);
  });

  it('a row that cannot be read is told by file, line and code, and spoils no other', async () => {
    const broken = mkdtempSync(join(tmpdir(), 'cairn-oulad-'));
    writeOuladTables(broken, 3, randomOf(1));
    const file = join(broken, 'studentAssessment.csv');
    const [header, ...rows] = readFileSync(file, 'utf8').trimEnd().split('\n') as [string, ...string[]];
    writeFileSync(file, [header, '1000,"100,5,0,80', '1000', ...rows, '1000,100,ten,0,80'].join('\r\n'));
    const { code, value } = await json(join(folder, 'broken'), 'import', 'oulad', '--from', broken);
    expect({ code, value }).toMatchObject({
      code: 0,
      value: { submissions: rows.length, codes: { 'row-malformed': 3 } },
    });
    const told = readFileSync(value.report, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { file: string; line: number; code: string; reason: string })
      .filter((note) => note.code === 'row-malformed');
    expect(told.map((note) => [note.file, note.line, note.reason])).toEqual([
      ['studentAssessment.csv', 2, 'is not readable as CSV: a quote is not closed'],
      ['studentAssessment.csv', 3, 'has 1 columns instead of 5'],
      ['studentAssessment.csv', rows.length + 4, 'date_submitted is "ten", not a whole number'],
    ]);
    rmSync(broken, { recursive: true });
  });

  it('a folder without the tables ends with 2, nothing is imported', async () => {
    expect(await run(target, 'import', 'oulad', '--from', data)).toMatchObject({
      code: 2,
      err: expect.stringContaining('courses.csv does not exist'),
    });
  });
});
