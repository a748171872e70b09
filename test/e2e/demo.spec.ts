// The demo as a newcomer runs it: it fills a fresh folder, prints where to look, and what it prints holds.
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const DEMO = join(process.cwd(), 'scripts', 'demo.mjs');
const LIMIT_MS = 240_000;
const run = promisify(execFile);
const hasCurl = (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, 'curl')));

const folders: string[] = [];
const freshFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'cairn-demo-test-'));
  folders.push(folder);
  return folder;
};
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

const freePort = (): Promise<number> =>
  new Promise((found) => {
    const probe = createServer();
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => found(port));
    });
  });

describe('the demo', () => {
  const data = freshFolder();
  let port: number;
  beforeAll(async () => {
    port = await freePort();
  });

  it(
    'fills a fresh folder; every address answers, and the funnels are those of a recount over the feed',
    async () => {
      const { stdout } = await run(
        process.execPath,
        [DEMO, '--once', '--check', '--data', data, '--port', String(port)],
        { timeout: LIMIT_MS },
      );
      expect(stdout).toContain('Checked: every address answers; the funnel equals a recount of the feed.');
      const years = stdout
        .split('\n')
        .flatMap((line) => /^ {2}(\d{4}-\d\d-\d\d) {2}(\S+) +(.*)$/.exec(line)?.slice(1, 4).join(' ') ?? []);
      expect(years).toEqual(years.toSorted((a, b) => a.slice(0, 10).localeCompare(b.slice(0, 10))));
      // Expiry, reminders and renewals fire in order, and what rests on a lapsed credential follows and comes back.
      expect(years.filter((line) => line >= '2026').toSorted()).toEqual([
        '2026-01-15 renewed Mara L.   Basic life support, from 2026-03-10 until 2028-03-10',
        '2026-01-21 reminder Otis J.   Site access, its term ends on 2026-02-20',
        '2026-02-08 reminder Chen W.   Basic life support, its term ends on 2026-03-10',
        '2026-02-08 reminder Noor A.   Basic life support, its term ends on 2026-03-10',
        '2026-02-13 reminder Otis J.   Site access, its term ends on 2026-02-20',
        '2026-02-20 expired Otis J.   Site access',
        '2026-02-27 renewed Otis J.   Site access, from 2026-02-27 until 2027-02-27',
        '2026-03-03 reminder Chen W.   Basic life support, its term ends on 2026-03-10',
        '2026-03-03 reminder Noor A.   Basic life support, its term ends on 2026-03-10',
        '2026-03-10 expired Chen W.   Basic life support',
        '2026-03-10 expired Noor A.   Basic life support',
        '2026-03-10 suspended Chen W.   Advanced response, component-expired',
        '2026-03-10 suspended Noor A.   Advanced response, component-expired',
        '2026-04-01 suspended Ravi K.   Professional certificate, component-expired',
        '2026-05-02 reinstated Ravi K.   Professional certificate',
        '2026-05-20 issued Chen W.   Basic life support, until 2028-05-20',
        '2026-05-20 reinstated Chen W.   Advanced response',
      ]);
      for (const place of [/\/c\/crd_/, /\/pages\/why\//, /\/pages\/funnel\//, /\/pages\/trail\//, /\/docs$/m])
        expect(stdout).toMatch(place);
    },
    LIMIT_MS,
  );

  it(
    `goes on with what is in the folder, ${hasCurl ? 'its commands work when pasted' : 'commands not tried: no curl here'}, and ends in order`,
    async () => {
      const demo = spawn(process.execPath, [DEMO, '--data', data], { stdio: ['ignore', 'pipe', 'pipe'] });
      const ended = new Promise<number | null>((done) => demo.once('exit', done));
      const text = await new Promise<string>((done, failed) => {
        let said = '';
        for (const stream of [demo.stdout, demo.stderr])
          stream.setEncoding('utf8').on('data', (part: string) => {
            said += part;
            if (said.includes('Running until Ctrl-C.')) done(said);
          });
        demo.once('exit', (code) => failed(new Error(`the demo ended with ${code}: ${said}`)));
      });
      try {
        expect(text).not.toContain('Filling');
        const commands = text.split('\n').filter((line) => line.startsWith('curl '));
        expect(commands).toHaveLength(3);
        if (!hasCurl) return;
        const answers = await Promise.all(commands.map((command) => run('sh', ['-c', command])));
        const [funnel, feed, completed] = answers.map(({ stdout }) => JSON.parse(stdout) as Record<string, unknown>);
        expect(funnel).toMatchObject({ pathway: 'data-skills', order: 'in-order', enrolled: expect.any(Number) });
        expect(feed).toHaveLength(3);
        expect(completed).toMatchObject({ outcome: 'recorded', events: expect.any(Array) });
        expect(completed?.['events']).toContainEqual(expect.objectContaining({ type: 'credential-earned' }));
      } finally {
        demo.kill('SIGTERM');
      }
      expect(await ended).toBe(0);
    },
    LIMIT_MS,
  );

  it('says which port is in use, and leaves nothing behind', async () => {
    const taken = createServer();
    await new Promise<void>((done) => taken.listen(0, '127.0.0.1', done));
    const busy = String((taken.address() as { port: number }).port);
    const failed = await run(process.execPath, [DEMO, '--once', '--port', busy]).catch((error: unknown) => error);
    taken.close();
    expect(failed).toMatchObject({ code: 1, stderr: expect.stringContaining(`Port ${busy} is in use.`) });
  });

  it.each(['0', 'fast', '1e9'])('says what a speed may be: %s', async (speed) => {
    const failed = await run(process.execPath, [DEMO, '--once', '--speed', speed]).catch((error: unknown) => error);
    expect(failed).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`--speed ${speed} is no speed: name how`),
    });
  });

  it('does not touch a folder that it did not fill', async () => {
    const other = freshFolder();
    writeFileSync(join(other, 'events.sqlite'), '');
    const failed = await run(process.execPath, [DEMO, '--once', '--data', other]).catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: 1, stderr: expect.stringContaining('holds an installation that this demo') });
  });
});
