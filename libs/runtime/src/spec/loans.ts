// A toy domain of what falls due: loans that are paid back in instalments, each collected by the scheduler.
import { TENANT, at } from '@cairn/testing';
import {
  accept,
  defineEvent,
  defineProjection,
  defineTimekeeper,
  reject,
  s,
  streamName,
  type Command,
  type Decider,
  type DueItem,
  type EventOf,
  type Instant,
} from '@cairn/kernel';

export const loanTaken = defineEvent({
  type: 'loan-taken',
  version: 1,
  means: 'Instalments are due: the first at an instant, the others a number of days apart.',
  schema: s.object({ loan: s.string(), dueAt: s.instant(), days: s.integer(), instalments: s.integer() }),
  samples: { 1: [{ loan: 'a', dueAt: at('2026-01-01'), days: 1, instalments: 2 }] },
});
export const instalmentPaid = defineEvent({
  type: 'instalment-paid',
  version: 1,
  means: 'An instalment was collected.',
  schema: s.object({ loan: s.string(), dueAt: s.instant(), next: s.optional(s.instant()) }),
  samples: { 1: [{ loan: 'a', dueAt: at('2026-01-01') }] },
});
type LoanEvent = EventOf<typeof loanTaken | typeof instalmentPaid>;
type LoanCommand =
  | Command<'take-loan', { loan: string; dueAt: Instant; days: number; instalments: number }>
  | Command<'collect', { loan: string; dueAt: Instant }>;
type Loan = { readonly due?: Instant; readonly days: number; readonly left: number };

export const later = (from: Instant, days: number): Instant =>
  new Date(Date.parse(from) + days * 86_400_000).toISOString() as Instant;
export const loanStream = (loan: string): string => streamName('loan', TENANT, loan);

export const loanDecider: Decider<Loan, LoanCommand, LoanEvent> = {
  category: 'loan',
  initial: { days: 0, left: 0 },
  commands: ['take-loan', 'collect'],
  streamOf: ({ data }) => loanStream(data.loan),
  evolve: (state, event) => {
    if (event.type === 'loan-taken') {
      const { dueAt, days, instalments } = event.data;
      return { due: dueAt, days, left: instalments };
    }
    const { next } = event.data;
    return { days: state.days, left: state.left - 1, ...(next === undefined ? {} : { due: next }) };
  },
  decide: (command, { due, days, left }) => {
    if (command.type === 'take-loan') return accept({ type: 'loan-taken', data: command.data });
    const { loan, dueAt } = command.data;
    if (loan.startsWith('broke')) return reject('balance-too-low', 'There is nothing to collect.');
    if (loan.startsWith('mute')) return accept();
    if (dueAt > command.now) return reject('not-due', `It is due at ${dueAt}.`);
    if (due !== dueAt) return reject('not-due', 'It was collected before.');
    const data = { loan, dueAt, ...(left > 1 ? { next: later(dueAt, days) } : {}) };
    return accept({ type: 'instalment-paid', data });
  },
};

type LoanDue = DueItem & { readonly kind: 'instalment' };
export const dueWork = defineProjection<LoanDue, typeof loanTaken | typeof instalmentPaid>({
  name: 'due_work',
  version: 1,
  events: [loanTaken, instalmentPaid],
  keys: ({ data }) => [`${TENANT}:instalment:${data.loan}`],
  evolve: (document, event) => {
    const open = (dueAt: Instant): LoanDue => ({
      tenant: TENANT,
      kind: 'instalment',
      subject: event.data.loan,
      serial: (document?.serial ?? 0) + 1,
      dueAt,
      state: 'open',
    });
    if (event.type === 'loan-taken') return open(event.data.dueAt);
    const { next } = event.data;
    return next === undefined ? document && { ...document, state: 'done' } : open(next);
  },
  indexes: [{ name: 'due', fields: [['tenant', 1], ['state', 1], ['dueAt', 1]] }], // prettier-ignore
});
export const collector = defineTimekeeper<LoanDue>({
  name: 'collector',
  kind: 'instalment',
  command: ({ subject, dueAt }): LoanCommand => ({
    type: 'collect',
    data: { loan: subject, dueAt: dueAt as Instant },
  }),
  tolerates: [],
});
