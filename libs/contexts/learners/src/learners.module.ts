import { Module } from '@nestjs/common';
import { defineContext } from '@cairn/platform';
import {
  ChangeLearnerProfileHandler,
  ChangeLearnerProfileMessage,
  ClaimIdentityHandler,
  ClaimIdentityMessage,
  EraseLearnerHandler,
  EraseLearnerMessage,
  LearnerDesk,
  LearnerRoutes,
  RecordKeyDestroyedHandler,
  RecordKeyDestroyedMessage,
  RegisterLearnerHandler,
  RegisterLearnerMessage,
  ReleaseIdentityHandler,
  ReleaseIdentityMessage,
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
  messages: [
    RegisterLearnerMessage,
    ChangeLearnerProfileMessage,
    EraseLearnerMessage,
    ClaimIdentityMessage,
    ReleaseIdentityMessage,
    RecordKeyDestroyedMessage,
    SettleIdentitiesMessage,
  ],
});

@Module({
  controllers: [LearnerRoutes],
  providers: [
    LearnerDesk,
    RegisterLearnerHandler,
    ChangeLearnerProfileHandler,
    EraseLearnerHandler,
    ClaimIdentityHandler,
    ReleaseIdentityHandler,
    RecordKeyDestroyedHandler,
    SettleIdentitiesHandler,
  ],
  exports: [LearnerDesk],
})
export class LearnersModule {}
