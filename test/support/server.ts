// A whole server, on the embedded stores in a folder of its own or on the cluster, driven over its HTTP interface without a port.
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { SCOPES } from '@cairn/contexts/tenancy';
import type { SmtpOptions } from '@cairn/mail';
import type { ClusterConfiguration, Configuration, Installation } from '@cairn/platform';
import { publicId } from '@cairn/kernel';
import { createServer } from '../../apps/server/src/app.js';
import { breachesOf, createLogWitness, faultLine } from './invariants.js';

export const OPERATOR = 'operator-token-of-the-tests-0123456789';

export type Answer = {
  readonly status: number;
  readonly headers: Record<string, string | string[] | number | undefined>;
  readonly text: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- answers are looked into by tests as they come
  readonly body: any;
};

export type Client = {
  readonly get: (path: string, headers?: Record<string, string>) => Promise<Answer>;
  readonly send: (
    method: 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ) => Promise<Answer>;
  /** Sends and expects success. */
  readonly post: (path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer['body']>;
};

export type Tenant = { readonly id: string; readonly key: string; readonly client: Client; readonly issuer: string };

type Send = (
  method: string,
  path: string,
  headers: Record<string, string>,
  payload: string | Buffer | undefined,
) => Promise<Omit<Answer, 'body'>>;

/** JSON over whatever carries requests: `inject` of a server in this process, or HTTP. */
export function clientOf(send: Send, token: string | undefined): Client {
  const request = async (
    method: string,
    path: string,
    body: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> => {
    const answer = await send(
      method,
      path,
      {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      body === undefined ? undefined : typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
    );
    let json: unknown;
    try {
      json = JSON.parse(answer.text);
    } catch {
      json = undefined;
    }
    return { ...answer, body: json };
  };
  return {
    get: (path, headers) => request('GET', path, undefined, headers),
    send: request as Client['send'],
    post: async (path, body, headers) => {
      const answer = await request('POST', path, body, headers);
      if (answer.status >= 300) throw new Error(`POST ${path}: ${answer.status} ${answer.text}`);
      return answer.body as unknown;
    },
  };
}

/** A new tenant with an issuer and a key that may do everything. */
export async function createTenant(
  as: (token: string | undefined) => Client,
  slug: string,
  sandboxClock?: string,
): Promise<Tenant> {
  const operator = as(OPERATOR);
  const { id } = await operator.post('/api/tenants', {
    slug,
    name: `Tenant ${slug}`,
    zone: 'Europe/Berlin',
    ...(sandboxClock === undefined ? {} : { sandboxClock }),
  });
  const { key } = await operator.post(`/api/tenants/${id}/api-keys`, { name: 'tests', scopes: SCOPES });
  const client = as(key);
  const issuer = await client.post('/api/issuers', { slug, name: `Issuer ${slug}`, zone: 'Europe/Berlin' });
  await client.post(`/api/issuers/${issuer.id}/keys`, { algorithm: 'ES256' });
  return { id, key, client, issuer: issuer.id };
}

/** Names and addresses in what a request sends; too short a one could be part of anything. */
function personalIn(payload: string | Buffer | undefined): readonly string[] {
  if (typeof payload !== 'string' || !payload.startsWith('{')) return [];
  const { name, email } = JSON.parse(payload) as { readonly name?: unknown; readonly email?: unknown };
  return [name, email].filter((value) => typeof value === 'string' && value.length >= 8) as string[];
}

export type TestServer = {
  readonly app: NestFastifyApplication;
  readonly installation: Installation;
  readonly directory: string;
  readonly as: (token: string | undefined) => Client;
  readonly operator: Client;
  /** A new tenant, a sandbox if its clock is given, with an issuer and a key that may do everything. */
  readonly tenant: (slug: string, sandboxClock?: string) => Promise<Tenant>;
  readonly settled: () => Promise<void>;
  /** Of a server that is watched: every breach of D1–D12 there is, as a line each. Settles first. */
  readonly breaches: () => Promise<readonly string[]>;
  readonly close: () => Promise<void>;
};

export async function startServer(
  options: {
    directory?: string;
    keep?: boolean;
    cluster?: ClusterConfiguration;
    baseUrl?: string;
    /** Looks at the log whenever it has settled, so that `breaches` sees what was rewritten since. */
    watched?: boolean;
    /** Sends again what a store on a busy machine did not answer in time, as the answer says. */
    patient?: boolean;
    smtp?: SmtpOptions;
  } = {},
): Promise<TestServer> {
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'cairn-test-'));
  const configuration: Configuration = {
    dataDirectory: directory,
    port: 0,
    host: '127.0.0.1',
    baseUrl: options.baseUrl ?? 'https://cairn.example',
    operatorToken: OPERATOR,
    logLevel: 'silent',
    ratePerMinute: 10_000_000,
    ...(options.cluster ? { cluster: options.cluster } : {}),
    ...(options.smtp ? { smtp: options.smtp } : {}),
  };
  const { app, installation, close } = await createServer(configuration, false);
  const witness = options.watched ? createLogWitness(installation.log) : undefined;
  const personal = new Set<string>();
  const tenants: Tenant[] = [];
  const as = (token: string | undefined): Client =>
    clientOf(async (method, path, headers, payload) => {
      if (witness && path.startsWith('/api/learners')) for (const value of personalIn(payload)) personal.add(value);
      const keyed = options.patient && method !== 'GET' ? { 'idempotency-key': randomUUID(), ...headers } : headers;
      const inject = () =>
        app.inject({
          method: method as 'GET',
          url: path,
          headers: keyed,
          ...(payload === undefined ? {} : { payload }),
        });
      let answer = await inject();
      for (let again = 0; options.patient && again < 5 && answer.payload.includes('"log-unavailable"'); again++) {
        await new Promise((resolve) => setTimeout(resolve, 1_000));
        answer = await inject();
      }
      return { status: answer.statusCode, headers: answer.headers, text: answer.payload };
    }, token);
  const operator = as(OPERATOR);
  const settled = async (): Promise<void> => {
    if (await installation.settled(20_000)) return witness?.look();
    throw new Error(
      `not settled: ${JSON.stringify(await installation.status(), null, 1)} ${JSON.stringify(await installation.parked())}`,
    );
  };
  return {
    app,
    installation,
    directory,
    as,
    operator,
    tenant: async (slug, sandboxClock) => {
      const tenant = await createTenant(as, slug, sandboxClock);
      tenants.push(tenant);
      return tenant;
    },
    settled,
    breaches: async () => {
      if (!witness)
        throw new Error('only a server that is watched since its start can tell: startServer({ watched: true })');
      await settled();
      const faults = await breachesOf({
        installation,
        directory,
        witness,
        personal: [...personal],
        told: async () => {
          const feeds = tenants.map(({ client }) => client.get('/api/events?limit=1000'));
          return (await Promise.all([operator.get('/metrics'), ...feeds])).map(({ text }) => text);
        },
        verdict: async (credential) =>
          (await as(undefined).get(`/c/${publicId('crd', credential)}.json`)).body?.status ?? 'no answer',
      });
      return faults.map(faultLine);
    },
    close: async () => {
      await close();
      if (!options.keep) rmSync(directory, { recursive: true, force: true });
    },
  };
}
