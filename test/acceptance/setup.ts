// Runs in every file of the acceptance projects, so that none can forget to look at what it left (jest.config.mjs).
import { closeServers, expectSoundServers } from './server.js';

afterAll(async () => {
  try {
    await expectSoundServers();
  } finally {
    await closeServers();
  }
}, 120_000);
