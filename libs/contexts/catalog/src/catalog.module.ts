import { Global, Module } from '@nestjs/common';
import { defineContext } from '@cairn/platform';
import {
  DefineModuleHandler,
  DefineModuleMessage,
  ModuleRoutes,
  ReviseModuleHandler,
  ReviseModuleMessage,
} from './commands/modules.js';
import {
  DraftPathwayHandler,
  DraftPathwayMessage,
  PathwayRoutes,
  PublishPathwayVersionHandler,
  PublishPathwayVersionMessage,
  RetirePathwayVersionHandler,
  RetirePathwayVersionMessage,
} from './commands/pathways.js';
import {
  ShadowRoutes,
  StartPathwayShadowHandler,
  StartPathwayShadowMessage,
  StopPathwayShadowHandler,
  StopPathwayShadowMessage,
} from './commands/shadows.js';
import {
  DraftTemplateHandler,
  DraftTemplateMessage,
  PublishTemplateHandler,
  PublishTemplateMessage,
  TemplateRoutes,
} from './commands/templates.js';
import { catalogEvents } from './contracts/catalog.events.js';
import { WOULD_BE_VERSION, type WouldBeVersion } from './contracts/would-be-version.js';
import { moduleDecider } from './domain/module.decider.js';
import { pathwayDecider } from './domain/pathway.decider.js';
import { templateDecider } from './domain/template.decider.js';
import { catalogProjection } from './projections/catalog.projection.js';
import { CatalogController } from './queries/catalog.controller.js';

export const catalogContext = defineContext({
  name: 'catalog',
  events: catalogEvents,
  deciders: [moduleDecider, templateDecider, pathwayDecider],
  projections: [catalogProjection],
  reactors: [],
  messages: [
    DefineModuleMessage,
    ReviseModuleMessage,
    DraftTemplateMessage,
    PublishTemplateMessage,
    DraftPathwayMessage,
    PublishPathwayVersionMessage,
    RetirePathwayVersionMessage,
    StartPathwayShadowMessage,
    StopPathwayShadowMessage,
  ],
});

/** Global: what a draft would become is asked from another context. */
@Global()
@Module({
  controllers: [ModuleRoutes, TemplateRoutes, PathwayRoutes, ShadowRoutes, CatalogController],
  providers: [
    DefineModuleHandler,
    ReviseModuleHandler,
    DraftTemplateHandler,
    PublishTemplateHandler,
    DraftPathwayHandler,
    PublishPathwayVersionHandler,
    RetirePathwayVersionHandler,
    StartPathwayShadowHandler,
    StopPathwayShadowHandler,
    {
      provide: WOULD_BE_VERSION,
      inject: [PublishPathwayVersionHandler],
      useFactory:
        (publisher: PublishPathwayVersionHandler): WouldBeVersion =>
        (tenant, pathwayId) =>
          publisher.wouldBe(tenant, pathwayId),
    },
  ],
  exports: [WOULD_BE_VERSION],
})
export class CatalogModule {}
