// The made-up university that the load runs on: one pathway of 20 steps, one of a single step whose award is automatic.
import { closedLoop, openPool } from './http.mjs';

export const STEPS = 20;
const SCOPES = [
  'tenant:admin',
  'catalog:read',
  'catalog:write',
  'catalog:publish',
  'learners:read',
  'learners:write',
  'progress:read',
  'progress:write',
  'credentials:read',
  'credentials:issue',
  'credentials:manage',
  'analytics:read',
  'events:read',
];
const moduleOf = (step) => `M-${String(step + 1).padStart(2, '0')}`;

async function asking(port, token) {
  const pool = await openPool(port, token, 1);
  const [connection] = pool.connections;
  const send = async (method, path, body, headers) => {
    const answer = await connection.request(method, path, body, headers);
    if (answer.status >= 300) throw new Error(`${method} ${path} answered ${answer.status}: ${answer.text}`);
    return { body: JSON.parse(answer.text), head: answer.head };
  };
  return {
    post: async (path, body, headers) => (await send('POST', path, body, headers)).body,
    etag: async (path) => /^etag: *(\S+)/im.exec((await send('GET', path)).head)[1],
    close: pool.close,
  };
}

/** Tenant, issuer, key, catalog. */
export async function foundUniversity(port, operatorToken) {
  const operator = await asking(port, operatorToken);
  const { id: tenant } = await operator.post('/api/tenants', { slug: 'bench', name: 'Bench', zone: 'Europe/Berlin' });
  const { key } = await operator.post(`/api/tenants/${tenant}/api-keys`, { name: 'bench', scopes: SCOPES });
  operator.close();
  const client = await asking(port, key);
  const { id: issuer } = await client.post('/api/issuers', { slug: 'bench', name: 'Bench', zone: 'Europe/Berlin' });
  await client.post(`/api/issuers/${issuer}/keys`, { algorithm: 'ES256' });
  const steps = Array.from({ length: STEPS }, (_, step) => moduleOf(step));
  for (const slug of [...steps, 'ONE']) await client.post('/api/modules', { slug, title: { en: slug }, credits: 5 });
  const publish = async (kind, slug, body) => {
    const etag = await client.etag(`/api/${kind}/${slug}`);
    await client.post(`/api/${kind}/${slug}/publish`, body, `if-match: ${etag}\r\n`);
  };
  for (const [slug, modules] of [
    ['long', steps],
    ['one', ['ONE']],
  ]) {
    await client.post('/api/templates', {
      slug,
      issuer,
      achievement: {
        name: { en: slug },
        description: { en: 'All of its modules.' },
        achievementType: 'MicroCredential',
        criteria: { en: 'All of its modules.' },
      },
    });
    await publish('templates', slug, {});
    await client.post('/api/pathways', {
      slug,
      title: { en: slug },
      rules: {
        zone: 'Europe/Berlin',
        order: 'advisory',
        entryPoints: [{ id: 'start', at: modules[0] }],
        steps: modules.map((module) => ({ id: module, need: { module } })),
        awards: [{ id: 'award', template: slug, kind: 'final', when: { all: modules.map((step) => ({ step })) } }],
      },
    });
    await publish('pathways', slug, { label: '2026' });
  }
  client.close();
  return { tenant, key };
}

/** Registers `count` learners and enrolls each; ids by learner. */
export async function enrollLearners(pool, prefix, count, pathway) {
  const learners = [];
  const enrollments = [];
  const must = (list) => (answer, i) => {
    if (answer.status >= 300) throw new Error(`seeding was refused with ${answer.status}: ${answer.text}`);
    list[i] = JSON.parse(answer.text).id;
  };
  await closedLoop(pool, {
    count,
    next: (i) => ({ path: '/api/learners', body: { externalIds: [{ system: 'bench', value: `${prefix}-${i}` }] } }),
    onAnswer: must(learners),
  });
  await closedLoop(pool, {
    count,
    next: (i) => ({
      path: '/api/enrollments',
      body: { learner: learners[i], pathway, occurredAt: '2024-01-01T09:00:00Z' },
    }),
    onAnswer: must(enrollments),
  });
  return learners.map((learner, i) => ({ learner, enrollment: enrollments[i] }));
}

/** The n-th completion of an enrollment: through all steps, then over again on later days, never the same twice. */
export function completion(enrollment, n) {
  const day = new Date(Date.UTC(2024, 1, 1, 9) + Math.floor(n / STEPS) * 86_400_000).toISOString();
  return {
    path: `/api/enrollments/${enrollment}/complete-module`,
    body: {
      module: moduleOf(n % STEPS),
      score: 50 + (n % 50),
      occurredAt: day,
      source: 'bench',
      sourceId: `${enrollment}-${n}`,
    },
  };
}
