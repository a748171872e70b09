// What is asked of the program while a store fails, and within which time it must be answered.
import { eventually } from '../support/cluster.js';
import type { Answer } from '../support/server.js';
import type { World } from './harness.js';

/** Twice the deadline of a command (F14): nothing may be stuck for longer. */
const ANSWERED_MS = 20_000;
const AT_ONCE = 20;

let asked = 0;
const timed = async (what: string, ask: Promise<Answer>): Promise<Answer> => {
  const since = performance.now();
  const answer = await ask;
  const ms = performance.now() - since;
  if (ms > ANSWERED_MS) throw new Error(`${what} was answered after ${Math.round(ms)} ms`);
  if (answer.status >= 500 && answer.status !== 503)
    throw new Error(`${what} was answered ${answer.status} ${answer.text}`);
  if (answer.status === 503 && answer.headers['retry-after'] === undefined)
    throw new Error(`${what}: 503 without Retry-After`);
  return answer;
};

/** A learner with a credential of long ago, which is asked for while a store fails. Its public id. */
export async function knownCredential({ client, get, settled }: World): Promise<string> {
  const { id } = await client.post('/api/learners', { name: 'Canary-known' });
  const enrollment = await client.post('/api/enrollments', {
    learner: id,
    pathway: 'seo',
    occurredAt: '2026-01-10T09:00:00Z',
  });
  await client.post(`/api/enrollments/${enrollment.id}/complete-module`, {
    module: 'SEO',
    score: 81,
    occurredAt: '2026-02-01T09:00:00Z',
  });
  await settled();
  const { body } = await client.get(`/api/credentials?learner=${id}`);
  const { credential } = body.items[0] as { credential: string };
  if ((await get(`/c/${credential}.json`)).body.status !== 'valid') throw new Error('it was not issued');
  return credential;
}

/** What the program says while a store is in trouble; throws for an answer that is late, or no answer to that. */
export async function probe(world: World, credential: string) {
  const { client, get, operator } = world;
  const n = ++asked;
  // Not by world.client alone: that waits for one answer after the other.
  const [module, people, list, verdict, alive, ready] = await Promise.all([
    timed('a command', client.send('POST', '/api/modules', { slug: `P${n}`, title: { en: 'Probe' } })),
    Promise.all(
      Array.from({ length: AT_ONCE }, (_, one) =>
        timed('a registration', client.send('POST', '/api/learners', { name: `Canary-probe-${n}-${one}` })),
      ),
    ),
    timed('a query', client.get('/api/learners')),
    timed('a verification', get(`/c/${credential}.json`)),
    timed('/livez', get('/livez')),
    timed('/readyz', operator.get('/readyz')),
  ]);
  return { module, people, list, verdict, alive, ready };
}

/** Ready again by itself. */
export async function recovered({ get }: World): Promise<void> {
  await eventually(
    () => get('/readyz'),
    ({ status }) => status === 200,
    60_000,
  );
}
