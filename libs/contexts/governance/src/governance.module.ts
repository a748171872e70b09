// One list: everything that this context adds to the application.
import { Module } from '@nestjs/common';
import { defineContext } from '@cairn/platform';
import {
  DiscardParkedRoute,
  DiscardParkedWorkHandler,
  DiscardParkedWorkMessage,
  ParkedDesk,
} from './commands/discard-parked.js';
import { governanceEvents } from './contracts/governance.events.js';
import { governanceDecider } from './domain/governance.decider.js';

export const governanceContext = defineContext({
  name: 'governance',
  events: governanceEvents,
  deciders: [governanceDecider],
  projections: [],
  reactors: [],
  messages: [DiscardParkedWorkMessage],
});

@Module({
  controllers: [DiscardParkedRoute],
  providers: [DiscardParkedWorkHandler, ParkedDesk],
})
export class GovernanceModule {}
