// One connection of the event store's client, with the guards that 6.2.1 needs. Everything that touches its inner life
// is in this file; another client replaces it as a whole.
import type { Readable } from 'node:stream';
import { EventStoreDBClient } from '@eventstore/db-client';

export type GuardedClient = {
  readonly client: EventStoreDBClient;
  /** Cancels every open call and closes the connection. Never rejects, never waits for ever. */
  readonly dispose: () => Promise<void>;
};

const DISPOSE_MS = 1_000;

/** What the client keeps `protected`: the way it opens its streams, and its channel. */
type Internals = {
  GRPCStreamCreator: (
    service: unknown,
    name: string,
    create: (client: BatchAppendClient) => unknown,
    cache?: unknown,
  ) => () => Promise<unknown>;
  readonly getChannel: () => Promise<{ readonly close: () => void }>;
};
type BatchAppendClient = { readonly batchAppend: (...args: unknown[]) => Readable };

/**
 * Connects lazily. Throws an Error that says what is wrong with the connection string (never its password).
 *
 * `onStrayReply` is called when a reply arrives for an append that nobody waits for any more: late, or a second time.
 * The client's listener throws then (TypeError: undefined is not iterable), outside of any promise: the process would
 * end, and with an exception handler in place every later append of this connection would hang. Caught here, where it
 * is thrown, the connection reads on; any other exception still ends the process.
 */
export function connectGuarded(connectionString: string, onStrayReply: (error: unknown) => void): GuardedClient {
  let client: EventStoreDBClient;
  try {
    client = EventStoreDBClient.connectionString(connectionString);
  } catch (error) {
    const reason = (error as Error).message.replace(/\/\/[^@/]*@/g, '//…@'); // and no cause: it may hold the password
    // oxlint-disable-next-line preserve-caught-error
    throw new Error(
      `the connection string of the event store cannot be used: ${reason}. It looks like ` +
        'esdb://host:2113?tls=false, or esdb+discover://… for a cluster',
    );
  }
  const internals = client as unknown as Internals;
  const openStream = internals.GRPCStreamCreator;
  internals.GRPCStreamCreator = (service, name, create, cache) =>
    openStream(
      service,
      name,
      name === 'appendToStream' ? (grpc) => create(guardBatchAppend(grpc, onStrayReply)) : create,
      cache,
    );
  return {
    client,
    dispose: () =>
      within(
        DISPOSE_MS,
        client
          .dispose()
          .then(() => internals.getChannel())
          .then((channel) => channel.close()),
      ),
  };
}

function guardBatchAppend(client: BatchAppendClient, onStrayReply: (error: unknown) => void): BatchAppendClient {
  return {
    batchAppend: (...args) => {
      const call = client.batchAppend(...args);
      const on = call.on.bind(call) as (event: string, listener: (...args: unknown[]) => void) => Readable;
      call.on = ((event: string, listener: (...args: unknown[]) => void) => {
        if (event !== 'data') return on(event, listener);
        return on(event, (reply) => {
          try {
            listener(reply);
          } catch (error) {
            onStrayReply(error);
          }
        });
      }) as typeof call.on;
      return call;
    },
  };
}

/** Waits for work whose outcome does not matter, but not for ever. */
export async function within(limitMs: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([timeout, work.catch(() => undefined)]);
  clearTimeout(timer);
}
