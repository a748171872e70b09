import { Module } from '@nestjs/common';
import { defineContext } from '@cairn/platform';
import { journeys } from './projections/journeys.projection.js';
import { pathwayFunnel } from './projections/pathway-funnel.projection.js';
import { AnalyticsController } from './queries/analytics.controller.js';
import { AnalyticsReader, DropOffHandler, FunnelHandler, TimeInStepHandler } from './queries/pathway-analytics.js';

export const analyticsContext = defineContext({
  name: 'analytics',
  events: [],
  deciders: [],
  projections: [journeys, pathwayFunnel],
  reactors: [],
  messages: [],
});

@Module({
  controllers: [AnalyticsController],
  providers: [AnalyticsReader, FunnelHandler, DropOffHandler, TimeInStepHandler],
})
export class AnalyticsModule {}
