import { reject, type EnrollmentId, type Instant, type Rejected } from '@cairn/kernel';

export const erased = (): Rejected =>
  reject('learner-erased', 'The learner was erased; nothing more is recorded about them.');

export const dateInFuture = (field: string, instant: Instant, now: Instant): Rejected =>
  reject('date-in-future', `${field} is ${instant}; it is ${now} now.`, 'Send the date on which it happened.', [
    { pointer: `/${field}`, code: 'date-in-future', message: `is after ${now}` },
  ]);

export const reasonRequired = (what: string): Rejected =>
  reject('reason-required', `${what} needs a reason.`, 'Send a reason code such as "entered-in-error".', [
    { pointer: '/reasonCode', code: 'reason-required', message: 'is missing' },
  ]);

export const authorityRequired = (what: string): Rejected =>
  reject('authority-required', `${what} needs an authority.`, 'Name who is entitled to decide it, by role.', [
    { pointer: '/authority', code: 'authority-required', message: 'is missing' },
  ]);

export const unknownEnrollment = (enrollment: EnrollmentId): Rejected =>
  reject('not-found', `There is no enrollment ${enrollment}.`, 'List the enrollments of the learner and name one.');

export const unknownTemplate = (): Rejected =>
  reject('not-found', 'There is no published template of that id.', 'Publish the template first, or check its id.');

export const isBlank = (text: string | undefined): boolean => text === undefined || text.trim() === '';
