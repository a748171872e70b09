// Tenants, keys and issuers over HTTP.
import { publicId, uuidv5 } from '@cairn/kernel';
import { startServer, type TestServer } from '../support/server.js';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.close());

describe('tenants', () => {
  const body = { slug: 'retry', name: 'Retry College', zone: 'Europe/Berlin' };

  it('are registered by the operator, once for one key', async () => {
    const headers = { 'idempotency-key': 'retry' };
    const first = await server.operator.send('POST', '/api/tenants', body, headers);
    const again = await server.operator.send('POST', '/api/tenants', body, headers);
    expect(first.status).toBe(201);
    expect(again.body).toEqual(first.body);
    expect((await server.operator.get(`/api/tenants/${first.body.id}`)).body).toEqual({ id: first.body.id, ...body });
    const other = await server.operator.send('POST', '/api/tenants', { ...body, name: 'Other' }, headers);
    expect(other).toMatchObject({ status: 422, body: { code: 'idempotency-key-reused' } });
  });

  it('are not registered by a tenant', async () => {
    const { client } = await server.tenant('insider');
    expect(await client.send('POST', '/api/tenants', body)).toMatchObject({ status: 403 });
    expect(await client.get('/api/tenants')).toMatchObject({ status: 403 });
  });

  it('have a real time zone', async () => {
    const answer = await server.operator.send('POST', '/api/tenants', { ...body, zone: 'Europe/Atlantis' });
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ pointer: '/zone' }] } });
  });

  it('are listed page by page, by the operator', async () => {
    await server.tenant('listed');
    await server.settled();
    const { body: page, headers } = await server.operator.get('/api/tenants?limit=1');
    expect(page.items).toHaveLength(1);
    expect(headers['link']).toContain('rel="next"');
  });
});

describe('API keys', () => {
  it('open what their scopes say until they are revoked, which takes hold at once', async () => {
    const { client } = await server.tenant('keys');
    const { id, key } = await client.post('/api/api-keys', { name: 'reader', scopes: ['catalog:read'] });
    const reader = server.as(key);
    expect(await reader.get('/api/modules')).toMatchObject({ status: 200 });
    const denied = await reader.send('POST', '/api/modules', { slug: 'M', title: { en: 'M' } });
    expect(denied).toMatchObject({ status: 403, body: { code: 'scope-missing' } });
    await client.post(`/api/api-keys/${id}/revoke`, { reasonCode: 'rotated' });
    expect(await reader.get('/api/modules')).toMatchObject({ status: 401, body: { code: 'token-invalid' } });
  });

  it('are told again to a retry, listed without their secret, and show when they were last used', async () => {
    const { client } = await server.tenant('told-again');
    const issue = () =>
      client.post('/api/api-keys', { name: 'lms', scopes: ['events:read'] }, { 'idempotency-key': 'lms' });
    const first = await issue();
    expect(await issue()).toEqual(first);
    const list = await client.get('/api/api-keys');
    const lms = list.body.items.find(({ id }: { id: string }) => id === first.id);
    expect(lms).toMatchObject({ name: 'lms', lastFour: first.key.slice(-4), lastUsedAt: null });
    expect(list.text).not.toContain(first.key.slice(40, 60));
    expect(list.body.items[0].lastUsedAt).toMatch(/^\d{4}-/);
  });

  it('expire', async () => {
    const { client } = await server.tenant('expiring');
    const expiresAt = new Date(Date.now() + 300).toISOString();
    const { key } = await client.post('/api/api-keys', { name: 'short', scopes: ['catalog:read'], expiresAt });
    expect(await server.as(key).get('/api/modules')).toMatchObject({ status: 200 });
    await new Promise((resolve) => setTimeout(resolve, 350));
    expect(await server.as(key).get('/api/modules')).toMatchObject({ status: 401, body: { code: 'token-invalid' } });
  });

  it.each(['', 'cairn_live_x', 'x'.repeat(75)])('"%s" opens nothing', async (token) =>
    expect(await server.as(token).get('/api/modules')).toMatchObject({ status: 401 }),
  );

  it('of one tenant cannot be revoked by another', async () => {
    const { client } = await server.tenant('owner');
    const { id, key } = await client.post('/api/api-keys', { name: 'k', scopes: ['catalog:read'] });
    const { client: stranger } = await server.tenant('revoker');
    const answer = await stranger.send('POST', `/api/api-keys/${id}/revoke`, { reasonCode: 'x' });
    expect(answer).toMatchObject({ status: 404 });
    expect(await server.as(key).get('/api/modules')).toMatchObject({ status: 200 });
  });
});

describe('issuers', () => {
  it('rotate their keys; both stay in the DID document, and the last one cannot go', async () => {
    const { client, issuer } = await server.tenant('rotating');
    const path = `/api/issuers/${issuer}`;
    const [old] = (await client.get(path)).body.keys;
    const last = await client.send('POST', `${path}/keys/${old.keyId}/retire`, { reasonCode: 'rotated' });
    expect(last).toMatchObject({ status: 409, body: { code: 'last-key' } });
    const headers = { 'idempotency-key': 'second' };
    const added = await client.post(`${path}/keys`, { algorithm: 'Ed25519' }, headers);
    expect(await client.post(`${path}/keys`, { algorithm: 'Ed25519' }, headers)).toEqual(added);
    await client.post(`${path}/keys/${old.keyId}/retire`, { reasonCode: 'rotated' });
    await server.settled();
    const did = await server.as(undefined).get(`/issuers/${issuer}/did.json`);
    expect(did.status).toBe(200);
    expect(did.headers).toMatchObject({ 'access-control-allow-origin': '*' });
    expect(did.body.id).toBe(`did:web:cairn.example:issuers:${issuer}`);
    expect(did.body.assertionMethod).toEqual([`${did.body.id}#${old.keyId}`, `${did.body.id}#${added.keyId}`]);
    for (const { publicKeyJwk } of did.body.verificationMethod) expect(publicKeyJwk).not.toHaveProperty('d');
  });

  it('that do not exist have no keys made for them', async () => {
    const { client } = await server.tenant('no-issuer');
    const id = publicId('iss', uuidv5('00000000-0000-5000-8000-000000000000', 'nobody'));
    expect(await client.send('POST', `/api/issuers/${id}/keys`, { algorithm: 'ES256' })).toMatchObject({ status: 404 });
    expect(await server.as(undefined).get(`/issuers/${id}/did.json`)).toMatchObject({ status: 404 });
  });
});
