// A TCP proxy that fails on demand, to stand between an adapter and its server. It knows no protocol: it delays, holds,
// loses and cuts bytes. On loopback only, and only before servers on loopback.
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

type Direction = 'to-server' | 'to-client';

/** What happens to the bytes, open connections included, until another fault takes its place. */
export type ProxyFault =
  /** Every byte arrives `delayMs` later, and up to `jitterMs` more; their order stays. */
  | { readonly kind: 'latency'; readonly delayMs: number; readonly jitterMs?: number }
  /** So many bytes a second, of each connection and direction. */
  | { readonly kind: 'throttle'; readonly bytesPerSecond: number }
  /** A partition: connections are accepted, bytes are held. They arrive once it has ended, as TCP would repeat them. */
  | { readonly kind: 'black-hole'; readonly direction?: Direction }
  /** Bytes are lost: replies, for requests that are delivered. The connections that lost any are reset afterwards. */
  | { readonly kind: 'drop'; readonly direction: Direction }
  /** The server's side is gone and the client is not told. A connection is reset if it is used afterwards. */
  | { readonly kind: 'half-open' }
  /** Each connection is reset, on both sides, after so many further bytes: in the middle of a message. */
  | { readonly kind: 'cut'; readonly direction: Direction; readonly afterBytes: number }
  /** Nothing listens: open connections are reset, new ones refused. */
  | { readonly kind: 'refuse' };

export type FaultProxy = {
  /** The target's address, with the proxy in the server's place. */
  readonly url: string;
  /** Takes the place of the fault before; `undefined` heals. */
  readonly set: (fault: ProxyFault | undefined) => Promise<void>;
  readonly status: () => {
    readonly open: number;
    readonly accepted: number;
    readonly resets: number;
    readonly bytesToServer: number;
    readonly bytesToClient: number;
  };
  readonly stop: () => Promise<void>;
};

type Link = {
  readonly lostBytes: () => boolean;
  /** Goes on under another fault, or without one. */
  readonly faultChanged: () => void;
  readonly reset: () => void;
};

const MAX_HELD_BYTES = 1024 * 1024;
const THROTTLE_STEPS_PER_SECOND = 20;

/**
 * Stands before the server at `target`: an address of any scheme with a port of this machine, such as
 * `esdb://127.0.0.1:2113?tls=false`. `random` (0 to 1) makes the jitter. Clients that learn addresses from the server
 * itself must be told not to: `directConnection=true` for MongoDB.
 */
export async function startFaultProxy({
  target,
  random = Math.random,
}: {
  readonly target: string;
  readonly random?: () => number;
}): Promise<FaultProxy> {
  const [, before, host, port] = /^([^/]*\/\/(?:[^/@]*@)?)(127\.0\.0\.1|localhost):(\d+)/.exec(target) ?? [];
  if (before === undefined || host === undefined || port === undefined)
    throw new Error(
      'the fault proxy stands before a server on this machine alone: …//127.0.0.1:port or …//localhost:port',
    );

  const links = new Set<Link>();
  let fault: ProxyFault | undefined;
  let accepted = 0;
  let resets = 0;
  const bytes = { 'to-server': 0, 'to-client': 0 };

  /** Whether what happens on one side stays unknown on the other. */
  const severed = (direction: Direction): boolean =>
    fault?.kind === 'half-open' ||
    (fault?.kind === 'black-hole' && (fault.direction === undefined || fault.direction === direction));
  const partitioned = (): boolean => severed('to-server') && severed('to-client');

  const accept = (client: Socket): void => {
    accepted++;
    let server: Socket | undefined;
    let orphaned = false; // the server's side is gone, the client has not been told
    let doomed = false; // to be reset once the other side may know
    let ended = 0;
    const pipes: Pipe[] = [];

    const end = (): void => {
      links.delete(link);
      for (const pipe of pipes) pipe.stop();
    };
    const reset = (): void => {
      if (!links.has(link)) return;
      end();
      resets++;
      for (const socket of [client, server]) socket?.resetAndDestroy();
    };
    const pipe = (from: Socket, to: Socket, direction: Direction): Pipe =>
      createPipe({
        from,
        to,
        // A fault of the other direction is none here.
        fault: () =>
          fault && 'direction' in fault && (fault.direction ?? direction) !== direction ? undefined : fault,
        random,
        passed: (count) => {
          bytes[direction] += count;
        },
        cut: reset,
        ended: () => {
          if (++ended === 2) end();
        },
      });
    const open = (): void => {
      if (server || orphaned || partitioned()) return;
      server = connect({ host: '127.0.0.1', port: Number(port), allowHalfOpen: true, noDelay: true });
      server.on('error', () => undefined); // 'close' follows
      server.on('close', () => {
        if (severed('to-client')) doomed = true;
        else reset();
      });
      pipes.push(pipe(client, server, 'to-server'), pipe(server, client, 'to-client'));
    };
    const orphan = (): void => {
      orphaned = true;
      for (const one of pipes.splice(0)) one.stop();
      server?.removeAllListeners('close').resetAndDestroy();
      client.on('data', () => {
        if (partitioned()) doomed = true;
        else reset();
      });
      client.resume();
    };

    const link: Link = {
      lostBytes: () => pipes.some((one) => one.lostBytes()),
      faultChanged: () => {
        if (doomed && !partitioned()) return reset();
        if (fault?.kind === 'cut' && fault.afterBytes === 0) return reset();
        if (fault?.kind === 'half-open' && !orphaned) orphan();
        open();
        for (const one of pipes) one.wake();
      },
      reset,
    };
    links.add(link);
    client.setNoDelay(true);
    client.on('error', () => undefined); // 'close' follows
    client.on('close', () => {
      if (severed('to-server') && !orphaned) doomed = true;
      else reset();
    });
    link.faultChanged();
  };

  const listen = async (at: number): Promise<Server> => {
    const listener = createServer({ allowHalfOpen: true }, accept);
    listener.listen(at, '127.0.0.1');
    await once(listener, 'listening');
    return listener;
  };
  const close = async (listener: Server): Promise<void> => {
    const closed = once(listener, 'close');
    listener.close();
    for (const link of links) link.reset();
    await closed;
  };

  let listener: Server | undefined = await listen(0);
  const ownPort = (listener.address() as AddressInfo).port;
  return {
    url: target.replace(`${before}${host}:${port}`, `${before}127.0.0.1:${ownPort}`),
    set: async (next) => {
      fault = next;
      if (next?.kind === 'refuse') {
        if (listener) await close(listener);
        listener = undefined;
        return;
      }
      listener ??= await listen(ownPort);
      for (const link of links) {
        if (next?.kind !== 'drop' && link.lostBytes()) link.reset();
        else link.faultChanged();
      }
    },
    status: () => ({
      open: links.size,
      accepted,
      resets,
      bytesToServer: bytes['to-server'],
      bytesToClient: bytes['to-client'],
    }),
    stop: async () => {
      if (listener) await close(listener);
      listener = undefined;
    },
  };
}

type Pipe = { readonly wake: () => void; readonly stop: () => void; readonly lostBytes: () => boolean };

/** One direction of one connection: a bounded queue of what has arrived, and a loop that passes it on. */
function createPipe({
  from,
  to,
  fault,
  random,
  passed,
  cut,
  ended,
}: {
  readonly from: Socket;
  readonly to: Socket;
  readonly fault: () => ProxyFault | undefined;
  readonly random: () => number;
  readonly passed: (count: number) => void;
  readonly cut: () => void;
  readonly ended: () => void;
}): Pipe {
  const queue: { readonly chunk: Buffer; readonly arrivedAt: number; readonly luck: number }[] = [];
  let held = 0;
  let over = false;
  let lost = false;
  let stopped = false;
  let running = false;
  let budget: { readonly of: ProxyFault; left: number } | undefined;
  let releasedAt = 0; // jitter lets no byte overtake another
  let wake = (): void => undefined;

  const change = (limitMs?: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = limitMs === undefined ? undefined : setTimeout(resolve, limitMs);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  const write = async (chunk: Buffer): Promise<void> => {
    passed(chunk.length);
    if (to.write(chunk) || to.destroyed) return;
    const waiting = new AbortController();
    const { signal } = waiting;
    await Promise.race([once(to, 'drain', { signal }), once(to, 'close', { signal })]).catch(() => undefined);
    waiting.abort();
  };
  const takeUpTo = (count: number): Buffer => {
    const first = queue.shift();
    if (!first) return Buffer.alloc(0);
    const chunk = first.chunk.subarray(0, count);
    if (chunk.length < first.chunk.length) queue.unshift({ ...first, chunk: first.chunk.subarray(count) });
    held -= chunk.length;
    if (held < MAX_HELD_BYTES) from.resume();
    return chunk;
  };

  const run = async (): Promise<void> => {
    if (running) return;
    running = true;
    for (;;) {
      const first = queue[0];
      if (stopped || !(first ?? over)) break;
      const now = fault();
      if (now?.kind === 'black-hole') {
        await change();
        continue;
      }
      if (!first) {
        to.end();
        stopped = true;
        ended();
        break;
      }
      switch (now?.kind) {
        case 'drop':
          takeUpTo(Infinity);
          lost = true;
          break;
        case 'latency': {
          releasedAt = Math.max(releasedAt, first.arrivedAt + now.delayMs + first.luck * (now.jitterMs ?? 0));
          const waitMs = releasedAt - performance.now();
          if (waitMs > 0) await change(waitMs);
          else await write(takeUpTo(Infinity));
          break;
        }
        case 'throttle':
          await write(takeUpTo(Math.max(1, Math.floor(now.bytesPerSecond / THROTTLE_STEPS_PER_SECOND))));
          await sleep(1_000 / THROTTLE_STEPS_PER_SECOND);
          break;
        case 'cut': {
          if (budget?.of !== now) budget = { of: now, left: now.afterBytes };
          const chunk = takeUpTo(budget.left);
          budget.left -= chunk.length;
          if (chunk.length > 0) await write(chunk);
          if (budget.left === 0) cut();
          break;
        }
        default:
          await write(takeUpTo(Infinity));
      }
    }
    running = false;
  };

  from.on('data', (chunk: Buffer) => {
    if (stopped) return;
    queue.push({ chunk, arrivedAt: performance.now(), luck: random() });
    held += chunk.length;
    if (held >= MAX_HELD_BYTES) from.pause();
    void run();
  });
  from.on('end', () => {
    over = true;
    void run();
  });
  return {
    wake: () => {
      wake();
      void run();
    },
    stop: () => {
      stopped = true;
      wake();
    },
    lostBytes: () => lost,
  };
}
