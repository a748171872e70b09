// What years bring, at scale and in one process: a change of rules looked at for everyone, many credentials revoked as
// one act, what rests on them following, terms that end. Each beside one plain pass over the same log.
import 'reflect-metadata';
import { join } from 'node:path';
import { answerAsks } from './child.mjs';

const [dist, directory] = process.argv.slice(2);
const load = (path) => import(join(dist, path));
const { createServer } = await load('apps/server/src/app.js');
const { BulkRun } = await load('libs/contexts/credentials/src/commands/bulk-run.js');
const { SimulationReport } = await load('libs/contexts/progress/src/queries/simulation-report.js');
const { pathwayIdOf, templateIdOf } = await load('libs/contexts/catalog/src/index.js');
const { tenantFold, tenantStream, SCOPES } = await load('libs/contexts/tenancy/src/index.js');
const { bareId } = await load('libs/kernel/src/index.js');

const TOKEN = 'operator-token-of-the-benchmarks-0123456789';
const CLOCK = '2026-01-10T00:00:00Z';
const AT_ONCE = 64;
const SETTLE_MS = 1_800_000;
const { app, installation, close } = await createServer(
  {
    dataDirectory: directory,
    port: 0,
    host: '127.0.0.1',
    baseUrl: 'https://cairn.example',
    operatorToken: TOKEN,
    logLevel: 'silent',
    ratePerMinute: 10_000_000,
  },
  false,
);

async function send(token, method, url, body, headers = {}) {
  const answer = await app.inject({
    method,
    url,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
  });
  if (answer.statusCode >= 300) throw new Error(`${method} ${url} answered ${answer.statusCode}: ${answer.payload}`);
  return answer;
}
let key;
const post = async (path, body, headers) => (await send(key, 'POST', path, body, headers)).json();
const etag = async (path) => (await send(key, 'GET', path)).headers.etag;
const publish = async (path, body) => post(`${path}/publish`, body, { 'if-match': await etag(path) });

const draft = (slug, need, enrollment) => ({
  slug,
  title: { en: slug },
  enrollment,
  rules: {
    zone: 'Europe/Berlin',
    order: 'advisory',
    entryPoints: [{ id: 'start', at: 'only' }],
    steps: [{ id: 'only', need }],
    awards: [{ id: slug, template: slug, kind: 'final', when: { step: 'only' } }],
  },
});

let target;
async function settle() {
  const began = performance.now();
  if (!(await installation.settled(SETTLE_MS))) throw new Error('not settled in time');
  return performance.now() - began;
}
const timed = async (act) => {
  const began = performance.now();
  const result = await act();
  return { ms: performance.now() - began, ...result };
};
async function drained(rows) {
  let last;
  let count = 0;
  for await (const row of rows) {
    last = row;
    count++;
  }
  return { rows: count - 1, counts: last.counts };
}

answerAsks(
  {
    /** `learners` with a credential `base`, and one `top` that rests on it. */
    seed: async (learners) => {
      const { id } = (
        await send(TOKEN, 'POST', '/api/tenants', {
          slug: 'life',
          name: 'Life',
          zone: 'Europe/Berlin',
          sandboxClock: CLOCK,
        })
      ).json();
      ({ key } = (await send(TOKEN, 'POST', `/api/tenants/${id}/api-keys`, { name: 'bench', scopes: SCOPES })).json());
      const tenant = bareId('ten', id);
      const { namespace } = (await installation.executor.snapshot(tenantFold, tenantStream(tenant))).state.registered;
      target = { tenant, namespace };
      const { id: issuer } = await post('/api/issuers', { slug: 'life', name: 'Life', zone: 'Europe/Berlin' });
      await post(`/api/issuers/${issuer}/keys`, { algorithm: 'ES256' });
      for (const slug of ['M', 'N']) await post('/api/modules', { slug, title: { en: slug } });
      for (const slug of ['base', 'top']) {
        await post('/api/templates', {
          slug,
          issuer,
          achievement: {
            name: { en: slug },
            description: { en: slug },
            criteria: { en: slug },
            achievementType: 'Badge',
          },
          validityMonths: 12,
          componentPolicy: { revoked: 'suspend', expired: 'flag', withdrawn: 'revoke' },
          issue: 'automatic',
        });
        await publish(`/api/templates/${slug}`, {});
      }
      await post('/api/pathways', draft('base', { module: 'M' }, 'on-request'));
      await publish('/api/pathways/base', { label: '1' });
      await post('/api/pathways', draft('top', { credential: 'base' }, 'automatic'));
      await publish('/api/pathways/top', { label: '1' });
      await settle();
      let next = 0;
      const worker = async () => {
        for (let n = next++; n < learners; n = next++) {
          const { id: learner } = await post('/api/learners', { externalIds: [{ system: 'sis', value: String(n) }] });
          await post('/api/enrollments', { learner, pathway: 'base', occurredAt: '2026-01-01T09:00:00Z' });
          await post(`/api/learners/${learner}/complete-module`, { module: 'M', occurredAt: '2026-01-02T09:00:00Z' });
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
      await settle();
      return { events: Number(await installation.log.head()) };
    },
    /** One pass over the whole log, every event decoded. */
    plainPass: () =>
      timed(async () => {
        let events = 0;
        for (let after = ''; ;) {
          const page = await installation.log.readAll({ after, limit: 2_000 });
          for (const event of page.events) if (installation.codec.decode(event)) events++;
          if (page.atEnd) return { events };
          after = page.readUpTo;
        }
      }),
    /** Who would gain or lose if N were asked for too. */
    dryRun: async () => {
      const { slug: _slug, ...body } = draft('base', { all: [{ module: 'M' }, { module: 'N' }] }, 'on-request');
      await send(key, 'PUT', '/api/pathways/base/draft', body);
      const report = app.get(SimulationReport, { strict: false });
      return timed(async () => {
        const { rows } = await report.preview({
          tenant: target.tenant,
          pathwayId: pathwayIdOf(target.tenant, 'base'),
        });
        return drained(rows);
      });
    },
    /** Revokes every `base`; each `top` is suspended by policy. */
    bulkRevoke: async () => {
      const bulk = app.get(BulkRun, { strict: false });
      const act = {
        ...target,
        action: 'revoke',
        selection: { template: templateIdOf(target.tenant, 'base') },
        words: { reasonCode: 'issued-in-error', authority: 'registrar' },
      };
      const preview = await timed(async () => {
        const { head, rows } = await bulk.preview(act);
        let last;
        for await (const row of rows) last = row;
        return { head, confirm: last.confirm, follows: last.cascade.suspended };
      });
      const context = { actor: 'service:bench', now: preview.head.asOf };
      const run = await timed(async () => {
        const { rows } = await bulk.run(act, preview.head, preview.confirm, context);
        return drained(rows);
      });
      return { previewMs: preview.ms, follows: preview.follows, run, cascadeMs: await settle() };
    },
    /** The clock goes past the end of every term that is left; each end is recorded by the scheduler. */
    expire: async () => {
      const before = Number(await installation.log.head());
      const { ms } = await timed(async () => {
        await post('/api/clock', { to: '2027-03-01T00:00:00Z' });
        await settle();
        return {};
      });
      return { ms, events: Number(await installation.log.head()) - before };
    },
  },
  close,
);
