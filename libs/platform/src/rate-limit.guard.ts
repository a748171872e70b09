// Fixed windows of a minute: by API key, else by address prefix. The draft RateLimit headers stand in this file only.
import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { Configuration } from './configuration.js';
import { ProblemException } from './problems.js';
import type { CairnRequest } from './request.js';
import { CONFIGURATION } from './tokens.js';

const WINDOW_MS = 60_000;

@Injectable()
export class RateLimitGuard implements CanActivate {
  #windowStart = 0;
  readonly #hits = new Map<string, number>();

  constructor(@Inject(CONFIGURATION) private readonly configuration: Configuration) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<CairnRequest>();
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    const now = Date.now();
    if (now - this.#windowStart >= WINDOW_MS) {
      this.#windowStart = now;
      this.#hits.clear();
    }
    const who = request.principal?.actor ?? addressPrefix(request.ip);
    const hits = (this.#hits.get(who) ?? 0) + 1;
    this.#hits.set(who, hits);
    const quota = this.configuration.ratePerMinute;
    const seconds = Math.ceil((this.#windowStart + WINDOW_MS - now) / 1000);
    reply.header('RateLimit-Policy', `"key";q=${quota};w=${WINDOW_MS / 1000}`);
    reply.header('RateLimit', `"key";r=${Math.max(0, quota - hits)};t=${seconds}`);
    if (hits > quota)
      throw new ProblemException('rate-limited', `More than ${quota} requests in a minute.`, {
        retryAfterSeconds: seconds,
      });
    return true;
  }
}

/** /24 of IPv4, /56 of IPv6: one household or office. */
function addressPrefix(ip: string): string {
  return ip.includes(':') ? ip.split(':').slice(0, 4).join(':').slice(0, 17) : ip.split('.').slice(0, 3).join('.');
}
