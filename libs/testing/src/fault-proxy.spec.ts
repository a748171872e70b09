// Each fault, with plain sockets: an echo server behind the proxy, and what both sides see.
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { startFaultProxy, type FaultProxy } from './fault-proxy.js';

let server: Server;
let proxy: FaultProxy;
let serverSide: { readonly socket: Socket; received: string; error?: string }[];
const clients: Socket[] = [];

beforeEach(async () => {
  serverSide = [];
  server = createServer((socket) => {
    const side: (typeof serverSide)[number] = { socket, received: '' };
    serverSide.push(side);
    socket.on('error', (error: NodeJS.ErrnoException) => (side.error = error.code ?? ''));
    socket.on('data', (chunk) => {
      side.received += String(chunk);
      socket.write(chunk);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  proxy = await startFaultProxy({
    target: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    random: () => 0,
  });
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await proxy.stop();
  for (const { socket } of serverSide) socket.destroy();
  server.close();
});

const dial = () => {
  const socket = connect(Number(new URL(proxy.url).port), '127.0.0.1');
  clients.push(socket);
  const seen = { text: '', error: undefined as string | undefined, ended: false };
  socket.on('data', (chunk) => (seen.text += String(chunk)));
  socket.on('error', (error: NodeJS.ErrnoException) => (seen.error = error.code));
  socket.on('end', () => (seen.ended = true));
  return { socket, seen };
};
const until = async (condition: () => boolean): Promise<void> => {
  for (const deadline = performance.now() + 5_000; !condition() && performance.now() < deadline;) await sleep(5);
  expect(condition()).toBe(true);
};
const dialled = async () => {
  const client = dial();
  client.socket.write('hello');
  await until(() => client.seen.text === 'hello');
  return client;
};

describe('the fault proxy', () => {
  test('without a fault passes bytes both ways, and the end of each side', async () => {
    const { socket, seen } = await dialled();
    const text = 'x'.repeat(3_000_000);
    socket.write(text);
    await until(() => seen.text.length === 3_000_005);
    socket.end();
    await until(() => seen.ended);
    expect(proxy.status()).toEqual({
      open: 0,
      accepted: 1,
      resets: 0,
      bytesToServer: 3_000_005,
      bytesToClient: 3_000_005,
    });
  });
  test('latency delays each way, keeps the order and much of the rate', async () => {
    const { socket, seen } = await dialled();
    await proxy.set({ kind: 'latency', delayMs: 100, jitterMs: 50 });
    const since = performance.now();
    for (let n = 0; n < 10; n++) {
      socket.write(String(n));
      await sleep(5);
    }
    await until(() => seen.text === 'hello0123456789');
    expect(performance.now() - since).toBeGreaterThan(199);
    expect(performance.now() - since).toBeLessThan(1_000); // not ten times the delay
  });
  test('throttle lets so many bytes a second through', async () => {
    const { socket, seen } = await dialled();
    await proxy.set({ kind: 'throttle', bytesPerSecond: 10_000 });
    const since = performance.now();
    socket.write('x'.repeat(5_000));
    await until(() => seen.text.length === 5_005);
    expect(performance.now() - since).toBeGreaterThan(400);
  });
  test('a black hole accepts and holds; what it held arrives afterwards', async () => {
    const { socket, seen } = await dialled();
    await proxy.set({ kind: 'black-hole' });
    const late = dial();
    await once(late.socket, 'connect');
    for (const one of [socket, late.socket]) one.write(' world');
    await sleep(100);
    expect([seen.text, late.seen.text, serverSide.length]).toEqual(['hello', '', 1]);
    await proxy.set(undefined);
    await until(() => seen.text === 'hello world' && late.seen.text === ' world');
  });
  test('a black hole of one way delivers the other one', async () => {
    const { socket, seen } = await dialled();
    await proxy.set({ kind: 'black-hole', direction: 'to-client' });
    socket.write(' world');
    await until(() => serverSide[0]?.received === 'hello world');
    await sleep(50);
    expect(seen.text).toBe('hello');
    await proxy.set(undefined);
    await until(() => seen.text === 'hello world');
  });
  test('in a black hole a side that goes is not missed; afterwards it is', async () => {
    const { seen } = await dialled();
    await proxy.set({ kind: 'black-hole' });
    serverSide[0]?.socket.resetAndDestroy();
    await sleep(100);
    expect(seen).toMatchObject({ error: undefined, ended: false });
    await proxy.set(undefined);
    await until(() => seen.error === 'ECONNRESET');
  });
  test('dropped replies: the request is delivered, the connection is reset afterwards', async () => {
    const { socket, seen } = await dialled();
    await proxy.set({ kind: 'drop', direction: 'to-client' });
    socket.write(' world');
    await until(() => serverSide[0]?.received === 'hello world');
    await sleep(50);
    expect(seen).toMatchObject({ text: 'hello', error: undefined });
    await proxy.set(undefined);
    await until(() => seen.error === 'ECONNRESET');
    expect(seen.text).toBe('hello');
  });
  test('half-open: the server has gone, the client is told when it speaks after the fault', async () => {
    const [quiet, speaking] = [await dialled(), await dialled()];
    await proxy.set({ kind: 'half-open' });
    await until(() => serverSide.every(({ error }) => error === 'ECONNRESET'));
    await sleep(50);
    expect(speaking.seen).toMatchObject({ error: undefined, ended: false });
    await proxy.set(undefined);
    speaking.socket.write('!');
    await until(() => speaking.seen.error === 'ECONNRESET');
    expect(quiet.seen.error).toBeUndefined();
    expect((await dialled()).seen.text).toBe('hello');
  });
  for (const direction of ['to-client', 'to-server'] as const)
    test(`cut ${direction}: so many bytes arrive, then both sides are reset`, async () => {
      const { socket, seen } = await dialled();
      await proxy.set({ kind: 'cut', direction, afterBytes: 3 });
      socket.write('abcdef');
      await until(() => seen.error === 'ECONNRESET' && serverSide[0]?.error === 'ECONNRESET');
      expect(direction === 'to-client' ? seen.text : serverSide[0]?.received).toBe('helloabc');
      expect(proxy.status()).toMatchObject({ open: 0, resets: 1 });
    });
  test('cut after 0 bytes resets what is open at once', async () => {
    const { seen } = await dialled();
    await proxy.set({ kind: 'cut', direction: 'to-client', afterBytes: 0 });
    await until(() => seen.error === 'ECONNRESET');
    expect(proxy.status()).toMatchObject({ open: 0, resets: 1 });
  });
  test('refuse: open connections are reset, new ones refused, until it ends', async () => {
    const { seen } = await dialled();
    await proxy.set({ kind: 'refuse' });
    await until(() => seen.error === 'ECONNRESET');
    const refused = dial();
    await until(() => refused.seen.error === 'ECONNREFUSED');
    await proxy.set({ kind: 'latency', delayMs: 1 });
    expect((await dialled()).seen.text).toBe('hello');
  });
  test('a server that refuses is passed on as a reset', async () => {
    server.close();
    const { seen } = dial();
    await until(() => seen.error === 'ECONNRESET');
    expect(serverSide).toEqual([]);
  });
  test('only before a server on this machine', async () => {
    await expect(startFaultProxy({ target: 'mongodb://example.org:27017' })).rejects.toThrow(/on this machine alone/);
  });
  test("its address is the target's, with credentials and options", async () => {
    const one = await startFaultProxy({ target: 'mongodb://user:pass@localhost:27017/db?directConnection=true' });
    expect(one.url).toMatch(/^mongodb:\/\/user:pass@127\.0\.0\.1:\d+\/db\?directConnection=true$/);
    await one.stop();
  });
});
