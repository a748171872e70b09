import type { EventStoreDouble, EventStoreDoubleOptions } from './eventstoredb-double.js';

/**
 * Starts an in-process EventStoreDB server (see eventstoredb-double.ts) on a free port of 127.0.0.1, without TLS and
 * logins. Loaded with the call: tests that need no server do not pay for gRPC.
 */
export async function startEventStoreDouble(options?: EventStoreDoubleOptions): Promise<EventStoreDouble> {
  const { startServer } = await import('./eventstoredb-double.js');
  return startServer(options);
}
