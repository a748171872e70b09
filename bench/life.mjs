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
/** So many are verified right after the bulk revocation. */
const MOST_ASKED = 500;
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

/** Works through so many numbers, a few at a time. */
async function forEachOf(learners, work) {
  let next = 0;
  const worker = async () => {
    for (let n = next++; n < learners; n = next++) await work(n);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

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
/** How long it took, and how much memory the process held while it ran. */
const timed = async (act) => {
  let peak = process.memoryUsage.rss();
  const looks = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 20);
  const began = performance.now();
  const result = await act();
  const ms = performance.now() - began;
  clearInterval(looks);
  return { ms, peakRssMb: Math.max(peak, process.memoryUsage.rss()) / 2 ** 20, ...result };
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
    /** `learners` with a credential `base`, and one `top` that rests on it: what is revoked, and what follows. */
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
      for (const slug of ['base', 'top', 'many', 'outside']) {
        await post('/api/templates', {
          slug,
          issuer,
          achievement: {
            name: { en: slug },
            description: { en: slug },
            criteria: { en: slug },
            achievementType: 'Badge',
          },
          ...(slug === 'outside' ? {} : { validityMonths: 12 }),
          componentPolicy: { revoked: 'suspend', expired: 'flag', withdrawn: 'revoke' },
          issue: slug === 'base' || slug === 'top' ? 'automatic' : 'manual',
        });
        await publish(`/api/templates/${slug}`, {});
      }
      await post('/api/pathways', draft('base', { module: 'M' }, 'on-request'));
      await publish('/api/pathways/base', { label: '1' });
      await post('/api/pathways', draft('many', { module: 'M' }, 'on-request'));
      await publish('/api/pathways/many', { label: '1' });
      await post('/api/pathways', draft('top', { credential: 'base' }, 'automatic'));
      await publish('/api/pathways/top', { label: '1' });
      await settle();
      await forEachOf(learners, async (n) => {
        const { id: learner } = await post('/api/learners', { externalIds: [{ system: 'sis', value: String(n) }] });
        await post('/api/enrollments', { learner, pathway: 'base', occurredAt: '2026-01-01T09:00:00Z' });
        await post(`/api/learners/${learner}/complete-module`, { module: 'M', occurredAt: '2026-01-02T09:00:00Z' });
      });
      await settle();
      return { events: Number(await installation.log.head()) };
    },
    /**
     * `learners` more, each with an award of `many` that nobody issues (nothing is signed, so many are there soon) and a
     * credential from outside that ends: what a rule changes for, and what falls due.
     */
    seedMany: async (learners) => {
      await forEachOf(learners, async (n) => {
        const { id: learner } = await post('/api/learners', { externalIds: [{ system: 'many', value: String(n) }] });
        await post('/api/enrollments', { learner, pathway: 'many', occurredAt: '2026-01-01T09:00:00Z' });
        await post(`/api/learners/${learner}/complete-module`, { module: 'M', occurredAt: '2026-01-02T09:00:00Z' });
        await post(`/api/learners/${learner}/credit`, {
          template: 'outside',
          ref: `urn:bench:${n}`,
          validFrom: '2026-01-02T09:00:00Z',
          validUntil: '2026-06-30T22:00:00Z',
          reasonCode: 'prior-learning',
          authority: 'admissions office',
        });
      });
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
      const { slug: _slug, ...body } = draft('many', { all: [{ module: 'M' }, { module: 'N' }] }, 'on-request');
      await send(key, 'PUT', '/api/pathways/many/draft', body);
      const report = app.get(SimulationReport, { strict: false });
      return timed(async () => {
        const { rows } = await report.preview({
          tenant: target.tenant,
          pathwayId: pathwayIdOf(target.tenant, 'many'),
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
      const base = [];
      const preview = await timed(async () => {
        const { head, rows } = await bulk.preview(act);
        let last;
        for await (const row of rows) {
          if (row.credential !== undefined) base.push(row.credential);
          last = row;
        }
        return { head, confirm: last.confirm, follows: last.cascade.suspended };
      });
      const context = { actor: 'service:bench', now: preview.head.asOf };
      const run = await timed(async () => {
        const { rows } = await bulk.run(act, preview.head, preview.confirm, context);
        return drained(rows);
      });
      // Anyone who asks now, before anything has followed, is told.
      const asked = await timed(async () => {
        let answers = 0;
        let revoked = 0;
        await forEachOf(Math.min(base.length, MOST_ASKED), async (n) => {
          const answer = await app.inject({ method: 'GET', url: `/c/${base[n]}.json` });
          answers++;
          if (answer.statusCode === 200 && answer.json().status === 'revoked') revoked++;
        });
        return { answers, revoked };
      });
      const rest = await timed(async () => ({ waited: await settle() }));
      const cascade = { ...rest, ms: asked.ms + rest.ms };
      return { preview, follows: preview.follows, run, asked, cascade };
    },
    /** The clock goes past the end of every credential from outside; each end is recorded by the scheduler. */
    expire: async () => {
      const before = Number(await installation.log.head());
      const { ms, peakRssMb } = await timed(async () => {
        await post('/api/clock', { to: '2026-07-01T00:00:00Z' });
        await settle();
        return {};
      });
      return { ms, peakRssMb, events: Number(await installation.log.head()) - before };
    },
  },
  close,
);
