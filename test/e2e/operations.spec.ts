// What an operator does with an installation: back up, restore, move the log, drain.
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMemoryEventLog, DataDirectoryLocked, openSqliteEventLog } from '@cairn/eventlog';
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
