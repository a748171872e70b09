// Servers in containers. Loaded only when asked for: testcontainers takes a second to load.
import { setTimeout as sleep } from 'node:timers/promises';
import { GenericContainer, getContainerRuntimeClient, Wait, type StartedTestContainer } from 'testcontainers';

type Running = { readonly url: string; readonly stop: () => Promise<void> };

export type TestContainers = {
  readonly startEventStore: (image: string) => Promise<Running>;
  readonly startMongo: (image: string) => Promise<Running>;
};

const STARTUP_MS = 120_000;

/** Rejects when no container engine answers. */
export async function findContainerEngine(): Promise<TestContainers> {
  await getContainerRuntimeClient();
  return { startEventStore, startMongo };
}

async function startEventStore(image: string): Promise<Running> {
  const container = await new GenericContainer(image)
    .withEnvironment({ EVENTSTORE_INSECURE: 'true', EVENTSTORE_RUN_PROJECTIONS: 'None', EVENTSTORE_MEM_DB: 'true' })
    .withExposedPorts(2113)
    // /health/live answers too early: before the node leads.
    .withWaitStrategy(Wait.forHttp('/info', 2113).forResponsePredicate((body) => /"state":\s*"leader"/i.test(body)))
    .withStartupTimeout(STARTUP_MS)
    .start();
  return { url: `esdb://${addressOf(container, 2113)}?tls=false`, stop: () => stop(container) };
}

async function startMongo(image: string): Promise<Running> {
  const container = await new GenericContainer(image)
    .withCommand(['--replSet', 'rs0', '--bind_ip_all'])
    .withExposedPorts(27017)
    .withWaitStrategy(Wait.forLogMessage(/Waiting for connections/))
    .withStartupTimeout(STARTUP_MS)
    .start();
  const evaluate = async (script: string): Promise<string> =>
    (await container.exec(['mongosh', '--quiet', '--eval', script])).output;
  await evaluate("rs.initiate({ _id: 'rs0', members: [{ _id: 0, host: 'localhost:27017' }] })");
  for (const until = Date.now() + STARTUP_MS; ; await sleep(250)) {
    const state = await evaluate('db.hello().isWritablePrimary');
    if (state.trim() === 'true') break;
    if (Date.now() < until) continue;
    await stop(container);
    throw new Error(`the replica set has no primary after ${STARTUP_MS / 1_000} s: ${state.trim()}`);
  }
  // The member's own name for itself means nothing outside of its container.
  return { url: `mongodb://${addressOf(container, 27017)}/?directConnection=true`, stop: () => stop(container) };
}

const addressOf = (container: StartedTestContainer, port: number): string =>
  `${container.getHost()}:${container.getMappedPort(port)}`;

async function stop(container: StartedTestContainer): Promise<void> {
  await container.stop();
}
