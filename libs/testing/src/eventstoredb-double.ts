// An EventStoreDB server for tests, in this process: the client's own generated services over gRPC on loopback, so that
// the real, unmodified client talks to it. Faithful to what was measured on real servers; where the two differ in the
// contract suite or in eventstoredb-facts.spec.ts, this one is wrong. It keeps events in memory or in a file, and breaks on demand.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRequire } from 'node:module';
import {
  Metadata,
  Server,
  ServerCredentials,
  status,
  type ServerDuplexStream,
  type ServerWritableStream,
  type ServiceDefinition,
} from '@grpc/grpc-js';
import type * as AnyTypes from 'google-protobuf/google/protobuf/any_pb.js';
import type * as EmptyTypes from 'google-protobuf/google/protobuf/empty_pb.js';
import type * as FeatureTypes from '@eventstore/db-client/generated/serverfeatures_pb.js';
import type * as SharedTypes from '@eventstore/db-client/generated/shared_pb.js';
import type * as StatusTypes from '@eventstore/db-client/generated/status_pb.js';
import type * as StreamTypes from '@eventstore/db-client/generated/streams_pb.js';

// Generated CommonJS: Node finds no names in it to import.
const require = createRequire(import.meta.url);
const streams = require('@eventstore/db-client/generated/streams_pb.js') as typeof StreamTypes;
const shared = require('@eventstore/db-client/generated/shared_pb.js') as typeof SharedTypes;
const statuses = require('@eventstore/db-client/generated/status_pb.js') as typeof StatusTypes;
const features = require('@eventstore/db-client/generated/serverfeatures_pb.js') as typeof FeatureTypes;
const { Any } = require('google-protobuf/google/protobuf/any_pb.js') as typeof AnyTypes;
const { Empty } = require('google-protobuf/google/protobuf/empty_pb.js') as typeof EmptyTypes;
const { StreamsService } = require('@eventstore/db-client/generated/streams_grpc_pb.js') as {
  readonly StreamsService: ServiceDefinition;
};
const { ServerFeaturesService } = require('@eventstore/db-client/generated/serverfeatures_grpc_pb.js') as {
  readonly ServerFeaturesService: ServiceDefinition;
};

/** What happens to an append, instead of an answer in time. */
export type AppendFaultKind =
  /** Written, never answered. */
  | 'answer-lost'
  /** Never written, never answered. */
  | 'append-lost'
  /** Written at once, answered after `lateMs`. */
  | 'late-reply'
  /** Not written, not answered, and written after `lateMs` all the same. */
  | 'late-write'
  /** Written, answered twice. */
  | 'duplicate-reply'
  /** Written, then the call is reset. */
  | 'reset'
  /** Not written: another node leads. */
  | 'not-leader'
  /** Not written: the server asks for less. */
  | 'throttled'
  /** Not written: the server is starting. */
  | 'not-ready';

/** What happens to subscriptions while it is set. */
export type FeedFaultKind =
  /** Open subscriptions go deaf for good, the calls stay open. */
  | 'silent'
  /** Live subscriptions are dropped with the error of a consumer that was too slow. */
  | 'too-slow'
  /** Every call is reset. */
  | 'reset'
  /** `fellBehind` and another `caughtUp` before every event. */
  | 'fell-behind'
  /** A checkpoint at the end of the log before every event. */
  | 'early-checkpoint';

export type EventStoreDoubleOptions = {
  /** Where the events are kept, synced before each answer, for a server that starts here again; without it in memory. */
  readonly directory?: string;
  /** Of the server before, for one that starts again. */
  readonly port?: number;
};

export type EventStoreDouble = {
  readonly connectionString: string;
  readonly port: number;
  /** The next `times` appends meet the fault; 0: none does from now on. */
  readonly failAppends: (fault: AppendFaultKind, times?: number, options?: { readonly lateMs?: number }) => void;
  readonly failFeeds: (fault: FeedFaultKind | undefined) => void;
  /** Reads stay without an answer while true. */
  readonly muteReads: (mute: boolean) => void;
  /** Every call is refused as one with wrong credentials while true, in gRPC's words: logins were not measured. */
  readonly denyAccess: (deny: boolean) => void;
  /** How many appends have arrived. */
  readonly appendsSeen: () => number;
  readonly openReads: () => number;
  readonly stop: () => Promise<void>;
};

type Stored = {
  readonly id: string;
  readonly stream: string;
  readonly revision: number;
  readonly position: number;
  readonly metadata: readonly (readonly [string, string])[];
  readonly data: Uint8Array;
  readonly custom: Uint8Array;
};
type Message = Omit<Stored, 'stream' | 'revision' | 'position'>;
type BatchCall = ServerDuplexStream<StreamTypes.BatchAppendReq, StreamTypes.BatchAppendResp>;
type ReadCall = ServerWritableStream<StreamTypes.ReadReq, StreamTypes.ReadResp>;
type Pending = {
  readonly options: StreamTypes.BatchAppendReq.Options;
  readonly messages: StreamTypes.BatchAppendReq.ProposedMessage[];
};

const MAX_APPEND_BYTES = 1_048_576;
/** Real positions are offsets in a file: they have gaps. */
const RECORD_BYTES = 120;
const TICKS_PER_MS = 10_000n;

/** See startEventStoreDouble in eventstoredb.ts. */
export async function startServer(options: EventStoreDoubleOptions = {}): Promise<EventStoreDouble> {
  const log: Stored[] = [];
  const byStream = new Map<string, Stored[]>();
  const wakers = new Set<() => void>();
  const faults: { kind: AppendFaultKind; lateMs: number }[] = [];
  let feedFault: FeedFaultKind | undefined;
  let readsMuted = false;
  let accessDenied = false;
  let appendsSeen = 0;
  let openReads = 0;
  let end = 0;

  const wake = (): void => {
    for (const waker of wakers) waker();
  };

  const store = (stream: string, messages: readonly Message[]): Stored => {
    const present = byStream.get(stream) ?? [];
    byStream.set(stream, present);
    for (const message of messages) {
      const event = { ...message, stream, revision: present.length, position: end };
      end += RECORD_BYTES + message.data.length + message.custom.length;
      present.push(event);
      log.push(event);
    }
    wake();
    return present.at(-1) as Stored;
  };
  // An empty server's log already holds an event of its own.
  store('$double', [
    {
      id: randomUUID(),
      metadata: [
        ['type', '$started'],
        ['content-type', 'application/json'],
        ['created', '0'],
      ],
      data: Buffer.from('{}'),
      custom: new Uint8Array(),
    },
  ]);

  const journal = options.directory === undefined ? undefined : openJournal(options.directory);
  for (const { stream, messages } of journal?.kept ?? []) store(stream, messages);

  /** Writes an append or says why not. */
  const write = ({ options, messages }: Pending): { success: Stored } | { error: StatusTypes.Status } => {
    const stream = Buffer.from(options.getStreamIdentifier()!.getStreamName_asU8()).toString('utf8');
    const events = messages.map((message) => ({
      id: message.getId()!.getString().toLowerCase(),
      metadata: [
        ...message.getMetadataMap().toArray(),
        ['created', String(BigInt(Date.now()) * TICKS_PER_MS)] as const,
      ],
      data: message.getData_asU8(),
      custom: message.getCustomMetadata_asU8(),
    }));
    const valid = stream !== '' && events.every(({ id, metadata }) => isUuid(id) && typeOf(metadata) !== '');
    if (!valid) return { error: errorOf(3, 'BadRequest', 'BadRequest', new shared.BadRequest()) };
    const sizeBytes = events.reduce(
      (sum, { data, custom, metadata }) => sum + data.length + custom.length + 2 * typeOf(metadata).length,
      0,
    );
    if (sizeBytes > MAX_APPEND_BYTES) {
      const details = new shared.MaximumAppendSizeExceeded().setMaxappendsize(MAX_APPEND_BYTES);
      return { error: errorOf(3, 'Maximum Append Size Exceeded', 'MaximumAppendSizeExceeded', details) };
    }
    const present = byStream.get(stream) ?? [];
    const tip = present.length - 1;
    const before = options.hasNoStream() ? -1 : Number(options.getStreamPosition());
    if (before === tip) {
      journal?.write(stream, events);
      return { success: store(stream, events) };
    }
    const there = present.slice(before + 1, before + 1 + events.length);
    const same = there.length === events.length && events.every(({ id }, index) => there[index]?.id === id);
    if (before < tip && same) return { success: there.at(-1) as Stored };
    const details = new shared.WrongExpectedVersion();
    if (tip < 0) details.setCurrentNoStream(new Empty());
    else details.setCurrentStreamRevision(String(tip));
    if (before < 0) details.setExpectedNoStream(new Empty());
    else details.setExpectedStreamPosition(String(before));
    return { error: errorOf(6, 'Wrong Expected Version', 'WrongExpectedVersion', details) };
  };

  const answer = async (call: BatchCall, correlation: string, append: Pending): Promise<void> => {
    appendsSeen++;
    const fault = faults.shift();
    const reply = new streams.BatchAppendResp()
      .setCorrelationId(new shared.UUID().setString(correlation))
      .setStreamIdentifier(append.options.getStreamIdentifier());
    switch (fault?.kind) {
      case 'append-lost':
        return;
      case 'late-write':
        await sleep(fault.lateMs);
        write(append);
        return;
      case 'not-leader':
        call.emit('error', notLeader());
        return;
      case 'throttled':
        call.emit('error', { code: status.RESOURCE_EXHAUSTED, details: 'too many requests' });
        return;
      case 'not-ready':
        reply.setError(errorOf(2, 'Server Is Not Ready', 'BadRequest', new shared.BadRequest()));
        call.write(reply);
        return;
    }
    const outcome = write(append);
    if ('error' in outcome) reply.setError(outcome.error);
    else {
      const position = new shared.AllStreamPosition()
        .setCommitPosition(String(outcome.success.position))
        .setPreparePosition(String(outcome.success.position));
      reply.setSuccess(
        new streams.BatchAppendResp.Success()
          .setCurrentRevision(String(outcome.success.revision))
          .setPosition(position),
      );
    }
    switch (fault?.kind) {
      case 'answer-lost':
        return;
      case 'reset':
        call.emit('error', { code: status.INTERNAL, details: 'Received RST_STREAM with code 0' });
        return;
      case 'late-reply':
        await sleep(fault.lateMs);
    }
    if (call.cancelled) return;
    call.write(reply);
    if (fault?.kind === 'duplicate-reply') call.write(reply);
  };

  const batchAppend = (call: BatchCall): void => {
    const unfinished = new Map<string, Pending>();
    call.on('error', () => undefined); // the client went away
    call.on('data', (request: StreamTypes.BatchAppendReq) => {
      if (accessDenied) {
        call.emit('error', unauthenticated);
        return;
      }
      const correlation = request.getCorrelationId()!.getString();
      const append = unfinished.get(correlation) ?? { options: request.getOptions()!, messages: [] };
      append.messages.push(...request.getProposedMessagesList());
      unfinished.set(correlation, append);
      if (!request.getIsFinal()) return;
      unfinished.delete(correlation);
      void answer(call, correlation, append);
    });
    call.on('end', () => call.end());
  };

  const read = async (call: ReadCall): Promise<void> => {
    openReads++;
    call.on('error', () => undefined);
    call.once('cancelled', wake);
    try {
      if (accessDenied) throw unauthenticated;
      const options = call.request.getOptions()!;
      if (options.hasSubscription()) await serveFeed(call, options);
      else if (readsMuted) await once(call, 'cancelled');
      else if (options.hasStream()) await serveStream(call, options);
      else await serveAll(call, options);
    } catch (error) {
      call.emit('error', error);
    } finally {
      openReads--;
    }
  };

  const serveStream = async (call: ReadCall, options: StreamTypes.ReadReq.Options): Promise<void> => {
    const wanted = options.getStream()!;
    const stream = Buffer.from(wanted.getStreamIdentifier()!.getStreamName_asU8()).toString('utf8');
    const present = byStream.get(stream);
    if (!present) {
      const missing = new streams.ReadResp.StreamNotFound().setStreamIdentifier(wanted.getStreamIdentifier());
      await send(call, new streams.ReadResp().setStreamNotFound(missing));
      call.end();
      return;
    }
    const backwards = options.getReadDirection() === streams.ReadReq.Options.ReadDirection.BACKWARDS;
    const count = Number(options.getCount());
    const from = wanted.hasStart() ? 0 : wanted.hasEnd() ? Infinity : Number(wanted.getRevision());
    const found = backwards ? present.slice(0, from + 1).toReversed() : present.slice(from);
    for (const event of found.slice(0, count)) await send(call, eventResponse(event));
    call.end();
  };

  const serveAll = async (call: ReadCall, options: StreamTypes.ReadReq.Options): Promise<void> => {
    const all = options.getAll()!;
    const backwards = options.getReadDirection() === streams.ReadReq.Options.ReadDirection.BACKWARDS;
    let from = all.hasStart() ? 0 : log.length;
    if (all.hasPosition()) {
      const position = Number(all.getPosition()!.getCommitPosition());
      from = indexOf(position);
      // Forwards there is nothing yet beyond the tip; anywhere else a place between two events is none.
      if (from < 0 && !backwards && position > (log.at(-1) as Stored).position) from = log.length;
      if (from < 0) throw { code: status.UNKNOWN, details: 'Unexpected ReadAllResult: InvalidPosition' };
    }
    // Inclusive forwards, exclusive backwards.
    const found = backwards ? log.slice(0, from).toReversed() : log.slice(from);
    for (const event of found.slice(0, Number(options.getCount()))) await send(call, eventResponse(event));
    call.end();
  };

  const serveFeed = async (call: ReadCall, options: StreamTypes.ReadReq.Options): Promise<void> => {
    const matches = matcherOf(options);
    const filter = options.getFilter();
    const window = filter?.getMax() || 32;
    const interval = window * (filter?.getCheckpointintervalmultiplier() || 1);
    const all = options.getAll()!;
    const registeredAt = log.length;
    let next = all.hasStart()
      ? 0
      : all.hasEnd()
        ? log.length
        : indexOf(Number(all.getPosition()!.getCommitPosition())) + 1;
    /** Where the last event sent stands, or the beginning of the page that was searched last. */
    let checkpoint = log[next - 1]?.position ?? -1;
    let toldCheckpoint = -1;

    const tell = async (position: number): Promise<void> => {
      if (!filter || position <= toldCheckpoint) return;
      toldCheckpoint = position;
      await send(call, checkpointResponse(position));
    };
    const deliver = async (event: Stored): Promise<void> => {
      if (feedFault === 'fell-behind') {
        await send(call, new streams.ReadResp().setFellBehind(new streams.ReadResp.FellBehind()));
        await send(call, new streams.ReadResp().setCaughtUp(new streams.ReadResp.CaughtUp()));
      }
      if (feedFault === 'early-checkpoint') await send(call, checkpointResponse((log.at(-1) as Stored).position));
      await send(call, eventResponse(event));
      checkpoint = event.position;
    };
    const fail = async (live: boolean): Promise<void> => {
      if (feedFault === 'reset') throw { code: status.INTERNAL, details: 'Received RST_STREAM with code 0' };
      if (feedFault === 'too-slow' && live)
        throw { code: status.ABORTED, details: 'Operation timed out: Consumer too slow to handle event while live' };
      if (feedFault === 'silent' && !call.cancelled) await once(call, 'cancelled');
    };

    const confirmation = new streams.ReadResp.SubscriptionConfirmation().setSubscriptionId(randomUUID());
    await send(call, new streams.ReadResp().setConfirmation(confirmation));
    // Catching up, by pages that begin at the checkpoint itself. A page without a match moves it to its own beginning;
    // the last page tells it once more.
    let considered = 0;
    for (let from = Math.max(next - 1, 0); next < log.length && !call.cancelled; from = next) {
      await fail(false);
      const page = log.slice(from, from + window);
      for (const event of page) if (event.position > checkpoint && matches(event)) await deliver(event);
      checkpoint = Math.max(checkpoint, (page[0] as Stored).position);
      next = from + page.length;
      considered += page.length;
      if (next === log.length || considered >= interval) await tell(checkpoint);
      considered %= interval;
    }
    await send(call, new streams.ReadResp().setCaughtUp(new streams.ReadResp.CaughtUp()));
    // Live, the events are counted from the subscription on.
    while (!call.cancelled) {
      await fail(true);
      const event = log[next];
      if (event) {
        next++;
        if (matches(event)) await deliver(event);
        if ((next - registeredAt) % interval === 0) await tell(event.position);
        continue;
      }
      await new Promise<void>((resolve) => {
        const waker = (): void => {
          wakers.delete(waker);
          resolve();
        };
        wakers.add(waker);
      });
    }
  };

  const indexOf = (position: number): number => {
    let low = 0;
    for (let high = log.length; low < high;) {
      const middle = (low + high) >> 1;
      if ((log[middle] as Stored).position < position) low = middle + 1;
      else high = middle;
    }
    return log[low]?.position === position ? low : -1;
  };

  const server = new Server({ 'grpc.max_receive_message_length': 17 * 1024 * 1024 });
  server.addService(StreamsService, {
    batchAppend,
    read: (call: ReadCall) => void read(call),
  });
  server.addService(ServerFeaturesService, {
    getSupportedMethods: (_: unknown, reply: (error: null, methods: FeatureTypes.SupportedMethods) => void) =>
      reply(null, supportedMethods()),
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${options.port ?? 0}`, ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });

  function notLeader(): object {
    const metadata = new Metadata();
    metadata.set('exception', 'not-leader');
    metadata.set('leader-endpoint-host', '127.0.0.1');
    metadata.set('leader-endpoint-port', String(port)); // elected since
    return { code: status.NOT_FOUND, details: 'Leader info available', metadata };
  }

  return {
    connectionString: `esdb://127.0.0.1:${port}?tls=false`,
    port,
    failAppends: (kind, times = 1, { lateMs = 200 } = {}) => {
      if (times === 0) faults.length = 0;
      for (let n = 0; n < times; n++) faults.push({ kind, lateMs });
    },
    failFeeds: (fault) => {
      feedFault = fault;
      wake();
    },
    muteReads: (mute) => {
      readsMuted = mute;
    },
    denyAccess: (deny) => {
      accessDenied = deny;
    },
    appendsSeen: () => appendsSeen,
    openReads: () => openReads,
    stop: async () => {
      server.forceShutdown();
      journal?.close();
      wake();
    },
  };
}

type Journal = {
  readonly kept: readonly { readonly stream: string; readonly messages: readonly Message[] }[];
  readonly write: (stream: string, messages: readonly Message[]) => void;
  readonly close: () => void;
};

/** One line an append. What follows the last whole line was never acknowledged. */
function openJournal(directory: string): Journal {
  const path = join(directory, 'eventstore-double.ndjson');
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  if (whole.length < text.length) truncateSync(path, Buffer.byteLength(whole));
  const file = openSync(path, 'a');
  return {
    kept: whole
      .split('\n')
      .slice(0, -1)
      .map((line) =>
        JSON.parse(line, (key, value: unknown) =>
          key === 'data' || key === 'custom' ? Buffer.from(value as string, 'base64') : value,
        ),
      ),
    write: (stream, messages) => {
      const lines = messages.map(({ data, custom, ...message }) => ({
        ...message,
        data: Buffer.from(data).toString('base64'),
        custom: Buffer.from(custom).toString('base64'),
      }));
      writeSync(file, `${JSON.stringify({ stream, messages: lines })}\n`);
      fsyncSync(file);
    },
    close: () => closeSync(file),
  };
}

const unauthenticated = { code: status.UNAUTHENTICATED, details: 'Received HTTP status code 401' };

const isUuid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);
const typeOf = (metadata: Stored['metadata']): string => metadata.find(([key]) => key === 'type')?.[1] ?? '';

function matcherOf(options: StreamTypes.ReadReq.Options): (event: Stored) => boolean {
  const filter = options.getFilter();
  if (!filter) return () => true;
  const expression = filter.getStreamIdentifier() ?? filter.getEventType()!;
  const subject = (event: Stored): string => (filter.hasStreamIdentifier() ? event.stream : typeOf(event.metadata));
  const prefixes = expression.getPrefixList();
  const regex = expression.getRegex();
  if (!regex) return (event) => prefixes.some((prefix) => subject(event).startsWith(prefix));
  const compiled = new RegExp(regex, 'u');
  return (event) => compiled.test(subject(event));
}

function eventResponse(event: Stored): StreamTypes.ReadResp {
  const recorded = new streams.ReadResp.ReadEvent.RecordedEvent()
    .setId(new shared.UUID().setString(event.id))
    .setStreamIdentifier(new shared.StreamIdentifier().setStreamName(Buffer.from(event.stream).toString('base64')))
    .setStreamRevision(String(event.revision))
    .setCommitPosition(String(event.position))
    .setPreparePosition(String(event.position))
    .setData(event.data)
    .setCustomMetadata(event.custom);
  for (const [key, value] of event.metadata) recorded.getMetadataMap().set(key, value);
  const read = new streams.ReadResp.ReadEvent().setEvent(recorded).setCommitPosition(String(event.position));
  return new streams.ReadResp().setEvent(read);
}

function checkpointResponse(position: number): StreamTypes.ReadResp {
  const checkpoint = new streams.ReadResp.Checkpoint()
    .setCommitPosition(String(position))
    .setPreparePosition(String(position));
  return new streams.ReadResp().setCheckpoint(checkpoint);
}

/** A google.rpc.Status with the server's own codes; the details' type tells the client what went wrong. */
function errorOf(
  code: number,
  message: string,
  type: string,
  details: { serializeBinary(): Uint8Array },
): StatusTypes.Status {
  const any = new Any();
  any.pack(details.serializeBinary(), `event_store.client.${type}`);
  return new statuses.Status().setCode(code).setMessage(message).setDetails(any);
}

function supportedMethods(): FeatureTypes.SupportedMethods {
  const service = 'event_store.client.streams.streams';
  const method = (name: string, ...having: string[]): FeatureTypes.SupportedMethod =>
    new features.SupportedMethod().setServiceName(service).setMethodName(name).setFeaturesList(having);
  return new features.SupportedMethods()
    .setEventStoreServerVersion('24.10.14')
    .setMethodsList([
      method('read', 'position', 'events'),
      method('append'),
      method('batchappend', 'deadline_duration'),
    ]);
}

/** Sends with back-pressure: a client that does not read makes the server wait. */
async function send(call: ReadCall, response: StreamTypes.ReadResp): Promise<void> {
  if (call.cancelled) return;
  if (call.write(response)) return;
  await Promise.race([once(call, 'drain'), once(call, 'cancelled')]);
}
