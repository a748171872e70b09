// Read your writes: a query may name the position that it must have seen (api.md §3).
import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { Installation } from './installation.js';
import { positionOf, positionToken } from './position-token.js';
import { ProblemException } from './problems.js';
import type { CairnRequest } from './request.js';
import { INSTALLATION } from './tokens.js';

const WAIT_MS = 2_000;

@Injectable()
export class ReadGate {
  constructor(@Inject(INSTALLATION) private readonly installation: Installation) {}

  /**
   * Waits until the projections have reached `If-Position-At-Least`, and sets the answer's `Position`.
   * Throws `read-model-behind` after 2 s unless `Allow-Stale: true`.
   */
  async pass(request: CairnRequest, reply: FastifyReply, ...projections: readonly string[]): Promise<void> {
    const token = request.headers['if-position-at-least'];
    if (typeof token === 'string') {
      const position = positionOf(this.installation.logId, token);
      const reached = await this.installation.waitFor(projections, position, WAIT_MS);
      if (!reached && request.headers['allow-stale'] !== 'true')
        throw new ProblemException(
          'read-model-behind',
          `${projections.join(', ')} did not reach the position within 2 s.`,
          {
            retryAfterSeconds: 1,
          },
        );
    }
    const position = this.installation.positionOfProjections(projections);
    void reply.header('Position', positionToken(this.installation.logId, position));
  }
}
