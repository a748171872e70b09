// Readers of the event stream (SSE) over raw sockets.
import { connect } from 'node:net';
import { once } from 'node:events';

/** A reader of public events after a position. `stalled`: it takes nothing off its socket. */
export async function openReader(port, token, after, { stalled = false } = {}) {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  const received = [];
  let rest = '';
  socket.on('error', () => {});
  socket.write(
    `GET /api/events?after=${encodeURIComponent(after)} HTTP/1.1\r\nhost: cairn\r\naccept: text/event-stream\r\nauthorization: Bearer ${token}\r\n\r\n`,
  );
  if (stalled) return { received, close: () => socket.destroy() };
  const opened = Promise.withResolvers();
  socket.setEncoding('utf8');
  socket.on('data', (chunk) => {
    opened.resolve();
    const now = performance.now();
    rest += chunk;
    const lines = rest.split('\n');
    rest = lines.pop();
    // Chunk sizes stand on lines of their own between those of the stream.
    for (const line of lines)
      if (line.startsWith('data: ')) received.push({ id: /"id":"([^"]+)"/.exec(line)?.[1], now });
  });
  socket.on('close', () => opened.reject(new Error('the server closed a stream of events')));
  await opened.promise;
  opened.promise.catch(() => {});
  return { received, close: () => socket.destroy() };
}
