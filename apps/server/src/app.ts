// The application: every context, and how server, CLI and tests start it.
import { Logger, Module, type DynamicModule, type INestApplicationContext, type LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import {
  configure,
  createAdapter,
  openApiDocument,
  openInstallation,
  PlatformModule,
  type Configuration,
  type ContextDefinition,
  type Installation,
  type InstallationParts,
} from '@cairn/platform';
import { analyticsContext, AnalyticsModule } from '../../../libs/contexts/analytics/src/analytics.module.js';
import { auditContext, AuditModule } from '../../../libs/contexts/audit/src/audit.module.js';
import { catalogContext, CatalogModule } from '../../../libs/contexts/catalog/src/catalog.module.js';
import { credentialsContext, CredentialsModule } from '../../../libs/contexts/credentials/src/credentials.module.js';
import { governanceContext, GovernanceModule } from '../../../libs/contexts/governance/src/governance.module.js';
import { integrationContext, IntegrationModule } from '../../../libs/contexts/integration/src/integration.module.js';
import { learnersContext, LearnersModule } from '../../../libs/contexts/learners/src/learners.module.js';
import { messagesContext, MessagesModule } from '../../../libs/contexts/messages/src/messages.module.js';
import { progressContext, ProgressModule } from '../../../libs/contexts/progress/src/progress.module.js';
import { tenancyContext, TenancyModule } from '../../../libs/contexts/tenancy/src/tenancy.module.js';
import { serveApiDocs } from './api-docs.js';
import { PagesModule } from './pages.module.js';

const withoutAudit: readonly ContextDefinition[] = [
  tenancyContext,
  catalogContext,
  learnersContext,
  progressContext,
  credentialsContext,
  messagesContext,
  analyticsContext,
  integrationContext,
  governanceContext,
];

/** Everything the installation is made of. */
export const CONTEXTS: readonly ContextDefinition[] = [
  ...withoutAudit,
  auditContext(withoutAudit.flatMap(({ events }) => events)),
];

@Module({
  imports: [
    TenancyModule,
    CatalogModule,
    LearnersModule,
    ProgressModule,
    CredentialsModule,
    MessagesModule,
    AnalyticsModule,
    IntegrationModule,
    GovernanceModule,
    AuditModule,
    PagesModule,
  ],
})
export class AppModule {
  static for(installation: Installation, configuration: Configuration): DynamicModule {
    return { module: AppModule, imports: [PlatformModule.for(installation, configuration)] };
  }
}

export type Running<App> = {
  readonly app: App;
  readonly installation: Installation;
  /** Ends requests, finishes what is under way, closes the stores. */
  readonly close: () => Promise<void>;
};

async function running<App extends INestApplicationContext>(
  installation: Installation,
  create: () => Promise<App>,
): Promise<Running<App>> {
  try {
    const app = await create();
    return {
      app,
      installation,
      close: async () => {
        installation.beginClose();
        await app.close();
        await installation.close();
      },
    };
  } catch (error) {
    await installation.close();
    throw error;
  }
}

/** The HTTP server, ready for `listen` or `inject`; projections and reactors are running. */
export async function createServer(
  configuration: Configuration,
  logger: LoggerService | false,
): Promise<Running<NestFastifyApplication>> {
  Logger.overrideLogger(logger); // before there is an application: the stores may have something to say already
  const installation = await openInstallation(configuration, CONTEXTS);
  return running(installation, async () => {
    const app = await NestFactory.create<NestFastifyApplication>(
      AppModule.for(installation, configuration),
      createAdapter(),
      {
        logger,
        abortOnError: false,
        // Fastify reads JSON by itself; forms are not read at all.
        bodyParser: false,
      },
    );
    configure(app);
    if (installation.roles.has('api')) serveApiDocs(app, openApiDocument(app, installation.version));
    await app.init();
    await app.getHttpAdapter().getInstance().ready();
    await installation.start();
    return app;
  });
}

/** The same without HTTP, for the command line. */
export async function createHeadless(
  configuration: Configuration,
  parts?: InstallationParts,
): Promise<Running<INestApplicationContext>> {
  const installation = await openInstallation(configuration, CONTEXTS, parts);
  return running(installation, async () => {
    const app = await NestFactory.createApplicationContext(AppModule.for(installation, configuration), {
      logger: false,
      abortOnError: false,
    });
    await installation.start();
    return app;
  });
}
