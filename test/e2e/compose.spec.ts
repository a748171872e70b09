// docker-compose.yml, as far as it can be checked without a container engine: what it starts is what the tests start.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { loadConfiguration, ROLES } from '@cairn/platform';
import { START_COMMAND } from '../support/cluster.js';

type Service = {
  readonly image: string;
  readonly build?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly secrets?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly ports?: readonly string[];
};
type Compose = {
  readonly services: Readonly<Record<string, Service>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
};

const compose = parse(readFileSync('docker-compose.yml', 'utf8'), { merge: true }) as Compose;
const dockerfile = readFileSync('Dockerfile', 'utf8');
const secretsScript = readFileSync('scripts/make-secrets.sh', 'utf8');
const ours = Object.entries(compose.services).filter(([, { build }]) => build !== undefined);

const folder = mkdtempSync(join(tmpdir(), 'cairn-compose-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('starts the processes by the command that the cluster test runs, which is the image’s own', () => {
  expect(ours.map(([name]) => name)).toEqual(['api', 'worker']);
  for (const [, { command }] of ours) expect(command).toEqual(START_COMMAND);
  expect(dockerfile).toContain('ENTRYPOINT ["node"]\n');
  expect(dockerfile).toContain(`CMD ${JSON.stringify(START_COMMAND).replaceAll(',', ', ')}\n`);
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
  expect(scripts['start']).toBe(`node ${START_COMMAND.join(' ')}`);
});

it('gives them a configuration that is accepted, with secrets by file only, and all roles between them', () => {
  const roles: string[] = [];
  for (const [name, { environment = {}, secrets = [] }] of ours) {
    const env = Object.fromEntries(
      Object.entries(environment).map(([key, value]) => {
        const secret = /^\/run\/secrets\/(.+)$/.exec(value)?.[1];
        if (secret === undefined) return [key, value.replace(/^\$\{\w+:-(.*)\}$/, '$1')];
        expect({ name, secret, given: secrets.includes(secret) }).toEqual({ name, secret, given: true });
        expect(compose.secrets[secret]?.file).toBe(`./secrets/${secret}`);
        const made = new RegExp(`^put ${secret} ['"](.+)['"]$`, 'm').exec(secretsScript)?.[1] ?? '';
        const text = made.includes('rand -hex') ? 'ab'.repeat(32) : made.includes('rand -base64') ? masterKey : made;
        const file = join(folder, secret);
        writeFileSync(file, `${text}\n`);
        return [key, file];
      }),
    );
    expect(Object.keys(env).filter((key) => /TOKEN|KEY|URL/.test(key) && !/_FILE$|BASE_URL/.test(key))).toEqual([]);
    const { cluster, port, host } = loadConfiguration(env);
    expect({ port, host }).toEqual({ port: 3000, host: '0.0.0.0' });
    expect(cluster?.eventStoreUrl).toBe('esdb://eventstore:2113?tls=false');
    expect(cluster?.mongoUrl).toBe('mongodb://mongodb:27017/cairn?replicaSet=rs0');
    roles.push(...(cluster?.roles ?? []));
  }
  expect(roles.toSorted()).toEqual([...ROLES].toSorted());
});

it('pins every image, checks every service, and waits for the stores', () => {
  for (const [name, { image, healthcheck, ports = [] }] of Object.entries(compose.services)) {
    expect({ name, image }).toEqual({ name, image: expect.stringMatching(/^[\w./-]+:\d+\.\d+\.\d+[\w.-]*$/) });
    expect({ name, checked: healthcheck?.test.length ?? 0 }).not.toEqual({ name, checked: 0 });
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
  }
  for (const from of dockerfile.match(/^FROM \S+/gm) ?? []) expect(from).toMatch(/^FROM node:\d+\.\d+\.\d+-[\w-]+$/);
  for (const [, { depends_on: needs = {} }] of ours)
    expect(needs).toEqual({
      eventstore: { condition: 'service_healthy' },
      mongodb: { condition: 'service_healthy' },
    });
});

it('makes a replica set whose member has the name by which others reach it', () => {
  const { command, healthcheck } = compose.services['mongodb'] as Service;
  expect(command).toContain('--replSet');
  expect(healthcheck?.test.at(-1)).toContain("host: 'mongodb:27017'");
});

const masterKey = Buffer.alloc(32, 7).toString('base64');
