// One credential: at most one issuance (D1), each further term once, nothing after a revocation or correction (D4), holds
// that may precede the issue (D3).
import {
  accept,
  parseStream,
  publicId,
  reject,
  type Decider,
  type Decision,
  type FactLoader,
  type CredentialId,
  type Instant,
  type IssuerId,
  type Issued,
  type LearnerId,
  type Recorded,
  type Rejected,
  type TemplateId,
} from '@cairn/kernel';
import type { RecordEvent } from '@cairn/contexts/progress';
import type {
  CredentialCommand,
  ExpireCredential,
  FlagCredential,
  IssueCredential,
  NoteRenewalWindow,
  ReinstateCredential,
  RenewCredential,
  RequestRenewalReminder,
  RevokeCredential,
  SupersedeCredential,
  SuspendCredential,
  UnflagCredential,
} from '../contracts/credential.commands.js';
import { credentialStream, type CredentialEvent } from '../contracts/credential.events.js';
import { entitlementFold, type Entitlements } from './entitlement.fold.js';

type DataOf<T extends CredentialEvent['type']> = Extract<CredentialEvent, { type: T }>['data'];

export type CredentialState = {
  readonly issued?: DataOf<'credential-issued'>;
  /** As issued and renewed: the one of serial n stands at index n - 1. */
  readonly terms: readonly TermOfCredential[];
  readonly barred?: DataOf<'credential-issuance-barred'>;
  readonly revoked?: DataOf<'credential-revoked'>;
  readonly superseded?: DataOf<'credential-superseded'>;
  /** Open holds by name, each with its cause. */
  readonly holds: { readonly [hold: string]: string };
  /** Open suspensions by name, each with its beginning. */
  readonly suspensions: { readonly [hold: string]: Instant };
  /** The last term whose end, opened window and closed window are on record. */
  readonly expired?: number;
  readonly windowOpened?: number;
  readonly windowClosed?: number;
  readonly reminded?: { readonly serial: number; readonly stage: string };
};
export type TermOfCredential = DataOf<'credential-issued'> | DataOf<'credential-renewed'>;

/** The earning or granting event as read from the record. */
export type Basis = Recorded<Extract<RecordEvent, { type: 'credential-earned' | 'credential-granted' }>>;
/** The event behind a further term. */
export type RenewalBasis = Recorded<Extract<RecordEvent, { type: 'renewal-earned' }>>;

/** What a signed copy is made of; of a renewed one with the status entry that it has. */
export type CopyRequest = {
  readonly learnerId: LearnerId;
  readonly credentialId: CredentialId;
  readonly templateId: TemplateId;
  readonly templateVersion: number;
  readonly components: readonly { readonly componentId: string; readonly templateId: TemplateId }[];
  /** When it was first awarded. */
  readonly at: Instant;
  /** The term. */
  readonly from: Instant;
  readonly until?: Instant;
  readonly status?: { readonly listId: string; readonly index: string };
};

/** What signing yields: the signed bytes lie in the blob vault under `vcHash` by then. */
export type SignedCopy = {
  readonly issuerId: IssuerId;
  readonly status: { readonly listId: string; readonly index: string };
  readonly vcHash: string;
  readonly keyId: string;
  /** When facts count for the term after this one. */
  readonly renewal?: { readonly opens: Instant; readonly closes: Instant };
  /** When to remind of the end of the term, the earliest first. */
  readonly reminders?: readonly { readonly stage: string; readonly at: Instant }[];
};

/** Facts of an issue or a renewal; the other commands need none. */
export type IssueFacts = {
  /** What stands in the record at the revision that the command names. */
  readonly basis?: Recorded;
  readonly entitlements: Entitlements;
  /** Left out if the basis alone refuses: nothing is signed for nothing. */
  readonly signed?: SignedCopy | Rejected;
};

/**
 * Builds, signs and stores the credential, and leases its status index: everything that has to lie there before the
 * event is recorded (a blob without event is never served). Called only for a basis that entitles.
 */
export type PrepareIssue = (
  command: Issued<IssueCredential | RenewCredential>,
  copy: CopyRequest,
  entitlements: Entitlements,
  loader: FactLoader,
) => Promise<SignedCopy | Rejected>;

/** The rules of a credential's stream; `prepare` is how a credential gets signed. */
export function createCredentialDecider(
  prepare: PrepareIssue,
): Decider<CredentialState, CredentialCommand, CredentialEvent, IssueFacts | undefined> {
  return {
    category: 'credential',
    commands: [
      'IssueCredential',
      'RenewCredential',
      'RevokeCredential',
      'FlagCredential',
      'UnflagCredential',
      'SuspendCredential',
      'ReinstateCredential',
      'ExpireCredential',
      'NoteRenewalWindow',
      'RequestRenewalReminder',
      'SupersedeCredential',
    ],
    initial: { terms: [], holds: {}, suspensions: {} },
    evolve,
    streamOf: (command) => credentialStream(command.tenant, command.data.credentialId),
    loadFacts: async (command, state, loader) => {
      // What is issued, renewed or barred already is answered from the stream: nothing is signed a second time.
      if (command.type !== 'IssueCredential' && command.type !== 'RenewCredential') return undefined;
      const answered =
        command.type === 'IssueCredential' ? (state.issued ?? state.barred) : notRenewable(command, state);
      if (answered) return undefined;
      const { stream, revision } = command.data.basis;
      // After a merge it may be the record of whom the learner goes on as.
      const { category, tenant } = parseStream(stream);
      if (category !== 'record' || tenant !== command.tenant) return { entitlements: entitlementFold.initial };
      const basis = await loader.event(stream, revision);
      const entitlements = await loader.fold(entitlementFold, stream);
      const facts: IssueFacts = { entitlements, ...(basis ? { basis } : {}) };
      const copy = copyAskedFor(command, state, facts);
      return !copy || 'accepted' in copy
        ? facts
        : { ...facts, signed: await prepare(command, copy, entitlements, loader) };
    },
    decide: (command, state, facts) => {
      switch (command.type) {
        case 'IssueCredential':
          return issue(command, state, facts);
        case 'RenewCredential':
          return renew(command, state, facts);
        case 'RevokeCredential':
          return revoke(command, state);
        case 'FlagCredential':
          return flag(command, state);
        case 'UnflagCredential':
          return unflag(command, state);
        case 'SuspendCredential':
          return suspend(command, state);
        case 'ReinstateCredential':
          return reinstate(command, state);
        case 'ExpireCredential':
          return expire(command, state);
        case 'NoteRenewalWindow':
          return noteWindow(command, state);
        case 'RequestRenewalReminder':
          return remind(command, state);
        case 'SupersedeCredential':
          return supersede(command, state);
        default:
          return command satisfies never;
      }
    },
  };
}

function evolve(state: CredentialState, event: Recorded<CredentialEvent>): CredentialState {
  switch (event.type) {
    case 'credential-issued':
      return { ...state, issued: event.data, terms: [event.data] };
    case 'credential-renewed':
      return { ...state, terms: [...state.terms, event.data] };
    case 'credential-issuance-barred':
      return { ...state, barred: event.data };
    case 'credential-revoked':
      return { ...state, revoked: event.data };
    case 'credential-flagged':
      return { ...state, holds: { ...state.holds, [event.data.hold]: event.data.cause } };
    case 'credential-unflagged': {
      const { [event.data.hold]: _lifted, ...holds } = state.holds;
      return { ...state, holds };
    }
    case 'credential-suspended':
      return { ...state, suspensions: { ...state.suspensions, [event.data.hold]: event.data.effectiveAt } };
    case 'credential-reinstated': {
      const { [event.data.hold]: _lifted, ...suspensions } = state.suspensions;
      return { ...state, suspensions };
    }
    case 'credential-expired':
      return { ...state, expired: event.data.serial };
    case 'credential-superseded':
      return { ...state, superseded: event.data };
    case 'renewal-window-opened':
      return { ...state, windowOpened: event.data.serial };
    case 'renewal-window-closed':
      return { ...state, windowClosed: event.data.serial };
    case 'renewal-reminder-requested':
      return { ...state, reminded: { serial: event.data.serial, stage: event.data.stage } };
    default:
      return event satisfies never;
  }
}

/** The copy that issuing or renewing asks for, or why there is none; undefined: it is there already. */
function copyAskedFor(
  command: Issued<IssueCredential | RenewCredential>,
  state: CredentialState,
  facts: IssueFacts,
): CopyRequest | Rejected | undefined {
  if (command.type === 'IssueCredential') {
    const named = basisOf(command, facts);
    return 'accepted' in named ? named : named.data;
  }
  const named = renewalOf(command, state, facts);
  if ('accepted' in named) return named;
  if (named.data.serial <= state.terms.length) return undefined;
  const { learnerId, credentialId, templateId, from, until } = named.data;
  const { templateVersion, components, awardedAt, status } = state.issued as NonNullable<CredentialState['issued']>;
  return { learnerId, credentialId, templateId, templateVersion, components, at: awardedAt, from, until, status };
}

/** The earning event that the command names, or why it does not entitle to this credential (D2). */
function basisOf(command: Issued<IssueCredential>, { basis, entitlements }: IssueFacts): Basis | Rejected {
  const { credentialId, learnerId, basis: named } = command.data;
  if (!isBasis(basis) || basis.id !== named.eventId || basis.data.credentialId !== credentialId)
    return reject(
      'basis-unknown',
      `No decision that entitles to this credential stands at revision ${named.revision} of ${named.stream}.`,
      'Name the CredentialEarned or CredentialGranted event of this credential.',
    );
  if (basis.data.learnerId !== learnerId || entitlements.closed)
    return reject('learner-erased', 'The record of this learner is closed.');
  const standing = entitlements.byCredential[credentialId];
  if (!standing || standing.event !== basis.id || standing.withdrawn)
    return reject(
      'criteria-not-met',
      'The facts that stand do not entitle to this credential any more.',
      'See the record: the entitlement was withdrawn after it was earned.',
    );
  if (standing.ended)
    return reject('criteria-not-met', 'This occurrence of the credential has ended.', 'It must be earned again.');
  return basis;
}

const isBasis = (event: Recorded | undefined): event is Basis =>
  event?.type === 'credential-earned' || event?.type === 'credential-granted';

function issue(
  command: Issued<IssueCredential>,
  state: CredentialState,
  facts: IssueFacts | undefined,
): Decision<CredentialEvent> {
  if (state.issued)
    return state.issued.basis.eventId === command.data.basis.eventId
      ? accept()
      : reject('credential-already-issued', 'This credential was issued on the strength of another decision (D1).');
  if (state.barred)
    return reject('issuance-barred', 'It was revoked before it could be issued.', 'It must be earned again.');
  if (!facts) throw new TypeError('IssueCredential is decided on facts');
  const basis = basisOf(command, facts);
  if ('accepted' in basis) return basis;
  const { signed } = facts;
  if (!signed) throw new TypeError('an entitled credential is signed before it is decided');
  if ('accepted' in signed) return signed;
  const { learnerId, credentialId, templateId, templateVersion, occurrence, edition, components, at, from, until } =
    basis.data;
  return accept({
    type: 'credential-issued',
    occurredAt: from,
    data: {
      learnerId,
      credentialId,
      templateId,
      templateVersion,
      issuerId: signed.issuerId,
      basis: { stream: basis.stream, revision: basis.revision, eventId: basis.id },
      occurrence,
      edition,
      components: components.map((component) => ({
        componentId: component.componentId,
        templateId: component.templateId,
      })),
      serial: 1,
      status: signed.status,
      validFrom: from,
      ...(until === undefined ? {} : { validUntil: until }),
      awardedAt: at,
      vcHash: signed.vcHash,
      keyId: signed.keyId,
      ...aboutTerm(state, signed),
      ...(basis.type === 'credential-granted'
        ? {
            ...(basis.data.replaces === undefined ? {} : { replaces: basis.data.replaces }),
            reasonCode: basis.data.reasonCode,
            authority: basis.data.authority,
          }
        : {}),
    },
  });
}

/** When the term may be renewed and reminded of, and since when a hold stands by now. */
function aboutTerm({ suspensions }: CredentialState, { renewal, reminders }: SignedCopy) {
  const [held] = Object.values(suspensions).toSorted();
  return {
    ...(renewal === undefined ? {} : { renewal }),
    ...(reminders === undefined ? {} : { reminders }),
    ...(held === undefined ? {} : { held }),
  };
}

/** Why the credential cannot have a further term, whatever the command names; undefined if it could. */
function notRenewable(
  { data }: Issued<RenewCredential>,
  state: CredentialState,
): Decision<CredentialEvent> | undefined {
  const ended = endOf(state);
  if (ended) return ended;
  if (!state.issued)
    return reject('credential-not-active', 'It is not issued, so there is no term to follow.', 'Issue it first.');
  if (state.terms.some(({ basis }) => basis.eventId === data.basis.eventId)) return accept();
  return undefined;
}

/** The renewal that the command names, or why it brings this credential no term. */
function renewalOf(
  command: Issued<RenewCredential>,
  { terms }: CredentialState,
  { basis, entitlements }: IssueFacts,
): RenewalBasis | Rejected {
  const { credentialId, learnerId, basis: named } = command.data;
  if (basis?.type !== 'renewal-earned' || basis.id !== named.eventId || credentialOf(basis) !== credentialId)
    return reject(
      'basis-unknown',
      `No renewal of this credential stands at revision ${named.revision} of ${named.stream}.`,
      'Name the RenewalEarned event of this credential.',
    );
  const renewal = basis as RenewalBasis;
  if (renewal.data.learnerId !== learnerId || entitlements.closed)
    return reject('learner-erased', 'The record of this learner is closed.');
  if (renewal.data.serial > terms.length + 1)
    return reject('credential-not-active', `Term ${terms.length + 1} comes first.`, 'Renew in order of the terms.');
  return renewal;
}

const credentialOf = ({ data }: Recorded): unknown => (data as { credentialId?: unknown }).credentialId;

function renew(
  command: Issued<RenewCredential>,
  state: CredentialState,
  facts: IssueFacts | undefined,
): Decision<CredentialEvent> {
  const answered = notRenewable(command, state);
  if (answered) return answered;
  if (!facts) throw new TypeError('RenewCredential is decided on facts');
  const renewal = renewalOf(command, state, facts);
  if ('accepted' in renewal) return renewal;
  const { learnerId, credentialId, templateId, serial, at, from, until, reasonCode, authority } = renewal.data;
  // A person confirmed what had been taken back: the term is there, and stays as it was signed.
  if (serial <= state.terms.length) return accept();
  const { signed } = facts;
  if (!signed) throw new TypeError('a renewal is signed before it is decided');
  if ('accepted' in signed) return signed;
  const { awardedAt } = state.issued as NonNullable<CredentialState['issued']>;
  return accept({
    type: 'credential-renewed',
    occurredAt: at,
    data: {
      learnerId,
      credentialId,
      templateId,
      serial,
      basis: { stream: renewal.stream, revision: renewal.revision, eventId: renewal.id },
      at,
      validFrom: from,
      validUntil: until,
      awardedAt,
      vcHash: signed.vcHash,
      keyId: signed.keyId,
      ...aboutTerm(state, signed),
      ...(reasonCode === undefined ? {} : { reasonCode }),
      ...(authority === undefined ? {} : { authority }),
    },
  });
}

/** The next edition took its place. Of a revoked one the page leads on to it, and nothing else changes. */
function supersede({ data }: Issued<SupersedeCredential>, state: CredentialState): Decision<CredentialEvent> {
  if (!state.issued) return state.barred ? barred() : reject('not-found', 'No such credential was issued.');
  if (state.superseded) return state.superseded.by === data.by ? accept() : alreadySuperseded(state.superseded);
  const { learnerId, credentialId, templateId } = state.issued;
  const { by, reasonCode, effectiveAt, because, authority } = data;
  return accept({
    type: 'credential-superseded',
    occurredAt: effectiveAt,
    data: {
      learnerId,
      credentialId,
      templateId,
      by,
      reasonCode,
      effectiveAt,
      because,
      ...(authority === undefined ? {} : { authority }),
    },
  });
}

function revoke(command: Issued<RevokeCredential>, state: CredentialState): Decision<CredentialEvent> {
  const { credentialId, reasonCode, effectiveAt = command.now, authority, because } = command.data;
  if (!reasonCode) return reject('reason-required', 'A revocation needs a reason.', 'Send a reason code.');
  if (because === undefined && !authority)
    return reject('authority-required', 'A revocation by people needs an authority.', 'Name who decided it.');
  if (effectiveAt > command.now)
    return reject('date-in-future', 'A revocation cannot take effect in the future.', 'Send an instant up to now.');
  if (state.barred) return state.barred.because === because ? accept() : barred();
  if (!state.issued) {
    const { learnerId, templateId } = command.data;
    if (because === undefined || learnerId === undefined || templateId === undefined)
      return reject('not-found', 'No such credential was issued.');
    return accept({
      type: 'credential-issuance-barred',
      occurredAt: effectiveAt,
      data: { learnerId, credentialId, templateId, because, effectiveAt },
    });
  }
  if (state.revoked)
    return because !== undefined && state.revoked.because === because ? accept() : alreadyRevoked(state.revoked);
  if (state.superseded) return alreadySuperseded(state.superseded);
  const { learnerId, templateId } = state.issued;
  return accept({
    type: 'credential-revoked',
    occurredAt: effectiveAt,
    data: {
      learnerId,
      credentialId,
      templateId,
      reasonCode,
      effectiveAt,
      ...(because === undefined ? {} : { because }),
      ...(authority === undefined ? {} : { authority }),
    },
  });
}

function flag(command: Issued<FlagCredential>, state: CredentialState): Decision<CredentialEvent> {
  const ended = endOf(state);
  if (ended) return ended;
  const { hold, cause, because, componentTemplateId, effectiveAt } = command.data;
  if (Object.hasOwn(state.holds, hold)) return accept();
  return accept({
    type: 'credential-flagged',
    occurredAt: effectiveAt,
    data: {
      ...who(command.data, state),
      hold,
      cause,
      because,
      ...(componentTemplateId === undefined ? {} : { componentTemplateId }),
      effectiveAt,
    },
  });
}

function unflag(command: Issued<UnflagCredential>, state: CredentialState): Decision<CredentialEvent> {
  const ended = endOf(state);
  if (ended) return ended;
  const { hold, because, effectiveAt } = command.data;
  if (!Object.hasOwn(state.holds, hold)) return accept();
  return accept({
    type: 'credential-unflagged',
    occurredAt: effectiveAt,
    data: { ...who(command.data, state), hold, because, effectiveAt },
  });
}

const MANUAL = 'manual:';

/** What both ends of a hold ask for: a reason, an authority or a cause, a name of the right kind, no future. */
function refusedHold(
  { data, now }: Issued<SuspendCredential | ReinstateCredential>,
  state: CredentialState,
): Rejected | undefined {
  const { hold, reasonCode, effectiveAt = now, authority, because } = data;
  if (!reasonCode) return reject('reason-required', 'A hold begins and ends for a reason.', 'Send a reason code.');
  if (because === undefined && !authority)
    return reject('authority-required', 'A hold by people needs an authority.', 'Name who decided it.');
  if ((because === undefined) !== hold.startsWith(MANUAL))
    return reject(
      'validation-failed',
      `The hold ${hold} belongs to ${because === undefined ? 'a policy' : 'people'}: only its own counterpart ends it.`,
      'Name a hold of your own.',
    );
  if (effectiveAt > now)
    return reject('date-in-future', 'A hold cannot begin or end in the future.', 'Send an instant up to now.');
  if (!state.issued && !state.barred && (because === undefined || !data.learnerId || !data.templateId))
    return reject('not-found', 'No such credential was issued.');
  return endOf(state);
}

function suspend(command: Issued<SuspendCredential>, state: CredentialState): Decision<CredentialEvent> {
  const refused = refusedHold(command, state);
  if (refused) return refused;
  const { hold, effectiveAt = command.now } = command.data;
  if (Object.hasOwn(state.suspensions, hold)) return accept();
  return accept({
    type: 'credential-suspended',
    occurredAt: effectiveAt,
    data: { ...holdData(command, state), reasonCode: command.data.reasonCode, effectiveAt },
  });
}

function reinstate(command: Issued<ReinstateCredential>, state: CredentialState): Decision<CredentialEvent> {
  const refused = refusedHold(command, state);
  if (refused) return refused;
  const { hold, reasonCode, effectiveAt = command.now, because } = command.data;
  const since = state.suspensions[hold];
  if (since === undefined)
    return because === undefined
      ? reject('credential-not-active', `No hold ${hold} stands on this credential.`, 'Name one that does.')
      : accept();
  if (effectiveAt < since)
    return reject('validation-failed', `The hold begins at ${since}; it cannot end before.`, 'Send a later instant.');
  const [resumes, ...resumesToo] = Object.keys(state.suspensions).length === 1 ? restOfTerms(state, effectiveAt) : [];
  return accept({
    type: 'credential-reinstated',
    occurredAt: effectiveAt,
    data: {
      ...holdData(command, state),
      reasonCode,
      effectiveAt,
      ...(resumes ? { resumes } : {}),
      ...(resumesToo.length > 0 ? { resumesToo } : {}),
    },
  });
}

/** What is left of the terms at an instant; nothing before the issue and after the last end. */
function restOfTerms({ terms }: CredentialState, from: Instant) {
  return terms
    .filter(({ validUntil }) => validUntil === undefined || validUntil > from)
    .map(({ serial, validFrom, validUntil, awardedAt }) => ({
      serial,
      validFrom: from > validFrom ? from : validFrom,
      ...(validUntil === undefined ? {} : { validUntil }),
      awardedAt,
    }));
}

function holdData({ data }: Issued<SuspendCredential | ReinstateCredential>, { issued }: CredentialState) {
  const { learnerId, templateId } = issued ?? (data as Required<typeof data>);
  const { credentialId, hold, because, authority } = data;
  return {
    learnerId,
    credentialId,
    templateId,
    hold,
    ...(because === undefined ? {} : { because }),
    ...(authority === undefined ? {} : { authority }),
  };
}

/** Marks the end of the term, once. Whether it is over is computed: a scheduler that comes early records nothing. */
function expire({ data, now }: Issued<ExpireCredential>, state: CredentialState): Decision<CredentialEvent> {
  const { issued, expired = 0, terms } = state;
  if (!issued) return reject('not-found', 'No such credential was issued.');
  const ended = endOf(state);
  if (ended) return ended;
  const { learnerId, credentialId, templateId } = issued;
  const { serial, validUntil } = terms.at(-1) as TermOfCredential;
  // Renewed since: that end is none, or was noted before.
  if (data.serial < serial || expired >= serial) return accept();
  if (validUntil === undefined || now < validUntil)
    return reject(
      'credential-not-active',
      validUntil === undefined ? 'Its term has no end.' : `Its term ends at ${validUntil} only.`,
    );
  return accept({
    type: 'credential-expired',
    occurredAt: validUntil,
    data: { learnerId, credentialId, templateId, serial, validUntil },
  });
}

/** Tells everybody else that the last term can be renewed from now on, or no more. */
function noteWindow({ data, now }: Issued<NoteRenewalWindow>, state: CredentialState): Decision<CredentialEvent> {
  const { issued, terms, windowOpened = 0, windowClosed = 0 } = state;
  if (!issued) return reject('not-found', 'No such credential was issued.');
  const ended = endOf(state);
  if (ended) return ended;
  const { serial, validUntil, renewal } = terms.at(-1) as TermOfCredential;
  const opening = data.stage === 'opens';
  if (data.serial < serial || (opening ? windowOpened : windowClosed) >= serial) return accept();
  if (validUntil === undefined || renewal === undefined)
    return reject('not-renewable', 'The template of this credential has no renewal.');
  const at = opening ? renewal.opens : renewal.closes;
  if (now < at) return reject('credential-not-active', `That is at ${at} only.`);
  const { learnerId, credentialId, templateId } = issued;
  return accept({
    type: opening ? 'renewal-window-opened' : 'renewal-window-closed',
    occurredAt: at,
    data: { learnerId, credentialId, templateId, serial, validUntil, ...renewal },
  });
}

/**
 * Asks for a reminder, once for each stage of a term. Of several that went by meanwhile the last one speaks for all;
 * nobody is reminded of a term that was renewed, has ended, or is of a credential that is no more.
 */
function remind({ data, now }: Issued<RequestRenewalReminder>, state: CredentialState): Decision<CredentialEvent> {
  const { issued, terms, reminded } = state;
  if (!issued) return reject('not-found', 'No such credential was issued.');
  const ended = endOf(state);
  if (ended) return ended;
  const { serial, validUntil, reminders = [] } = terms.at(-1) as TermOfCredential;
  if (data.serial < serial) return accept();
  if (validUntil === undefined || now >= validUntil)
    return reject('credential-not-active', 'There is no term that will end.');
  const done = reminded?.serial === serial ? reminders.findIndex(({ stage }) => stage === reminded.stage) + 1 : 0;
  const left = reminders.slice(done);
  const due = left.filter(({ at }) => at <= now);
  const last = due.at(-1);
  if (!last)
    return left[0] ? reject('credential-not-active', `The next reminder is due at ${left[0].at} only.`) : accept();
  const next = left[due.length];
  const { learnerId, credentialId, templateId } = issued;
  return accept({
    type: 'renewal-reminder-requested',
    occurredAt: last.at,
    data: {
      learnerId,
      credentialId,
      templateId,
      serial,
      stage: last.stage,
      dueAt: last.at,
      validUntil,
      ...(due.length > 1 ? { passed: due.slice(0, -1).map(({ stage }) => stage) } : {}),
      ...(next ? { next } : {}),
    },
  });
}

/** Of whom and what the credential is: as issued; before that, as the command says. */
function who(data: FlagCredential['data'] | UnflagCredential['data'], { issued }: CredentialState) {
  const { learnerId, credentialId, templateId } = issued ?? data;
  return { learnerId, credentialId, templateId };
}

const endOf = (state: CredentialState): Rejected | undefined =>
  state.revoked
    ? alreadyRevoked(state.revoked)
    : state.superseded
      ? alreadySuperseded(state.superseded)
      : state.barred
        ? barred()
        : undefined;

const barred = (): Rejected => reject('issuance-barred', 'It was revoked before it could be issued; that is final.');

const alreadySuperseded = ({ by, effectiveAt }: DataOf<'credential-superseded'>): Rejected =>
  reject(
    'credential-superseded',
    `The credential is superseded since ${effectiveAt}; that is final.`,
    `Act on the one in its place: ${publicId('crd', by)}.`,
  );

const alreadyRevoked = ({ effectiveAt }: DataOf<'credential-revoked'>): Rejected =>
  reject(
    'credential-revoked',
    `The credential is revoked since ${effectiveAt}; that is final.`,
    'It can only be earned again or replaced.',
  );
