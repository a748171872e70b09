// Random lives of one credential against an oracle that knows nothing of events: it keeps intervals of what was said, and
// when, and computes answer and status from those alone. D1, D3, D4, D5; product.md §4, domain.md §6 and §9.
import fc from 'fast-check';
import type { CredentialId, Instant, Recorded } from '@cairn/kernel';
import { TENANT, at, issued, recorded } from '@cairn/testing';
import type { CredentialCommand } from '../contracts/credential.commands.js';
import { credentialStream, type CredentialEvent } from '../contracts/credential.events.js';
import { standingOf } from './credential-status.js';
import { createCredentialDecider, type IssueFacts } from './credential.decider.js';
import {
  EARNED,
  POLICY,
  RECORD,
  credentialId,
  earned,
  earnedData,
  learnerId,
  signed,
  templateId,
} from './samples-spec.js';

const RUNS = Number(process.env['CAIRN_TEST_RUNS'] ?? 2_000);
const DAY = 86_400_000;
const START = Date.parse(at('2026-01-01'));
const day = (number: number): Instant => new Date(START + number * DAY).toISOString() as Instant;
const id = (number: number): string => `11111111-2222-5333-8444-${String(number).padStart(12, '0')}`;
const OTHERS = '6a7b8c9d-0e1f-5a2b-8c3d-4e5f607182' as const;

type Step = { readonly wait: number } & (
  | { readonly do: 'issue'; readonly otherBasis: boolean; readonly length: number | undefined; readonly after: number }
  | { readonly do: 'renew'; readonly serial: 'same' | 'next' | 'beyond'; readonly gap: number; readonly length: number }
  | { readonly do: 'revoke'; readonly by: 'people' | 1 | 2; readonly back: number }
  | { readonly do: 'suspend' | 'reinstate'; readonly hold: string; readonly back: number }
  | { readonly do: 'flag' | 'unflag'; readonly hold: string; readonly back: number }
  | { readonly do: 'expire' | 'opens' | 'closes' | 'remind'; readonly serial: number }
  | { readonly do: 'supersede'; readonly by: 1 | 2; readonly back: number }
);

const back = fc.integer({ min: -1, max: 60 }); // -1: a day ahead
const wait = fc.integer({ min: 0, max: 20 });
const acts = {
  issue: fc.record({
    wait,
    do: fc.constant('issue' as const),
    otherBasis: fc.boolean(),
    length: fc.option(fc.integer({ min: 20, max: 90 }), { nil: undefined, freq: 4 }),
    after: fc.integer({ min: -20, max: 20 }),
  }),
  renew: fc.record({
    wait,
    do: fc.constant('renew' as const),
    serial: fc.constantFrom('same' as const, 'next' as const, 'next' as const, 'beyond' as const),
    gap: fc.constantFrom(0, 0, 5),
    length: fc.integer({ min: 20, max: 90 }),
  }),
  revoke: fc.record({
    wait,
    do: fc.constant('revoke' as const),
    by: fc.constantFrom('people' as const, 1 as const, 2 as const),
    back,
  }),
  hold: fc.record({
    wait,
    do: fc.constantFrom('suspend' as const, 'reinstate' as const),
    hold: fc.constantFrom('manual:a', 'manual:b', 'component-revoked:x'),
    back,
  }),
  flag: fc.record({
    wait,
    do: fc.constantFrom('flag' as const, 'unflag' as const),
    hold: fc.constantFrom('p', 'q'),
    back,
  }),
  time: fc.record({
    wait,
    do: fc.constantFrom('expire' as const, 'opens' as const, 'closes' as const, 'remind' as const),
    serial: fc.integer({ min: 1, max: 3 }),
  }),
  supersede: fc.record({
    wait,
    do: fc.constant('supersede' as const),
    by: fc.constantFrom(1 as const, 2 as const),
    back,
  }),
};
const { issue, renew, revoke, hold, flag, time, supersede } = acts;
const anything: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: issue },
  { weight: 3, arbitrary: renew },
  { weight: 1, arbitrary: revoke },
  { weight: 4, arbitrary: hold },
  { weight: 4, arbitrary: flag },
  { weight: 3, arbitrary: time },
  { weight: 1, arbitrary: supersede },
);
/**
 * Anything at all; or one that is issued and then held and freed again and again, back-dated as people do; or one whose
 * terms come to their ends, as the clock says.
 */
const life: fc.Arbitrary<readonly Step[]> = fc.oneof(
  fc.array(anything, { minLength: 1, maxLength: 25 }),
  fc
    .tuple(issue, fc.array(hold, { minLength: 10, maxLength: 25 }), fc.array(fc.oneof(flag, revoke), { maxLength: 3 }))
    .map(([first, held, last]) => [
      { ...first, otherBasis: false },
      ...held.map((step) => ({ ...step, wait: step.wait % 4, hold: 'manual:a' })),
      ...last,
    ]),
  fc
    .tuple(issue, fc.array(fc.oneof({ weight: 5, arbitrary: time }, renew), { minLength: 5, maxLength: 20 }))
    .map(([first, steps]) => [{ ...first, otherBasis: false, length: first.length ?? 30 }, ...steps]),
);

/** Something that was said to hold from one day to another, and on which day it was said. */
type Said = { readonly from: number; readonly said: number };
type Span = Said & { readonly name: string; to?: number; ended?: number };
type Term = Said & { readonly serial: number; readonly until: number | undefined; readonly counts: number };

/** Days are numbers. Answers as `changed`, `unchanged` or the code of the refusal. */
function createOracle() {
  const terms: Term[] = [];
  const holds: Span[] = [];
  const flags: Span[] = [];
  const noted = { expire: 0, opens: 0, closes: 0 };
  /** Days before the end that the holder of a term was reminded, by its serial. */
  const reminded = new Map<number, number>();
  let issuedOn: string | undefined;
  let barred: { readonly by: string } | undefined;
  let revoked: (Said & { readonly by: string }) | undefined;
  let superseded: (Said & { readonly by: number }) | undefined;

  const over = (): string | undefined =>
    revoked ? 'credential-revoked' : superseded ? 'credential-superseded' : barred ? 'issuance-barred' : undefined;
  const openSpan = (spans: Span[], name: string): Span | undefined =>
    spans.find((span) => span.name === name && span.to === undefined);

  function answer(step: Step, now: number, term: Term | undefined): string {
    switch (step.do) {
      case 'issue': {
        const basis = step.otherBasis ? 'other' : 'own';
        if (issuedOn !== undefined) return issuedOn === basis ? 'unchanged' : 'credential-already-issued';
        if (barred) return 'issuance-barred';
        if (basis === 'other') return 'criteria-not-met';
        issuedOn = basis;
        terms.push(term as Term);
        return 'changed';
      }
      case 'renew': {
        const end = over();
        if (end) return end;
        if (issuedOn === undefined) return 'credential-not-active';
        if (step.serial === 'same') return 'unchanged';
        if (step.serial === 'beyond') return 'credential-not-active';
        terms.push(term as Term);
        return 'changed';
      }
      case 'revoke': {
        const by = String(step.by);
        if (step.back < 0) return 'date-in-future';
        if (barred) return barred.by === by ? 'unchanged' : 'issuance-barred';
        if (issuedOn === undefined) {
          if (by === 'people') return 'not-found';
          barred = { by };
          return 'changed';
        }
        if (revoked) return by !== 'people' && revoked.by === by ? 'unchanged' : 'credential-revoked';
        if (superseded) return 'credential-superseded';
        revoked = { by, from: now - step.back, said: now };
        return 'changed';
      }
      case 'suspend':
      case 'reinstate': {
        const mine = step.hold.startsWith('manual:');
        if (step.back < 0) return 'date-in-future';
        if (issuedOn === undefined && !barred && mine) return 'not-found';
        const end = over();
        if (end) return end;
        const open = openSpan(holds, step.hold);
        const when = now - step.back;
        if (step.do === 'suspend') {
          if (open) return 'unchanged';
          holds.push({ name: step.hold, from: when, said: now });
          return 'changed';
        }
        if (!open) return mine ? 'credential-not-active' : 'unchanged';
        if (when < open.from) return 'validation-failed';
        open.to = when;
        open.ended = now;
        return 'changed';
      }
      case 'flag':
      case 'unflag': {
        const end = over();
        if (end) return end;
        const open = openSpan(flags, step.hold);
        if ((step.do === 'flag') === (open !== undefined)) return 'unchanged';
        if (!open) flags.push({ name: step.hold, from: now - step.back, said: now });
        else {
          open.to = now - step.back;
          open.ended = now;
        }
        return 'changed';
      }
      case 'expire':
      case 'opens':
      case 'closes': {
        if (issuedOn === undefined) return 'not-found';
        const end = over();
        if (end) return end;
        const last = terms.at(-1) as Term;
        if (step.serial < last.serial || noted[step.do] >= last.serial) return 'unchanged';
        if (last.until === undefined) return step.do === 'expire' ? 'credential-not-active' : 'not-renewable';
        const due = { expire: last.until, opens: last.until - 10, closes: last.until + 5 }[step.do];
        if (now < due) return 'credential-not-active';
        noted[step.do] = last.serial;
        return 'changed';
      }
      case 'remind': {
        if (issuedOn === undefined) return 'not-found';
        const end = over();
        if (end) return end;
        const last = terms.at(-1) as Term;
        if (step.serial < last.serial) return 'unchanged';
        if (last.until === undefined || now >= last.until) return 'credential-not-active';
        const left = REMINDED.filter((days) => days < (reminded.get(last.serial) ?? Infinity));
        if (left.length === 0) return 'unchanged';
        const due = left.filter((days) => now >= (last.until as number) - days);
        if (due.length === 0) return 'credential-not-active';
        reminded.set(last.serial, Math.min(...due));
        return 'changed';
      }
      case 'supersede':
        if (issuedOn === undefined) return barred ? 'issuance-barred' : 'not-found';
        if (superseded) return superseded.by === step.by ? 'unchanged' : 'credential-superseded';
        superseded = { by: step.by, from: now - step.back, said: now };
        return 'changed';
    }
  }

  /** What it was on a day, as known on another. */
  function statusAt(asOf: number, known: number): string | undefined {
    const inForce = (said: Said | undefined): boolean => !!said && said.said <= known && said.from <= asOf;
    const within = (span: Span): boolean =>
      inForce(span) && !(span.ended !== undefined && span.ended <= known && (span.to as number) <= asOf);
    const knownTerms = terms.filter((term) => term.said <= known && (term.serial === 1 || term.counts <= asOf));
    if (knownTerms.length === 0) return undefined;
    const flag = flags.some(within) ? ', flagged' : '';
    if (inForce(revoked)) return `revoked${flag}`;
    if (inForce(superseded)) return `superseded${flag}`;
    if (holds.some(within)) return `suspended${flag}`;
    const runs = knownTerms.some(({ from, until }) => from <= asOf && (until === undefined || asOf < until));
    if (runs) return `valid${flag}`;
    return knownTerms.some(({ from }) => from <= asOf) ? `expired${flag}` : `not-yet-valid${flag}`;
  }
  return { answer, statusAt, terms: terms as readonly Term[] };
}

/** Days before the end of a term, the earliest reminder first. */
const REMINDED = [12, 6, 2];
const aboutEnd = (until: number) => ({
  renewal: { opens: day(until - 10), closes: day(until + 5) },
  reminders: REMINDED.map((days) => ({ stage: `P${days}D`, at: day(until - days) })),
});

/** The decider, told the same. */
function createSubject() {
  let reply: typeof signed = signed;
  const decider = createCredentialDecider(() => Promise.resolve(reply));
  const events: Recorded<CredentialEvent>[] = [];
  let state = decider.initial;

  function tell(step: Step, now: number, term: Term | undefined, serial: number): string {
    reply = { ...signed, ...(term?.until === undefined ? {} : aboutEnd(term.until)) };
    const { command, facts } = commandOf(step, now, term, serial, reply);
    const decision = decider.decide(issued(command, { now: day(now) }), state, facts);
    if (!decision.accepted) return decision.code;
    for (const event of decision.events) {
      const place = { stream: credentialStream(TENANT, credentialId), revision: events.length, recordedAt: day(now) };
      events.push(recorded(event, place));
      state = decider.evolve(state, events.at(-1) as Recorded<CredentialEvent>);
    }
    return decision.events.length > 0 ? 'changed' : 'unchanged';
  }

  const statusAt = (asOf: number, known: number): string | undefined => {
    const standing = standingOf(events, { asOf: day(asOf), knownAt: day(known) });
    return standing && `${standing.status}${standing.flags.length > 0 ? ', flagged' : ''}`;
  };
  return { tell, statusAt };
}

function commandOf(
  step: Step,
  now: number,
  term: Term | undefined,
  serial: number,
  copy: typeof signed,
): { readonly command: CredentialCommand; readonly facts: IssueFacts | undefined } {
  const about = { learnerId, credentialId, templateId };
  const byPolicy = { ...about, because: POLICY };
  const plain = (command: CredentialCommand) => ({ command, facts: undefined });
  const entitlements = {
    byCredential: { [credentialId]: { event: EARNED, withdrawn: false, ended: false } },
    own: [],
    closed: false,
  };
  switch (step.do) {
    case 'issue': {
      const eventId = step.otherBasis ? POLICY : EARNED;
      const data = {
        ...earnedData,
        ...(term ? { at: day(term.counts), from: day(term.from) } : {}),
        ...(term?.until === undefined ? {} : { until: day(term.until) }),
      };
      const basis = recorded({ ...earned, data }, { stream: RECORD, revision: 3, id: eventId });
      const named = { stream: RECORD, revision: 3, eventId };
      return {
        command: { type: 'IssueCredential', data: { learnerId, credentialId, basis: named } },
        facts: { basis, entitlements, signed: copy },
      };
    }
    case 'renew': {
      const eventId = id(serial);
      const data = {
        ...about,
        serial,
        at: day(term?.counts ?? now),
        from: day(term?.from ?? now),
        until: day(term?.until ?? now + 1),
      };
      const basis = recorded({ type: 'renewal-earned', data }, { stream: RECORD, revision: 3 + serial, id: eventId });
      const named = { stream: RECORD, revision: 3 + serial, eventId };
      return {
        command: { type: 'RenewCredential', data: { learnerId, credentialId, basis: named } },
        facts: { basis, entitlements, signed: copy },
      };
    }
    case 'revoke': {
      const effectiveAt = day(now - step.back);
      return plain({
        type: 'RevokeCredential',
        data:
          step.by === 'people'
            ? { credentialId, reasonCode: 'issued-in-error', effectiveAt, authority: 'registrar' }
            : { ...about, because: id(900 + step.by), reasonCode: 'entitlement-withdrawn', effectiveAt },
      });
    }
    case 'suspend':
    case 'reinstate': {
      const by = step.hold.startsWith('manual:') ? { credentialId, authority: 'registrar' } : byPolicy;
      const data = { ...by, hold: step.hold, reasonCode: 'inquiry', effectiveAt: day(now - step.back) };
      return plain({ type: step.do === 'suspend' ? 'SuspendCredential' : 'ReinstateCredential', data });
    }
    case 'flag':
    case 'unflag': {
      const data = { ...byPolicy, hold: step.hold, effectiveAt: day(now - step.back) };
      return plain(
        step.do === 'flag'
          ? { type: 'FlagCredential', data: { ...data, cause: 'component-revoked' } }
          : { type: 'UnflagCredential', data },
      );
    }
    case 'expire':
      return plain({ type: 'ExpireCredential', data: { credentialId, serial: step.serial } });
    case 'opens':
    case 'closes':
      return plain({ type: 'NoteRenewalWindow', data: { credentialId, serial: step.serial, stage: step.do } });
    case 'remind':
      return plain({ type: 'RequestRenewalReminder', data: { credentialId, serial: step.serial } });
    case 'supersede':
      return plain({
        type: 'SupersedeCredential',
        data: {
          credentialId,
          by: `${OTHERS}${10 + step.by}` as CredentialId,
          reasonCode: 'corrected',
          effectiveAt: day(now - step.back),
          because: POLICY,
        },
      });
  }
}

/** The term that a step would bring, chained to the last one. */
function termOf(step: Step, now: number, terms: readonly Term[]): { term: Term | undefined; serial: number } {
  const last = terms.at(-1);
  if (step.do === 'issue') {
    const from = now + step.after;
    const until = step.length === undefined ? undefined : from + step.length;
    return { term: { serial: 1, from, until, counts: Math.min(now, from), said: now }, serial: 1 };
  }
  if (step.do !== 'renew') return { term: undefined, serial: 0 };
  const serial = { same: terms.length, next: terms.length + 1, beyond: terms.length + 2 }[step.serial];
  const from = Math.max(last?.until ?? now, last?.from ?? now) + step.gap;
  return { term: { serial, from, until: from + step.length, counts: Math.min(now, from), said: now }, serial };
}

it(`one credential, as an independent oracle has it, in ${RUNS} random lives`, () => {
  const seen = new Set<string>();
  // As parts of the time that it lives, and somewhat beyond at both ends.
  const part = fc.double({ min: -0.2, max: 1.2, noNaN: true });
  const looks = fc.array(fc.tuple(part, part), { minLength: 30, maxLength: 30 });
  fc.assert(
    fc.property(life, looks, (steps, pairs) => {
      const oracle = createOracle();
      const subject = createSubject();
      let now = 0;
      for (const one of steps) {
        now += one.wait;
        const last = oracle.terms.at(-1);
        if (one.do === 'renew' && last && last.until === undefined) continue; // no record renews what does not end
        const { term, serial } = termOf(one, now, oracle.terms);
        const told = subject.tell(one, now, term, serial);
        expect({ step: one, now, told }).toEqual({ step: one, now, told: oracle.answer(one, now, term) });
        seen.add(`${one.do}: ${told}`);
        expect({ now, status: subject.statusAt(now, now) }).toEqual({ now, status: oracle.statusAt(now, now) });
      }
      for (const [ofEffect, ofKnowledge] of pairs) {
        const [asOf, known] = [Math.round(ofEffect * now), Math.round(ofKnowledge * now)];
        const status = subject.statusAt(asOf, known);
        expect({ asOf, known, status }).toEqual({ asOf, known, status: oracle.statusAt(asOf, known) });
        if (status !== undefined) seen.add(status);
      }
    }),
    { numRuns: RUNS },
  );
  // Every word and every kind of answer was met.
  expect([...seen]).toEqual(
    expect.arrayContaining(
      ['valid', 'not-yet-valid', 'expired', 'suspended', 'revoked', 'superseded', 'valid, flagged', 'issue: changed', 'renew: changed', 'renew: unchanged', 'expire: changed', 'opens: changed', 'closes: changed', 'remind: changed', 'remind: unchanged', 'remind: credential-not-active', 'supersede: changed', 'reinstate: validation-failed', 'revoke: issuance-barred'], // prettier-ignore
    ),
  );
}, 120_000);
