// What signed copies name by address is served: the status list and the achievement. The list is read by Python's own
// zlib and PyJWT, which had no part in making it, and says of every credential what its public answer says.
import { spawnSync } from 'node:child_process';
import { credentialStream } from '@cairn/contexts/credentials';
import { bareId, type CredentialId, type TenantId } from '@cairn/kernel';
import { startServer, type Answer, type Client, type TestServer } from '../support/server.js';

const PYTHON = '/usr/bin/python3';
const hasPyJwt = spawnSync(PYTHON, ['-c', 'import jwt, cryptography']).status === 0;
const READ_LIST = `
import base64, gzip, json, jwt, sys
given = json.load(sys.stdin)
header = jwt.get_unverified_header(given['jwt'])
keys = [m['publicKeyJwk'] for m in given['did']['verificationMethod']
        if 'publicKeyJwk' in m and m['id'] in given['did']['assertionMethod']]
trusted = [k for k in keys if all(k.get(p) == header['jwk'].get(p) for p in ('kty', 'crv', 'x', 'y'))]
list = jwt.decode(given['jwt'], jwt.PyJWK(trusted[0], 'ES256').key, algorithms=['ES256'])
text = list['credentialSubject']['encodedList']
assert text[0] == 'u' and '=' not in text
bits = gzip.decompress(base64.urlsafe_b64decode(text[1:] + '=' * (-len(text[1:]) % 4)))
set = [i for i in range(len(bits) * 8) if bits[i // 8] & (128 >> (i % 8))]
print(json.dumps({'header': sorted(header), 'list': list, 'size': len(bits) * 8, 'set': set}))`;

type Signed = {
  readonly iss: string;
  readonly credentialStatus: {
    readonly statusListIndex: string;
    readonly statusListCredential: string;
    readonly statusPurpose: string;
  };
  readonly credentialSubject: { readonly achievement: { readonly id: string } };
};

let server: TestServer;
let anyone: Client;
const pathOf = (url: string): string => new URL(url).pathname;

/** A tenant that issued three credentials; the issuers of all tenants of these tests have one and the same slug. */
async function issuing(slug: string) {
  const { client, id, issuer } = await server.tenant(slug);
  // The tenant's own issuer has its slug; another one has a slug that another tenant uses too.
  const { id: shared } = await client.post('/api/issuers', { slug: 'college', name: 'College', zone: 'Europe/Berlin' });
  await client.post(`/api/issuers/${shared}/keys`, { algorithm: 'ES256' });
  await client.post('/api/modules', { slug: 'M1', title: { en: 'M1' }, credits: 5 });
  await client.post('/api/templates', {
    slug: 'T1',
    issuer: shared,
    achievement: {
      name: { en: 'First aid', de: 'Erste Hilfe' },
      description: { en: 'Helps at once.' },
      achievementType: 'ext:MicroCredential',
      criteria: { en: 'Passed M1.' },
      level: 2,
      credits: 5,
      alignments: [{ targetName: 'Rescue', targetUrl: 'https://skills.example/rescue', targetFramework: 'Skills' }],
    },
  });
  await client.post('/api/templates/T1/publish', {}, { 'if-match': '"0"' });
  await client.post('/api/pathways', {
    slug: 'p',
    title: { en: 'P' },
    rules: {
      zone: 'Europe/Berlin',
      order: 'advisory',
      entryPoints: [{ id: 'start', at: 'S1' }],
      steps: [{ id: 'S1', need: { module: 'M1' } }],
      awards: [{ id: 'A1', template: 'T1', kind: 'final', when: 'S1' }],
    },
  });
  await client.post('/api/pathways/p/publish', { label: '1' }, { 'if-match': '"0"' });
  for (const name of ['One', 'Two', 'Three']) {
    const { id: learner } = await client.post('/api/learners', { name });
    await client.post('/api/enrollments', { learner, pathway: 'p' });
    await client.post(`/api/learners/${learner}/complete-module`, { module: 'M1' });
  }
  await server.settled();
  const { body } = await client.get('/api/credentials');
  const credentials = (body.items as { credential: string }[]).map(({ credential }) => credential);
  return { client, id, issuer, credentials };
}

async function signedCopy(credential: string): Promise<Signed> {
  const { text } = await anyone.get(`/c/${credential}.jwt`);
  return JSON.parse(Buffer.from(text.split('.')[1] ?? '', 'base64url').toString()) as Signed;
}

async function revoke(client: Client, credential: string): Promise<void> {
  const path = `/api/credentials/${credential}`;
  const etag = (await client.get(path)).headers['etag'] as string;
  await client.post(`${path}/revoke`, { reasonCode: 'issued-in-error', authority: 'registrar' }, { 'if-match': etag });
}

/** The list as Python reads it under the key of the issuer's DID document. */
async function readList(url: string, query = '') {
  const answer = await anyone.get(`${pathOf(url)}${query}`);
  expect(answer.status).toBe(200);
  const { iss } = JSON.parse(Buffer.from(answer.text.split('.')[1] ?? '', 'base64url').toString()) as Signed;
  const { body: did } = await anyone.get(`/${iss.split(':').slice(3).join('/')}/did.json`);
  const run = spawnSync(PYTHON, ['-c', READ_LIST], {
    input: JSON.stringify({ jwt: answer.text, did }),
    encoding: 'utf8',
  });
  expect(run.stderr).toBe('');
  const read = JSON.parse(run.stdout) as { header: string[]; list: Answer['body']; size: number; set: number[] };
  return { answer, ...read };
}

let first: Awaited<ReturnType<typeof issuing>>;
let second: Awaited<ReturnType<typeof issuing>>;
beforeAll(async () => {
  server = await startServer();
  anyone = server.as(undefined);
  first = await issuing('first');
  second = await issuing('second');
});
afterAll(() => server.close());

(hasPyJwt ? describe : describe.skip)(
  hasPyJwt ? 'status lists' : 'status lists (skipped: python3-jwt and python3-cryptography are not installed)',
  () => {
    it('have an address of their own for each issuer, whatever its slug', async () => {
      const urls = await Promise.all(
        [...first.credentials, ...second.credentials].map(
          async (credential) => (await signedCopy(credential)).credentialStatus.statusListCredential,
        ),
      );
      expect(new Set(urls).size).toBe(2);
    });

    it('are signed like the credentials, large enough, and empty before anything is revoked', async () => {
      const copy = await signedCopy(second.credentials[0] as string);
      const url = copy.credentialStatus.statusListCredential;
      const { answer, header, list, size, set } = await readList(url);
      expect(answer.headers).toMatchObject({
        'content-type': 'application/vc+jwt',
        'access-control-allow-origin': '*',
        'cache-control': 'public, max-age=60',
        etag: expect.stringMatching(/^"[0-9a-f]{32}"$/),
      });
      expect(answer.headers['set-cookie']).toBeUndefined();
      expect(header).toEqual(['alg', 'jwk', 'typ']);
      expect(list).toMatchObject({
        '@context': ['https://www.w3.org/ns/credentials/v2'],
        id: url,
        type: ['VerifiableCredential', 'BitstringStatusListCredential'],
        issuer: copy.iss,
        iss: copy.iss,
        jti: url,
        credentialSubject: {
          id: `${url}#list`,
          type: 'BitstringStatusList',
          statusPurpose: copy.credentialStatus.statusPurpose,
          ttl: 60_000,
        },
      });
      expect(size).toBeGreaterThanOrEqual(131_072);
      expect(set).toEqual([]);
    });

    it('say of each credential what its public answer says; as it stood before, too', async () => {
      const { client, id, credentials } = first;
      const url = (await signedCopy(credentials[0] as string)).credentialStatus.statusListCredential;
      const before = await readList(url);
      await revoke(client, credentials[1] as string);
      const between = await readList(url);
      expect(between.answer.headers['etag']).not.toBe(before.answer.headers['etag']);
      await revoke(client, credentials[2] as string);
      const { set } = await readList(url);
      const verdicts = await Promise.all(
        credentials.map(async (credential) => {
          const { credentialStatus } = await signedCopy(credential);
          const { status } = (await anyone.get(`/c/${credential}.json`)).body;
          const bit = set.includes(Number(credentialStatus.statusListIndex));
          return { status, bit };
        }),
      );
      expect(verdicts).toEqual([
        { status: 'valid', bit: false },
        { status: 'revoked', bit: true },
        { status: 'revoked', bit: true },
      ]);
      expect(set).toHaveLength(2);

      const stream = credentialStream(
        bareId('ten', id) as TenantId,
        bareId('crd', credentials[1] as string) as CredentialId,
      );
      const revocation = (await server.installation.executor.history(stream)).at(-1);
      const at = revocation?.meta.recordedAt as string;
      const then = await readList(url, `?timestamp=${at}`);
      expect(then.set).toEqual(between.set);
      expect(then.list.validFrom).toBe(at.replace(/\.\d+Z$/, 'Z'));
      const earlier = new Date(Date.parse(at) - 1).toISOString();
      expect((await readList(url, `?timestamp=${earlier}`)).set).toEqual([]);
    });

    it('are not sent again to who has them, and stay the same bytes as long as nothing changes', async () => {
      const url = (await signedCopy(second.credentials[0] as string)).credentialStatus.statusListCredential;
      const { headers, text } = await anyone.get(pathOf(url));
      // Something else happens in the meantime.
      await second.client.post('/api/learners', { name: 'Four' });
      expect((await anyone.get(pathOf(url))).text).toBe(text);
      const etag = headers['etag'] as string;
      const again = await anyone.get(pathOf(url), { 'if-none-match': `"x", ${etag}` });
      expect({ status: again.status, text: again.text }).toEqual({ status: 304, text: '' });
      await revoke(second.client, second.credentials[0] as string);
      expect((await anyone.get(pathOf(url), { 'if-none-match': etag })).status).toBe(200);
    });

    it('are signed anew under a new key, and still read when the old one is retired', async () => {
      const third = await issuing('third');
      const copy = await signedCopy(third.credentials[0] as string);
      const url = copy.credentialStatus.statusListCredential;
      const kept = (await anyone.get(pathOf(url))).text;
      const issuer = copy.iss.split(':').at(-1) as string;
      const { body } = await third.client.get(`/api/issuers/${issuer}`);
      await third.client.post(`/api/issuers/${issuer}/keys`, { algorithm: 'ES256' });
      const { answer } = await readList(url);
      expect(answer.text).not.toBe(kept);
      await third.client.post(`/api/issuers/${issuer}/keys/${body.keys[0].keyId}/retire`, { reasonCode: 'rotated' });
      expect((await readList(url)).answer.text).toBe(answer.text);
    });
  },
);

describe('a status list that cannot be established is not served', () => {
  const path = async (): Promise<string> =>
    pathOf((await signedCopy(second.credentials[1] as string)).credentialStatus.statusListCredential);

  it.each(['nothing', 'college-1', '00000000000000000000000000-1'])('there is no list %s', async (list) => {
    expect(await anyone.get(`/status/${list}`)).toMatchObject({ status: 404, body: { code: 'not-found' } });
  });

  it('before it was opened, or in the future', async () => {
    const at = await path();
    expect(await anyone.get(`${at}?timestamp=2001-01-01T00:00:00Z`)).toMatchObject({ status: 404 });
    expect(await anyone.get(`${at}?timestamp=2999-01-01T00:00:00Z`)).toMatchObject({
      body: { code: 'date-in-future' },
    });
    expect(await anyone.get(`${at}?timestamp=yesterday`)).toMatchObject({ status: 400 });
  });

  it('while the read model is behind, or holds a document that waits for a person', async () => {
    const at = await path();
    const { waitFor, parked } = server.installation;
    const refused = { status: 503, body: { code: 'read-model-behind' } };
    Object.assign(server.installation, { waitFor: () => Promise.resolve(false) });
    expect(await anyone.get(at)).toMatchObject(refused);
    const key = `${bareId('ten', second.id)}:x`;
    Object.assign(server.installation, { waitFor, parked: () => Promise.resolve([{ name: 'verification', key }]) });
    expect(await anyone.get(at)).toMatchObject(refused);
    Object.assign(server.installation, { parked });
    expect(await anyone.get(at)).toMatchObject({ status: 200 });
  });
});

describe('achievements', () => {
  it('are what the signed copies hold, word for word, with the contexts to read them by', async () => {
    const { achievement } = (await signedCopy(first.credentials[0] as string)).credentialSubject;
    const answer = await anyone.get(pathOf(achievement.id));
    expect(answer.headers).toMatchObject({
      'content-type': 'application/ld+json; charset=utf-8',
      'access-control-allow-origin': '*',
      vary: 'Accept',
    });
    const { '@context': context, ...document } = JSON.parse(answer.text) as Record<string, unknown>;
    expect(document).toEqual(achievement);
    expect(context).toEqual(expect.arrayContaining(['https://www.w3.org/ns/credentials/v2']));
    expect(JSON.parse((await anyone.get(`${pathOf(achievement.id)}.json`)).text)).toEqual(JSON.parse(answer.text));
  });

  it('are a page for browsers, with the criteria in words', async () => {
    const { achievement } = (await signedCopy(first.credentials[0] as string)).credentialSubject;
    const { text, headers } = await anyone.get(pathOf(achievement.id), { accept: 'text/html,*/*;q=0.8' });
    expect(headers['content-type']).toMatch(/^text\/html/);
    for (const words of [
      'First aid',
      'Helps at once.',
      'Passed M1.',
      'Micro Credential, level 2, 5 credits',
      'College',
    ])
      expect(text).toContain(words);
    expect(text).toContain('href="https://skills.example/rescue"');
    const page = await anyone.get(`/c/${first.credentials[0]}`, { accept: 'text/html' });
    expect(page.text).toContain(`href="${achievement.id}"`);
  });

  it('are not there for what was never published', async () => {
    const { achievement } = (await signedCopy(first.credentials[0] as string)).credentialSubject;
    const [template] = pathOf(achievement.id).split('/').slice(2);
    for (const path of [
      `/a/${template}/2`,
      `/a/${template}/x`,
      `/a/${template}/0`,
      '/a/tpl_x/1',
      `/a/${template}/2.json`,
    ])
      expect({ path, status: (await anyone.get(path)).status }).toEqual({ path, status: 404 });
    expect((await anyone.get(`/a/${template}/2`, { accept: 'text/html' })).text).toContain('<h1');
  });
});

it('the funnel page offers the same table as the API', async () => {
  const { client } = first;
  const table = await client.get('/api/analytics/pathways/p/funnel?format=csv&order=in-order');
  expect(table.headers['content-type']).toMatch(/^text\/csv/);
  expect(table.text).toMatch(/^pathway,version,order,enrolled,step,/);
  const { url } = await client.post('/api/page-links', { page: 'funnel', subject: 'p' });
  const page = await anyone.get(`${pathOf(url)}${new URL(url).search}&format=csv&order=in-order`);
  const withoutTime = (text: string): string => text.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'T');
  expect(withoutTime(page.text)).toBe(withoutTime(table.text));
});
