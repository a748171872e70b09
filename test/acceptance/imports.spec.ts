// Completions from files, over HTTP (I14): mapping, dry run, outcome per row, the same file twice, undo by run.
import { e2Catalog } from '@cairn/testing';
import type { TestServer } from '../support/server.js';
import { startAcceptanceServer } from './server.js';
import { openWorld, type AcceptanceLearner, type AcceptanceWorld } from './world.js';

let server: TestServer;
let world: AcceptanceWorld;
let ada: AcceptanceLearner;
let ben: AcceptanceLearner;
beforeAll(async () => {
  server = await startAcceptanceServer();
  world = await openWorld(server, 'imports', e2Catalog());
  ada = await world.learner();
  ben = await world.learner();
  for (const learner of [ada, ben]) await learner.enroll('data-skills', '2024-09-01');
});

const MAP = 'learner=student&module=course&occurredAt=passed&score=grade&system=sis';
type Line = Record<string, unknown> & { line: number; outcome: string; code?: string; reason?: string };
async function send(text: string | Buffer, query = '', headers: Record<string, string> = {}) {
  const { type = 'text/csv', ...more } = headers;
  const answer = await world.client.send('POST', `/api/imports?${MAP}${query}`, text, {
    'content-type': type,
    ...more,
  });
  if (answer.status !== 200) return { ...answer, run: '', rows: [], counts: undefined };
  const lines = answer.text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
  await server.settled();
  return {
    ...answer,
    run: lines[0]?.['run'] as string,
    rows: lines.slice(1, -1),
    counts: lines.at(-1)?.['counts'] as Record<string, number>,
  };
}

const FILE = [
  '\uFEFFgrade,passed,student,course,remark',
  '71,2024-09-10,1,DS-101,',
  '"80",2024-09-11 10:00,1,DS-102,"said ""well done"""',
  '66,2024-09-12T10:00:00+02:00,2,DS-101,x',
  '55,2024-09-13,99,DS-101,nobody',
  '120,2024-09-13,2,DS-102,too much',
  '60,2024-09-13,2,DS-102,"not closed',
  '60,2024-09-13,2',
  '60,2024-09-13,2,NO-SUCH,x',
  '60,2999-01-01,2,DS-102,x',
  '71,2024-09-10,1,DS-101,again',
  '',
].join('\r\n');
const BAD = [
  { file: 'results.csv', line: 5, outcome: 'refused', code: 'learner-unknown', reason: expect.any(String) as string },
  { line: 6, code: 'row-malformed', reason: expect.stringContaining('grade is "120"') as string },
  { line: 7, code: 'row-malformed', reason: expect.stringContaining('quote is not closed') as string },
  { line: 8, code: 'row-malformed', reason: 'has 3 columns instead of 5' },
  { line: 9, code: 'not-found', reason: expect.stringContaining('module') as string },
  { line: 10, code: 'date-in-future', reason: expect.any(String) as string },
];

it('a dry run tells what each row would come to, and writes nothing', async () => {
  const before = await server.installation.log.head();
  const { rows, counts } = await send(FILE, '&dryRun=true&file=results.csv');
  expect(counts).toEqual({ recorded: 3, unchanged: 1, refused: 6, earned: 0 });
  expect(rows.filter(({ outcome }) => outcome === 'refused')).toMatchObject(BAD);
  expect(rows[0]).toEqual({ file: 'results.csv', line: 2, outcome: 'recorded', learner: ada.id });
  expect(await server.installation.log.head()).toBe(before);
});

it('bad rows are named by line and code and stop nothing; the same file twice adds nothing, by this run or another', async () => {
  const headers = { 'idempotency-key': 'autumn' };
  const first = await send(FILE, '&file=results.csv', headers);
  expect(first.counts).toEqual({ recorded: 3, unchanged: 1, refused: 6, earned: 1 });
  expect(first.rows.filter(({ outcome }) => outcome === 'refused')).toMatchObject(BAD);
  expect(first.headers['location']).toBe(`/api/operations/${first.run}`);
  expect(await ada.credentials()).toEqual(['L1 from 2024-09-11']);
  const head = await server.installation.log.head();
  for (const again of [headers, { 'idempotency-key': 'other' }]) {
    const second = await send(FILE, '', again);
    expect(second.counts).toEqual({ recorded: 0, unchanged: 4, refused: 6, earned: 0 });
  }
  expect(await server.installation.log.head()).toBe(head);
  expect((await world.client.get(`/api/operations/${first.run}`)).body).toMatchObject({ state: 'at-rest' });

  const undo = (body: object) => world.client.send('POST', `/api/operations/${first.run}/undo`, body);
  expect((await undo({ authority: 'registrar' })).body).toMatchObject({ effects: 3, types: { 'module-completed': 3 } });
  expect((await undo({ authority: 'registrar', confirm: 3 })).body.done).toEqual({ compensated: 3, refused: [] });
  await server.settled();
  expect(await ada.credentials()).toEqual(['L1 from 2024-09-11, revoked']);
  expect(await send(FILE, '', headers)).toMatchObject({ status: 409, body: { code: 'run-undone' } });
  // Business keys of what was undone are free: a new run records it again.
  expect((await send(FILE, '', { 'idempotency-key': 'right' })).counts).toMatchObject({ recorded: 3 });
});

it('reads NDJSON; a source record sent with other content is refused', async () => {
  const row = { student: '2', course: 'DS-201', passed: '2024-10-01', grade: 61.5, id: 'r1' };
  const text = [row, { ...row, grade: 62 }, { course: 'DS-201' }].map((one) => JSON.stringify(one)).join('\n');
  const { rows, counts } = await send(`${text}\n[1]\n{"x"\n`, '&sourceId=id&source=lms', {
    type: 'application/x-ndjson',
  });
  expect(counts).toEqual({ recorded: 1, unchanged: 0, refused: 4, earned: 0 });
  expect(rows.map(({ line, code, reason }) => [line, code, reason])).toEqual([
    [1, undefined, undefined],
    [2, 'source-record-differs', expect.any(String)],
    [3, 'row-malformed', 'student is missing'],
    [4, 'row-malformed', 'is not a JSON object'],
    [5, 'row-malformed', 'is not readable as JSON'],
  ]);
});

it('refuses a mapping that does not fit before anything is read, what is no file, and a file that is too large', async () => {
  expect(await send('a,b\n1,2\n')).toMatchObject({
    status: 422,
    body: { code: 'mapping-incomplete', detail: expect.stringContaining('"student", "course", "passed"') as string },
  });
  expect(await send('', '')).toMatchObject({ status: 422, body: { code: 'mapping-incomplete' } });
  expect(await send(FILE, '&defaultZone=Mars/Olympus')).toMatchObject({
    status: 400,
    body: { code: 'validation-failed' },
  });
  expect(await send('{}', '', { type: 'application/json' })).toMatchObject({
    status: 415,
    body: { code: 'media-type-unsupported' },
  });
  expect(await send(Buffer.alloc(5 * 1024 * 1024 + 1, 'x'))).toMatchObject({
    status: 413,
    body: { code: 'body-too-large' },
  });
  // A file sent elsewhere is refused as ever.
  expect(await world.client.send('POST', '/api/completions', 'a,b', { 'content-type': 'text/csv' })).toMatchObject({
    status: 415,
  });
});

it('lines that are too long or no text are rows that cannot be read', async () => {
  const latin1 = Buffer.from('student,course,passed,grade\n1,DS-201,2024-10-01,7\u00e9\n', 'latin1');
  expect((await send(latin1)).rows).toMatchObject([{ line: 2, reason: 'is not UTF-8 text' }]);
  const long = `student,course,passed,grade\n1,${'x'.repeat(200_000)},2024-10-01,70\n1,DS-201,2024-10-01,70`;
  const { rows } = await send(long);
  expect(rows).toMatchObject([
    { line: 2, code: 'row-malformed', reason: expect.stringContaining('more than') as string },
    { line: 3, outcome: 'recorded' },
  ]);
});
