import { Module } from '@nestjs/common';
import { defineContext } from '@cairn/platform';
import { FeedController } from './queries/feed.js';

export const integrationContext = defineContext({
  name: 'integration',
  events: [],
  deciders: [],
  projections: [],
  reactors: [],
  messages: [],
});

@Module({ controllers: [FeedController] })
export class IntegrationModule {}
