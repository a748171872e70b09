// The HTTP side of the application, the same for the server and its tests.
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { Logger } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Installation } from './installation.js';
import { traceOf, type CairnRequest } from './request.js';
import { INSTALLATION } from './tokens.js';
import { BODY_LIMIT_BYTES, checkShape, createValidationPipe } from './validation.js';
import { ProblemFilter } from './problem.filter.js';
import { WriteAnswerInterceptor } from './write-answer.interceptor.js';

export const createAdapter = (): FastifyAdapter =>
  new FastifyAdapter({
    bodyLimit: BODY_LIMIT_BYTES,
    // Ours, not the client's: an id that a client chooses could be used to blur logs.
    genReqId: () => randomUUID(),
    // checkShape refuses such keys and says where they are; the parser would only say that the body is no JSON.
    onProtoPoisoning: 'ignore',
    onConstructorPoisoning: 'ignore',
    // Behind a proxy on this machine only; see docs for other set-ups.
    trustProxy: 'loopback',
    requestTimeout: 30_000,
    keepAliveTimeout: 10_000,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 200 },
  });

/** Pages set their own, stricter policy for styles. */
const HEADERS = {
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Content-Security-Policy':
    "default-src 'none'; img-src 'self'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
} as const;

/** Files are read by these routes only, as bytes; everywhere else their types are refused. */
const UPLOAD_ROUTES: ReadonlySet<string | undefined> = new Set(['/api/imports']);
export const UPLOAD_TYPES = ['text/csv', 'application/x-ndjson'] as const;
const UPLOAD_LIMIT_BYTES = 5 * 1024 * 1024;

/** Pipes, filters and hooks that every request passes. */
export function configure(app: NestFastifyApplication): void {
  app.useGlobalPipes(createValidationPipe());
  app.useGlobalFilters(new ProblemFilter());
  app.useGlobalInterceptors(new WriteAnswerInterceptor());
  const fastify = app.getHttpAdapter().getInstance();
  // Fastify reads text/plain by itself; here it is refused like every other type (415).
  fastify.removeContentTypeParser('text/plain');
  fastify.addContentTypeParser(
    [...UPLOAD_TYPES],
    { parseAs: 'buffer', bodyLimit: UPLOAD_LIMIT_BYTES },
    (request, body, done) => {
      if (UPLOAD_ROUTES.has(request.routeOptions.url)) done(null, body);
      else done(Object.assign(new Error('no files here'), { statusCode: 415 }));
    },
  );
  fastify.addHook('onRequest', (request, reply, done) => {
    // A random UUID without dashes: those come from a pool, other random bytes by a call of the system each.
    (request as CairnRequest).traceId = traceOf(request.headers['traceparent'])?.id ?? randomUUID().replaceAll('-', '');
    void reply.headers({ ...HEADERS, 'Request-Id': request.id });
    done();
  });
  const { metrics } = app.get<Installation>(INSTALLATION, { strict: false });
  const logger = new Logger('http');
  fastify.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'none';
    const { statusCode: status, elapsedTime: durationMs } = reply;
    metrics.request(request.method, route, status, durationMs / 1_000);
    // The route's pattern, never the address: that may hold what is personal (D11).
    const { id: requestId, traceId, correlationId } = request as CairnRequest;
    const line = { requestId, traceId, correlationId, method: request.method, route, status, durationMs };
    if (status >= 500) logger.warn(line);
    else logger.debug(line);
    done();
  });
  // A POST without a body is a command without fields, whatever its media type.
  fastify.addHook('preParsing', (request, _reply, payload, done) => {
    if (
      request.method !== 'GET' &&
      request.headers['content-length'] === '0' &&
      request.headers['content-type'] === 'application/json'
    )
      done(null, Readable.from(['{}']));
    else done(null, payload);
  });
  fastify.addHook('preValidation', (request, _reply, done) => {
    try {
      if (!Buffer.isBuffer(request.body)) checkShape(request.body);
      done();
    } catch (error) {
      done(error as Error);
    }
  });
}
