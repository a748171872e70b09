// Every failure leaves as problem+json: a stable code, what is wrong, what to do. No stack, no personal data.
import { Catch, HttpException, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { DecodeError } from '@cairn/kernel';
import { LogUnavailable } from '@cairn/eventlog';
import { ReadModelUnavailable } from '@cairn/readmodel';
import { CommandOutcomeUnknown, Overloaded, ReadModelBehind } from '@cairn/runtime';
import { VaultUnavailable } from '@cairn/vault';
import type { FastifyReply } from 'fastify';
import { WorksElsewhere } from './installation.js';
import { ProblemException, problemBody, type ProblemCode } from './problems.js';
import type { CairnRequest } from './request.js';

const BY_STATUS: Readonly<Record<number, readonly [ProblemCode, string]>> = {
  400: ['malformed-request', 'The request could not be read as JSON.'],
  404: ['not-found', 'There is nothing at this address.'],
  405: ['not-found', 'There is nothing at this address for this method.'],
  413: ['body-too-large', 'The body is larger than 64 KB, a file to import larger than 5 MB.'],
  415: ['media-type-unsupported', 'This type of content is not read here.'],
};

@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger('problem');

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<CairnRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const problem = this.problemOf(error);
    const body = problemBody(problem, request.url.split('?', 1)[0] as string, request.traceId ?? '');
    if (body.status >= 500 && body.code === 'internal-error')
      this.logger.error(
        { requestId: request.id, traceId: request.traceId, message: (error as Error)?.message },
        (error as Error)?.stack,
      );
    if (problem.more.retryAfterSeconds !== undefined || body.status === 503)
      reply.header('Retry-After', String(problem.more.retryAfterSeconds ?? 1));
    if (body.status === 401) reply.header('WWW-Authenticate', 'Bearer');
    void reply
      .status(body.status)
      .header('Content-Type', 'application/problem+json; charset=utf-8')
      .send(JSON.stringify(body));
  }

  private problemOf(error: unknown): ProblemException {
    if (error instanceof ProblemException) return error;
    if (error instanceof LogUnavailable)
      return new ProblemException('log-unavailable', error.message, { retryAfterSeconds: 1 });
    if (error instanceof ReadModelUnavailable)
      return new ProblemException('read-model-behind', error.message, { retryAfterSeconds: 1 });
    if (error instanceof CommandOutcomeUnknown)
      return new ProblemException(
        'log-unavailable',
        'The event log did not answer in time: the command may be recorded, or not.',
        { retryAfterSeconds: 1 },
      );
    if (error instanceof Overloaded || error instanceof ReadModelBehind)
      return new ProblemException(error.code, error.message, { retryAfterSeconds: 1 });
    if (error instanceof VaultUnavailable)
      return new ProblemException('vault-unavailable', error.message, { retryAfterSeconds: 1 });
    if (error instanceof WorksElsewhere) return new ProblemException('works-elsewhere', error.message);
    if (error instanceof DecodeError) return new ProblemException(error.code, error.message);
    const status =
      error instanceof HttpException ? error.getStatus() : (error as { statusCode?: number } | null)?.statusCode;
    const known = status === undefined ? undefined : BY_STATUS[status];
    if (known) return new ProblemException(known[0], known[1]);
    return new ProblemException('internal-error', 'The server met a fault it did not expect.');
  }
}
