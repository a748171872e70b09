// HTTP/1.1 over raw keep-alive sockets: the load generator must cost far less than what it measures.
import { connect } from 'node:net';
import { once } from 'node:events';

const END_OF_HEAD = Buffer.from('\r\n\r\n');

/** Servers close connections that lie idle, and a request may cross that on its way: after so long it gets a new one. */
const IDLE_MS = 2_000;

/** One connection, one request at a time. One that lay idle, or that the server closed meanwhile, is opened anew. */
export async function openConnection(port, token) {
  const authorization = token === undefined ? '' : `authorization: Bearer ${token}\r\n`;
  let waiting;
  let socket;
  let usedAt = performance.now();
  const open = async () => {
    const opened = connect({ port, host: '127.0.0.1', noDelay: true });
    let received = Buffer.alloc(0);
    const over = (error) => {
      opened.destroy();
      if (socket !== opened) return;
      socket = undefined;
      waiting?.reject(error);
      waiting = undefined;
    };
    opened.on('error', over);
    opened.on('close', () => over(new Error('the server closed the connection')));
    opened.on('data', (chunk) => {
      // Not asked for: the server's word that the connection lay idle for too long.
      if (!waiting) return over(new Error('an answer to nothing'));
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      const end = received.indexOf(END_OF_HEAD);
      if (end < 0) return undefined;
      const head = received.latin1Slice(0, end);
      const length = /^content-length: *(\d+)/im.exec(head);
      if (!length) return over(new Error(`an answer without content-length: ${head.slice(0, 200)}`));
      const whole = end + 4 + Number(length[1]);
      if (received.length < whole) return undefined;
      const text = received.utf8Slice(end + 4, whole);
      received = received.subarray(whole);
      const { resolve } = waiting;
      waiting = undefined;
      usedAt = performance.now();
      return resolve({ status: Number(head.slice(9, 12)), head, text });
    });
    await once(opened, 'connect');
    socket = opened;
  };
  await open();
  return {
    request: async (method, path, body, headers = '') => {
      if (socket && performance.now() - usedAt > IDLE_MS) {
        socket.destroy();
        socket = undefined;
      }
      if (!socket) await open();
      const payload = body === undefined ? '' : JSON.stringify(body);
      const type =
        body === undefined ? '' : `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(payload)}\r\n`;
      return new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        socket.write(`${method} ${path} HTTP/1.1\r\nhost: cairn\r\n${authorization}${type}${headers}\r\n${payload}`);
      });
    },
    close: () => socket?.destroy(),
  };
}

export async function openPool(port, token, size) {
  const connections = await Promise.all(Array.from({ length: size }, () => openConnection(port, token)));
  return { connections, close: () => connections.forEach((connection) => connection.close()) };
}

/** Sends `next(i)` on every connection as soon as it is free, for `seconds` or until `count` were sent. */
export async function closedLoop(pool, { seconds = Infinity, count = Infinity, next, onAnswer }) {
  const latencies = [];
  const refused = {};
  let ok = 0;
  let sent = 0;
  const began = performance.now();
  const end = began + seconds * 1000;
  await Promise.all(
    pool.connections.map(async (connection) => {
      while (sent < count && performance.now() < end) {
        const i = sent++;
        const { method = 'POST', path, body } = next(i);
        const start = performance.now();
        const answer = await connection.request(method, path, body);
        latencies.push(performance.now() - start);
        if (answer.status < 300) ok++;
        else refused[answer.status] = (refused[answer.status] ?? 0) + 1;
        onAnswer?.(answer, i);
      }
    }),
  );
  const elapsed = (performance.now() - began) / 1000;
  return { ok, sent, refused, latencies, seconds: elapsed, perSecond: ok / elapsed };
}

/** Sends `rate` a second whatever comes back; latency counts from when a request was due (no coordinated omission). */
export async function openLoop(pool, { rate, seconds, next, onAnswer }) {
  const idle = [...pool.connections];
  const waitingForOne = [];
  const latencies = [];
  const refused = {};
  const running = [];
  let ok = 0;
  const total = Math.floor(rate * seconds);
  const began = performance.now();
  const send = async (i, due) => {
    const connection = idle.pop() ?? (await new Promise((free) => waitingForOne.push(free)));
    const { method = 'POST', path, body } = next(i);
    const start = performance.now();
    const answer = await connection.request(method, path, body);
    const end = performance.now();
    latencies.push(end - due);
    if (answer.status < 300) ok++;
    else refused[answer.status] = (refused[answer.status] ?? 0) + 1;
    const waiter = waitingForOne.shift();
    if (waiter) waiter(connection);
    else idle.push(connection);
    onAnswer?.(answer, i, end - start);
  };
  for (let i = 0; i < total;) {
    const now = performance.now();
    for (; i < total && began + (i * 1000) / rate <= now; i++) running.push(send(i, began + (i * 1000) / rate));
    await new Promise((done) => setTimeout(done, 1));
  }
  await Promise.all(running);
  const elapsed = (performance.now() - began) / 1000;
  return { ok, sent: total, refused, latencies, seconds: elapsed, perSecond: ok / elapsed };
}
