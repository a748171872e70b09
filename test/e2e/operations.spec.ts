// What an operator does with an installation: back up, restore, move the log, drain.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMemoryEventLog, DataDirectoryLocked, openSqliteEventLog } from '@cairn/eventlog';
import type { Position } from '@cairn/kernel';
import { bareId, uuidv5, type LearnerId, type TenantId } from '@cairn/kernel';
import { recordStream } from '@cairn/contexts/progress';
import { migrateLog, positionOf, positionToken } from '@cairn/platform';
import { restore } from '../../apps/cli/src/backup.js';
import { startServer, type TestServer } from '../support/server.js';

const folders: string[] = [];
const folder = (): string => {
  const made = mkdtempSync(join(tmpdir(), 'cairn-ops-'));
  folders.push(made);
  return made;
};
const servers: TestServer[] = [];
const start = async (directory: string): Promise<TestServer> => {
  const server = await startServer({ directory, keep: true });
  servers.push(server);
  return server;
};
const stop = async (server: TestServer): Promise<void> => {
  servers.splice(servers.indexOf(server), 1);
  await server.close();
};
afterAll(async () => {
  for (const server of servers) await server.close();
  for (const made of folders) rmSync(made, { recursive: true, force: true });
});

describe('backup and restore', () => {
  it('takes a running server’s log; an older log beside newer read models is noticed and folded anew', async () => {
    const data = folder();
    let server = await start(data);
    const { key } = await server.tenant('backed-up');
    const kept = await server.as(key).post('/api/learners', { name: 'Kept' });
    await server.settled();
    const { folder: made, events } = await server.operator.post('/ops/backup', { keys: true });
    expect(made.startsWith(join(data, 'backups'))).toBe(true);
    expect(events).toBe(Number(await server.installation.log.head()));
    await expect(restore(data, made)).rejects.toThrow(DataDirectoryLocked);

    const lost = await server.as(key).post('/api/learners', { name: 'Lost' });
    await server.settled();
    expect((await server.as(key).get('/api/learners')).body.items).toHaveLength(2);
    await stop(server);

    const result = await restore(data, made);
    expect(result).toMatchObject({ events, keys: 'kept' });
    expect(existsSync(result.setAside as string)).toBe(true);
    server = await start(data);
    await server.settled();
    const { body } = await server.as(key).get('/api/learners');
    expect(body.items.map(({ id }: { id: string }) => id)).toEqual([kept.id]);
    expect((await server.as(key).get(`/api/learners/${lost.id}`)).status).toBe(404);
    const parity = await server.installation.rebuild(undefined, { switch: false });
    expect(parity.filter(({ equal }) => !equal)).toEqual([]);
    await stop(server);

    const elsewhere = folder();
    expect(await restore(elsewhere, made)).toEqual({ events, keys: 'restored' });
    server = await start(elsewhere);
    await server.settled();
    expect((await server.as(key).get(`/api/learners/${kept.id}`)).status).toBe(200);
    await stop(server);
  });

  it('is refused, and changes nothing, without keys or with a file that is no log', async () => {
    const empty = folder();
    await expect(restore(empty, folder())).rejects.toThrow(/events\.sqlite is missing/);
    const server = await start(folder());
    const { folder: made } = await server.operator.post('/ops/backup');
    expect(existsSync(join(made, 'keys.sqlite'))).toBe(false);
    await expect(restore(empty, made)).rejects.toThrow(/keys\.sqlite/);
    expect(existsSync(join(empty, 'events.sqlite'))).toBe(false);
    await stop(server);
  });
});

describe('parked work', () => {
  it('is passed over by the operator for a reason, which is on record: who, when, why', async () => {
    const server = await start(folder());
    const { client } = await server.tenant('damaged');
    const { id } = await client.post('/api/learners', { name: 'One' });
    await server.settled();
    const learnerId = bareId('lrn', id) as LearnerId;
    const { log } = server.installation;
    const { events } = await log.readAll({ after: '' as never, limit: 1_000 });
    const { meta } = events.find(({ type }) => type === 'learner-registered') as (typeof events)[number];
    const broken = {
      id: uuidv5(learnerId, 'broken'),
      type: 'module-completed',
      data: { learnerId, nonsense: true },
      meta: { ...meta, $causationId: uuidv5(learnerId, 'x') },
    };
    await log.append(recordStream(meta['tenant'] as TenantId, learnerId), 'none', [broken]);
    // Not settled: a reactor that cannot tell whose event it is stops before it.
    const parked = async (): Promise<Record<string, string>[]> => (await server.operator.get('/ops/parked')).body.items;
    for (let tries = 0; tries < 200 && (await parked()).length === 0; tries++)
      await new Promise((resolve) => setTimeout(resolve, 50));
    const row = (await parked())[0] as Record<string, string>;
    const path = `/ops/parked/${row['name']}/${encodeURIComponent(row['key'] as string)}/discard`;
    expect(await client.send('POST', path, { reasonCode: 'bad-row' })).toMatchObject({ status: 403 });
    expect(await server.operator.send('POST', path, {})).toMatchObject({ status: 400 });
    expect(await server.operator.send('POST', '/ops/parked/x/y/discard', { reasonCode: 'z' })).toMatchObject({
      status: 404,
    });
    const retry = path.replace(/discard$/, 'retry');
    expect(await client.send('POST', retry, {})).toMatchObject({ status: 403 });
    const again = await server.operator.post(retry, { reasonCode: 'looked-again' });
    expect(again).toMatchObject({ recorded: expect.stringMatching(/^evt_/) });
    const done = await server.operator.post(path, { reasonCode: 'bad-row' });
    expect(done).toEqual({ free: true, recorded: expect.stringMatching(/^evt_/) });
    expect(await parked()).not.toContainEqual(row);
    await server.installation.waitFor(['audit'], await log.head(), 10_000);
    const { body } = await client.get(`/api/audit/events?learner=${id}&actor=service:operator`);
    expect(body.items).toHaveLength(2);
    expect(body.items).toContainEqual(
      expect.objectContaining({
        id: again.recorded,
        type: 'parked-work-retried',
        data: expect.objectContaining({ name: row['name'], code: row['code'], reasonCode: 'looked-again' }),
      }),
    );
    expect(body.items).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          id: done.recorded,
          type: 'parked-work-discarded',
          actor: 'service:operator',
          recordedAt: expect.any(String),
          data: {
            runner: row['runner'],
            name: row['name'],
            key: row['key'],
            code: row['code'],
            learnerId,
            reasonCode: 'bad-row',
            event: { eventId: broken.id, stream: expect.stringMatching(/^record-/), revision: 0 },
          },
        }),
      ]),
    );

    // So does a rebuild, in the installation's own stream.
    expect(await server.operator.send('POST', '/ops/projections/rebuild', { projections: ['nothing'] })).toMatchObject({
      status: 404,
    });
    await server.operator.post('/ops/projections/rebuild', {
      projections: ['learners'],
      reasonCode: 'numbers-doubted',
    });
    const recorded = (await log.readAll({ after: '' as never, limit: 1_000 })).events.at(-1);
    expect(recorded).toMatchObject({
      type: 'read-models-rebuilt',
      stream: expect.stringMatching(/^governance-0\./),
      data: { projections: ['learners'], reasonCode: 'numbers-doubted' },
      meta: { actor: 'service:operator' },
    });
    await stop(server);
  });
});

describe('a migrated log', () => {
  it('keeps everything but its positions, whose tokens are refused; a second run finds it whole', async () => {
    const data = folder();
    let server = await start(data);
    const { key } = await server.tenant('moved');
    await server.as(key).post('/api/learners', { name: 'One' });
    await server.settled();
    const { logId: before } = server.installation;
    const token = positionToken(before, await server.installation.log.head());
    await stop(server);

    const source = await openSqliteEventLog({ directory: data });
    const memory = createMemoryEventLog();
    expect(await migrateLog(source, memory)).toMatchObject({ found: 0 });
    const target = folder();
    const to = await openSqliteEventLog({ directory: target });
    const first = await migrateLog(source, to);
    expect(await migrateLog(source, to)).toEqual({ ...first, found: first.events, ended: true });
    expect(first.logId).not.toBe(before);
    expect(() => positionOf(first.logId, token)).toThrow(expect.objectContaining({ code: 'position-foreign' }));
    await to.close();
    await source.close();

    // The same installation on the new log: read models know another log's positions and are folded anew.
    const moved = await openSqliteEventLog({ directory: target });
    const copy = join(folder(), 'backup');
    mkdirSync(copy);
    await moved.backup(join(copy, 'events.sqlite'));
    await moved.close();
    await restore(data, copy);
    server = await start(data);
    await server.settled();
    expect(server.installation.logId).toBe(first.logId);
    expect((await server.as(key).get('/api/learners')).body.items).toHaveLength(1);
    expect((await server.as(key).get('/api/learners', { 'if-position-at-least': token })).body).toMatchObject({
      code: 'position-foreign',
    });
    await stop(server);
  });
});

describe('what a running server tells', () => {
  it('lag, parked keys and delivery age to anyone; where what stands, and metrics, to the operator; traces in the log', async () => {
    const server = await start(folder());
    const { client } = await server.tenant('watched');
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    await client.post('/api/learners', { name: 'Traced' }, { traceparent });
    await client.post(
      '/api/learners',
      { name: 'Of a later version' },
      { traceparent: `01${traceparent.slice(2)}-more` },
    );
    for (const invalid of ['nonsense', traceparent.replace(/[0-9a-f]{32}/, '0'.repeat(32)), `${traceparent}-more`])
      await client.post('/api/learners', { name: 'Untraced' }, { traceparent: invalid });
    await server.settled();

    const shown = await server.as(undefined).get('/readyz');
    expect(shown.body).toEqual({
      ready: true,
      log: { ok: true },
      readModel: { ok: true },
      lagMs: 0,
      deliveryAgeMs: 0,
      parked: 0,
    });
    const { body: details } = await server.operator.get('/readyz');
    expect(details).toMatchObject({ ready: true, faults: [], roles: ['api', 'projector', 'reactor', 'scheduler'] });
    expect(details.status.projections.length).toBeGreaterThan(10);

    const { events } = await server.installation.log.readAll({ after: '' as Position, limit: 1_000 });
    const traces = events.filter(({ type }) => type === 'learner-registered').map(({ meta }) => meta['traceparent']);
    expect(traces).toEqual([traceparent, traceparent, undefined, undefined, undefined]);

    expect((await server.as(undefined).get('/metrics')).status).toBe(401);
    const { text, headers } = await server.operator.get('/metrics');
    expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    const samples = readMetrics(text);
    const sample = (name: string): number | undefined => samples.get(name);
    expect(sample('cairn_ready')).toBe(1);
    expect(sample('cairn_projection_lag_seconds{projection="learners"}')).toBe(0);
    const requests = 'cairn_http_request_duration_seconds';
    const posted = 'method="POST",route="/api/learners",status="201"';
    expect(sample(`${requests}_count{${posted}}`)).toBe(5);
    expect(sample(`${requests}_bucket{${posted},le="+Inf"}`)).toBe(5);
    expect(sample('cairn_commands_total{command="RegisterLearner",outcome="recorded"}')).toBe(5);
    expect(text).not.toContain('Traced');
    // Prometheus' own reader, where it is installed (Debian: prometheus).
    const { error, status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
      input: text,
      encoding: 'utf8',
    });
    if (error) console.info('promtool is not installed: the metrics were checked against the grammar alone');
    else expect({ status, said: stdout + stderr }).toEqual({ status: 0, said: '' });
    await stop(server);
  });
});

/**
 * Prometheus' text format 0.0.4, strictly: every sample below its HELP and TYPE, all of a metric together, no series
 * twice, counts of a histogram that never fall. The samples by name and labels.
 */
function readMetrics(text: string): ReadonlyMap<string, number> {
  expect(text.endsWith('\n')).toBe(true);
  const name = '[a-zA-Z_:][a-zA-Z0-9_:]*';
  const label = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"';
  const line = new RegExp(`^(${name})(\\{${label}(?:,${label})*\\})? (NaN|[+-]Inf|[+-]?[0-9.]+(?:e[+-]?[0-9]+)?)$`);
  const samples = new Map<string, number>();
  const described = new Set<string>();
  let current = { name: '', type: '' };
  const lines = text.trimEnd().split('\n');
  for (const [at, one] of lines.entries()) {
    const help = new RegExp(`^# HELP (${name}) \\S.*$`).exec(one);
    if (help) {
      const type = new RegExp(`^# TYPE ${help[1]} (counter|gauge|histogram)$`).exec(lines[at + 1] ?? '');
      expect({ one, typed: type !== null, again: described.has(help[1] as string) }).toEqual({
        one,
        typed: true,
        again: false,
      });
      current = { name: help[1] as string, type: type?.[1] as string };
      described.add(current.name);
      continue;
    }
    if (one.startsWith('# TYPE ')) continue;
    const found = line.exec(one);
    expect({ one, read: found !== null }).toEqual({ one, read: true });
    const [, metric, labels = '', value] = found as unknown as [string, string, string | undefined, string];
    const base = current.type === 'histogram' ? metric.replace(/_(bucket|sum|count)$/, '') : metric;
    expect({ one, of: base, twice: samples.has(metric + labels) }).toEqual({ one, of: current.name, twice: false });
    if (current.type === 'counter') expect(metric).toMatch(/_total$/);
    samples.set(metric + labels, Number(value));
    const before =
      /_bucket\{.*le="/.test(one) && /_bucket\{.*le="/.test(lines[at - 1] ?? '') ? lines[at - 1] : undefined;
    if (before?.replace(/,?le=.*/, '') === one.replace(/,?le=.*/, ''))
      expect(Number(value)).toBeGreaterThanOrEqual(Number(before.split(' ').at(-1)));
  }
  return samples;
}
