// Nest glue: the bus, the guards, and the pieces that every context's controllers use.
import { Module, type DynamicModule } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { CqrsModule } from '@nestjs/cqrs';
import { AuthGuard } from './auth.guard.js';
import type { Configuration } from './configuration.js';
import { FeedMarks } from './feed-marks.js';
import { CommandGateway } from './gateway.js';
import { HealthController } from './health.controller.js';
import type { Installation } from './installation.js';
import { OpsController } from './ops.controller.js';
import { ProblemPagesController } from './problem-pages.controller.js';
import { QueryGuard } from './query.guard.js';
import { RateLimitGuard } from './rate-limit.guard.js';
import { ReadGate } from './read-gate.js';
import { RoleGuard } from './role.guard.js';
import { Runs } from './runs.js';
import { CONFIGURATION, INSTALLATION } from './tokens.js';

@Module({})
export class PlatformModule {
  static for(installation: Installation, configuration: Configuration): DynamicModule {
    return {
      module: PlatformModule,
      global: true,
      imports: [CqrsModule.forRoot()],
      controllers: [HealthController, OpsController, ProblemPagesController],
      providers: [
        { provide: INSTALLATION, useValue: installation },
        { provide: CONFIGURATION, useValue: configuration },
        CommandGateway,
        ReadGate,
        FeedMarks,
        Runs,
        { provide: APP_GUARD, useClass: RoleGuard },
        // Authentication before the limit, which counts by key.
        { provide: APP_GUARD, useClass: AuthGuard },
        { provide: APP_GUARD, useClass: RateLimitGuard },
        { provide: APP_GUARD, useClass: QueryGuard },
      ],
      exports: [INSTALLATION, CONFIGURATION, CommandGateway, ReadGate, FeedMarks, Runs, CqrsModule],
    };
  }
}
