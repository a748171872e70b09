import type { EventOf, ReactorContext, Recorded } from '@cairn/kernel';
import type { componentPolicyApplied } from '@cairn/contexts/progress';
import { at, recorded } from '@cairn/testing';
import {
  EARNED,
  HOLD,
  POLICY,
  RECORD,
  componentTemplate,
  credentialId,
  earned,
  granted,
  issuedEvent,
  learnerId,
  templateId,
} from '../domain/samples-spec.js';
import { applyPolicy } from './apply-policy.reactor.js';
import { issueOnEarned } from './issue-on-earned.reactor.js';
import { supersedeOnReplacement } from './supersede-on-replacement.reactor.js';

const context: ReactorContext = { find: () => Promise.resolve([]), waitFor: () => Promise.resolve() };
const place = { stream: RECORD, revision: 3, id: EARNED };

describe('renewals, by the same reactor', () => {
  const renewal = (more: { readonly issue?: 'manual'; readonly authority?: string } = {}) =>
    recorded(
      {
        type: 'renewal-earned',
        data: {
          learnerId,
          credentialId,
          templateId,
          templateVersion: 1,
          occurrence: 1,
          edition: 1,
          serial: 2,
          at: at('2028-01-15'),
          from: at('2028-03-10'),
          until: at('2030-03-10'),
          satisfied: [],
          issue: 'automatic',
          ...more,
        },
      } as const,
      place,
    );
  const command = {
    type: 'RenewCredential',
    data: { learnerId, credentialId, basis: { stream: RECORD, revision: 3, eventId: EARNED } },
  };
  it('are signed when they are earned, or decided by a person', () => {
    expect(issueOnEarned.react(renewal(), context)).toEqual([{ command }]);
    expect(issueOnEarned.react(renewal({ issue: 'manual' }), context)).toEqual([]);
    expect(issueOnEarned.react(renewal({ issue: 'manual', authority: 'registrar' }), context)).toEqual([{ command }]);
  });
});

describe('supersede-on-replacement', () => {
  const OLD = '7b8c9d0e-1f2a-5b3c-8d4e-5f6071829304' as typeof credentialId;
  it('marks the edition before it once the next one is issued', () => {
    const event = recorded(
      { ...issuedEvent, data: { ...issuedEvent.data, replaces: OLD, reasonCode: 'new-name', authority: 'registrar' } },
      { recordedAt: at('2026-08-01') },
    );
    expect(supersedeOnReplacement.react(event, context)).toEqual([
      {
        command: {
          type: 'SupersedeCredential',
          data: {
            credentialId: OLD,
            by: credentialId,
            reasonCode: 'new-name',
            effectiveAt: at('2026-08-01'),
            because: event.id,
            authority: 'registrar',
          },
        },
      },
    ]);
    expect(supersedeOnReplacement.react(recorded(issuedEvent), context)).toEqual([]);
  });
});

describe('issue-on-earned', () => {
  const command = {
    type: 'IssueCredential',
    data: { learnerId, credentialId, basis: { stream: RECORD, revision: 3, eventId: EARNED } },
  };
  it('issues what was earned, naming the event by stream, revision and id', () =>
    expect(issueOnEarned.react(recorded(earned, place), context)).toEqual([{ command }]));
  it('leaves what is issued by hand to people', () =>
    expect(
      issueOnEarned.react(recorded({ ...earned, data: { ...earned.data, issue: 'manual' } }, place), context),
    ).toEqual([]));
  it('issues what was granted, however its template is issued: a person decided', () =>
    expect(
      issueOnEarned.react(recorded({ ...granted, data: { ...granted.data, issue: 'manual' } }, place), context),
    ).toEqual([{ command }]));
  it('keeps the order of a learner', () => expect(issueOnEarned.partitionBy(recorded(earned, place))).toBe(learnerId));
  it('takes the refusals of D3 for answers, and no others', () =>
    expect(issueOnEarned.tolerates.toSorted()).toEqual([
      'credential-not-active',
      'credential-revoked',
      'credential-superseded',
      'criteria-not-met',
      'issuance-barred',
      'learner-erased',
    ]));
});

describe('apply-policy', () => {
  const applied = (effect: 'flag' | 'suspend' | 'revoke' | 'lift'): Recorded<EventOf<typeof componentPolicyApplied>> =>
    recorded(
      {
        type: 'component-policy-applied',
        data: {
          learnerId,
          credentialId,
          templateId,
          hold: HOLD,
          cause: 'component-revoked',
          effect,
          effectiveAt: at('2026-06-01'),
          because: EARNED,
          componentTemplateId: componentTemplate,
        },
      },
      { ...place, id: POLICY },
    );
  const about = { learnerId, credentialId, templateId, because: POLICY, effectiveAt: at('2026-06-01') };
  const flag = {
    type: 'FlagCredential',
    data: { ...about, hold: HOLD, cause: 'component-revoked', componentTemplateId: componentTemplate },
  };

  const reinstate = {
    type: 'ReinstateCredential',
    data: { ...about, hold: HOLD, reasonCode: 'component-revoked' },
  };

  it.each([
    ['flag', flag],
    ['suspend', { type: 'SuspendCredential', data: { ...about, hold: HOLD, reasonCode: 'component-revoked' } }],
    ['lift', { type: 'UnflagCredential', data: { ...about, hold: HOLD } }, reinstate],
    ['revoke', { type: 'RevokeCredential', data: { ...about, reasonCode: 'component-revoked' } }],
  ] as const)('brings %s to the credential', (effect, ...commands) =>
    expect(applyPolicy.react(applied(effect), context)).toEqual(commands.map((command) => ({ command }))),
  );
  it('keeps the order of a learner', () => expect(applyPolicy.partitionBy(applied('flag'))).toBe(learnerId));
  it('takes what is final for an answer', () =>
    expect(applyPolicy.tolerates).toEqual(['credential-revoked', 'credential-superseded', 'issuance-barred']));
});
