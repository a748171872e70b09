// Every problem code of the API: its status, title and what to do. RFC 9457 problem details are made from it,
// and so are the pages below /docs/problems.
import { HttpException } from '@nestjs/common';
import type { Rejected } from '@cairn/kernel';

type Problem = { readonly status: number; readonly title: string; readonly next: string };

export const PROBLEMS = {
  'malformed-request': {
    status: 400,
    title: 'The request cannot be read',
    next: 'Send well-formed JSON within the limits.',
  },
  'validation-failed': {
    status: 400,
    title: 'The request does not fit its schema',
    next: 'Correct the fields named in errors and send again.',
  },
  'cursor-invalid': { status: 400, title: 'The cursor is not one of ours', next: 'Start again without a cursor.' },
  'position-foreign': {
    status: 400,
    title: 'The position belongs to another log',
    next: 'Use a position that this installation handed out.',
  },
  'authentication-required': {
    status: 401,
    title: 'No valid credentials were sent',
    next: 'Send an API key as "Authorization: Bearer cairn_live_…".',
  },
  'token-invalid': {
    status: 401,
    title: 'The API key is not valid',
    next: 'Check the key; it may be expired or revoked. Ask a tenant admin for a new one.',
  },
  'scope-missing': { status: 403, title: 'The key may not do this', next: 'Use a key with the scope named in detail.' },
  'not-found': { status: 404, title: 'Not found', next: 'Check the id; things of other tenants look the same.' },
  'share-link-expired': { status: 410, title: 'The link has expired', next: 'Ask for a new link.' },
  'learner-erased': {
    status: 410,
    title: 'The learner was erased',
    next: 'Nothing can be done: the personal data and its key are gone.',
  },
  'revision-conflict': {
    status: 409,
    title: 'Others changed it at the same time',
    next: 'Send the same request again.',
  },
  'version-immutable': {
    status: 409,
    title: 'A published version never changes',
    next: 'Change the draft and publish the next version.',
  },
  'shadow-running': {
    status: 409,
    title: 'Another shadow of the pathway is running',
    next: 'Stop it first; what it found up to then can still be asked.',
  },
  'nothing-to-shadow': {
    status: 409,
    title: 'There is nothing that a shadow would tell',
    next: 'Write a draft that differs from the newest published version.',
  },
  'already-exists': { status: 409, title: 'It exists already', next: 'Use the existing one, or another slug.' },
  'learner-merged': {
    status: 409,
    title: 'The learner goes on as another one',
    next: 'Send it for the learner named in the detail, or un-merge the two first.',
  },
  'message-not-sent': {
    status: 409,
    title: 'The message is not out',
    next: 'Look at its state in the outbox.',
  },
  'not-merged': {
    status: 409,
    title: 'The learner is merged into no other',
    next: 'Name the learner that was merged, not the one that stayed.',
  },
  'merge-with-itself': { status: 422, title: 'A learner cannot be merged with itself', next: 'Name two learners.' },
  'record-too-long': {
    status: 422,
    title: 'The record is too long to be taken into another',
    next: 'Merge the other way round, so that the longer record stays.',
  },
  'already-enrolled': {
    status: 409,
    title: 'The learner is enrolled already',
    next: 'Ask for a repeat by its attempt number, or reinstate a withdrawn enrollment.',
  },
  'enrollment-not-active': {
    status: 409,
    title: 'The enrollment is not active',
    next: 'Reinstate the enrollment, or record the fact on the learner.',
  },
  'credential-not-active': {
    status: 409,
    title: 'The credential is not in a state for this',
    next: 'Look at its history.',
  },
  'credential-revoked': {
    status: 409,
    title: 'The credential is revoked for good',
    next: 'Issue a replacement if the revocation was a mistake.',
  },
  'credential-already-issued': {
    status: 409,
    title: 'The credential was issued on another decision',
    next: 'Look at its history and at the decision it names.',
  },
  'credential-superseded': {
    status: 409,
    title: 'A corrected edition has taken its place',
    next: 'Act on the edition that supersededBy names.',
  },
  'renewal-window-not-open': {
    status: 409,
    title: 'Too early to renew',
    next: 'Record what renews it once the window is open.',
  },
  'renewal-window-closed': {
    status: 409,
    title: 'Too late to renew',
    next: 'It must be earned again, by the rule of its award.',
  },
  'not-renewable': {
    status: 409,
    title: 'The credential has no renewal',
    next: 'It can only be earned again when it is over.',
  },
  'issuance-barred': {
    status: 409,
    title: 'The credential was revoked before it was issued',
    next: 'It must be earned again.',
  },
  'signing-key-missing': {
    status: 409,
    title: 'The issuer has no signing key in force',
    next: 'Add an RS256 or ES256 key to the issuer.',
  },
  'identifier-taken': {
    status: 409,
    title: 'The identifier belongs to another learner',
    next: 'Find that learner by the identifier and use it.',
  },
  'source-record-differs': {
    status: 409,
    title: 'The source record is known with other content',
    next: 'Invalidate the first completion, then send the corrected one.',
  },
  'record-closed': {
    status: 409,
    title: 'The record is closed',
    next: 'Nothing more can be recorded about this learner.',
  },
  'not-a-sandbox': {
    status: 409,
    title: 'The tenant lives by real time',
    next: 'Register a sandbox: a tenant with sandboxClock.',
  },
  'clock-backwards': {
    status: 422,
    title: 'A clock only goes forward',
    next: 'Send an instant after where the clock stands, or register another sandbox.',
  },
  'undo-of-undo': {
    status: 409,
    title: 'An undo is not undone',
    next: 'Run the import or act again: business keys of what was undone are free.',
  },
  'preview-stale': {
    status: 409,
    title: 'It is not what was previewed',
    next: 'Look at a new preview and confirm that one.',
  },
  'run-under-way': {
    status: 409,
    title: 'The run is under way already',
    next: 'Look at GET /api/operations/{run}, or cancel it; then send it again.',
  },
  'run-not-under-way': {
    status: 409,
    title: 'The run is not under way',
    next: 'Nothing is left to cancel; what it did is undone by POST /api/operations/{run}/undo.',
  },
  'run-undone': {
    status: 409,
    title: 'The run was undone',
    next: 'Begin a new run: look at a new preview, or leave out Cairn-Run.',
  },
  'last-key': { status: 409, title: 'The issuer would have no key left', next: 'Add the next signing key first.' },
  'revision-stale': { status: 412, title: 'It has changed since you read it', next: 'Read it again and decide anew.' },
  'if-match-required': {
    status: 428,
    title: 'This act needs If-Match',
    next: 'Read the current ETag and send it as If-Match.',
  },
  'body-too-large': {
    status: 413,
    title: 'The body is too large',
    next: 'Send at most 64 KB; import larger data in parts.',
  },
  'media-type-unsupported': { status: 415, title: 'The media type is not supported', next: 'Send application/json.' },
  'rate-limited': { status: 429, title: 'Too many requests', next: 'Wait as long as Retry-After says.' },
  'idempotency-key-reused': {
    status: 422,
    title: 'The Idempotency-Key was used for another request',
    next: 'Use a new key for a new request.',
  },
  'reason-required': { status: 422, title: 'A reason code is needed', next: 'Send reasonCode.' },
  'authority-required': {
    status: 422,
    title: 'An authority is needed',
    next: 'Send authority: who is entitled to decide this.',
  },
  'criteria-not-met': { status: 422, title: 'The criteria are not met', next: 'Look at why-not for what is missing.' },
  'basis-unknown': {
    status: 422,
    title: 'No decision entitles to the credential',
    next: 'Name the CredentialEarned or CredentialGranted event of this learner.',
  },
  'credential-unfit': {
    status: 422,
    title: 'The template makes no valid credential',
    next: 'Publish a version of the template without the faults in errors.',
  },
  'evidence-refused': {
    status: 422,
    title: 'The evidence does not suffice',
    next: 'Send a result at or above the pass mark.',
  },
  'date-in-future': {
    status: 422,
    title: 'The date lies in the future',
    next: 'Record facts when they have happened.',
  },
  'module-not-in-version': {
    status: 422,
    title: 'The pathway version does not name the module',
    next: "Record it on the learner's own route, or check the module.",
  },
  'mapping-incomplete': {
    status: 422,
    title: 'The mapping does not fit',
    next: 'Name for each in errors what it becomes, or where it is found.',
  },
  'version-not-newer': {
    status: 422,
    title: 'The version is not newer than the pinned one',
    next: 'Name a newer version; nobody moves back.',
  },
  'reference-unknown': {
    status: 422,
    title: 'Something named does not exist',
    next: 'Create it first, or correct the name.',
  },
  'pathway-lint-failed': {
    status: 422,
    title: 'The pathway has faults',
    next: 'Correct what errors names and publish again.',
  },
  'rule-invalid': { status: 422, title: 'The rule cannot be read', next: 'Correct what errors names.' },
  'draft-missing': { status: 422, title: 'There is no draft to publish', next: 'Write a draft first.' },
  'component-unknown': { status: 404, title: 'The component is not in the record', next: 'Credit it first.' },
  'internal-error': {
    status: 500,
    title: 'Something broke on our side',
    next: 'Send the same request again; name the Request-Id if it stays.',
  },
  'read-model-behind': {
    status: 503,
    title: 'The read model has not caught up yet',
    next: 'Ask again after Retry-After, or send Allow-Stale: true.',
  },
  'log-unavailable': {
    status: 503,
    title: 'The event log does not answer',
    next: 'Send the same request with the same Idempotency-Key after Retry-After.',
  },
  'status-list-full': {
    status: 409,
    title: 'The status list has no block left',
    next: 'Send the same request again: the next list is opened.',
  },
  'vault-unavailable': {
    status: 503,
    title: 'The vault of keys and signed copies does not answer',
    next: 'Send the same request with the same Idempotency-Key after Retry-After.',
  },
  'works-elsewhere': {
    status: 409,
    title: 'Another process of the installation does this',
    next: 'Send the request to a process with the role named in detail (CAIRN_ROLES).',
  },
  overloaded: { status: 503, title: 'Too much work at once', next: 'Send the same request again after Retry-After.' },
  'event-type-unknown': {
    status: 500,
    title: 'The log holds an event this version does not know',
    next: 'Upgrade Cairn to the version that wrote it.',
  },
  'schema-version-unknown': {
    status: 500,
    title: 'The log holds a newer event version',
    next: 'Upgrade Cairn to the version that wrote it.',
  },
  'event-corrupt': {
    status: 500,
    title: 'An event in the log is damaged',
    next: 'Run verify-log, then restore from a backup.',
  },
  'tenant-mismatch': {
    status: 500,
    title: 'An event is in a stream of another tenant',
    next: 'Run verify-log, then restore from a backup.',
  },
} as const satisfies Record<string, Problem>;
export type ProblemCode = keyof typeof PROBLEMS;

export type ProblemError = { readonly pointer: string; readonly code: string; readonly message: string };

/** An expected failure on its way to the client. */
export class ProblemException extends HttpException {
  constructor(
    readonly code: ProblemCode,
    readonly detail: string,
    readonly more: {
      readonly next?: string;
      readonly errors?: readonly ProblemError[];
      readonly retryAfterSeconds?: number;
    } = {},
  ) {
    super(code, PROBLEMS[code].status);
  }

  /** What a page shows of it. */
  page(): { readonly status: number; readonly title: string; readonly next: string } {
    const { status, title, next } = PROBLEMS[this.code];
    return { status, title, next: this.more.next ?? next };
  }

  static of(rejected: Rejected): ProblemException {
    if (!(rejected.code in PROBLEMS)) throw new TypeError(`the problem code "${rejected.code}" is not documented`);
    return new ProblemException(rejected.code as ProblemCode, rejected.detail, {
      ...(rejected.next === undefined ? {} : { next: rejected.next }),
      ...(rejected.errors === undefined ? {} : { errors: rejected.errors }),
    });
  }
}

/** The body of an `application/problem+json` answer. */
export function problemBody(problem: ProblemException, instance: string, traceId: string) {
  const { status, title, next } = PROBLEMS[problem.code];
  return {
    type: `/docs/problems/${problem.code}`,
    title,
    status,
    detail: problem.detail,
    instance,
    code: problem.code,
    next: problem.more.next ?? next,
    traceId,
    ...(problem.more.errors ? { errors: problem.more.errors } : {}),
  };
}
