// Requests go to processes with the role `api`; every process can be asked how it is, and be operated.
import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { HealthController } from './health.controller.js';
import type { Installation } from './installation.js';
import { OpsController } from './ops.controller.js';
import { ProblemException } from './problems.js';
import { INSTALLATION } from './tokens.js';

const EVERYWHERE: readonly unknown[] = [HealthController, OpsController];

@Injectable()
export class RoleGuard implements CanActivate {
  constructor(@Inject(INSTALLATION) private readonly installation: Installation) {}

  canActivate(context: ExecutionContext): boolean {
    if (this.installation.roles.has('api') || EVERYWHERE.includes(context.getClass())) return true;
    throw new ProblemException('works-elsewhere', 'This process does not have the role api.');
  }
}
