// A credential of another issuer: recorded, checked, reviewed. It counts exactly while the last word on its validity is
// `valid` and the last review accepts it, from the dates that these name, whenever they were recorded; what it counts as
// then reaches the learner's record by a reactor.
import {
  moduleFold,
  moduleStream,
  templateFold,
  templateStream,
  type PublishedTemplate,
} from '@cairn/contexts/catalog';
import { learnerFold, learnerStream } from '@cairn/contexts/learners';
import {
  accept,
  invalid,
  reject,
  uuidv5,
  type Decided,
  type Decider,
  type Decision,
  type EventOf,
  type Fold,
  type Instant,
  type Issued,
  type LearnerId,
  type Rejected,
} from '@cairn/kernel';
import type {
  AcceptExternalCredential,
  ExternalCredentialCommand,
  RecordExternalCredential,
} from '../contracts/external-credential.commands.js';
import {
  externalCredentialStream,
  type Equivalence,
  type externalCredentialCounts,
  type ExternalCredentialEvent,
  type externalCredentialRecorded,
} from '../contracts/external-credential.events.js';
import { authorityRequired, dateInFuture, erased, isBlank, reasonRequired, unknownTemplate } from './refusals.js';

type Dated<T> = T & { readonly at: Instant };
type Word = { readonly reasonCode: string; readonly authority: string };

export type ExternalCredentialState = {
  readonly recorded?: EventOf<typeof externalCredentialRecorded>['data'];
  readonly verification?: Dated<{ readonly outcome: 'valid' | 'invalid' | 'unknown'; readonly word: Word }>;
  readonly review?: Dated<Word & { readonly equivalence?: Equivalence }>;
  /** The component that counts now. */
  readonly counts?: EventOf<typeof externalCredentialCounts>['data'];
  /** Components so far: a revoked one is so for good, the next is another. */
  readonly components: number;
  readonly lastEnd?: 'revoked' | 'suspended';
};

export const externalCredentialFold: Fold<ExternalCredentialState, ExternalCredentialEvent> = {
  category: 'external',
  initial: { components: 0 },
  evolve: (state, event) => {
    const at = event.meta.occurredAt;
    switch (event.type) {
      case 'external-credential-recorded':
        return { ...state, recorded: event.data };
      case 'external-credential-verified': {
        const { outcome, finding, authority = 'program' } = event.data;
        return { ...state, verification: { outcome, at, word: { reasonCode: finding, authority } } };
      }
      case 'external-credential-accepted': {
        const { equivalence, reasonCode, authority } = event.data;
        return { ...state, review: { equivalence, reasonCode, authority, at } };
      }
      case 'external-credential-declined': {
        const { reasonCode, authority } = event.data;
        return { ...state, review: { reasonCode, authority, at } };
      }
      case 'external-credential-counts': {
        const { lastEnd: _, ...rest } = state;
        return { ...rest, counts: event.data, components: state.components + (state.lastEnd === 'suspended' ? 0 : 1) };
      }
      case 'external-credential-counts-no-more': {
        const { counts: _, ...rest } = state;
        return { ...rest, lastEnd: event.data.cause };
      }
      default:
        return event satisfies never;
    }
  },
};

export type ExternalCredentialFacts = {
  readonly learner: 'unknown' | 'registered' | 'erased';
  /** The template or module that it is to count as is there. */
  readonly target: boolean;
};

export const externalCredentialDecider: Decider<
  ExternalCredentialState,
  ExternalCredentialCommand,
  ExternalCredentialEvent,
  ExternalCredentialFacts
> = {
  ...externalCredentialFold,
  commands: [
    'RecordExternalCredential',
    'RecordExternalVerification',
    'AcceptExternalCredential',
    'DeclineExternalCredential',
  ],
  streamOf: ({ tenant, data }) => externalCredentialStream(tenant, data.externalId),
  loadFacts: async (command, state, loader) => {
    const { tenant } = command;
    const learnerId = command.type === 'RecordExternalCredential' ? command.data.learnerId : state.recorded?.learnerId;
    const { templateId, moduleId } = command.type === 'AcceptExternalCredential' ? command.data.equivalence : {};
    const [learner, template, module] = await Promise.all([
      learnerId === undefined ? undefined : loader.fold(learnerFold, learnerStream(tenant, learnerId)),
      templateId === undefined ? undefined : loader.fold(templateFold, templateStream(tenant, templateId)),
      moduleId === undefined ? undefined : loader.fold(moduleFold, moduleStream(tenant, moduleId)),
    ]);
    const newest: PublishedTemplate | undefined = template?.versions.at(-1);
    return {
      learner: learner?.status ?? 'unknown',
      target: newest !== undefined || module?.definition !== undefined,
    };
  },
  decide: (command, state, facts) => {
    if (facts.learner === 'erased') return erased();
    if (command.type === 'RecordExternalCredential') return recordOne(command, state, facts);
    const { recorded } = state;
    if (!recorded) return reject('not-found', 'There is no external credential of that id.', 'Record it first.');
    const told = decideKnown(command, state, recorded, facts);
    if ('accepted' in told) return told;
    return accept(told, ...settle(state, recorded, told, command.now));
  },
};

function recordOne(
  { data, now }: Issued<RecordExternalCredential>,
  { recorded }: ExternalCredentialState,
  { learner }: ExternalCredentialFacts,
): Decision<ExternalCredentialEvent> {
  if (learner === 'unknown')
    return reject('not-found', 'There is no such learner.', 'Register the learner first, or check the id.');
  if (recorded) return accept();
  if (data.validFrom > now) return dateInFuture('validFrom', data.validFrom, now);
  if (data.achievedAt !== undefined && data.achievedAt > now) return dateInFuture('achievedAt', data.achievedAt, now);
  if (data.validUntil !== undefined && data.validUntil <= data.validFrom)
    return invalid('/validUntil', 'before-valid-from', `must be after ${data.validFrom}`);
  return accept({ type: 'external-credential-recorded', data });
}

type Known = Exclude<ExternalCredentialCommand, RecordExternalCredential>;
type Told = Decided<
  Extract<
    ExternalCredentialEvent,
    { type: 'external-credential-verified' | 'external-credential-accepted' | 'external-credential-declined' }
  >
> & { readonly occurredAt: Instant };

function decideKnown(
  { type, data, now }: Issued<Known>,
  { verification, review }: ExternalCredentialState,
  { externalId, learnerId, validUntil }: { externalId: string; learnerId: LearnerId; validUntil?: Instant },
  { target }: ExternalCredentialFacts,
): Told | Decision<ExternalCredentialEvent> {
  if (type === 'RecordExternalVerification') {
    const { outcome, finding, authority, by, checkedAt } = data;
    if (by === 'person' && isBlank(authority)) return authorityRequired('A check by a person');
    if (checkedAt > now) return dateInFuture('checkedAt', checkedAt, now);
    const told = { externalId, learnerId, outcome, finding, ...(authority === undefined ? {} : { authority }) };
    return { type: 'external-credential-verified', data: told, occurredAt: checkedAt };
  }
  const what = type === 'AcceptExternalCredential' ? 'Accepting' : 'Declining';
  const { reasonCode, authority, occurredAt } = data;
  if (isBlank(reasonCode)) return reasonRequired(`${what} an external credential`);
  if (isBlank(authority)) return authorityRequired(`${what} an external credential`);
  if (occurredAt > now) return dateInFuture('occurredAt', occurredAt, now);
  if (type === 'DeclineExternalCredential') {
    if (review && review.equivalence === undefined) return accept();
    return { type: 'external-credential-declined', data: { externalId, learnerId, reasonCode, authority }, occurredAt };
  }
  const refusal = refusedEquivalence(data, target, validUntil);
  if (refusal) return refusal;
  if (verification?.outcome === 'invalid')
    return reject(
      'criteria-not-met',
      `The credential was found invalid (${verification.word.reasonCode}).`,
      'Have it checked again, or decline it.',
    );
  if (review?.equivalence && sameEquivalence(review.equivalence, data.equivalence)) return accept();
  return {
    type: 'external-credential-accepted',
    data: { externalId, learnerId, equivalence: data.equivalence, reasonCode, authority },
    occurredAt,
  };
}

function refusedEquivalence(
  { equivalence: { templateId, moduleId }, occurredAt }: AcceptExternalCredential['data'],
  target: boolean,
  validUntil: Instant | undefined,
): Rejected | undefined {
  if ((templateId === undefined) === (moduleId === undefined))
    return reject('validation-failed', 'It counts as a template or as a module.', 'Name one.', [
      { pointer: '/template', code: 'one-of', message: 'name either a template or a module' },
    ]);
  if (!target)
    return templateId === undefined
      ? reject('not-found', 'There is no module of that id.', 'Define the module first, or check its id.')
      : unknownTemplate();
  if (validUntil !== undefined && validUntil <= occurredAt)
    return reject(
      'criteria-not-met',
      `The credential expired on ${validUntil}.`,
      'Record the next one and accept that.',
    );
  return undefined;
}

const sameEquivalence = (a: Equivalence, b: Equivalence): boolean =>
  (['templateId', 'moduleId', 'credits', 'area', 'level'] as const).every((key) => a[key] === b[key]);

/** What follows for what it counts as: it begins to count, counts no more, or as something else. */
function settle(
  before: ExternalCredentialState,
  recorded: NonNullable<ExternalCredentialState['recorded']>,
  told: Told,
  now: Instant,
): readonly Decided<ExternalCredentialEvent>[] {
  const state = externalCredentialFold.evolve(before, { ...told, meta: { occurredAt: told.occurredAt } } as never);
  const { externalId, learnerId, validFrom, validUntil, achievedAt = validFrom } = recorded;
  const { verification, review, counts } = state;
  const equivalence = verification?.outcome === 'valid' ? review?.equivalence : undefined;
  if (counts && equivalence && sameEquivalence(counts.equivalence, equivalence)) return [];
  const events: Decided<ExternalCredentialEvent>[] = [];
  let { components, lastEnd } = state;
  if (counts) {
    const { reasonCode, authority } = told.type === 'external-credential-verified' ? wordOf(told.data) : told.data;
    const cause =
      told.type === 'external-credential-verified' && told.data.outcome === 'unknown' ? 'suspended' : 'revoked';
    events.push({
      type: 'external-credential-counts-no-more',
      data: {
        externalId,
        learnerId,
        componentId: counts.componentId,
        cause,
        effectiveAt: told.occurredAt > counts.from ? told.occurredAt : counts.from,
        reasonCode,
        authority,
      },
      occurredAt: told.occurredAt,
    });
    lastEnd = cause;
  }
  if (!equivalence || !review || !verification) return events;
  const from = [validFrom, review.at, verification.at].reduce((a, b) => (a > b ? a : b));
  if ((validUntil !== undefined && validUntil <= from) || from > now) return events;
  if (lastEnd !== 'suspended') components++;
  events.push({
    type: 'external-credential-counts',
    data: {
      externalId,
      learnerId,
      componentId: uuidv5(externalId, 'component', components),
      equivalence,
      from,
      ...(validUntil === undefined ? {} : { until: validUntil }),
      achievedAt,
      reasonCode: review.reasonCode,
      authority: review.authority,
    },
    occurredAt: from,
  });
  return events;
}

const wordOf = ({ finding, authority = 'program' }: { finding: string; authority?: string }): Word => ({
  reasonCode: finding,
  authority,
});
