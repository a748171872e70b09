// Two records of one person: united they earn what one learner with all the facts earns; released, each is what it was.
import type { LearnerId } from '@cairn/kernel';
import { mapGet, mapValues } from '@cairn/rules';
import { eventIdOf } from '@cairn/kernel';
import { at } from '@cairn/testing';
import fc from 'fast-check';
import { heldIn } from './merged-record.js';
import { createWorld, enrollment, LEARNER, m, t, type RecordWorld } from './record-world-spec.js';

const OTHER = 'e2d1c1ba-9a80-5e7d-8c6b-5a4938271615' as LearnerId;
const MODULES = ['A', 'B', 'C', 'D'] as const;
const NOW = '2025-12-01';

const rules = (need: readonly string[], least: number) => ({
  order: 'advisory' as const,
  entryPoints: [{ id: 'start', at: 'one' }],
  steps: [
    { id: 'one', need: { all: need.map((slug) => ({ module: m(slug) })) } },
    { id: 'some', need: { atLeast: least, of: MODULES.map((slug) => ({ module: m(slug) })) } },
  ],
  awards: [
    { id: 'BOTH', template: t('BOTH'), kind: 'final' as const, when: 'one' },
    { id: 'SOME', template: t('SOME'), kind: 'exit' as const, when: 'some' },
  ],
});
const world = (learner: LearnerId, withdrawn: 'revoke' | 'flag' = 'revoke'): RecordWorld =>
  createWorld({ learner })
    .modules(...MODULES)
    .template('BOTH', { componentPolicy: { revoked: 'flag', expired: 'flag', withdrawn } })
    .templates('SOME', 'THREE')
    .pathway('p', { rules: rules(['A', 'B'], 3) })
    .pathway('q', {
      rules: {
        ...rules(['C'], 2),
        awards: [{ id: 'THREE', template: t('THREE'), kind: 'final' as const, when: { all: ['one', 'some'] } }],
      },
    });

/** Templates that are held, and not in doubt. */
const held = (one: RecordWorld): readonly string[] =>
  Array.from(mapValues(one.state().holdings))
    .filter(({ ended, withdrawn, holds }) => !ended && withdrawn === undefined && holds.size === 0)
    .map(({ data }) => one.slugs.get(data.templateId) as string)
    .toSorted();
/** What is met, by enrollment. */
const met = (one: RecordWorld): readonly string[] =>
  one
    .state()
    .enrollments.map(({ ref, steps, away }) => `${ref.enrollmentId} ${[...steps.keys()].join()} ${away.length}`);
const completions = (one: RecordWorld): readonly string[] =>
  Array.from(mapValues(one.state().completions))
    .flatMap(({ ref, valid }) => (valid ? [ref] : []))
    .toSorted();
const snapshot = (one: RecordWorld) => ({ held: held(one), met: met(one), completions: completions(one) });

async function merge(into: RecordWorld, other: RecordWorld): Promise<void> {
  const close = { learnerId: OTHER, why: 'merged', into: LEARNER } as const;
  expect(await other.send({ type: 'CloseRecord', data: close }, { now: NOW })).toMatchObject({ accepted: true });
  into.foreign(OTHER, other.record);
  const absorb = { type: 'AbsorbRecord', data: { learnerId: LEARNER, from: OTHER } } as const;
  expect(await into.send(absorb, { now: NOW })).toMatchObject({ accepted: true });
}
async function unmerge(into: RecordWorld, other: RecordWorld): Promise<void> {
  const because = eventIdOf(OTHER, 1);
  const release = { type: 'ReleaseRecord', data: { learnerId: LEARNER, from: OTHER, because } } as const;
  expect(await into.send(release, { now: NOW })).toMatchObject({ accepted: true });
  other.foreign(LEARNER, into.record);
  const reopen = { type: 'ReopenRecord', data: { learnerId: OTHER, from: LEARNER } } as const;
  expect(await other.send(reopen, { now: NOW })).toMatchObject({ accepted: true });
}

type Act = { readonly to: 'one' | 'other'; readonly module: (typeof MODULES)[number]; readonly day: number };
type Joined = { readonly to: Act['to']; readonly pathway: 'p' | 'q' };
const person = fc.constantFrom('one' as const, 'other' as const);
const acts = fc.uniqueArray(
  fc.record({ to: person, module: fc.constantFrom(...MODULES), day: fc.integer({ min: 1, max: 28 }) }),
  { maxLength: 8, selector: ({ module, day }) => `${module} ${day}` },
);
const joins = fc.uniqueArray(fc.record({ to: person, pathway: fc.constantFrom('p' as const, 'q' as const) }), {
  maxLength: 4,
  selector: ({ to, pathway }) => `${to} ${pathway}`,
});
const dayOf = (day: number): string => `2025-03-${String(day).padStart(2, '0')}`;

it('merged they hold what one learner with all the facts holds; un-merged each is what it was', async () => {
  await fc.assert(
    fc.asyncProperty(
      joins,
      acts,
      acts,
      async (joined: readonly Joined[], before: readonly Act[], since: readonly Act[]) => {
        const worlds = { one: world(LEARNER), other: world(OTHER) };
        const all = world(LEARNER);
        const alone = { one: world(LEARNER), other: world(OTHER) };
        for (const { to, pathway } of joined) {
          for (const each of [worlds[to], alone[to]]) await each.enroll(pathway, '2025-01-01');
          await all.enroll(pathway, '2025-01-01');
        }
        for (const { to, module, day } of before) {
          for (const each of [worlds[to], alone[to], all]) await each.complete(module, dayOf(day));
        }
        const was = { one: snapshot(worlds.one), other: snapshot(worlds.other) };
        await merge(worlds.one, worlds.other);
        expect(held(worlds.one)).toEqual(held(all));
        await unmerge(worlds.one, worlds.other);
        expect({ one: snapshot(worlds.one), other: snapshot(worlds.other) }).toEqual(was);

        // Merged again, facts are sent to either; each has its own in the end.
        await merge(worlds.one, worlds.other);
        for (const { to, module, day } of since) {
          const occurredAt = at(dayOf(day));
          const learnerId = to === 'one' ? LEARNER : OTHER;
          const data = { learnerId, record: LEARNER, moduleId: m(module), source: 'lms', occurredAt };
          await worlds.one.send({ type: 'CompleteModule', data } as never, { now: NOW });
          await alone[to].complete(module, dayOf(day), {}, { now: NOW });
          await all.complete(module, dayOf(day), {}, { now: NOW });
        }
        expect(held(worlds.one)).toEqual(held(all));
        await unmerge(worlds.one, worlds.other);
        expect(held(worlds.other)).toEqual(held(alone.other));
        // What stays held without doubt is what the facts that stay entitle to.
        expect(held(worlds.one)).toEqual(held(alone.one));
      },
    ),
    { numRuns: 60 },
  );
}, 60_000);

it('a waiver goes on in the enrollment that stays, and ends there when the two part', async () => {
  const [one, other] = [world(LEARNER), world(OTHER)];
  await one.enroll('p', '2025-01-01');
  await other.enroll('p', '2025-02-01');
  await other.waive(1, 'one/1', '2025-02-02');
  await one.complete('A', '2025-03-01');
  expect(held(one)).toEqual([]);
  await merge(one, other);
  expect(held(one)).toEqual(['BOTH']);
  expect(one.events('requirement-waived').at(-1)?.data).toMatchObject({ enrollment: { enrollmentId: enrollment(1) } });
  await unmerge(one, other);
  expect(held(one)).toEqual([]);
  expect(other.state().enrollments[0]?.waivers.size).toBe(1);
  expect([...(mapGet(one.state().holdings, t('BOTH'))?.holds.values() ?? [])]).toMatchObject([{ effect: 'flag' }]);
});

it('an open record is not taken in; one is taken in once', async () => {
  const [one, other] = [world(LEARNER), world(OTHER)];
  const absorb = { type: 'AbsorbRecord', data: { learnerId: LEARNER, from: OTHER } } as const;
  one.foreign(OTHER, other.record);
  expect(await one.send(absorb, { now: NOW })).toMatchObject({ accepted: false, code: 'not-merged' });
  await merge(one, other);
  expect(await one.send(absorb, { now: NOW })).toEqual({ accepted: true, events: [] });
  expect(await other.complete('A', '2025-03-01')).toMatchObject({ accepted: false, code: 'learner-merged' });
});

describe('both held a credential of one template', () => {
  const both = async (policy?: 'flag') => {
    const worlds = [world(LEARNER, policy), world(OTHER, policy)] as const;
    for (const [index, one] of worlds.entries()) {
      await one.enroll('p', '2025-01-01');
      await one.complete('A', `2025-03-0${index + 1}`);
      await one.complete('B', `2025-03-1${index + 1}`);
    }
    await merge(worlds[0], worlds[1]);
    return worlds[0];
  };
  const entitled = (one: RecordWorld) =>
    heldIn(one.state())
      .map(({ data, ended, withdrawn, holds }) =>
        [
          data.learnerId === LEARNER ? 'one' : 'other',
          ended ? 'revoked' : withdrawn ? 'in doubt' : 'held',
          holds.size,
        ].join(' '),
      )
      .toSorted();
  const invalidate = async (one: RecordWorld, day: string) => {
    const found = one.state().completions;
    const ref = Array.from(mapValues(found)).find(
      ({ at: when, data }) => data.moduleId === m('A') && when === at(day),
    )?.ref;
    const data = {
      learnerId: LEARNER,
      record: LEARNER,
      completion: ref,
      reasonCode: 'entered-in-error',
      occurredAt: at('2025-04-01'),
    };
    expect(await one.send({ type: 'InvalidateModuleCompletion', data } as never, { now: NOW })).toMatchObject({
      accepted: true,
    });
  };

  it('both are followed: each falls when nothing of the person meets it, and only then (D2)', async () => {
    const one = await both();
    expect(entitled(one)).toEqual(['one held 0', 'other held 0']);
    await invalidate(one, '2025-03-01');
    expect(entitled(one)).toEqual(['one held 0', 'other held 0']);
    await invalidate(one, '2025-03-02');
    expect(entitled(one)).toEqual(['one revoked 1', 'other revoked 1']);
    // Earned anew it is one credential, for one person.
    await one.complete('A', '2025-05-01', {}, { now: NOW });
    expect(held(one)).toEqual(['BOTH']);
    expect(one.events('credential-earned').filter(({ data }) => data.templateId === t('BOTH'))).toHaveLength(2);
  });

  it('doubts about both are lifted together', async () => {
    const one = await both('flag');
    await invalidate(one, '2025-03-01');
    await invalidate(one, '2025-03-02');
    expect(entitled(one)).toEqual(['one in doubt 1', 'other in doubt 1']);
    await one.complete('A', '2025-05-01', {}, { now: NOW });
    expect(entitled(one)).toEqual(['one held 0', 'other held 0']);
  });
});
