export { eventsOfCorrelation } from './queries/trail-events.js';
