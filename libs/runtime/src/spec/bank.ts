// A toy domain for the runtime's specs: accounts that hold money, in branches that count it. It has what trips
// runtimes up: events of several documents, documents that go and come back, counters, a reactor that appends.
import { TENANT } from '@cairn/testing';
import {
  accept,
  createCodec,
  defineEvent,
  defineProjection,
  defineReactor,
  reject,
  s,
  streamName,
  type Cipher,
  type Command,
  type Decider,
  type EventDefinition,
  type EventOf,
  type Json,
  type JsonObject,
} from '@cairn/kernel';

const place = { account: s.string(), branch: s.string() };
const sample = { account: 'a', branch: 'north' };

export const opened = defineEvent({
  type: 'account-opened',
  version: 1,
  schema: s.object({ ...place, owner: s.optional(s.personal<string>()), learnerId: s.optional(s.string()) }),
  samples: { 1: [sample] },
  personal: ['owner'],
  means: 'An account exists.',
});
export const deposited = defineEvent({
  type: 'money-deposited',
  version: 2,
  schema: s.object({ ...place, amount: s.integer({ max: 1_000_000 }) }),
  upcasters: { 1: (data) => ({ ...data, branch: 'north' }) },
  samples: { 1: [{ account: 'a', amount: 1 }], 2: [{ ...sample, amount: 1 }] },
  means: 'Money came in.',
});
export const moved = defineEvent({
  type: 'money-moved',
  version: 1,
  schema: s.object({ ...place, to: s.string(), amount: s.integer() }),
  samples: { 1: [{ ...sample, to: 'b', amount: 1 }] },
  means: 'Money went to another account.',
});
export const bonus = defineEvent({
  type: 'bonus-granted',
  version: 1,
  schema: s.object({ ...place, amount: s.integer(), because: s.string() }),
  samples: { 1: [{ ...sample, amount: 1, because: 'x' }] },
  means: 'A large deposit was rewarded.',
});
export const closed = defineEvent({
  type: 'account-closed',
  version: 1,
  schema: s.object(place),
  samples: { 1: [sample] },
  means: 'The account is gone.',
});
const definitions = [opened, deposited, moved, bonus, closed];
export type BankEvent = EventOf<(typeof definitions)[number]>;

export type BankCommand =
  | Command<'open', { account: string; branch: string; owner?: never }>
  | Command<'deposit', { account: string; amounts: readonly number[] }>
  | Command<'move', { account: string; to: string; amount: number }>
  | Command<'grant-bonus', { account: string; amount: number; because: string }>
  | Command<'close', { account: string }>;

export type Account = { readonly branch: string | null; readonly balance: number; readonly bonuses: readonly string[] };

export const accountStream = (account: string): string => streamName('account', TENANT, account);

export const account: Decider<Account, BankCommand, BankEvent> = {
  category: 'account',
  initial: { branch: null, balance: 0, bonuses: [] },
  commands: ['open', 'deposit', 'move', 'grant-bonus', 'close'],
  streamOf: (command) => accountStream(command.data.account),
  evolve: (state, event) => {
    switch (event.type) {
      case 'account-opened':
        return { branch: event.data.branch, balance: 0, bonuses: [] };
      case 'money-deposited':
        if (event.data.amount === 666_666) throw new Error('the fold cannot bear it');
        return { ...state, balance: state.balance + event.data.amount };
      case 'money-moved':
        return { ...state, balance: state.balance - event.data.amount };
      case 'bonus-granted':
        return {
          ...state,
          balance: state.balance + event.data.amount,
          bonuses: [...state.bonuses, event.data.because],
        };
      case 'account-closed':
        return { branch: null, balance: 0, bonuses: [] };
    }
  },
  decide: ({ type, data }, state) => {
    if (type === 'open')
      return state.branch === null
        ? accept({ type: 'account-opened', data: { account: data.account, branch: data.branch } })
        : accept();
    if (state.branch === null) return reject('account-missing', `There is no account ${data.account}.`);
    const { branch } = state;
    switch (type) {
      case 'deposit':
        return accept(
          ...data.amounts.map((amount) => ({
            type: 'money-deposited' as const,
            data: { account: data.account, branch, amount },
          })),
        );
      case 'move':
        return state.balance < data.amount
          ? reject('balance-too-low', 'Not enough money.')
          : accept({ type: 'money-moved', data: { ...data, branch } });
      case 'grant-bonus':
        return accept({ type: 'bonus-granted', data: { ...data, branch } });
      case 'close':
        return accept({ type: 'account-closed', data: { account: data.account, branch } });
    }
  },
};

/** Seals by wrapping; enough to see that what is decoded was sealed before. */
const cipher: Cipher = {
  seal: (_subject, field, value) => ({ sealed: field, value }),
  open: (_subject, _field, sealed: JsonObject) => sealed['value'] as Json,
};

export const bankCodec = (more: readonly EventDefinition[] = []) => createCodec([...definitions, ...more], cipher);

const key = (id: string): string => `${TENANT}:${id}`;

type Balance = { account: string; balance: number; facts: number };

/** Documents come, go with the account, and come back when it is opened again. */
export const balances = defineProjection({
  name: 'balances',
  version: 1,
  events: definitions,
  keys: ({ type, data }) => (type === 'money-moved' ? [key(data.account), key(data.to)] : [key(data.account)]),
  evolve: (document: Balance | null, { type, data }, id) => {
    if (type === 'account-opened') return { account: data.account, balance: 0, facts: 1 };
    if (document === null || type === 'account-closed') return null;
    const sign = type === 'money-moved' && id === key(data.account) ? -1 : 1;
    return { ...document, balance: document.balance + sign * data.amount, facts: document.facts + 1 };
  },
  indexes: [{ name: 'by_balance', fields: [['balance', 1]] }],
});

/** Counters: what is folded twice or not at all shows. */
export const branches = defineProjection({
  name: 'branches',
  version: 1,
  events: definitions,
  keys: ({ data }) => [key(data.branch)],
  evolve: (document: { [counter: string]: number } | null, { type, data }) => {
    const amount = 'amount' in data ? data.amount : 0;
    const counts = document ?? { sum: 0 };
    return { ...counts, [type]: (counts[type] ?? 0) + 1, sum: (counts['sum'] ?? 0) + amount };
  },
  indexes: [],
});

/** One document an event, and no interest in most events. */
export const bonusList = defineProjection({
  name: 'bonus_list',
  version: 1,
  events: [bonus],
  keys: ({ id }) => [key(id)],
  evolve: (_document: { account: string; because: string } | null, { data }) => ({
    account: data.account,
    because: data.because,
  }),
  indexes: [],
});

export const bankProjections = [balances, branches, bonusList];

/** Every deposit of 100 or more brings a bonus of 1, once. */
export const rewardLargeDeposits = defineReactor({
  name: 'reward-large-deposits',
  events: [deposited],
  partitionBy: ({ data }) => data.account,
  react: ({ id, data }) =>
    data.amount < 100
      ? []
      : [{ command: { type: 'grant-bonus', data: { account: data.account, amount: 1, because: id } } }],
  tolerates: ['account-missing'],
});
