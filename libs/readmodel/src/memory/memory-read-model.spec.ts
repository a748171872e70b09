import { readModelContract } from '../contract/read-model.contract.js';
import { createMemoryReadModel } from './memory-read-model.js';

readModelContract('memory', async (options) => createMemoryReadModel(options));
