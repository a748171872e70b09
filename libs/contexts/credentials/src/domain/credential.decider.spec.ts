import { reject, type Decided, type Decision, type FactLoader, type Recorded } from '@cairn/kernel';
import type { RecordEvent } from '@cairn/contexts/progress';
import { TENANT, at, foldOf, given, issued, recorded } from '@cairn/testing';
import type { CredentialCommand } from '../contracts/credential.commands.js';
import type { CredentialEvent } from '../contracts/credential.events.js';
import { createCredentialDecider, type Basis, type IssueFacts, type PrepareIssue } from './credential.decider.js';
import { entitlementFold } from './entitlement.fold.js';
import {
  EARNED,
  HOLD,
  POLICY,
  RECORD,
  barredEvent,
  componentTemplate,
  credentialId,
  earned,
  earnedData,
  flaggedEvent,
  granted,
  issuedEvent,
  learnerId,
  revokedEvent,
  signed,
  suspendedEvent,
  templateId,
  unflaggedEvent,
} from './samples-spec.js';

const basis = (data: Partial<Basis['data']> = {}, id = EARNED, revision = 3): Recorded<RecordEvent> =>
  recorded({ ...earned, data: { ...earnedData, ...data } }, { stream: RECORD, revision, id });

const decider = createCredentialDecider(() => Promise.resolve(signed));

const issue = {
  type: 'IssueCredential',
  data: { learnerId, credentialId, basis: { stream: RECORD, revision: 3, eventId: EARNED } },
} as const;
const revoke = {
  type: 'RevokeCredential',
  data: { credentialId, reasonCode: 'issued-in-error', effectiveAt: at('2026-05-05'), authority: 'registrar' },
} as const;
const about = { credentialId, learnerId, templateId, because: POLICY };
const flag = {
  type: 'FlagCredential',
  data: {
    ...about,
    hold: HOLD,
    cause: 'component-revoked',
    componentTemplateId: componentTemplate,
    effectiveAt: at('2026-06-01'),
  },
} as const;
const unflag = { type: 'UnflagCredential', data: { ...about, hold: HOLD, effectiveAt: at('2026-07-01') } } as const;

const standing = { event: EARNED, withdrawn: false, ended: false };
const entitled = (over: Partial<IssueFacts> = {}, entitlement: Partial<typeof standing> = {}): IssueFacts => ({
  basis: basis(),
  entitlements: { byCredential: { [credentialId]: { ...standing, ...entitlement } }, own: [], closed: false },
  signed,
  ...over,
});

describe('IssueCredential', () => {
  it('records what was signed, with the dates and references of the decision behind it', () =>
    given(decider).when(issue, entitled()).then(issuedEvent));

  it('keeps the end of the term and the components', () =>
    given(decider)
      .when(
        issue,
        entitled({
          basis: basis({
            until: at('2028-03-10'),
            components: [{ componentId: EARNED, templateId: componentTemplate, ref: POLICY }],
          }),
        }),
      )
      .then({
        ...issuedEvent,
        data: {
          ...issuedEvent.data,
          validUntil: at('2028-03-10'),
          components: [{ componentId: EARNED, templateId: componentTemplate }],
        },
      }));

  it('names reason and authority of a grant', () =>
    given(decider)
      .when(issue, entitled({ basis: recorded(granted, { stream: RECORD, revision: 3, id: EARNED }) }))
      .then({ ...issuedEvent, data: { ...issuedEvent.data, reasonCode: 'honorary', authority: 'senate' } }));

  it.each<[string, IssueFacts, string]>([
    ['no event stands at the revision', { entitlements: entitled().entitlements }, 'basis-unknown'],
    ['another kind of event stands there', entitled({ basis: recorded({ type: 'x', data: {} }) }), 'basis-unknown'],
    ['the event there has another id', entitled({ basis: basis({}, POLICY) }), 'basis-unknown'],
    [
      'it entitles to another credential',
      entitled({ basis: basis({ credentialId: templateId as never }) }),
      'basis-unknown',
    ],
    ['it is about another learner', entitled({ basis: basis({ learnerId: templateId as never }) }), 'learner-erased'],
    ['the entitlement was withdrawn later (D2)', entitled({}, { withdrawn: true }), 'criteria-not-met'],
    ['the occurrence has ended', entitled({}, { ended: true }), 'criteria-not-met'],
    ['the record stands on another decision', entitled({}, { event: POLICY }), 'criteria-not-met'],
    [
      'the record is closed',
      entitled({ entitlements: { ...entitled().entitlements, closed: true } }),
      'learner-erased',
    ],
    ['signing was refused', entitled({ signed: reject('signing-key-missing', 'none') }), 'signing-key-missing'],
  ])('refuses when %s', (_when, facts, code) => given(decider).when(issue, facts).thenRejected(code));
});

describe('RevokeCredential', () => {
  it('needs a reason', () =>
    given(decider, issuedEvent)
      .when({ ...revoke, data: { ...revoke.data, reasonCode: '' } }, undefined)
      .thenRejected('reason-required'));
  it('needs an authority when people decide', () => {
    const { authority: _authority, ...data } = revoke.data;
    given(decider, issuedEvent)
      .when({ ...revoke, data }, undefined)
      .thenRejected('authority-required');
  });
  it('takes effect at once unless it says when', () => {
    const { effectiveAt: _effectiveAt, ...data } = revoke.data;
    given(decider, issuedEvent)
      .when({ ...revoke, data }, undefined, { now: at('2026-05-06') })
      .then(revokedEvent(at('2026-05-06')));
  });
  it('cannot take effect in the future', () =>
    given(decider, issuedEvent)
      .when(revoke, undefined, { now: at('2026-05-04') })
      .thenRejected('date-in-future'));
});

describe('holds', () => {
  const other = `component-expired:${componentTemplate}`;
  it('are lifted one by one', () =>
    given(decider, issuedEvent, flaggedEvent(), flaggedEvent(at('2026-06-02'), other), unflaggedEvent())
      .when({ ...unflag, data: { ...unflag.data, hold: other } }, undefined)
      .then(unflaggedEvent(at('2026-07-01'), other)));
  it('can be set again after a lift', () =>
    given(decider, issuedEvent, flaggedEvent(), unflaggedEvent())
      .when({ ...flag, data: { ...flag.data, effectiveAt: at('2026-08-01') } }, undefined)
      .then(flaggedEvent(at('2026-08-01'))));
  it('are about whom the credential was issued for, whatever the command says', () =>
    given(decider, issuedEvent)
      .when({ ...flag, data: { ...flag.data, learnerId: templateId as never } }, undefined)
      .then(flaggedEvent()));
});

describe('what the record says about an entitlement', () => {
  const policy = (cause: 'entitlement-withdrawn' | 'component-revoked', effect: 'flag' | 'revoke' | 'lift') =>
    ({
      type: 'component-policy-applied',
      data: { ...about, hold: HOLD, cause, effect, effectiveAt: at('2026-05-05') },
    }) as const;
  const withdrawal = {
    type: 'credential-entitlement-withdrawn',
    data: { learnerId, credentialId, templateId, earned: EARNED, because: POLICY, effectiveAt: at('2026-05-05') },
  } as const;
  const note = (cause: 'revoked' | 'expired') =>
    ({
      type: 'stack-component-withdrawn',
      data: {
        learnerId,
        componentId: credentialId,
        cause,
        effectiveAt: at('2026-05-05'),
        ref: POLICY,
        enrollments: [],
      },
    }) as const;
  const closed = { type: 'record-closed', data: { learnerId, why: 'erased' } } as const;
  const of = (...events: readonly Decided<RecordEvent>[]) => {
    const { byCredential, closed: isClosed } = foldOf(entitlementFold, [earned, ...events]);
    const { withdrawn, ended } = byCredential[credentialId] ?? {};
    return { withdrawn, ended, closed: isClosed };
  };

  it.each<[string, readonly Decided<RecordEvent>[], object]>([
    ['earned', [], { withdrawn: false, ended: false, closed: false }],
    ['withdrawn', [withdrawal], { withdrawn: true }],
    ['withdrawn, flagged', [withdrawal, policy('entitlement-withdrawn', 'flag')], { withdrawn: true, ended: false }],
    ['withdrawn, flagged, met again', [withdrawal, policy('entitlement-withdrawn', 'lift')], { withdrawn: false }],
    ['another hold lifted', [withdrawal, policy('component-revoked', 'lift')], { withdrawn: true }],
    ['revoked by policy', [withdrawal, policy('entitlement-withdrawn', 'revoke')], { ended: true }],
    ['noted as revoked', [note('revoked')], { ended: true }],
    ['noted as expired', [note('expired')], { ended: false }],
    ['the learner erased', [closed], { closed: true }],
  ])('%s', (_name, events, expected) => expect(of(...events)).toMatchObject(expected));
});

describe('loading the facts of an issue', () => {
  const loaderOf = (record: readonly Recorded<RecordEvent>[]): FactLoader & { readonly reads: string[] } => {
    const reads: string[] = [];
    const fold: FactLoader['fold'] = (each, stream) => {
      reads.push(stream);
      return Promise.resolve(record.reduce((state, event) => each.evolve(state, event as never), each.initial));
    };
    return {
      reads,
      fold,
      foldHaving: fold,
      event: (stream, revision) => {
        reads.push(stream);
        return Promise.resolve(record[revision]);
      },
    };
  };
  const spy = () => {
    const calls: string[] = [];
    const prepare: PrepareIssue = (command) => {
      calls.push(command.commandId);
      return Promise.resolve(signed);
    };
    return { calls, decider: createCredentialDecider(prepare) };
  };
  const command = { ...issue, data: { ...issue.data, basis: { ...issue.data.basis, revision: 0 } } };
  const record = [basis({}, EARNED, 0)];

  it('signs what the record entitles to', async () => {
    const { calls, decider: spied } = spy();
    const facts = await spied.loadFacts?.(issued(command), spied.initial, loaderOf(record));
    expect(calls).toHaveLength(1);
    expect(facts).toMatchObject({ signed });
  });

  it.each<[string, readonly Decided<CredentialEvent>[]]>([
    ['issued', [issuedEvent]],
    ['barred', [barredEvent()]],
  ])('signs nothing for what is %s', async (_name, history) => {
    const { calls, decider: spied } = spy();
    expect(await spied.loadFacts?.(issued(command), foldOf(spied, history), loaderOf(record))).toBeUndefined();
    expect(calls).toHaveLength(0);
  });

  it('signs nothing for what was withdrawn', async () => {
    const { calls, decider: spied } = spy();
    const withdrawn = {
      type: 'credential-entitlement-withdrawn',
      data: { learnerId, credentialId, templateId, earned: EARNED, because: POLICY, effectiveAt: at('2026-05-05') },
    } as const;
    const facts = await spied.loadFacts?.(
      issued(command),
      spied.initial,
      loaderOf([...record, recorded(withdrawn, { stream: RECORD, revision: 1 })]),
    );
    expect(calls).toHaveLength(0);
    expect(spied.decide(issued(command), spied.initial, facts)).toMatchObject({ code: 'criteria-not-met' });
  });

  it("never reads another learner's or tenant's record (D10)", async () => {
    const { calls, decider: spied } = spy();
    const loader = loaderOf(record);
    const foreign = `record-00000000-0000-4000-8000-000000000000.${learnerId}`;
    const elsewhere = { ...command, data: { ...command.data, basis: { ...command.data.basis, stream: foreign } } };
    const facts = await spied.loadFacts?.(issued(elsewhere), spied.initial, loader);
    expect(loader.reads).toEqual([]);
    expect(calls).toHaveLength(0);
    expect(spied.decide(issued(elsewhere), spied.initial, facts)).toMatchObject({ code: 'basis-unknown' });
  });

  it('loads nothing for other commands', async () => {
    const loader = loaderOf(record);
    expect(await decider.loadFacts?.(issued(revoke), decider.initial, loader)).toBeUndefined();
    expect(loader.reads).toEqual([]);
  });

  it('decides on the stream of the credential, in the tenant of the command', () =>
    expect(decider.streamOf(issued(issue))).toBe(`credential-${TENANT}.${earnedData.credentialId}`));
});

describe('suspensions (D4)', () => {
  const term = { ...issuedEvent, data: { ...issuedEvent.data, validUntil: at('2026-10-10') } };
  const held = `component-expired:${componentTemplate}`;
  const byPolicy = {
    ...suspendedEvent(),
    data: {
      learnerId,
      credentialId,
      templateId,
      hold: held,
      reasonCode: 'component-expired',
      because: POLICY,
      effectiveAt: at('2026-06-01'),
    },
  } as const;
  const states: Record<string, readonly Decided<CredentialEvent>[]> = {
    issued: [term],
    'held by people': [term, suspendedEvent()],
    'held by both': [term, suspendedEvent(), byPolicy],
  };
  const manual = { credentialId, hold: 'manual:inquiry', reasonCode: 'inquiry', authority: 'registrar' };
  const policy = { ...about, hold: held, reasonCode: 'component-expired' };
  const commands = {
    'reinstate, people': { type: 'ReinstateCredential', data: { ...manual, effectiveAt: at('2026-07-01') } },
    'reinstate, policy': { type: 'ReinstateCredential', data: { ...policy, effectiveAt: at('2026-07-01') } },
    'expire, scheduler': { type: 'ExpireCredential', data: { credentialId, serial: 1 } },
  } as const satisfies Record<string, CredentialCommand>;
  const decided = (state: string, command: CredentialCommand, now = at('2026-10-10')) =>
    decider.decide(issued(command, { now }), foldOf(decider, states[state] as never), undefined);
  const outcome = (decision: Decision<CredentialEvent>): string =>
    decision.accepted ? (decision.events[0]?.type ?? '-') : decision.code;

  it('people end no hold of a policy, and a policy none of people', () => {
    const crossed = { ...commands['reinstate, people'], data: { ...manual, hold: held } };
    expect(decided('held by both', crossed)).toMatchObject({ code: 'validation-failed' });
    const back = { ...commands['reinstate, policy'], data: { ...policy, hold: 'manual:inquiry' } };
    expect(decided('held by both', back)).toMatchObject({ code: 'validation-failed' });
  });
  it('the rest of the term resumes with the last hold only', () => {
    expect(decided('held by people', commands['reinstate, people'])).toMatchObject({
      events: [{ data: { resumes: { serial: 1, validFrom: at('2026-07-01'), validUntil: at('2026-10-10') } } }],
    });
    expect(decided('held by both', commands['reinstate, people'])).not.toMatchObject({
      events: [{ data: { resumes: expect.anything() as unknown } }],
    });
  });
  it('needs reason and authority, and lies not in the future', () => {
    const { authority: _, ...unsigned } = manual;
    const send = (data: object, now?: ReturnType<typeof at>) =>
      outcome(decided('issued', { type: 'SuspendCredential', data: data as typeof manual }, now));
    expect(send({ ...manual, reasonCode: '' })).toBe('reason-required');
    expect(send(unsigned)).toBe('authority-required');
    expect(send({ ...manual, effectiveAt: at('2026-06-01') }, at('2026-05-31'))).toBe('date-in-future');
  });
  it('no term ends early', () =>
    expect(outcome(decided('issued', commands['expire, scheduler'], at('2026-10-09')))).toBe('credential-not-active'));
});
