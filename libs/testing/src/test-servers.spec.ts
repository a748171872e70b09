import { readFileSync } from 'node:fs';
import { chooseServer, EVENTSTORE_IMAGE, MONGO_IMAGE, type ServerChoice } from './test-servers.js';
import type { TestContainers } from './test-containers.js';

const asked: string[] = [];
const printed: string[] = [];
const running = (name: string) => async () => {
  asked.push(name);
  return { url: name, stop: () => Promise.resolve() };
};
const choice = (changes: Partial<ServerChoice> = {}): ServerChoice => ({
  product: 'Thing',
  variable: 'THING_URL',
  image: 'thing:1.2.3',
  inContainer: running('container'),
  double: running('double'),
  environment: {},
  findEngine: async () => ({}) as TestContainers,
  print: (line) => printed.push(line),
  ...changes,
});

beforeEach(() => {
  asked.length = 0;
  printed.length = 0;
});

describe('where the server of a suite comes from', () => {
  test('a given address comes first: nothing is started', async () => {
    const server = await chooseServer(choice({ environment: { THING_URL: 'thing://there' } }));
    expect(server).toMatchObject({ url: 'thing://there', source: 'given' });
    expect(asked).toEqual([]);
  });
  test('then a container, when an engine answers', async () => {
    const server = await chooseServer(choice());
    expect(server).toMatchObject({
      url: 'container',
      source: 'container',
      ranAgainst: 'Thing, a container of thing:1.2.3',
    });
    expect(asked).toEqual(['container']);
  });
  test('then the double, and it says that no engine answers', async () => {
    const server = await chooseServer(choice({ findEngine: () => Promise.reject(new Error('no socket')) }));
    expect(server).toMatchObject({ url: 'double', source: 'double' });
    expect(server.ranAgainst).toBe(
      'Thing, the in-process double (THING_URL is not set; no container engine answers: no socket)',
    );
  });
  test('the double too when the image does not start, and it says why', async () => {
    const server = await chooseServer(choice({ inContainer: () => Promise.reject(new Error('no such image')) }));
    expect(server.source).toBe('double');
    expect(server.ranAgainst).toContain('a container of thing:1.2.3 did not start: no such image');
  });
  test('testcontainers itself is asked; without an engine here the choice falls through to the double', async () => {
    const { findEngine: _, ...asShipped } = choice();
    const server = await chooseServer(asShipped);
    if (server.source === 'container') return expect(asked).toEqual(['container']); // an engine answers here
    expect(server.ranAgainst).toMatch(/no container engine answers: Could not find a working container runtime/);
    expect(asked).toEqual(['double']);
  });
  test('the choice is printed', async () => {
    const { ranAgainst } = await chooseServer(choice());
    expect(printed).toEqual([`Runs against ${ranAgainst}\n`]);
  });
  test('the images are those of docker-compose.yml', () => {
    const compose = readFileSync(new URL('../../../docker-compose.yml', import.meta.url), 'utf8');
    for (const image of [EVENTSTORE_IMAGE, MONGO_IMAGE]) expect(compose).toContain(`image: ${image}\n`);
  });
});
