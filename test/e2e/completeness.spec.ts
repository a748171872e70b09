// What is easily forgotten: registration, policies, documented codes, golden samples, documents that are out of date.
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RequestMethod } from '@nestjs/common';
import { METHOD_METADATA, MODULE_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { Reflector } from '@nestjs/core';
import { createCodec, uuidv5, type Cipher, type Position, type TenantId } from '@cairn/kernel';
import { POLICY, PROBLEMS } from '@cairn/platform';
import { AppModule, CONTEXTS } from '../../apps/server/src/app.js';
import { startServer, type TestServer } from '../support/server.js';

const root = join(import.meta.dirname, '../..');
const sources = (pattern: string): readonly string[] =>
  globSync(pattern, { cwd: root }).filter((file) => !file.endsWith('.spec.ts') && !file.includes('/spec/'));
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

describe('every part is registered', () => {
  it.each(['projection', 'reactor'])('each *.%s.ts is in its context’s module', (kind) => {
    const files = sources(`libs/contexts/*/src/**/*.${kind}.ts`);
    expect(files.length).toBeGreaterThan(4);
    for (const file of files) {
      const [module = ''] = sources(`${file.split('/src/')[0]}/src/*.module.ts`);
      expect({ file, listed: read(module).includes(`/${file.split('/').at(-1)?.replace('.ts', '.js')}`) }).toEqual({
        file,
        listed: true,
      });
    }
  });

  it('each command of a decider has one message on the bus', () => {
    const commands = CONTEXTS.flatMap(({ deciders }) => deciders.flatMap((decider) => decider.commands));
    const messages = CONTEXTS.flatMap((context) => context.messages.map(({ type }) => type as string));
    expect(new Set(messages).size).toBe(messages.length);
    // Steps of an act that spans several streams: no message on the bus can skip a claim or a lease.
    const direct = new Set([
      'RegisterLearner',
      'ChangeLearnerProfile',
      'ClaimIdentity',
      'ReleaseIdentity',
      'LeaseStatusBlock',
      // Only together with the try that it is about.
      'RecordDelivery',
    ]);
    expect(commands.filter((command) => !messages.includes(command) && !direct.has(command))).toEqual([]);
  });

  it('each code of a refusal is documented', () => {
    for (const file of [...sources('libs/**/*.ts'), ...sources('apps/**/*.ts')])
      for (const [, code] of read(file).matchAll(/\b(?:reject|new ProblemException)\(\s*'([a-z-]+)'/g))
        expect({ file, code, known: Object.hasOwn(PROBLEMS, code as string) }).toEqual({ file, code, known: true });
  });
});

describe('every golden sample is read by this version', () => {
  const tenant = '0b0e7c1c-52a4-4d5e-8a3e-2f6f3a0c9b10' as TenantId;
  const cipher: Cipher = { seal: () => ({}), open: () => ({}) };
  const definitions = CONTEXTS.flatMap(({ events }) => events);
  const codec = createCodec(definitions, cipher);
  it.each(definitions.map((definition) => [definition.type, definition] as const))('%s', (_type, definition) => {
    for (const [version, samples] of Object.entries(definition.samples))
      for (const [index, data] of samples.entries()) {
        const event = {
          id: uuidv5(tenant, definition.type, index),
          type: definition.type,
          data,
          stream: definition.type === 'installation-initialised' ? 'installation-0.log' : `test-${tenant}.s`,
          revision: 0,
          position: '00000000000000000001' as Position,
          meta: {
            $correlationId: '00000000-0000-5000-8000-00000000c0c0',
            actor: 'operator',
            tenant: definition.type === 'installation-initialised' ? '0' : tenant,
            schemaVersion: version,
            occurredAt: '2026-01-01T00:00:00.000Z',
            recordedAt: '2026-01-01T00:00:00.000Z',
          },
        };
        const decoded = codec.decode(event);
        expect(decoded.type).toBe(definition.type);
        // Documents are named from the event alone, each within its tenant (D10).
        for (const { projections } of CONTEXTS)
          for (const projection of projections)
            if (projection.events.some(({ type }) => type === decoded.type))
              for (const id of projection.keys(decoded as never)) expect(id).toMatch(/^[^:]+:./);
      }
  });
});

describe('every route', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.close());

  const controllers = (): (new () => object)[] => {
    const found = new Set<new () => object>();
    const walk = (module: unknown): void => {
      const target = (module as { module?: unknown }).module ?? module;
      for (const controller of (Reflect.getMetadata(MODULE_METADATA.CONTROLLERS, target as object) ??
        []) as (new () => object)[])
        found.add(controller);
      for (const controller of (module as { controllers?: (new () => object)[] }).controllers ?? [])
        found.add(controller);
      for (const next of (Reflect.getMetadata(MODULE_METADATA.IMPORTS, target as object) ?? []) as unknown[])
        walk(next);
      for (const next of (module as { imports?: unknown[] }).imports ?? []) walk(next);
    };
    walk(AppModule);
    return [...found];
  };

  it('declares a policy', () => {
    const reflector = new Reflector();
    let routes = 0;
    for (const controller of controllers())
      for (const name of Object.getOwnPropertyNames(controller.prototype)) {
        const handler = (controller.prototype as Record<string, unknown>)[name];
        if (
          name === 'constructor' ||
          typeof handler !== 'function' ||
          Reflect.getMetadata('path', handler) === undefined
        )
          continue;
        routes++;
        const policy: unknown = reflector.getAllAndOverride(POLICY, [handler as () => void, controller]);
        expect({ route: `${controller.name}.${name}`, policy: policy !== undefined }).toEqual({
          route: `${controller.name}.${name}`,
          policy: true,
        });
      }
    expect(routes).toBeGreaterThan(40);
  });

  it('that needs a key answers 401 without one', async () => {
    const { body } = await server.as(undefined).get('/openapi.json');
    const open: string[] = [];
    for (const [path, operations] of Object.entries(body.paths as Record<string, object>))
      for (const method of Object.keys(operations)) {
        const url = path.replaceAll(/\{[^}]+\}/g, 'x');
        if (!url.startsWith('/api/') && !url.startsWith('/ops/')) continue;
        const answer = await server
          .as(undefined)
          .send(method.toUpperCase() as 'POST', url, method === 'get' ? undefined : {});
        if (answer.status !== 401) open.push(`${method} ${path}: ${answer.status}`);
      }
    expect(open.filter((route) => !route.includes('/api/verifications'))).toEqual([]);
  });

  it('refuses a query parameter that it does not know', async () => {
    const { client } = await server.tenant('unknown-parameters');
    const anyone = server.as(undefined);
    const accepted: string[] = [];
    let routes = 0;
    for (const controller of controllers())
      for (const name of Object.getOwnPropertyNames(controller.prototype)) {
        const handler = (controller.prototype as Record<string, object>)[name] as object;
        const path = Reflect.getMetadata(PATH_METADATA, handler) as string | undefined;
        if (name === 'constructor' || path === undefined) continue;
        routes++;
        const base = Reflect.getMetadata(PATH_METADATA, controller) as string;
        const url = `/${[base, path].filter((part) => part !== '/').join('/')}`.replaceAll(/:\w+/g, 'x');
        const method = RequestMethod[Reflect.getMetadata(METHOD_METADATA, handler) as number] as 'POST';
        const policy = new Reflector().getAllAndOverride<unknown>(POLICY, [handler as () => void, controller]);
        const by = policy === 'operator' ? server.operator : policy === 'public' ? anyone : client;
        // Where a parameter is mandatory, both are named.
        const answer = await by.send(method, `${url}?unheardOf=1`, method === ('GET' as string) ? undefined : {});
        if (answer.status !== 400 || !answer.text.includes('unheardOf'))
          accepted.push(`${method} ${url}: ${answer.status}`);
      }
    expect(accepted).toEqual([]);
    expect(routes).toBeGreaterThan(40);
  });

  it('is in an OpenAPI 3.1 document that passes the linter', async () => {
    const { body, text } = await server.as(undefined).get('/openapi.json');
    expect(body.openapi).toMatch(/^3\.1/);
    const folder = mkdtempSync(join(tmpdir(), 'cairn-openapi-'));
    const file = join(folder, 'openapi.json');
    writeFileSync(file, text);
    const lint = spawnSync(
      process.execPath,
      [join(root, 'node_modules/@redocly/cli/bin/cli.js'), 'lint', '--format=json', '--extends=spec', file],
      { encoding: 'utf8', env: { ...process.env, REDOCLY_TELEMETRY: 'off' }, cwd: folder },
    );
    rmSync(folder, { recursive: true });
    type Problem = { severity: string; ruleId: string; message: string; location: { pointer?: string }[] };
    const report = JSON.parse(lint.stdout.slice(lint.stdout.indexOf('{'))) as { problems: Problem[] };
    const errors = report.problems.filter(({ severity }) => severity === 'error');
    expect(
      errors.map(({ ruleId, message, location }) => `${ruleId} ${location[0]?.pointer ?? ''}: ${message}`),
    ).toEqual([]);
  });
});

describe('the documentation', () => {
  it('is up to date where it is generated', () => {
    const run = spawnSync(process.execPath, ['scripts/docs.mjs', '--check'], { cwd: root, encoding: 'utf8' });
    expect(run.stderr).toBe('');
    expect(run.status).toBe(0);
  }, 60_000);

  const documents = ['README.md', ...sources('docs/**/*.md'), ...sources('libs/**/README.md')];
  it('names files that exist', () => {
    for (const document of documents)
      for (const [, target] of read(document).matchAll(/\]\((?!https?:|#)([^)\s]+)\)/g))
        expect({
          document,
          target,
          there: existsSync(join(root, document, '..', (target as string).split('#')[0] as string)),
        }).toEqual({ document, target, there: true });
  });
});
