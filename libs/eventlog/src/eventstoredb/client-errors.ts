// The client's errors in the port's terms. Both of its shapes occur: command errors with a `type`, and plain errors of
// the transport with a numeric `code` alone; so every rule looks at both.
import { LogUnavailable } from '../port.js';

type ClientError = Error & {
  readonly type?: string;
  readonly code?: number;
  readonly actualVersion?: bigint | 'no_stream';
  readonly maxAppendSize?: number;
};

export type AppendFault =
  | { readonly kind: 'conflict'; readonly actual: number }
  /** The server refused, or was never reached: nothing of this attempt was written or will be. */
  | { readonly kind: 'not-written'; readonly error: LogUnavailable | RangeError }
  /** The server that answered does not lead: nothing was written, and the client now knows who does. */
  | { readonly kind: 'not-leader' }
  /** The events may be there, or may still arrive. */
  | { readonly kind: 'unknown'; readonly error: LogUnavailable };

/** The attempt got no answer in time. */
export class NoAnswer extends Error {}

export function appendFault(error: unknown, stream: string): AppendFault {
  const fault = error as ClientError;
  const unavailable = (outcome: 'not-written' | 'unknown', detail: string): LogUnavailable =>
    new LogUnavailable(outcome, detail, { cause: error });
  switch (fault.type) {
    case 'wrong-expected-version':
      return { kind: 'conflict', actual: typeof fault.actualVersion === 'bigint' ? Number(fault.actualVersion) : -1 };
    case 'maximum-append-size-exceeded':
      return {
        kind: 'not-written',
        error: new RangeError(
          `the server takes at most ${fault.maxAppendSize} bytes an append, less than this log promises: raise its ` +
            'MaxAppendSize to 1,048,576 or more',
        ),
      };
    case 'not-leader':
      return { kind: 'not-leader' };
    case 'stream-deleted':
      return { kind: 'not-written', error: unavailable('not-written', `somebody has tombstoned "${stream}" for good`) };
  }
  if (isDenied(fault)) return { kind: 'not-written', error: unavailable('not-written', ACCESS_DENIED) };
  if (neverReached(fault)) return { kind: 'not-written', error: unavailable('not-written', describe(fault)) };
  return { kind: 'unknown', error: unavailable('unknown', describe(fault)) };
}

/** A fault of a read or of a feed: nothing was to be written, so `not-written` is the truth. */
export function readFault(error: unknown): LogUnavailable {
  if (error instanceof LogUnavailable) return error;
  const fault = error as ClientError;
  const detail = isDenied(fault) ? ACCESS_DENIED : describe(fault);
  return new LogUnavailable('not-written', detail, { cause: error });
}

export const isMissingStream = (error: unknown): boolean => (error as ClientError).type === 'stream-not-found';

/** A live subscription that lagged too far behind is dropped by servers up to 23. */
export const isTooSlow = (error: unknown): boolean =>
  (error as ClientError).code === 10 && /too slow/i.test((error as Error).message);

/** gRPC's PERMISSION_DENIED and UNAUTHENTICATED, which a proxy or a server without trailers may give without a type. */
const isDenied = ({ type, code }: ClientError): boolean => type === 'access-denied' || code === 7 || code === 16;

const ACCESS_DENIED =
  'the event store denied access: check user, password and rights in the connection string, and that TLS is on (an ' +
  'insecure connection sends no credentials)';

function neverReached({ code, message }: ClientError): boolean {
  if (/No connection established|ECONNREFUSED|Failed to discover|Name resolution failed/i.test(message)) return true;
  return (code === 14 || code === undefined) && /Server Is Not Ready/i.test(message);
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();

function describe(error: ClientError): string {
  if (error instanceof NoAnswer) return `the event store ${error.message}`;
  if (/SSL routines|wrong version number|certificate/i.test(error.message))
    return (
      `no TLS connection to the event store (${oneLine(error.message)}): it speaks no TLS (tls=false in the connection ` +
      'string), or shows a certificate that is not trusted (tlsCAFile)'
    );
  if (neverReached(error))
    return /Not Ready/i.test(error.message)
      ? 'the event store is starting and not ready yet: try again in a moment'
      : `the event store cannot be reached (${oneLine(error.message)}): check that it runs, its address, and whether it expects TLS; one whose disk is full has ended itself, and starts once there is room`;
  if (error.code === 8) return `the event store refuses for now, it is overloaded (${error.message})`;
  return `the event store failed: ${error.message || error.type || 'no reason given'}`;
}
