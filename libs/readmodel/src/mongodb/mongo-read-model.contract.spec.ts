import { randomUUID } from 'node:crypto';
import { MongoClient } from 'mongodb';
import { startMongoDouble, type MongoDouble } from '@cairn/testing';
import { readModelContract } from '../contract/read-model.contract.js';
import { openMongoReadModel } from './mongo-read-model.js';

const given = process.env['CAIRN_TEST_MONGODB_URL'];

const ranAgainst = given ? 'a server at CAIRN_TEST_MONGODB_URL' : 'the in-process double';

describe(`the MongoDB driver against ${ranAgainst}`, () => {
  let double: MongoDouble | undefined;
  let url: string;
  const databases: string[] = [];

  beforeAll(async () => {
    if (!given) double = await startMongoDouble();
    url = given ?? (double as MongoDouble).url;
  });
  afterAll(async () => {
    const client = new MongoClient(url);
    for (const name of databases) await client.db(name).dropDatabase();
    await client.close();
    await double?.stop();
  });

  readModelContract('mongodb', async (options) => {
    const database = `cairn_test_${randomUUID().slice(0, 13)}`;
    databases.push(database);
    return openMongoReadModel({ ...options, url, database, standalone: given !== undefined });
  });
});
