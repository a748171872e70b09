import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventLogContract } from '../contract/event-log.contract.js';
import { openSqliteEventLog } from './sqlite-event-log.js';

eventLogContract('sqlite', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'cairn-eventlog-'));
  let log = await openSqliteEventLog({ directory });
  return {
    log,
    reopen: async () => {
      await log.close();
      log = await openSqliteEventLog({ directory });
      return log;
    },
    close: async () => {
      await log.close();
      rmSync(directory, { recursive: true });
    },
  };
});
