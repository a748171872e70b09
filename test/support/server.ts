// A whole server, on the embedded stores in a folder of its own or on the cluster, driven over its HTTP interface without a port.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { SCOPES } from '@cairn/contexts/tenancy';
import type { ClusterConfiguration, Configuration, Installation } from '@cairn/platform';
import { createServer } from '../../apps/server/src/app.js';

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

export type TestServer = {
  readonly app: NestFastifyApplication;
  readonly installation: Installation;
  readonly directory: string;
  readonly as: (token: string | undefined) => Client;
  readonly operator: Client;
  /** A new tenant, a sandbox if its clock is given, with an issuer and a key that may do everything. */
  readonly tenant: (slug: string, sandboxClock?: string) => Promise<Tenant>;
  readonly settled: () => Promise<void>;
  readonly close: () => Promise<void>;
};

export async function startServer(
  options: { directory?: string; keep?: boolean; cluster?: ClusterConfiguration; baseUrl?: string } = {},
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
  };
  const { app, installation, close } = await createServer(configuration, false);
  const as = (token: string | undefined): Client =>
    clientOf(async (method, path, headers, payload) => {
      const answer = await app.inject({
        method: method as 'GET',
        url: path,
        headers,
        ...(payload === undefined ? {} : { payload }),
      });
      return { status: answer.statusCode, headers: answer.headers, text: answer.payload };
    }, token);
  const operator = as(OPERATOR);
  return {
    app,
    installation,
    directory,
    as,
    operator,
    tenant: (slug, sandboxClock) => createTenant(as, slug, sandboxClock),
    settled: async () => {
      if (await installation.settled(20_000)) return;
      throw new Error(
        `not settled: ${JSON.stringify(await installation.status(), null, 1)} ${JSON.stringify(await installation.parked())}`,
      );
    },
    close: async () => {
      await close();
      if (!options.keep) rmSync(directory, { recursive: true, force: true });
    },
  };
}
