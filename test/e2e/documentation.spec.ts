// What the documentation tells people to type works: each line for the command line is run as it stands, in the order
// of its page, on one small data folder; only places are others. What is run elsewhere, or needs what a test has not
// got, is named here with the reason.
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publicId } from '@cairn/kernel';
import { CONFIGURATION_REFERENCE } from '@cairn/platform';
import { writeOuladTables } from '../chaos/oulad-data.js';
import { randomOf } from '../chaos/processes.mjs';
import { runCli } from '../support/cli.js';
import { OPERATOR, startServer } from '../support/server.js';

const root = join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const documents = ['README.md', ...globSync(['docs/**/*.md', 'libs/**/README.md'], { cwd: root }).toSorted()];

/** Every command of the shell blocks, without comments: `export A=b` and `x && y` are told apart. */
const commands = documents.flatMap((document) =>
  [...read(document).matchAll(/```sh\n([^]*?)```/g)].flatMap(([, block = '']) =>
    block
      .split('\n')
      .flatMap((line) => line.replace(/(^| )#.*$/, '').split('&&'))
      .map((text) => ({ document, text: text.trim() }))
      .filter(({ text }) => text !== ''),
  ),
);
const CLI = /^npm run cairn -- (.+)$/;
const ofCli = commands.flatMap(({ document, text }) => {
  const words = CLI.exec(text)?.[1];
  return words === undefined ? [] : [{ document, words }];
});

/** Not run here. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'npm run demo': 'demo.spec.ts runs it',
  'npm test': 'this is it',
  'npm run build': 'the chaos tests and the command line build',
  'npm start': 'cluster-start.spec.ts starts servers',
  'scripts/make-secrets.sh': 'it writes keys into the tree',
  'docker compose up --build': 'there is no Docker here; compose.spec.ts reads the file',
  'npm run cairn -- shadow start oulad-fff': 'the imported tables leave no draft; cli.spec.ts puts one in shadow',
  'npm run cairn -- shadow report oulad-fff': 'the imported tables leave no draft; cli.spec.ts puts one in shadow',
  'npm run cairn -- migrate-log --data ./data --to cluster': 'it needs a cluster; cluster-log.spec.ts moves a log',
};

describe('commands in the documentation', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cairn-docs-'));
  const data = join(folder, 'data');
  const tables = join(folder, 'tables');
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  beforeAll(() => {
    mkdirSync(tables);
    writeOuladTables(tables, 3, randomOf(7));
    // The examples ask about module FFF.
    for (const file of globSync('*.csv', { cwd: tables })) {
      const path = join(tables, file);
      writeFileSync(path, readFileSync(path, 'utf8').replaceAll('CCC', 'FFF'));
    }
    writeFileSync(join(folder, 'operator-token'), OPERATOR);
    writeFileSync(join(folder, 'results.csv'), 'student,course,passed,grade\nnobody,FFF,2014-01-10,70\n');
  });

  it('are there', () => {
    expect(commands.length).toBeGreaterThan(15);
    expect(commands.map(({ text }) => text)).toEqual(expect.arrayContaining(['npm run demo', 'npm test']));
  });

  it('name scripts, files and variables that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const variables = new Set(CONFIGURATION_REFERENCE.flatMap(({ name }) => [name, `${name}_FILE`]));
    for (const { document, text } of commands) {
      const [, settings = '', command = ''] = /^(?:export )?((?:[A-Z_]+=\S*(?: [^=]*\))? ?)*)(.*)$/.exec(text) ?? [];
      for (const [, name = ''] of settings.matchAll(/(?:^| )([A-Z_]+)=/g))
        expect({ document, name, known: variables.has(name) }).toEqual({ document, name, known: true });
      if (command === '' || CLI.test(command)) continue;
      const script = /^npm (?:run )?([\w:-]+)$/.exec(command)?.[1];
      const exists = script === undefined ? command in ELSEWHERE : Object.hasOwn(scripts, script);
      expect({ document, command, exists, ran: command in ELSEWHERE }).toEqual({
        document,
        command,
        exists: true,
        ran: true,
      });
      if (command.startsWith('scripts/')) expect(existsSync(join(root, command))).toBe(true);
    }
    for (const command of Object.keys(ELSEWHERE))
      expect({ command, told: commands.some(({ text }) => text.endsWith(command)) }).toEqual({ command, told: true });
  });

  /** Places of the examples, and where they are here. */
  const placed = (word: string): string =>
    known.get(word) ??
    word
      .replace('../shared/data/oulad', tables)
      .replace(/^results[.]csv$/, join(folder, 'results.csv'))
      .replace('./backups/', `${folder}/backups/`)
      .replace(/^\.\/data$/, data);

  /** Ids of the examples, and what was imported in their place. */
  const known = new Map<string, string>();
  const imported = async (): Promise<void> => {
    const json = async <T>(...args: readonly string[]): Promise<T> =>
      JSON.parse((await runCli('--data', data, '--json', ...args)).out) as T;
    const [one, two] = await json<[{ id: string }, { id: string }]>('learners');
    known.set('lrn_0aaaaaaaaaaaaaaaaaaaaaaaaa', one.id).set('lrn_0bbbbbbbbbbbbbbbbbbbbbbbbb', two.id);
    const { items } = await json<{ items: { type: string; correlation: string }[] }>('audit', '--learner', one.id);
    const run = items.find(({ type }) => type === 'learner-enrolled')?.correlation as string;
    known.set('imp_3jgafhb2j7acbbfj11qzf4e5ta', publicId('imp', run));
  };

  const tried = new Set<string>();
  const lines = ofCli.filter(({ words }) => {
    if (`npm run cairn -- ${words}` in ELSEWHERE || tried.has(words)) return false;
    tried.add(words);
    return true;
  });
  it.each(lines.map(({ words, document }) => [words, document] as const))('%s (%s)', async (words) => {
    const args = words.split(' ').map(placed);
    const at = args.indexOf('--server');
    const server = at < 0 ? undefined : await startServer({ directory: data, keep: true });
    if (server) {
      await server.app.listen(0, '127.0.0.1');
      args[at + 1] = await server.app.getUrl();
      process.env['CAIRN_OPERATOR_TOKEN_FILE'] = join(folder, 'operator-token');
    }
    const { code, out, err } = await runCli('--data', data, ...args).finally(() => server?.close());
    expect({ words, code, err }).toEqual({ words, code: 0, err: '' });
    if (args.includes('--json')) expect(JSON.parse(out)).toBeInstanceOf(Object);
    if (server) {
      delete process.env['CAIRN_OPERATOR_TOKEN_FILE'];
      // The next line makes one of the same name, without a server.
      rmSync(join(folder, 'backups'), { recursive: true });
    }
    if (words.startsWith('import oulad')) await imported();
    // "Repeat it with --confirm", says the page; without it there is nothing that the next line could take back.
    if (words.startsWith('merge '))
      expect(await runCli('--data', data, ...args, '--confirm')).toMatchObject({ code: 0 });
  });
});
