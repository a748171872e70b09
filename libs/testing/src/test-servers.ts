// Where the servers of the contract suites come from, best first: one that is given by its address, one in a container,
// the in-process double. The choice is printed, with the reason why nothing better was taken.
import type { TestContainers } from './test-containers.js';

/** A server for a suite, and how it was chosen. */
export type TestServer = {
  readonly url: string;
  readonly source: 'given' | 'container' | 'double';
  /** For the suite's title: what answers and, of a double, why no real server does. */
  readonly ranAgainst: string;
  /** Stops what was started; a given server is left alone. */
  readonly stop: () => Promise<void>;
};

type Running = { readonly url: string; readonly stop: () => Promise<void> };

export type ServerChoice = {
  readonly product: string;
  /** The environment variable with the address of a running server. */
  readonly variable: string;
  readonly image: string;
  readonly inContainer: (containers: TestContainers) => Promise<Running>;
  readonly double: () => Promise<Running>;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Rejects when no container engine answers. */
  readonly findEngine?: () => Promise<TestContainers>;
  readonly print?: (line: string) => void;
};

/** The real server if one can be had, else the double: never a suite that is skipped. Loads only what it takes. */
export async function chooseServer({
  product,
  variable,
  image,
  inContainer,
  double,
  environment = process.env,
  findEngine = async () => (await import('./test-containers.js')).findContainerEngine(),
  print = (line) => process.stderr.write(line), // not by console: jest puts a stack trace under each line of it
}: ServerChoice): Promise<TestServer> {
  const announce = (server: TestServer): TestServer => {
    print(`Runs against ${server.ranAgainst}\n`);
    return server;
  };
  const given = environment[variable];
  if (given)
    return announce({
      url: given,
      source: 'given',
      ranAgainst: `${product}, the server of ${variable}`,
      stop: () => Promise.resolve(),
    });
  let reason: string;
  try {
    const engine = await findEngine();
    try {
      const started = await inContainer(engine);
      return announce({ ...started, source: 'container', ranAgainst: `${product}, a container of ${image}` });
    } catch (error) {
      reason = `a container of ${image} did not start: ${messageOf(error)}`;
    }
  } catch (error) {
    reason = `no container engine answers: ${messageOf(error)}`;
  }
  return announce({
    ...(await double()),
    source: 'double',
    ranAgainst: `${product}, the in-process double (${variable} is not set; ${reason})`,
  });
}

/** EventStoreDB without TLS and logins, for a suite. */
export function startTestEventStore(): Promise<TestServer> {
  return chooseServer({
    product: 'EventStoreDB',
    variable: 'CAIRN_TEST_EVENTSTORE_URL',
    image: EVENTSTORE_IMAGE,
    inContainer: (containers) => containers.startEventStore(EVENTSTORE_IMAGE),
    double: async () => {
      const { startServer } = await import('./eventstoredb-double.js');
      const { connectionString, stop } = await startServer();
      return { url: connectionString, stop };
    },
  });
}

/** MongoDB as a replica set of one member, for a suite. A server that is given may stand alone. */
export function startTestMongo(): Promise<TestServer> {
  return chooseServer({
    product: 'MongoDB',
    variable: 'CAIRN_TEST_MONGODB_URL',
    image: MONGO_IMAGE,
    inContainer: (containers) => containers.startMongo(MONGO_IMAGE),
    double: async () => (await import('./mongo-double.js')).startMongoDouble(),
  });
}

/** The images of docker-compose.yml; a test compares. */
export const EVENTSTORE_IMAGE = 'eventstore/eventstore:24.10.4-bookworm-slim';
export const MONGO_IMAGE = 'mongo:8.0.17';

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
