// P0: what this machine, runtime and store can do at best, measured minutes before and after what is held against it.
import 'reflect-metadata';
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Body, Controller, Module, Post, ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { IsInt, IsString, Max, MaxLength, Min } from 'class-validator';
import { CompactSign, compactVerify, generateKeyPair } from 'jose';
import { percentile } from './arithmetic.ts';
import { answerAsks } from './child.mjs';

const directory = mkdtempSync(join(process.argv[2], 'limits-'));
// As large as a stored completion.
const DATA = JSON.stringify({ learnerId: crypto.randomUUID(), moduleId: crypto.randomUUID(), text: 'x'.repeat(180) });
const META = JSON.stringify({ correlation: crypto.randomUUID(), actor: crypto.randomUUID(), text: 'x'.repeat(230) });

/** Runs `step` for `ms`; what one took, and how many a second. */
async function repeat(ms, step) {
  const took = [];
  const began = performance.now();
  const end = began + ms;
  for (let start = began; start < end;) {
    const pending = step(took.length);
    if (pending) await pending;
    const now = performance.now();
    took.push(now - start);
    start = now;
  }
  return { took, perSecond: (took.length * 1000) / (performance.now() - began) };
}

async function c1n(ms) {
  const file = openSync(join(directory, 'c1n'), 'a');
  const kilobyte = Buffer.alloc(1024, 'x');
  const { took, perSecond } = await repeat(ms, () => {
    writeSync(file, kilobyte);
    fdatasyncSync(file);
  });
  closeSync(file);
  return { p50Ms: percentile(took, 0.5), p99Ms: percentile(took, 0.99), perSecond };
}

function openStore(name) {
  const db = new DatabaseSync(join(directory, name));
  db.exec(`PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    CREATE TABLE IF NOT EXISTS events (position INTEGER PRIMARY KEY AUTOINCREMENT, stream TEXT NOT NULL,
      revision INTEGER NOT NULL, id TEXT NOT NULL UNIQUE, data TEXT NOT NULL, meta TEXT NOT NULL,
      UNIQUE (stream, revision)) STRICT`);
  return db;
}

async function c2(ms, perCommit) {
  const db = openStore(`c2-${perCommit}-${performance.now()}`);
  const begin = db.prepare('BEGIN IMMEDIATE');
  const commit = db.prepare('COMMIT');
  const insert = db.prepare('INSERT INTO events (stream, revision, id, data, meta) VALUES (?, ?, ?, ?, ?)');
  let row = 0;
  const { perSecond } = await repeat(ms, () => {
    begin.run();
    for (let i = 0; i < perCommit; i++, row++)
      insert.run(`record-0.${row % 1_000}`, Math.floor(row / 1_000), crypto.randomUUID(), DATA, META);
    commit.run();
  });
  db.close();
  return perSecond * perCommit;
}

async function c4() {
  const ROWS = 30_000;
  const db = openStore(`c4-${performance.now()}`);
  const insert = db.prepare('INSERT INTO events (stream, revision, id, data, meta) VALUES (?, ?, ?, ?, ?)');
  db.exec('BEGIN');
  for (let i = 0; i < ROWS; i++)
    insert.run(`record-0.${i % 1_500}`, Math.floor(i / 1_500), crypto.randomUUID(), DATA, META);
  db.exec('COMMIT');
  const parsed = (rows) =>
    rows.reduce((sum, row) => sum + Object.keys(JSON.parse(row[0])).length + (JSON.parse(row[1]) ? 1 : 0), 0);
  const page = db.prepare('SELECT data, meta FROM events WHERE position > ? ORDER BY position LIMIT 1000');
  page.setReturnArrays(true);
  const whole = await repeat(400, () => {
    for (let after = 0; after < ROWS; after += 1_000) parsed(page.all(after));
  });
  const stream = db.prepare('SELECT data, meta FROM events WHERE stream = ? ORDER BY revision');
  stream.setReturnArrays(true);
  const streams = await repeat(300, (i) => void parsed(stream.all(`record-0.${(i * 7) % 1_500}`)));
  db.close();
  return { events: whole.perSecond * ROWS, streams: streams.perSecond };
}

async function c7(ms) {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const payload = new TextEncoder().encode(JSON.stringify({ credential: 'x'.repeat(2_000) }));
  const sign = () => new CompactSign(payload).setProtectedHeader({ alg: 'ES256' }).sign(privateKey);
  const jws = await sign();
  const sixteen = (act) => () => Promise.all(Array.from({ length: 16 }, act));
  const alone = await repeat(ms, sign);
  const together = await repeat(ms, sixteen(sign));
  const verify = await repeat(ms, () => compactVerify(jws, publicKey));
  return { signAlone: alone.perSecond, sign: together.perSecond * 16, verify: verify.perSecond };
}

/** Decorators as functions: this file is run as it is. */
function decorated(target, property, ...decorators) {
  for (const decorator of decorators)
    decorator(target.prototype, property, Object.getOwnPropertyDescriptor(target.prototype, property));
}
class CompleteDto {}
const members = {
  module: [IsString(), MaxLength(64)],
  occurredAt: [IsString(), MaxLength(40)],
  score: [IsInt(), Min(0), Max(100)],
};
for (const [name, decorators] of Object.entries(members))
  for (const decorator of decorators) decorator(CompleteDto.prototype, name);
class BareController {
  complete(body) {
    return { id: body.module, revision: 1, outcome: 'recorded', events: [] };
  }
}
Controller('bare')(BareController);
decorated(BareController, 'complete', Post());
Body()(BareController.prototype, 'complete', 0);
Reflect.defineMetadata('design:paramtypes', [CompleteDto], BareController.prototype, 'complete');
class BareModule {}
Module({ controllers: [BareController] })(BareModule);

const app = await NestFactory.create(BareModule, new FastifyAdapter(), { logger: false });
app.useGlobalPipes(new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true, transform: true }));
await app.listen(0, '127.0.0.1');

answerAsks(
  {
    store: async (ms) => ({
      C1n: await c1n(ms),
      C2: await c2(ms, 1),
      C2g: await c2(ms, 10),
      ...(({ events, streams }) => ({ C4: events, C4s: streams }))(await c4()),
    }),
    proofs: (ms) => c7(ms),
    port: () => app.getHttpServer().address().port,
  },
  async () => {
    await app.close();
    rmSync(directory, { recursive: true, force: true });
  },
);
