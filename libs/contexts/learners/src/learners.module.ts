import { Module } from '@nestjs/common';
import { defineContext } from '@cairn/platform';
import {
  EraseLearnerHandler,
  EraseLearnerMessage,
  LearnerDesk,
  LearnerRoutes,
  MergeLearnersHandler,
  MergeLearnersMessage,
  RecordKeyDestroyedHandler,
  RecordKeyDestroyedMessage,
  SettleIdentitiesHandler,
  SettleIdentitiesMessage,
  UnmergeLearnersHandler,
  UnmergeLearnersMessage,
} from './commands/learners.js';
import { learnerEvents } from './contracts/learner.events.js';
import { identityDecider } from './domain/identity.decider.js';
import { learnerDecider } from './domain/learner.decider.js';
import { learnersProjection } from './projections/learners.projection.js';
import { erasureCascade } from './reactors/erasure-cascade.reactor.js';
import { mergeCascade } from './reactors/merge-cascade.reactor.js';
import { settleIdentitiesReactor } from './reactors/settle-identities.reactor.js';

export const learnersContext = defineContext({
  name: 'learners',
  events: learnerEvents,
  deciders: [learnerDecider, identityDecider],
  projections: [learnersProjection],
  reactors: [erasureCascade, mergeCascade, settleIdentitiesReactor],
  messages: [
    EraseLearnerMessage,
    RecordKeyDestroyedMessage,
    SettleIdentitiesMessage,
    MergeLearnersMessage,
    UnmergeLearnersMessage,
  ],
});

@Module({
  controllers: [LearnerRoutes],
  providers: [
    LearnerDesk,
    EraseLearnerHandler,
    RecordKeyDestroyedHandler,
    SettleIdentitiesHandler,
    MergeLearnersHandler,
    UnmergeLearnersHandler,
  ],
  exports: [LearnerDesk],
})
export class LearnersModule {}
