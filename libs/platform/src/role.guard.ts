// Requests go to processes with the role `api`; every process can be asked how it is, and be operated.
import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { HealthController } from './health.controller.js';
import type { Installation } from './installation.js';
import { ProblemException } from './problems.js';
import type { CairnRequest } from './request.js';
import { INSTALLATION } from './tokens.js';

@Injectable()
export class RoleGuard implements CanActivate {
  constructor(@Inject(INSTALLATION) private readonly installation: Installation) {}

  canActivate(context: ExecutionContext): boolean {
    if (this.installation.roles.has('api') || context.getClass() === HealthController) return true;
    // Operators' acts, whichever module has them: what a worker parked is settled at the worker.
    if (context.switchToHttp().getRequest<CairnRequest>().url.startsWith('/ops/')) return true;
    throw new ProblemException('works-elsewhere', 'This process does not have the role api.');
  }
}
