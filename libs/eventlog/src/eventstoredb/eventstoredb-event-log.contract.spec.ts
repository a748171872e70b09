import { startTestEventStore } from '@cairn/testing';
import { eventLogContract } from '../contract/event-log.contract.js';
import { openEventStoreLog } from '../index.js';

// One server for the whole suite: reopening the log opens new connections to what it kept.
const server = await startTestEventStore();

afterAll(() => server.stop());

eventLogContract(server.ranAgainst, async () => {
  const connectionString = server.url;
  let log = openEventStoreLog({ connectionString });
  return {
    log,
    reopen: async () => {
      await log.close();
      log = openEventStoreLog({ connectionString });
      return log;
    },
    close: () => log.close(),
  };
});
