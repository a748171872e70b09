// One list: everything that this context adds to the application.
import { Module } from '@nestjs/common';
import { defineContext } from '@cairn/platform';
import {
  DiscardParkedWorkHandler,
  DiscardParkedWorkMessage,
  ParkedDesk,
  ParkedWorkRoutes,
  RetryParkedWorkHandler,
  RetryParkedWorkMessage,
} from './commands/parked-work.js';
import { RebuildDesk, RebuildReadModelsHandler, RebuildReadModelsMessage, RebuildRoute } from './commands/rebuild.js';
import { governanceEvents } from './contracts/governance.events.js';
import { governanceDecider } from './domain/governance.decider.js';

export const governanceContext = defineContext({
  name: 'governance',
  events: governanceEvents,
  deciders: [governanceDecider],
  projections: [],
  reactors: [],
  messages: [DiscardParkedWorkMessage, RetryParkedWorkMessage, RebuildReadModelsMessage],
});

@Module({
  controllers: [ParkedWorkRoutes, RebuildRoute],
  providers: [DiscardParkedWorkHandler, RetryParkedWorkHandler, RebuildReadModelsHandler, ParkedDesk, RebuildDesk],
})
export class GovernanceModule {}
