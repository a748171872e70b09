// Every state of a credential × every command × who sends it (D1, D3, D4). A cell is the event that is recorded, `-` for
// accepted with nothing to record, else the refusal, its code marked by `!`. Read a row as a state, a column as an act.
import type { Decided, FactLoader, Recorded } from '@cairn/kernel';
import type { RecordEvent } from '@cairn/contexts/progress';
import { at, foldOf, issued, recorded } from '@cairn/testing';
import type { CredentialCommand } from '../contracts/credential.commands.js';
import type { CredentialEvent } from '../contracts/credential.events.js';
import { createCredentialDecider, type IssueFacts } from './credential.decider.js';
import {
  barredEvent,
  componentTemplate,
  credentialId,
  EARNED,
  earned,
  earnedData,
  flaggedEvent,
  HOLD,
  issuedEvent,
  learnerId,
  POLICY,
  RECORD,
  reinstatedEvent,
  revokedEvent,
  signed,
  suspendedEvent,
  templateId,
  unflaggedEvent,
} from './samples-spec.js';

const decider = createCredentialDecider(() => Promise.resolve(signed));
const NEXT = '7b8c9d0e-1f2a-5b3c-8d4e-5f6071829304' as typeof credentialId;
const RENEWAL = { 2: '11111111-2222-5333-8444-555555555522', 3: '11111111-2222-5333-8444-555555555533' } as const;
const NOW = at('2028-05-01');
const who = { learnerId, credentialId, templateId };
const window = { opens: at('2027-12-10'), closes: at('2028-04-10') };

// ---- states -------------------------------------------------------------------------------------------------------

const reminder = { stage: 'P30D', at: at('2028-02-09') };
const term1: Decided<CredentialEvent> = {
  ...issuedEvent,
  data: { ...issuedEvent.data, validUntil: at('2028-03-10'), renewal: window, reminders: [reminder] },
};
const term2: Decided<CredentialEvent> = {
  type: 'credential-renewed',
  data: {
    ...who,
    serial: 2,
    basis: { stream: RECORD, revision: 7, eventId: RENEWAL[2] },
    at: at('2028-01-15'),
    validFrom: at('2028-03-10'),
    validUntil: at('2030-03-10'),
    awardedAt: at('2026-03-10'),
    vcHash: 'e'.repeat(64),
    keyId: 'k1',
    renewal: { opens: at('2029-12-10'), closes: at('2030-04-10') },
  },
};
const held = `component-expired:${componentTemplate}`;
const byPolicy: Decided<CredentialEvent> = {
  type: 'credential-suspended',
  data: { ...who, hold: held, reasonCode: 'component-expired', because: POLICY, effectiveAt: at('2026-06-01') },
};
const revokedByPolicy: Decided<CredentialEvent> = {
  type: 'credential-revoked',
  data: { ...who, reasonCode: 'entitlement-withdrawn', because: POLICY, effectiveAt: at('2026-05-05') },
};
const expired: Decided<CredentialEvent> = {
  type: 'credential-expired',
  data: { ...who, serial: 1, validUntil: at('2028-03-10') },
};
const noted = (type: 'renewal-window-opened' | 'renewal-window-closed'): Decided<CredentialEvent> => ({
  type,
  data: { ...who, serial: 1, validUntil: at('2028-03-10'), ...window },
});
const reminded: Decided<CredentialEvent> = {
  type: 'renewal-reminder-requested',
  data: { ...who, serial: 1, stage: reminder.stage, dueAt: reminder.at, validUntil: at('2028-03-10') },
};
const superseded: Decided<CredentialEvent> = {
  type: 'credential-superseded',
  data: { ...who, by: NEXT, reasonCode: 'new-name', effectiveAt: at('2026-07-01'), because: EARNED },
};
const states: Readonly<Record<string, readonly Decided<CredentialEvent>[]>> = {
  nothing: [],
  'flagged before issue': [flaggedEvent()],
  'held before issue': [byPolicy],
  barred: [barredEvent()],
  issued: [term1],
  'without an end': [issuedEvent],
  flagged: [term1, flaggedEvent()],
  'flag lifted': [term1, flaggedEvent(), unflaggedEvent()],
  'held by people': [term1, suspendedEvent()],
  'held by policy': [term1, byPolicy],
  'held by both': [term1, suspendedEvent(), byPolicy],
  reinstated: [term1, suspendedEvent(), reinstatedEvent()],
  'window opened': [term1, noted('renewal-window-opened')],
  reminded: [term1, noted('renewal-window-opened'), reminded],
  expired: [term1, noted('renewal-window-opened'), expired],
  'window closed': [term1, noted('renewal-window-opened'), expired, noted('renewal-window-closed')],
  renewed: [term1, term2],
  'renewed late': [term1, expired, term2],
  'renewed, held': [term1, term2, suspendedEvent()],
  revoked: [term1, revokedEvent()],
  'revoked by policy': [term1, revokedByPolicy],
  'renewed, revoked': [term1, term2, revokedEvent()],
  superseded: [term1, superseded],
  'revoked, replaced': [term1, revokedEvent(), superseded],
};

// ---- commands, by who sends them ----------------------------------------------------------------------------------

const about = { ...who, because: POLICY };
const people = { credentialId, authority: 'registrar' };
const basisAt = (revision: number, eventId: string) => ({
  learnerId,
  credentialId,
  basis: { stream: RECORD, revision, eventId },
});
const commands = {
  // reactors, on what the record decided
  issue: { type: 'IssueCredential', data: basisAt(3, EARNED) },
  'issue*': { type: 'IssueCredential', data: basisAt(3, POLICY) },
  'renew 2': { type: 'RenewCredential', data: basisAt(7, RENEWAL[2]) },
  'renew 3': { type: 'RenewCredential', data: basisAt(8, RENEWAL[3]) },
  supersede: {
    type: 'SupersedeCredential',
    data: { credentialId, by: NEXT, reasonCode: 'new-name', effectiveAt: at('2026-07-01'), because: EARNED },
  },
  // policies
  'revoke¶': {
    type: 'RevokeCredential',
    data: { ...about, reasonCode: 'entitlement-withdrawn', effectiveAt: at('2026-05-05') },
  },
  'flag¶': {
    type: 'FlagCredential',
    data: { ...about, hold: HOLD, cause: 'component-revoked', effectiveAt: at('2026-06-01') },
  },
  'unflag¶': { type: 'UnflagCredential', data: { ...about, hold: HOLD, effectiveAt: at('2026-07-01') } },
  'suspend¶': {
    type: 'SuspendCredential',
    data: { ...about, hold: held, reasonCode: 'component-expired', effectiveAt: at('2026-06-01') },
  },
  'reinstate¶': {
    type: 'ReinstateCredential',
    data: { ...about, hold: held, reasonCode: 'component-expired', effectiveAt: at('2026-07-01') },
  },
  // people
  revoke: {
    type: 'RevokeCredential',
    data: { ...people, reasonCode: 'issued-in-error', effectiveAt: at('2026-05-05') },
  },
  suspend: {
    type: 'SuspendCredential',
    data: { ...people, hold: 'manual:inquiry', reasonCode: 'inquiry', effectiveAt: at('2026-06-01') },
  },
  reinstate: {
    type: 'ReinstateCredential',
    data: { ...people, hold: 'manual:inquiry', reasonCode: 'inquiry', effectiveAt: at('2026-07-01') },
  },
  // the scheduler
  expire: { type: 'ExpireCredential', data: { credentialId, serial: 1 } },
  opens: { type: 'NoteRenewalWindow', data: { credentialId, serial: 1, stage: 'opens' } },
  closes: { type: 'NoteRenewalWindow', data: { credentialId, serial: 1, stage: 'closes' } },
  remind: { type: 'RequestRenewalReminder', data: { credentialId, serial: 1 } },
} as const satisfies Record<string, CredentialCommand>;

const renewalAt = (revision: number, serial: 2 | 3): Recorded<RecordEvent> =>
  recorded(
    {
      type: 'renewal-earned',
      data: {
        ...who,
        templateVersion: 1,
        occurrence: 1,
        edition: 1,
        serial,
        at: at('2028-01-15'),
        from: at(serial === 2 ? '2028-03-10' : '2030-03-10'),
        until: at(serial === 2 ? '2030-03-10' : '2032-03-10'),
        satisfied: [],
        issue: 'automatic',
      },
    },
    { stream: RECORD, revision, id: RENEWAL[serial] },
  );
const entitlements = {
  byCredential: { [credentialId]: { event: EARNED, withdrawn: false, ended: false } },
  own: [],
  closed: false,
};
function factsOf(command: CredentialCommand): IssueFacts | undefined {
  if (command.type === 'IssueCredential')
    return {
      entitlements,
      signed,
      basis: recorded({ ...earned, data: earnedData }, { stream: RECORD, revision: 3, id: EARNED }),
    };
  if (command.type !== 'RenewCredential') return undefined;
  return {
    entitlements,
    signed,
    basis: renewalAt(command.data.basis.revision, command.data.basis.revision === 7 ? 2 : 3),
  };
}

/** Reminders are of terms that run: before the end of the first one, unless that is noted already. */
const askedAt = (state: string, name: keyof typeof commands) =>
  name === 'remind' && !(states[state] ?? []).includes(expired) ? at('2028-02-15') : NOW;

function outcome(state: string, name: keyof typeof commands): string {
  const command = commands[name];
  const now = askedAt(state, name);
  const decision = decider.decide(issued(command, { now }), foldOf(decider, states[state] ?? []), factsOf(command));
  return decision.accepted ? (decision.events[0]?.type ?? '-') : `!${decision.code}`;
}

// ---- the table ----------------------------------------------------------------------------------------------------

const LEGEND: Readonly<Record<string, string>> = {
  ISS: 'credential-issued',
  BAR: 'credential-issuance-barred',
  REN: 'credential-renewed',
  SUP: 'credential-superseded',
  REV: 'credential-revoked',
  FLG: 'credential-flagged',
  UNF: 'credential-unflagged',
  SUS: 'credential-suspended',
  REI: 'credential-reinstated',
  EXP: 'credential-expired',
  OPN: 'renewal-window-opened',
  CLS: 'renewal-window-closed',
  REM: 'renewal-reminder-requested',
  none: '!not-found',
  basis: '!basis-unknown',
  twice: '!credential-already-issued',
  barred: '!issuance-barred',
  idle: '!credential-not-active',
  final: '!credential-revoked',
  moved: '!credential-superseded',
  never: '!not-renewable',
};
const TABLE = `
state                | issue  | issue* | renew 2 | renew 3 | supersede | revoke¶ | flag¶  | unflag¶ | suspend¶ | reinstate¶ | revoke | suspend | reinstate | expire | opens | closes | remind
nothing              | ISS    | basis  | idle    | idle    | none      | BAR     | FLG    | -       | SUS      | -          | none   | none    | none      | none   | none  | none  | none
flagged before issue | ISS    | basis  | idle    | idle    | none      | BAR     | -      | UNF     | SUS      | -          | none   | none    | none      | none   | none  | none  | none
held before issue    | ISS    | basis  | idle    | idle    | none      | BAR     | FLG    | -       | -        | REI        | none   | none    | none      | none   | none  | none  | none
barred               | barred | barred | barred  | barred  | barred    | -       | barred | barred  | barred   | barred     | barred | barred  | barred    | none   | none  | none  | none
issued               | -      | twice  | REN     | idle    | SUP       | REV     | FLG    | -       | SUS      | -          | REV    | SUS     | idle      | EXP    | OPN   | CLS   | REM
without an end       | -      | twice  | REN     | idle    | SUP       | REV     | FLG    | -       | SUS      | -          | REV    | SUS     | idle      | idle   | never | never | idle
flagged              | -      | twice  | REN     | idle    | SUP       | REV     | -      | UNF     | SUS      | -          | REV    | SUS     | idle      | EXP    | OPN   | CLS   | REM
flag lifted          | -      | twice  | REN     | idle    | SUP       | REV     | FLG    | -       | SUS      | -          | REV    | SUS     | idle      | EXP    | OPN   | CLS   | REM
held by people       | -      | twice  | REN     | idle    | SUP       | REV     | FLG    | -       | SUS      | -          | REV    | -       | REI       | EXP    | OPN   | CLS   | REM
held by policy       | -      | twice  | REN     | idle    | SUP       | REV     | FLG    | -       | -        | REI        | REV    | SUS     | idle      | EXP    | OPN   | CLS   | REM
held by both         | -      | twice  | REN     | idle    | SUP       | REV     | FLG    | -       | -        | REI        | REV    | -       | REI       | EXP    | OPN   | CLS   | REM
reinstated           | -      | twice  | REN     | idle    | SUP       | REV     | FLG    | -       | SUS      | -          | REV    | SUS     | idle      | EXP    | OPN   | CLS   | REM
window opened        | -      | twice  | REN     | idle    | SUP       | REV     | FLG    | -       | SUS      | -          | REV    | SUS     | idle      | EXP    | -     | CLS   | REM
reminded             | -      | twice  | REN     | idle    | SUP       | REV     | FLG    | -       | SUS      | -          | REV    | SUS     | idle      | EXP    | -     | CLS   | -
expired              | -      | twice  | REN     | idle    | SUP       | REV     | FLG    | -       | SUS      | -          | REV    | SUS     | idle      | -      | -     | CLS   | idle
window closed        | -      | twice  | REN     | idle    | SUP       | REV     | FLG    | -       | SUS      | -          | REV    | SUS     | idle      | -      | -     | -     | idle
renewed              | -      | twice  | -       | REN     | SUP       | REV     | FLG    | -       | SUS      | -          | REV    | SUS     | idle      | -      | -     | -     | -
renewed late         | -      | twice  | -       | REN     | SUP       | REV     | FLG    | -       | SUS      | -          | REV    | SUS     | idle      | -      | -     | -     | -
renewed, held        | -      | twice  | -       | REN     | SUP       | REV     | FLG    | -       | SUS      | -          | REV    | -       | REI       | -      | -     | -     | -
revoked              | -      | twice  | final   | final   | SUP       | final   | final  | final   | final    | final      | final  | final   | final     | final  | final | final | final
revoked by policy    | -      | twice  | final   | final   | SUP       | -       | final  | final   | final    | final      | final  | final   | final     | final  | final | final | final
renewed, revoked     | -      | twice  | final   | final   | SUP       | final   | final  | final   | final    | final      | final  | final   | final     | final  | final | final | final
superseded           | -      | twice  | moved   | moved   | -         | moved   | moved  | moved   | moved    | moved      | moved  | moved   | moved     | moved  | moved | moved | moved
revoked, replaced    | -      | twice  | final   | final   | -         | final   | final  | final   | final    | final      | final  | final   | final     | final  | final | final | final
`;
const [header = [], ...rows] = TABLE.trim()
  .split('\n')
  .map((line) => line.split('|').map((cell) => cell.trim()));

it('a term that a person confirmed after it was taken back is there already: nothing is signed or recorded', async () => {
  const again = { type: 'RenewCredential', data: basisAt(9, POLICY) } as const;
  const confirmed = { ...renewalAt(9, 2), id: POLICY };
  const state = foldOf(decider, [term1, term2]);
  const decision = decider.decide(issued(again, { now: NOW }), state, { entitlements, basis: confirmed });
  expect(decision).toEqual({ accepted: true, events: [] });
  const loader = {
    event: () => Promise.resolve(confirmed),
    fold: () => Promise.resolve(entitlements),
  } as unknown as FactLoader;
  const signedNothing = createCredentialDecider(() => Promise.reject(new Error('signed')));
  expect(await signedNothing.loadFacts?.(issued(again, { now: NOW }), state, loader)).toMatchObject({
    basis: confirmed,
  });
});

it('names every state and every command', () => {
  expect(header.slice(1)).toEqual(Object.keys(commands));
  expect(rows.map(([state]) => state)).toEqual(Object.keys(states));
});

it.each(rows.map(([state = '', ...cells]) => [state, cells] as const))('%s', (state, cells) => {
  const names = Object.keys(commands) as (keyof typeof commands)[];
  expect(names.map((name) => `${name}: ${outcome(state, name)}`)).toEqual(
    names.map((name, column) => `${name}: ${LEGEND[cells[column] ?? ''] ?? cells[column]}`),
  );
});
