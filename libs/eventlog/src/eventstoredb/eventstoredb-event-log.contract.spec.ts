import { startEventStoreDouble } from '@cairn/testing';
import { eventLogContract } from '../contract/event-log.contract.js';
import { openEventStoreLog } from '../index.js';

const url = process.env['CAIRN_TEST_EVENTSTORE_URL'];

// One server for the whole suite: reopening the log opens new connections to what it kept.
const server = url ? { connectionString: url, stop: () => Promise.resolve() } : await startEventStoreDouble();

afterAll(() => server.stop());

eventLogContract(
  url
    ? 'EventStoreDB, the server of CAIRN_TEST_EVENTSTORE_URL'
    : 'EventStoreDB, the in-process double (no server given)',
  async () => {
    const { connectionString } = server;
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
  },
);
