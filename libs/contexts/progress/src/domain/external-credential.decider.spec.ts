// A credential of another issuer counts exactly while the last word on it is `valid` and the last review accepts it.
import type { LearnerId, TemplateId } from '@cairn/kernel';
import { at, given, issued, recorded } from '@cairn/testing';
import fc from 'fast-check';
import type { ExternalCredentialCommand } from '../contracts/external-credential.commands.js';
import type { ExternalCredentialEvent } from '../contracts/external-credential.events.js';
import {
  externalCredentialDecider,
  type ExternalCredentialFacts,
  type ExternalCredentialState,
} from './external-credential.decider.js';

const externalId = '5f1e2d3c-4b5a-5968-8778-695a4b3c2d1e';
const learnerId = 'd1c0b0a9-8f7e-5d6c-8b5a-493827161504' as LearnerId;
const templateId = '1d9a0c3e-4b5f-5a6b-8c7d-0e1f2a3b4c5d' as TemplateId;
const facts: ExternalCredentialFacts = { learner: 'registered', target: true };
const board = { reasonCode: 'equivalent', authority: 'board' };

const record = {
  type: 'RecordExternalCredential',
  data: {
    externalId,
    learnerId,
    issuer: 'did:web:industry.example',
    format: 'other',
    hash: 'a'.repeat(64),
    validFrom: at('2025-03-01'),
    validUntil: at('2026-03-01'),
  },
} as const;
const check = (outcome: 'valid' | 'invalid' | 'unknown', day: string): ExternalCredentialCommand => ({
  type: 'RecordExternalVerification',
  data: { externalId, outcome, finding: 'asked', by: 'person', authority: 'registrar', checkedAt: at(day) },
});
const accepting = (day: string): ExternalCredentialCommand => ({
  type: 'AcceptExternalCredential',
  data: { externalId, equivalence: { templateId }, ...board, occurredAt: at(day) },
});
const declining = (day: string): ExternalCredentialCommand => ({
  type: 'DeclineExternalCredential',
  data: { externalId, ...board, occurredAt: at(day) },
});

/** Decides one after the other; the types and dates of what they record. */
function history(...commands: readonly ExternalCredentialCommand[]) {
  let state: ExternalCredentialState = externalCredentialDecider.initial;
  const events: ExternalCredentialEvent[] = [];
  for (const command of commands) {
    const decision = externalCredentialDecider.decide(issued(command), state, facts);
    if (!decision.accepted) throw new Error(decision.detail);
    for (const event of decision.events) {
      state = externalCredentialDecider.evolve(state, recorded(event));
      events.push(event);
    }
  }
  return { state, events };
}
const counted = (...commands: readonly ExternalCredentialCommand[]): readonly string[] =>
  history(record, ...commands).events.flatMap(({ type, data }) =>
    type === 'external-credential-counts'
      ? [`from ${data.from.slice(0, 10)}`]
      : type === 'external-credential-counts-no-more'
        ? [`${data.cause} ${data.effectiveAt.slice(0, 10)}`]
        : [],
  );

it.each([
  ['valid, then accepted', [check('valid', '2025-04-01'), accepting('2025-04-03')], ['from 2025-04-03']],
  ['accepted, then valid', [accepting('2025-04-01'), check('valid', '2025-04-05')], ['from 2025-04-05']],
  ['accepted, unknown', [check('unknown', '2025-04-01'), accepting('2025-04-03')], []],
  ['valid, not reviewed', [check('valid', '2025-04-01')], []],
  ['valid, declined', [check('valid', '2025-04-01'), declining('2025-04-03')], []],
  [
    'found out later to be invalid',
    [check('valid', '2025-04-01'), accepting('2025-04-03'), check('invalid', '2025-06-01')],
    ['from 2025-04-03', 'revoked 2025-06-01'],
  ],
  [
    'not to be found out for a while',
    [
      check('valid', '2025-04-01'),
      accepting('2025-04-03'),
      check('unknown', '2025-06-01'),
      check('valid', '2025-06-09'),
    ],
    ['from 2025-04-03', 'suspended 2025-06-01', 'from 2025-06-09'],
  ],
  [
    'declined after all',
    [check('valid', '2025-04-01'), accepting('2025-04-03'), declining('2025-06-01')],
    ['from 2025-04-03', 'revoked 2025-06-01'],
  ],
  ['told twice', [check('valid', '2025-04-01'), accepting('2025-04-03'), accepting('2025-05-01')], ['from 2025-04-03']],
] as const)('%s', (_what, commands, expected) => expect(counted(...commands)).toEqual(expected));

it('a component revoked is so for good: what counts again is another one; a suspended one is the same', () => {
  const { events } = history(
    record,
    check('valid', '2025-04-01'),
    accepting('2025-04-02'),
    check('unknown', '2025-05-01'),
    check('valid', '2025-05-02'),
    check('invalid', '2025-06-01'),
    check('valid', '2025-06-02'),
  );
  const ids = events.flatMap(({ type, data }) => (type === 'external-credential-counts' ? [data.componentId] : []));
  expect(ids[0]).toBe(ids[1]);
  expect(ids[2]).not.toBe(ids[1]);
});

it('counts if and only if valid and accepted, whatever was said before', () => {
  const step = fc.oneof(
    fc.constantFrom('valid', 'invalid', 'unknown').map((outcome) => check(outcome as 'valid', '2025-05-01')),
    fc.constant(accepting('2025-05-01')),
    fc.constant(declining('2025-05-01')),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      let state = history(record).state;
      for (const command of steps) {
        const decision = externalCredentialDecider.decide(issued(command), state, facts);
        if (decision.accepted)
          for (const event of decision.events) state = externalCredentialDecider.evolve(state, recorded(event));
        const expected = state.verification?.outcome === 'valid' && state.review?.equivalence !== undefined;
        expect(state.counts !== undefined).toBe(expected);
      }
    }),
  );
});

describe('refused', () => {
  const known = given(externalCredentialDecider, { type: 'external-credential-recorded', data: record.data });
  it('an expired one is not accepted', () =>
    known.when(accepting('2026-03-01'), facts).thenRejected('criteria-not-met'));
  it('an invalid one is not accepted', () => {
    const { state } = history(record, check('invalid', '2025-04-01'));
    expect(externalCredentialDecider.decide(issued(accepting('2025-05-01')), state, facts)).toMatchObject({
      code: 'criteria-not-met',
    });
  });
  it('one of nobody', () =>
    given(externalCredentialDecider).when(accepting('2025-05-01'), facts).thenRejected('not-found'));
  it('one of an erased learner', () =>
    known.when(accepting('2025-05-01'), { ...facts, learner: 'erased' }).thenRejected('learner-erased'));
  it('what it is to count as is not there', () =>
    known.when(accepting('2025-05-01'), { ...facts, target: false }).thenRejected('not-found'));
  it('recorded twice it is one', () => known.when(record, facts).thenUnchanged());
});
