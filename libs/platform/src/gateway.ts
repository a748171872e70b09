// From a request to a command on the bus, and from its outcome to an answer (api.md §3).
import { Inject, Injectable } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { randomUUID } from 'node:crypto';
import {
  bareId,
  publicId,
  uuidv5,
  type Command,
  type CommandContext,
  type CommandOutcome,
  type Instant,
  type Issued,
  type TenantId,
} from '@cairn/kernel';
import type { ContextDefinition, MessageClass } from './context.js';
import type { SendOptions } from './messages.js';
import type { Installation } from './installation.js';
import { positionToken } from './position-token.js';
import { ProblemException } from './problems.js';
import { traceOf, type CairnRequest } from './request.js';
import { INSTALLATION } from './tokens.js';

/** Draft header; its name stands here and nowhere else. */
export const IDEMPOTENCY_KEY = 'idempotency-key';

type Recorded = Extract<CommandOutcome, { accepted: true }>;

/** A write's answer; an interceptor turns it into status, headers and body. */
export class WriteAnswer {
  constructor(
    readonly status: number,
    readonly headers: Readonly<Record<string, string>>,
    readonly body: object,
  ) {}
}

@Injectable()
export class CommandGateway {
  readonly #messages = new Map<string, MessageClass>();

  constructor(
    private readonly bus: CommandBus,
    @Inject(INSTALLATION) private readonly installation: Installation,
  ) {
    for (const message of installation.contexts.flatMap((context: ContextDefinition) => context.messages)) {
      if (this.#messages.has(message.type)) throw new TypeError(`two handlers for the command ${message.type}`);
      this.#messages.set(message.type, message);
    }
    installation.dispatchWith((issued) => this.dispatch(issued));
  }

  /** Sends a command that is in its envelope already: reactors and importers come this way. */
  dispatch(issued: Issued, options?: SendOptions): Promise<CommandOutcome> {
    const Message = this.#messages.get(issued.type);
    if (!Message) throw new TypeError(`no handler is registered for the command ${issued.type}`);
    return this.bus.execute(new Message(issued as never, options));
  }

  /**
   * The envelope's part of a request. The command id derives from the Idempotency-Key, so a retry meets the same
   * stream, and so does the id of what it creates: uuidv5 of {@link CommandContext.commandId}.
   */
  contextOf(request: CairnRequest, tenant?: { readonly tenant: TenantId; readonly namespace: string }): CommandContext {
    const { principal } = request;
    if (!principal) throw new TypeError('a command needs an authenticated caller');
    const scope = principal.kind === 'key' ? principal : tenant;
    if (!scope) throw new TypeError('an operator command names its tenant');
    const key = request.headers[IDEMPOTENCY_KEY];
    if (key !== undefined && (typeof key !== 'string' || key.length < 1 || key.length > 200))
      throw new ProblemException('malformed-request', 'Idempotency-Key must be one text of 1 to 200 characters.', {
        next: 'Send one key of your own choice for each new command, such as a UUID.',
      });
    // The route with its ids: one key used on two things names two commands.
    const route = `${request.method} ${request.url.split('?', 1)[0]}`;
    const commandId = key === undefined ? randomUUID() : uuidv5(scope.namespace, route, key);
    const traceparent = traceOf(request.headers['traceparent'])?.parent;
    const correlationId = runOf(request) ?? commandId;
    request.correlationId = correlationId;
    const now = (principal.kind === 'key' ? principal.clock : undefined) ?? this.installation.clock.now();
    return {
      tenant: scope.tenant,
      commandId,
      idSource: key === undefined ? 'fresh' : 'client',
      actor: principal.actor,
      correlationId,
      ...(traceparent === undefined ? {} : { traceparent }),
      now,
      nowIsImplied: !names(request.body, now),
    };
  }

  /** Sends a command for a request. Refusals become problems. */
  async send<C extends Command>(
    request: CairnRequest,
    command: C,
    context = this.contextOf(request),
  ): Promise<Recorded> {
    const expectedRevision = ifMatch(request);
    const outcome = await this.dispatch(
      { ...command, ...context } as Issued,
      expectedRevision === undefined ? {} : { expectedRevision },
    );
    if (!outcome.accepted) throw ProblemException.of(outcome);
    return outcome;
  }

  /** The answer to a command: 201 with Location for a created thing, else 200. */
  answer(
    outcome: Recorded,
    thing: { readonly id: string; readonly location?: string; readonly created?: boolean; readonly more?: object },
  ): WriteAnswer {
    const created = thing.created ?? (thing.location !== undefined && outcome.outcome === 'recorded');
    return new WriteAnswer(
      created ? 201 : 200,
      {
        ...(thing.location === undefined ? {} : { Location: thing.location }),
        ETag: `"${outcome.revision}"`,
        Position: positionToken(this.installation.logId, outcome.position),
        ...(outcome.replayed ? { 'Idempotency-Replayed': 'true' } : {}),
      },
      {
        id: thing.id,
        revision: outcome.revision,
        outcome: outcome.outcome,
        events: outcome.events.map((event) => ({ id: publicId('evt', event.id), type: event.type })),
        ...thing.more,
      },
    );
  }
}

/** Does the body say this very instant? */
function names(body: unknown, now: Instant): boolean {
  const instant = Date.parse(now);
  return Object.values(body ?? {}).some(
    // No text without a year at its beginning names an instant: parsing those takes longest.
    (value) => typeof value === 'string' && /^\d{4}-/.test(value) && Date.parse(value) === instant,
  );
}

/** The correlation id behind a run's public id, `imp_…` or `opr_…`. */
export const bareRunId = (text: string): string | undefined => bareId('imp', text) ?? bareId('opr', text);

/** `Cairn-Run: imp_…` or `opr_…`: requests that belong together carry one correlation id, and are undone by it (I24). */
function runOf(request: CairnRequest): string | undefined {
  const header = request.headers['cairn-run'];
  if (header === undefined) return undefined;
  const run = typeof header === 'string' ? bareRunId(header) : undefined;
  if (run === undefined)
    throw new ProblemException('malformed-request', 'Cairn-Run must be one id of a run, as imp_… or opr_….', {
      next: 'Send the id of the run that this request belongs to, or leave the header out.',
    });
  return run;
}

/** The revision in If-Match, if the header is there. Throws `malformed-request` for anything but one strong ETag. */
export function ifMatch(request: CairnRequest): number | undefined {
  const header = request.headers['if-match'];
  if (header === undefined) return undefined;
  const match = /^"(\d{1,15})"$/.exec(header);
  if (!match)
    throw new ProblemException('malformed-request', 'If-Match must be one ETag as we gave it, such as "7".', {
      next: 'Send the ETag of an earlier answer with its quotes, or leave the header out.',
    });
  return Number(match[1]);
}

/** For acts that must name the state they were decided on. */
export function requireIfMatch(request: CairnRequest): void {
  if (ifMatch(request) === undefined)
    throw new ProblemException('if-match-required', 'Send the ETag of the state you decided on as If-Match.');
}
