// Public events: what other services are told. Translated from domain events, never the events themselves; no names, no
// addresses; additive, another meaning gets `.v2`. The envelope is CloudEvents 1.0.
import {
  publicId,
  s,
  type EventDefinition,
  type EventOf,
  type Infer,
  type JsonObject,
  type Recorded,
  type Schema,
} from '@cairn/kernel';
import {
  credentialEarned,
  credentialEntitlementWithdrawn,
  credentialGranted,
  enrollmentReinstated,
  enrollmentWithdrawn,
  learnerEnrolled,
  moduleCompleted,
  moduleCompletionInvalidated,
  moduleStarted,
  recordAbsorbed,
  recordReleased,
  renewalEarned,
  requirementWaived,
  stepReopened,
  stepSatisfied,
} from '@cairn/contexts/progress';
import {
  credentialExpired,
  credentialFlagged,
  credentialIssued,
  credentialReinstated,
  credentialRenewed,
  credentialRevoked,
  credentialSuperseded,
  credentialSuspended,
  credentialUnflagged,
  renewalReminderRequested,
  renewalWindowClosed,
  renewalWindowOpened,
} from '@cairn/contexts/credentials';

/** One constant: a reverse-DNS name once the project owns a domain. */
const PREFIX = 'cairn';

export type CloudEvent = {
  readonly specversion: '1.0';
  /** The domain event's id: the same on every channel and every delivery. */
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  /** When it was recorded. */
  readonly time: string;
  readonly datacontenttype: 'application/json';
  readonly dataschema: string;
  /** Position in the log: grows within a tenant. */
  readonly sequence: string;
  readonly correlationid: string;
  readonly causationid: string;
  readonly traceparent?: string;
  readonly data: JsonObject;
};

type PublicEvent = {
  /** `credential.issued.v1` */
  readonly name: string;
  readonly means: string;
  readonly from: string;
  readonly schema: Schema<unknown>;
  readonly subject: (event: Recorded) => string;
  readonly data: (event: Recorded) => JsonObject;
};

function publicEvent<Def extends EventDefinition, S extends Schema<unknown>>(
  name: string,
  from: Def,
  means: string,
  schema: S,
  subject: (data: EventOf<Def>['data']) => string,
  data: (data: EventOf<Def>['data'], event: Recorded) => Infer<S>,
): PublicEvent {
  return {
    name,
    means,
    from: from.type,
    schema,
    subject: (event) => subject(event.data as EventOf<Def>['data']),
    data: (event) => withoutGaps(data(event.data as EventOf<Def>['data'], event) as JsonObject),
  };
}

const withoutGaps = (data: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(data).filter(([, value]) => value !== undefined));

const id = s.string({ max: 64 });
const learner = id;
const optionalInstant = s.optional(s.instant());
const enrollmentShape = { learner, enrollment: id, pathway: id, version: s.integer({ min: 1 }) };
type EnrollmentData = {
  readonly learnerId: string;
  readonly enrollment: { readonly enrollmentId: string; readonly pathwayId: string; readonly version: number };
};
const enrollmentData = ({ learnerId, enrollment }: EnrollmentData) => ({
  learner: publicId('lrn', learnerId),
  enrollment: publicId('enr', enrollment.enrollmentId),
  pathway: publicId('pwy', enrollment.pathwayId),
  version: enrollment.version,
});
const ofEnrollment = ({ enrollment }: EnrollmentData): string => publicId('enr', enrollment.enrollmentId);
const ofLearner = ({ learnerId }: { readonly learnerId: string }): string => publicId('lrn', learnerId);
const ofCredential = ({ credentialId }: { readonly credentialId: string }): string => publicId('crd', credentialId);

const credentialShape = { credential: id, learner, template: id };
const credentialData = (data: {
  readonly credentialId: string;
  readonly learnerId: string;
  readonly templateId: string;
}) => ({
  credential: publicId('crd', data.credentialId),
  learner: publicId('lrn', data.learnerId),
  template: publicId('tpl', data.templateId),
});
const awardShape = s.object({
  ...credentialShape,
  templateVersion: s.integer({ min: 1 }),
  award: id,
  kind: s.oneOf(['step', 'exit', 'final'] as const),
  occurrence: s.integer({ min: 1 }),
  at: s.instant(),
  validFrom: s.instant(),
  validUntil: optionalInstant,
  enrollment: s.optional(id),
  reason: s.optional(id),
  authority: s.optional(s.string({ max: 200 })),
});
const awardData = (data: EventOf<typeof credentialEarned>['data']) => ({
  ...credentialData(data),
  templateVersion: data.templateVersion,
  award: data.awardId,
  kind: data.awardKind,
  occurrence: data.occurrence,
  at: data.at,
  validFrom: data.from,
  ...(data.until === undefined ? {} : { validUntil: data.until }),
  ...(data.enrollment === undefined ? {} : { enrollment: publicId('enr', data.enrollment.enrollmentId) }),
});
const windowShape = s.object({
  ...credentialShape,
  serial: s.integer({ min: 1 }),
  validUntil: s.instant(),
  opens: s.instant(),
  closes: s.instant(),
});
const windowData = (data: EventOf<typeof renewalWindowOpened>['data']) => ({
  ...credentialData(data),
  serial: data.serial,
  validUntil: data.validUntil,
  opens: data.opens,
  closes: data.closes,
});
const moduleShape = { learner, module: id, occurredAt: s.instant() };

const mergeShape = { learner, other: id };
type MergeData = { readonly learnerId: string; readonly from: string };
const mergeData = ({ learnerId, from }: MergeData) => ({
  learner: publicId('lrn', learnerId),
  other: publicId('lrn', from),
});

export const PUBLIC_EVENTS: readonly PublicEvent[] = [
  publicEvent(
    'learner.merged.v1',
    recordAbsorbed,
    'Two learners are one person, who goes on as `learner`; what was known of `other` counts there.',
    s.object(mergeShape),
    ofLearner,
    mergeData,
  ),
  publicEvent(
    'learner.unmerged.v1',
    recordReleased,
    'Two learners are two persons after all; what belongs to `other` counts for `learner` no more.',
    s.object(mergeShape),
    ofLearner,
    mergeData,
  ),
  publicEvent(
    'enrollment.started.v1',
    learnerEnrolled,
    'A learner joined a version of a pathway.',
    s.object({ ...enrollmentShape, attempt: s.integer({ min: 1 }), entryPoint: id, occurredAt: s.instant() }),
    ofEnrollment,
    (data, event) => ({
      ...enrollmentData(data),
      attempt: data.attempt,
      entryPoint: data.enrollment.entryPoint,
      occurredAt: event.meta.occurredAt,
    }),
  ),
  publicEvent(
    'enrollment.withdrawn.v1',
    enrollmentWithdrawn,
    'A learner left a pathway.',
    s.object({ ...enrollmentShape, reason: id, occurredAt: s.instant() }),
    ofEnrollment,
    (data, event) => ({ ...enrollmentData(data), reason: data.reasonCode, occurredAt: event.meta.occurredAt }),
  ),
  publicEvent(
    'enrollment.reinstated.v1',
    enrollmentReinstated,
    'A learner came back to a pathway.',
    s.object({ ...enrollmentShape, reason: id, occurredAt: s.instant() }),
    ofEnrollment,
    (data, event) => ({ ...enrollmentData(data), reason: data.reasonCode, occurredAt: event.meta.occurredAt }),
  ),
  publicEvent(
    'module.started.v1',
    moduleStarted,
    'A learner began a module.',
    s.object(moduleShape),
    ofLearner,
    (data, event) => ({
      learner: publicId('lrn', data.learnerId),
      module: publicId('mod', data.moduleId),
      occurredAt: event.meta.occurredAt,
    }),
  ),
  publicEvent(
    'module.completed.v1',
    moduleCompleted,
    'A learner finished a module.',
    s.object({
      ...moduleShape,
      attempt: s.integer({ min: 1 }),
      score: s.optional(s.number()),
      honours: s.optional(s.boolean()),
      credits: s.number(),
      source: id,
    }),
    ofLearner,
    (data, event) => ({
      learner: publicId('lrn', data.learnerId),
      module: publicId('mod', data.moduleId),
      occurredAt: event.meta.occurredAt,
      attempt: data.attempt,
      ...(data.score === undefined ? {} : { score: data.score }),
      ...(data.honours === undefined ? {} : { honours: data.honours }),
      credits: data.credits,
      source: data.source,
    }),
  ),
  publicEvent(
    'module.completion-invalidated.v1',
    moduleCompletionInvalidated,
    'A completion does not count any more.',
    s.object({ learner, module: id, completion: id, reason: id }),
    ofLearner,
    (data) => ({
      learner: publicId('lrn', data.learnerId),
      module: publicId('mod', data.moduleId),
      completion: publicId('evt', data.completion),
      reason: data.reasonCode,
    }),
  ),
  publicEvent(
    'requirement.waived.v1',
    requirementWaived,
    'A named authority decided that a requirement is met.',
    s.object({
      ...enrollmentShape,
      requirement: s.string({ max: 300 }),
      authority: s.string({ max: 200 }),
      reason: id,
    }),
    ofEnrollment,
    (data) => ({
      ...enrollmentData(data),
      requirement: data.requirementId,
      authority: data.authority,
      reason: data.reasonCode,
    }),
  ),
  publicEvent(
    'step.satisfied.v1',
    stepSatisfied,
    'A step of a pathway is met.',
    s.object({ ...enrollmentShape, step: id, at: s.instant(), reachedAt: s.instant() }),
    ofEnrollment,
    (data) => ({ ...enrollmentData(data), step: data.stepId, at: data.at, reachedAt: data.reachedAt }),
  ),
  publicEvent(
    'step.reopened.v1',
    stepReopened,
    'A step is no longer met.',
    s.object({ ...enrollmentShape, step: id }),
    ofEnrollment,
    (data) => ({ ...enrollmentData(data), step: data.stepId }),
  ),
  publicEvent(
    'credential.earned.v1',
    credentialEarned,
    'A learner is entitled to a credential.',
    awardShape,
    ofCredential,
    awardData,
  ),
  publicEvent(
    'credential.granted.v1',
    credentialGranted,
    'A named authority granted a credential.',
    awardShape,
    ofCredential,
    (data) => ({ ...awardData(data), reason: data.reasonCode, authority: data.authority }),
  ),
  publicEvent(
    'credential.entitlement-withdrawn.v1',
    credentialEntitlementWithdrawn,
    'The facts that stand do not entitle to the credential any more.',
    s.object({ ...credentialShape, effectiveAt: s.instant() }),
    ofCredential,
    (data) => ({ ...credentialData(data), effectiveAt: data.effectiveAt }),
  ),
  publicEvent(
    'credential.renewal-earned.v1',
    renewalEarned,
    'A learner is entitled to a further term of a credential.',
    s.object({
      ...credentialShape,
      serial: s.integer({ min: 2 }),
      at: s.instant(),
      validFrom: s.instant(),
      validUntil: s.instant(),
      reason: s.optional(id),
      authority: s.optional(s.string({ max: 200 })),
    }),
    ofCredential,
    (data) => ({
      ...credentialData(data),
      serial: data.serial,
      at: data.at,
      validFrom: data.from,
      validUntil: data.until,
      ...(data.reasonCode === undefined ? {} : { reason: data.reasonCode }),
      ...(data.authority === undefined ? {} : { authority: data.authority }),
    }),
  ),
  publicEvent(
    'credential.issued.v1',
    credentialIssued,
    'A credential was signed and exists.',
    s.object({
      ...credentialShape,
      templateVersion: s.integer({ min: 1 }),
      issuer: id,
      occurrence: s.integer({ min: 1 }),
      serial: s.integer({ min: 1 }),
      validFrom: s.instant(),
      validUntil: optionalInstant,
    }),
    ofCredential,
    (data) => ({
      ...credentialData(data),
      templateVersion: data.templateVersion,
      issuer: publicId('iss', data.issuerId),
      occurrence: data.occurrence,
      serial: data.serial,
      validFrom: data.validFrom,
      ...(data.validUntil === undefined ? {} : { validUntil: data.validUntil }),
    }),
  ),
  publicEvent(
    'credential.renewed.v1',
    credentialRenewed,
    'A credential has a further term; a newer signed copy is under the same address.',
    s.object({
      ...credentialShape,
      serial: s.integer({ min: 2 }),
      validFrom: s.instant(),
      validUntil: s.instant(),
    }),
    ofCredential,
    (data) => ({
      ...credentialData(data),
      serial: data.serial,
      validFrom: data.validFrom,
      validUntil: data.validUntil,
    }),
  ),
  publicEvent(
    'credential.renewal-opened.v1',
    renewalWindowOpened,
    'From now on facts count for the next term of a credential.',
    windowShape,
    ofCredential,
    windowData,
  ),
  publicEvent(
    'credential.renewal-closed.v1',
    renewalWindowClosed,
    'A credential can no longer be renewed, only earned again.',
    windowShape,
    ofCredential,
    windowData,
  ),
  publicEvent(
    'credential.renewal-reminder.v1',
    renewalReminderRequested,
    'The holder of a credential is to be told that its term ends; once for each stage that its template names.',
    s.object({
      ...credentialShape,
      serial: s.integer({ min: 1 }),
      validUntil: s.instant(),
      stage: s.string(),
      dueAt: s.instant(),
    }),
    ofCredential,
    ({ serial, validUntil, stage, dueAt, ...data }) => ({ ...credentialData(data), serial, validUntil, stage, dueAt }),
  ),
  publicEvent(
    'credential.superseded.v1',
    credentialSuperseded,
    'A corrected or replacing edition of a credential took its place.',
    s.object({ ...credentialShape, by: id, reason: id, effectiveAt: s.instant() }),
    ofCredential,
    (data) => ({
      ...credentialData(data),
      by: publicId('crd', data.by),
      reason: data.reasonCode,
      effectiveAt: data.effectiveAt,
    }),
  ),
  publicEvent(
    'credential.revoked.v1',
    credentialRevoked,
    'A credential was withdrawn for good.',
    s.object({ ...credentialShape, reason: id, effectiveAt: s.instant() }),
    ofCredential,
    (data) => ({ ...credentialData(data), reason: data.reasonCode, effectiveAt: data.effectiveAt }),
  ),
  publicEvent(
    'credential.flagged.v1',
    credentialFlagged,
    'Something that a valid credential rests on has lapsed.',
    s.object({ ...credentialShape, cause: id, effectiveAt: s.instant() }),
    ofCredential,
    (data) => ({ ...credentialData(data), cause: data.cause, effectiveAt: data.effectiveAt }),
  ),
  publicEvent(
    'credential.unflagged.v1',
    credentialUnflagged,
    'A remark on a credential is over.',
    s.object({ ...credentialShape, effectiveAt: s.instant() }),
    ofCredential,
    (data) => ({ ...credentialData(data), effectiveAt: data.effectiveAt }),
  ),
  publicEvent(
    'credential.suspended.v1',
    credentialSuspended,
    'A credential is not valid for the time being.',
    s.object({ ...credentialShape, reason: id, effectiveAt: s.instant() }),
    ofCredential,
    (data) => ({ ...credentialData(data), reason: data.reasonCode, effectiveAt: data.effectiveAt }),
  ),
  publicEvent(
    'credential.reinstated.v1',
    credentialReinstated,
    'A suspension is over; the credential is valid again unless another one stands.',
    s.object({ ...credentialShape, effectiveAt: s.instant() }),
    ofCredential,
    (data) => ({ ...credentialData(data), effectiveAt: data.effectiveAt }),
  ),
  publicEvent(
    'credential.expired.v1',
    credentialExpired,
    'The term of a credential ended.',
    s.object({ ...credentialShape, validUntil: s.instant() }),
    ofCredential,
    (data) => ({ ...credentialData(data), validUntil: data.validUntil }),
  ),
];

const byDomainType = new Map(PUBLIC_EVENTS.map((definition) => [definition.from, definition]));

/** Stream categories that hold public events. */
export const PUBLIC_CATEGORIES = ['record', 'credential'] as const;

/** Full type of a public event: `cairn.credential.issued.v1`. */
export const publicType = (name: string): string => `${PREFIX}.${name}`;

/** Where the schema of a public event's data is served: an absolute URI, as CloudEvents 1.0 asks of `dataschema`. */
export const schemaUrl = (baseUrl: string, name: string): string => `${baseUrl}/schemas/${name}.json`;

/** The public form of an event; undefined for what is nobody else's business. */
export function cloudEventOf(
  event: Recorded,
  logToken: (position: string) => string,
  baseUrl: string,
): CloudEvent | undefined {
  const definition = byDomainType.get(event.type);
  if (!definition) return undefined;
  return {
    specversion: '1.0',
    id: publicId('evt', event.id),
    source: `/tenants/${publicId('ten', event.meta.tenant)}`,
    type: publicType(definition.name),
    subject: definition.subject(event),
    time: event.meta.recordedAt,
    datacontenttype: 'application/json',
    dataschema: schemaUrl(baseUrl, definition.name),
    sequence: logToken(event.position),
    correlationid: event.meta.$correlationId,
    causationid: event.meta.$causationId,
    ...(event.meta.traceparent === undefined ? {} : { traceparent: event.meta.traceparent }),
    data: definition.data(event),
  };
}
