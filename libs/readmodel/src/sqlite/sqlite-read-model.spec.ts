import { readModelContract } from '../contract/read-model.contract.js';
import { openSqliteReadModel } from './sqlite-read-model.js';

readModelContract('SQLite', async (options) => openSqliteReadModel({ file: ':memory:', ...options }));
