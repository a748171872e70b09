// The smallest catalog: one module, one credential for it, one pathway of one step.
import type { Client } from './server.js';

/** Publishes the pathway `seo`, whose step and award are the module `SEO`. */
export async function publishOneModule(client: Client, issuer: string): Promise<void> {
  const etag = async (path: string) => ({ 'if-match': (await client.get(path)).headers['etag'] as string });
  await client.post('/api/modules', { slug: 'SEO', title: { en: 'Search' }, credits: 5, passMark: 40 });
  await client.post('/api/templates', {
    slug: 'SEO',
    issuer,
    achievement: {
      name: { en: 'Search optimisation' },
      description: { en: 'Makes pages findable.' },
      achievementType: 'MicroCredential',
      criteria: { en: 'The module SEO.' },
    },
  });
  await client.post('/api/templates/SEO/publish', {}, await etag('/api/templates/SEO'));
  await client.post('/api/pathways', {
    slug: 'seo',
    title: { en: 'Search optimisation' },
    rules: {
      zone: 'Europe/Berlin',
      order: 'advisory',
      entryPoints: [{ id: 'start', at: 'SEO' }],
      steps: [{ id: 'SEO', need: { module: 'SEO' } }],
      awards: [{ id: 'SEO', template: 'SEO', kind: 'final', when: 'SEO' }],
    },
  });
  await client.post('/api/pathways/seo/publish', { label: '2026' }, await etag('/api/pathways/seo'));
}

/** A learner who enrolls and completes it; the public id. */
export async function completeIt(client: Client, name: string): Promise<string> {
  const learner = (await client.post('/api/learners', { name, email: `${name.toLowerCase()}@example.org` })).id;
  const enrollment = await client.post('/api/enrollments', {
    learner,
    pathway: 'seo',
    occurredAt: '2026-01-10T09:00:00Z',
  });
  const body = { module: 'SEO', score: 81, occurredAt: '2026-02-01T09:00:00Z' };
  await client.post(`/api/enrollments/${enrollment.id}/complete-module`, body);
  return learner as string;
}
