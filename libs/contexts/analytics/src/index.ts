export type { DropOffAnswer, FunnelCountsAnswer, FunnelOrder, FunnelStep, TimeInStep } from './domain/funnel.js';
export type { JourneyState } from './domain/journey.js';
