import { Module } from '@nestjs/common';
import { defineContext } from '@cairn/platform';
import {
  EraseLearnerHandler,
  EraseLearnerMessage,
  LearnerDesk,
  LearnerRoutes,
  RecordKeyDestroyedHandler,
  RecordKeyDestroyedMessage,
  SettleIdentitiesHandler,
  SettleIdentitiesMessage,
} from './commands/learners.js';
import { learnerEvents } from './contracts/learner.events.js';
import { identityDecider } from './domain/identity.decider.js';
import { learnerDecider } from './domain/learner.decider.js';
import { learnersProjection } from './projections/learners.projection.js';
import { erasureCascade } from './reactors/erasure-cascade.reactor.js';
import { settleIdentitiesReactor } from './reactors/settle-identities.reactor.js';

export const learnersContext = defineContext({
  name: 'learners',
  events: learnerEvents,
  deciders: [learnerDecider, identityDecider],
  projections: [learnersProjection],
  reactors: [erasureCascade, settleIdentitiesReactor],
  messages: [EraseLearnerMessage, RecordKeyDestroyedMessage, SettleIdentitiesMessage],
});

@Module({
  controllers: [LearnerRoutes],
  providers: [LearnerDesk, EraseLearnerHandler, RecordKeyDestroyedHandler, SettleIdentitiesHandler],
  exports: [LearnerDesk],
})
export class LearnersModule {}
