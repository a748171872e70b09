export { countOfCorrelation, eventsOfCorrelation } from './queries/trail-events.js';
