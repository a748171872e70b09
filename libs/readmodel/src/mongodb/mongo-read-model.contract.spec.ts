import { randomUUID } from 'node:crypto';
import { MongoClient } from 'mongodb';
import { startTestMongo } from '@cairn/testing';
import { readModelContract } from '../contract/read-model.contract.js';
import { openMongoReadModel } from './mongo-read-model.js';

const server = await startTestMongo();

describe(`the read model on ${server.ranAgainst}`, () => {
  const { url } = server;
  const databases: string[] = [];

  afterAll(async () => {
    const client = new MongoClient(url);
    for (const name of databases) await client.db(name).dropDatabase();
    await client.close();
    await server.stop();
  });

  readModelContract('mongodb', async (options) => {
    const database = `cairn_test_${randomUUID().slice(0, 13)}`;
    databases.push(database);
    return openMongoReadModel({ ...options, url, database, standalone: server.source === 'given' });
  });
});
