import { eventLogContract } from '../contract/event-log.contract.js';
import { createMemoryEventLog } from './memory-event-log.js';

eventLogContract(
  'memory',
  async () => {
    const log = createMemoryEventLog();
    return { log, close: () => log.close() };
  },
  { keeps: false },
);
