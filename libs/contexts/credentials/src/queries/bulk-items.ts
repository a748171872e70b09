// The items of a bulk act as of one position of the log: the same position and instant give the same items again.
import { Inject, Injectable } from '@nestjs/common';
import {
  canonicalJson,
  eventIdOf,
  publicId,
  uuidv5,
  type Command,
  type CommandContext,
  type CredentialId,
  type Decision,
  type Instant,
  type Issued,
  type Json,
  type LearnerId,
  type Position,
  type Recorded,
  type Rejected,
  type TemplateId,
  type TenantId,
} from '@cairn/kernel';
import { learnerFold, learnerStream } from '@cairn/contexts/learners';
import type { GrantCredential, GrantRenewal } from '@cairn/contexts/progress';
import { INSTALLATION, ProblemException, type Installation } from '@cairn/platform';
import type { CredentialCommand, IssueCredential, RenewCredential } from '../contracts/credential.commands.js';
import { credentialStream, type CredentialEvent } from '../contracts/credential.events.js';
import { RECORD_PREVIEW, type RecordPreview, type RecordThen } from '../contracts/record-preview.js';
import { credentialDecider } from '../commands/signing-desks.js';
import { CREDENTIAL_ACTS, type BulkAct, type BulkWords } from '../domain/bulk-acts.js';
import { issueOnEarned } from '../reactors/issue-on-earned.reactor.js';
import { cascadeOf, type CascadeEffect } from './cascade.js';

/** Credentials by name; or those of learners, of a template, or of both. */
export type BulkSelection = {
  readonly credentials?: readonly CredentialId[];
  readonly learners?: readonly LearnerId[];
  readonly template?: TemplateId;
};
export type BulkTarget = {
  readonly tenant: TenantId;
  /** Secret of the tenant: ids of runs derive from it. */
  readonly namespace: string;
  readonly action: BulkAct;
  readonly selection: BulkSelection;
  readonly words: Omit<BulkWords, 'effectiveAt'> & { readonly effectiveAt?: Instant };
};
export type BulkFrame = {
  readonly target: BulkTarget;
  readonly words: BulkWords;
  readonly position: Position;
  readonly asOf: Instant;
  /** Derives from all of this: the same run, sent again, goes on. */
  readonly run: string;
};

export type BulkItem = {
  readonly credential?: CredentialId;
  readonly learner?: LearnerId;
  readonly stream: string;
  /** As of the position, -1 for none. */
  readonly revision: number;
  /** What was recorded in the stream since. */
  readonly newer: readonly Recorded[];
  /** What would be sent; or that it is so already; or why not. */
  readonly effect: Command | 'unchanged' | Rejected;
  readonly commandId: string;
  readonly cascade: () => Promise<readonly CascadeEffect[]>;
};

const PAGE = 500;
/** Streams read at the same time; also the commands under way at once, which then share the log's syncs. */
const AT_ONCE = 32;
const WAIT_MS = 10_000;
const nothing = (): Promise<readonly CascadeEffect[]> => Promise.resolve([]);

@Injectable()
export class BulkItems {
  constructor(
    @Inject(INSTALLATION) private readonly installation: Installation,
    @Inject(RECORD_PREVIEW) private readonly recordOf: RecordPreview,
  ) {}

  /** `at`: of an earlier preview; left out: the head of the log, now. Throws `read-model-behind`. */
  async frame(
    target: BulkTarget,
    at?: { readonly position: Position; readonly asOf: Instant },
    run?: string,
  ): Promise<BulkFrame> {
    const { log, now } = this.installation;
    const position = at?.position ?? (await log.head());
    const asOf = at?.asOf ?? (await now(target.tenant));
    if (!(await this.installation.waitFor(['register'], position, WAIT_MS)))
      throw new ProblemException('read-model-behind', 'register has not caught up; ask again in a moment.');
    const words: BulkWords = { effectiveAt: asOf, ...target.words };
    const { action, selection, namespace } = target;
    const said = canonicalJson({ action, selection, words, position, asOf } as unknown as Json);
    return { target, words, position, asOf, run: run ?? uuidv5(namespace, 'bulk', said) };
  }

  /** All items, some at a time, in a fixed order. */
  async *items(frame: BulkFrame): AsyncGenerator<readonly BulkItem[]> {
    const { action, selection } = frame.target;
    if (action === 'issue')
      for (const some of slices(new Set(selection.learners)))
        yield await Promise.all(some.map((learner) => this.toIssue(frame, learner)));
    else if (selection.credentials)
      for (const some of slices(new Set(selection.credentials)))
        yield await Promise.all(some.map((id) => this.ofCredential(frame, action, id)));
    else
      for await (const page of this.selected(frame))
        for (const some of slices(page)) {
          const items = await Promise.all(some.map((id) => this.ofCredential(frame, action, id)));
          // Issued since: it was in no preview.
          yield items.filter(({ revision }) => revision >= 0);
        }
  }

  private async *selected({ target }: BulkFrame): AsyncGenerator<readonly CredentialId[]> {
    const { tenant, selection } = target;
    const template = selection.template === undefined ? {} : { templateId: selection.template };
    const owners: readonly object[] = selection.learners
      ? [...new Set(selection.learners)].map((learnerId) => ({ learnerId }))
      : [{}];
    for (const owner of owners)
      for (let after: readonly unknown[] | undefined; ;) {
        const page = await this.installation.views.find(
          'register',
          { tenant, ...template, ...owner, issuedAt: { $gt: '' } },
          {
            sort: [
              ['issuedAt', -1],
              ['_id', 1],
            ],
            limit: PAGE,
            ...(after ? { after } : {}),
          },
        );
        yield page.map((document) => document['credentialId'] as CredentialId);
        const last = page.at(-1);
        if (page.length < PAGE || !last) break;
        after = [last['issuedAt'], last._id];
      }
  }

  private async ofCredential(
    frame: BulkFrame,
    action: Exclude<BulkAct, 'issue'>,
    credential: CredentialId,
  ): Promise<BulkItem> {
    if (action === 'renew') return this.toRenew(frame, credential);
    const { tenant } = frame.target;
    const stream = credentialStream(tenant, credential);
    const history = (await this.installation.executor.history(stream)) as readonly Recorded<CredentialEvent>[];
    const known = upTo(history, frame.position);
    const state = known.reduce(credentialDecider.evolve, credentialDecider.initial);
    const learner = known[0]?.data.learnerId;
    const commandId = uuidv5(frame.run, action, credential);
    const { command, alreadySo } = CREDENTIAL_ACTS[action];
    const sent = command(credential, frame.words);
    const decision = (await this.refusedLearner(tenant, learner)) ?? this.decided(frame, sent, commandId, state);
    return {
      credential,
      ...(learner === undefined ? {} : { learner }),
      stream,
      revision: known.length - 1,
      newer: history.slice(known.length),
      commandId,
      effect: !decision.accepted
        ? (alreadySo as readonly string[]).includes(decision.code)
          ? 'unchanged'
          : decision
        : decision.events.length === 0
          ? 'unchanged'
          : sent,
      cascade: async () => {
        const [event] = decision.accepted ? decision.events : [];
        if (!event || !learner) return [];
        const record = await this.recordOf(tenant, learner, frame);
        return cascadeOf(this.recorded(frame, stream, event, commandId), record, (id) => this.stateOf(frame, id));
      },
    };
  }

  private decided(
    frame: BulkFrame,
    command: CredentialCommand,
    commandId: string,
    state: Parameters<typeof credentialDecider.decide>[1],
  ): Decision<CredentialEvent> {
    // The acts of the table need no facts: they are decided from the credential alone.
    return credentialDecider.decide({ ...command, ...contextOf(frame, commandId) }, state, undefined);
  }

  private async toIssue(frame: BulkFrame, learner: LearnerId): Promise<BulkItem> {
    const { tenant, selection } = frame.target;
    const template = selection.template as TemplateId;
    const record = await this.recordOf(tenant, learner, frame);
    const held = record.held(template);
    if (held) return this.earned(frame, learner, held);
    const { reasonCode, authority, effectiveAt } = frame.words;
    const command: GrantCredential = {
      type: 'GrantCredential',
      data: { learnerId: learner, templateId: template, reasonCode, authority, occurredAt: effectiveAt },
    };
    const commandId = uuidv5(frame.run, 'issue', learner, template);
    const decision = await record.decide({ ...command, ...contextOf(frame, commandId) });
    const [granted] = decision.accepted ? decision.events : [];
    return {
      learner,
      ...(granted?.type === 'credential-granted' ? { credential: granted.data.credentialId } : {}),
      stream: record.stream,
      revision: record.revision,
      newer: record.newer,
      commandId,
      effect: !decision.accepted ? decision : granted ? command : 'unchanged',
      cascade: async () => (granted?.type === 'credential-granted' ? this.stacked(frame, record, granted.data) : []),
    };
  }

  /** Earned by rule, of a template that people issue: the command that the reactor would send, under its id (D1). */
  private async earned(
    frame: BulkFrame,
    learner: LearnerId,
    basis: NonNullable<ReturnType<RecordThen['held']>>,
  ): Promise<BulkItem> {
    const { credentialId } = basis.data;
    const stream = credentialStream(frame.target.tenant, credentialId);
    const history = (await this.installation.executor.history(stream)) as readonly Recorded<CredentialEvent>[];
    const known = upTo(history, frame.position);
    const command: IssueCredential = {
      type: 'IssueCredential',
      data: {
        learnerId: learner,
        credentialId,
        basis: { stream: basis.stream, revision: basis.revision, eventId: basis.id },
      },
    };
    return {
      learner,
      credential: credentialId,
      stream,
      revision: known.length - 1,
      newer: history.slice(known.length),
      commandId: uuidv5(basis.id, issueOnEarned.name, 0),
      effect: known.some(({ type }) => type === 'credential-issued') ? 'unchanged' : command,
      cascade: nothing,
    };
  }

  /** The term that was earned and waits for a person, by the command that the reactor would send; else by decision. */
  private async toRenew(frame: BulkFrame, credential: CredentialId): Promise<BulkItem> {
    const { tenant } = frame.target;
    const stream = credentialStream(tenant, credential);
    const history = (await this.installation.executor.history(stream)) as readonly Recorded<CredentialEvent>[];
    const known = upTo(history, frame.position);
    const learner = known[0]?.data.learnerId;
    const commandId = uuidv5(frame.run, 'renew', credential);
    const here = {
      credential,
      stream,
      revision: known.length - 1,
      newer: history.slice(known.length),
      cascade: nothing,
    };
    if (learner === undefined) return { ...here, commandId, effect: unknownCredential };
    const refused = await this.refusedLearner(tenant, learner);
    if (refused) return { ...here, learner, commandId, effect: refused };
    const record = await this.recordOf(tenant, learner, frame);
    const terms = new Set(known.flatMap((event) => (event.type === 'credential-renewed' ? [event.data.serial] : [])));
    const waiting = record
      .renewals(credential)
      .find(({ data }) => data.issue === 'manual' && data.authority === undefined && !terms.has(data.serial));
    if (waiting) {
      const basis = { stream: waiting.stream, revision: waiting.revision, eventId: waiting.id };
      const command: RenewCredential = {
        type: 'RenewCredential',
        data: { learnerId: learner, credentialId: credential, basis },
      };
      return { ...here, learner, commandId: uuidv5(waiting.id, issueOnEarned.name, 0), effect: command };
    }
    const { reasonCode, authority, effectiveAt } = frame.words;
    const command: GrantRenewal = {
      type: 'GrantRenewal',
      data: { learnerId: learner, credentialId: credential, reasonCode, authority, occurredAt: effectiveAt },
    };
    const decision = await record.decide({ ...command, ...contextOf(frame, commandId) });
    const { revision, newer } = record;
    const effect = !decision.accepted ? decision : decision.events.length > 0 ? command : 'unchanged';
    return { ...here, learner, stream: record.stream, revision, newer, commandId, effect };
  }

  /** What a granted credential would bring in the stack once it is issued and noted. */
  private stacked(frame: BulkFrame, record: RecordThen, granted: GrantedData): Promise<readonly CascadeEffect[]> {
    const { learnerId, credentialId, templateId, from, until, at } = granted;
    const term = { serial: 1, validFrom: from, ...(until === undefined ? {} : { validUntil: until }), awardedAt: at };
    const issued = {
      type: 'credential-issued',
      data: { learnerId, credentialId, templateId, ...term },
    } as unknown as CredentialEvent;
    const stream = credentialStream(frame.target.tenant, credentialId);
    // Only what a note in the record takes from it is made up.
    return cascadeOf(this.recorded(frame, stream, issued, uuidv5(frame.run, credentialId)), record, (id) =>
      this.stateOf(frame, id),
    );
  }

  private async stateOf(frame: BulkFrame, id: CredentialId) {
    const history = await this.installation.executor.history(credentialStream(frame.target.tenant, id));
    return upTo(history as readonly Recorded<CredentialEvent>[], frame.position).reduce(
      credentialDecider.evolve,
      credentialDecider.initial,
    );
  }

  private async refusedLearner(tenant: TenantId, learner: LearnerId | undefined): Promise<Rejected | undefined> {
    if (learner === undefined) return undefined;
    const { status } = await this.installation.executor.loader.fold(learnerFold, learnerStream(tenant, learner));
    return status === 'erased'
      ? { accepted: false, code: 'learner-erased', detail: `The learner ${publicId('lrn', learner)} was erased.` }
      : undefined;
  }

  private recorded(
    frame: BulkFrame,
    stream: string,
    event: CredentialEvent & { readonly occurredAt?: Instant },
    commandId: string,
  ): Recorded<CredentialEvent> {
    const { tenant } = frame.target;
    return {
      ...event,
      id: eventIdOf(commandId, 0),
      stream,
      revision: -1,
      position: frame.position,
      meta: {
        $correlationId: frame.run,
        $causationId: commandId,
        commandHash: '',
        actor: PREVIEW,
        tenant,
        schemaVersion: '1',
        occurredAt: event.occurredAt ?? frame.asOf,
        recordedAt: frame.asOf,
        app: '',
      },
    };
  }
}

type GrantedData = {
  readonly learnerId: LearnerId;
  readonly credentialId: CredentialId;
  readonly templateId: TemplateId;
  readonly from: Instant;
  readonly until?: Instant;
  readonly at: Instant;
};

const PREVIEW = 'service:preview';
const unknownCredential: Rejected = {
  accepted: false,
  code: 'not-found',
  detail: 'No such credential was issued.',
};

const contextOf = (frame: BulkFrame, commandId: string): CommandContext => ({
  tenant: frame.target.tenant,
  commandId,
  idSource: 'derived',
  actor: PREVIEW,
  correlationId: frame.run,
  now: frame.asOf,
});

function upTo<E extends Recorded>(history: readonly E[], position: Position): readonly E[] {
  const later = history.findIndex((event) => event.position > position);
  return later < 0 ? history : history.slice(0, later);
}

function* slices<T>(all: Iterable<T>): Generator<readonly T[]> {
  let some: T[] = [];
  for (const one of all) {
    some.push(one);
    if (some.length < AT_ONCE) continue;
    yield some;
    some = [];
  }
  if (some.length > 0) yield some;
}

export const isRefusal = (effect: BulkItem['effect']): effect is Rejected =>
  typeof effect === 'object' && 'accepted' in effect;
export const commandOf = (item: BulkItem, context: CommandContext): Issued =>
  ({ ...(item.effect as Command), ...context, commandId: item.commandId, idSource: 'derived' }) as Issued;
