import { randomUUID } from 'node:crypto';
import { MongoClient } from 'mongodb';
import { startTestMongo } from '@cairn/testing';
import { MONGO_JAVA_SERVER } from '../contract/known-gaps.js';
import { readModelContract } from '../contract/read-model.contract.js';
import { openMongoReadModel } from './mongo-read-model.js';

const server = await startTestMongo();

/** True for mongo-java-server: MongoDB itself knows `hello` since 4.4.2 and always tells the commit it was built from. */
async function isJavaServer(url: string): Promise<boolean> {
  const client = new MongoClient(url);
  try {
    const { gitVersion } = await client.db('admin').command({ buildInfo: 1 });
    return gitVersion === undefined;
  } finally {
    await client.close();
  }
}
const javaServer = server.source === 'given' && (await isJavaServer(server.url));

describe(`the read model on ${server.ranAgainst}${javaServer ? ' (mongo-java-server)' : ''}`, () => {
  const { url } = server;
  const databases: string[] = [];

  afterAll(async () => {
    const client = new MongoClient(url);
    for (const name of databases) await client.db(name).dropDatabase();
    await client.close();
    await server.stop();
  });

  readModelContract(
    'mongodb',
    async (options) => {
      const database = `cairn_test_${randomUUID().slice(0, 13)}`;
      databases.push(database);
      return openMongoReadModel({ ...options, url, database, standalone: server.source === 'given' });
    },
    javaServer ? MONGO_JAVA_SERVER : [],
  );
});
