// Renewal: E1 and E6 of the product description, hard dates, and what happens when the facts behind a term fall.
import { at } from '@cairn/testing';
import { createWorld, m, t, type RecordWorld } from './record-world-spec.js';

const BLS = {
  validityMonths: 24,
  renewal: {
    requirement: { any: [{ module: m('FA-R1') }, { module: m('FA-101'), minGrade: 80 }] },
    window: 'P3M',
    grace: 'P1M',
  },
} as const;
const suspended = { revoked: 'suspend', expired: 'suspend', withdrawn: 'revoke' } as const;

function firstAid(zone = 'Europe/Berlin'): RecordWorld {
  return createWorld({ zone })
    .modules('FA-101', 'FA-201', 'FA-PED', 'FA-SIM', 'FA-301', 'FA-R1')
    .template('BLS', BLS)
    .template('ADV', { validityMonths: 24, componentPolicy: suspended })
    .template('INS', { validityMonths: 24 })
    .pathway('first-aid', {
      rules: {
        order: 'enforced',
        entryPoints: [{ id: 'start', at: 'BLS' }],
        steps: [
          { id: 'BLS', need: { module: m('FA-101'), minGrade: 80 } },
          {
            id: 'ADV',
            after: ['BLS'],
            need: { all: [{ module: m('FA-201') }, { any: [{ module: m('FA-PED') }, { module: m('FA-SIM') }] }] },
          },
          { id: 'INS', after: ['ADV'], need: { module: m('FA-301') } },
        ],
        awards: (['BLS', 'ADV', 'INS'] as const).map((id) => ({ id, template: t(id), kind: 'step', when: id })),
      },
    });
}
async function held(zone?: string, day = '2024-03-10'): Promise<RecordWorld> {
  const world = firstAid(zone);
  await world.enroll('first-aid', '2024-01-10');
  await world.complete('FA-101', day, { score: 85 });
  return world;
}
const BLS1 = 'BLS [2024-03-10, 2026-03-10)';

describe('E1: two-year terms', () => {
  it('a: renewed in the window, the next term starts at the old end', async () => {
    const world = await held();
    await world.complete('FA-R1', '2026-01-15');
    expect(world.credentials()).toEqual([`${BLS1} [2026-03-10, 2028-03-10)`]);
    expect(world.events('renewal-earned')).toMatchObject([
      { data: { serial: 2, at: at('2026-01-15'), satisfied: [{ requirementId: 'renewal/0' }] } },
    ]);
  });
  it('b: before the window a fact renews nothing; in the grace the term starts at the fact', async () => {
    const world = await held();
    await world.complete('FA-R1', '2025-11-30');
    expect(world.credentials()).toEqual([BLS1]);
    await world.complete('FA-R1', '2026-04-02');
    expect(world.credentials()).toEqual([`${BLS1} [2026-04-02, 2028-04-02)`]);
  });
  it('c: too late renews nothing; what was awarded is awarded anew', async () => {
    const world = await held();
    await world.complete('FA-R1', '2026-05-20');
    expect(world.credentials()).toEqual([BLS1]);
    await world.complete('FA-101', '2026-05-21', { score: 90 });
    expect(world.credentials()).toEqual([BLS1, 'BLS/2.1 [2026-05-21, 2028-05-21)']);
  });
  it('e: a refresher alone awards nothing', async () => {
    const world = firstAid();
    await world.enroll('first-aid', '2024-01-10');
    await world.complete('FA-101', '2024-03-10', { score: 78 });
    await world.complete('FA-R1', '2024-03-11');
    expect(world.credentials()).toEqual([]);
  });
  it('f: a term of two years from 29 February', async () => {
    const world = await held('Europe/Berlin', '2024-02-29');
    await world.complete('FA-R1', '2026-01-15');
    expect(world.credentials()).toEqual(['BLS [2024-02-29, 2026-02-28) [2026-02-28, 2028-02-28)']);
  });
});

describe('which facts count', () => {
  it.each([
    ['the instant before the window', '2025-12-09T22:59:59.999Z', BLS1],
    ['its first instant', '2025-12-09T23:00:00Z', `${BLS1} [2026-03-10, 2028-03-10)`],
    ['the last instant of the term', '2026-03-09T22:59:59.999Z', `${BLS1} [2026-03-10, 2028-03-10)`],
    ['its end', '2026-03-09T23:00:00Z', `${BLS1} [2026-03-10, 2028-03-10)`],
    ['the last instant of the grace', '2026-04-09T21:59:59.999Z', `${BLS1} [2026-04-09, 2028-04-09)`],
    ['the end of the grace', '2026-04-09T22:00:00Z', BLS1],
  ])('%s', async (_, instant, expected) => {
    const world = await held();
    await world.complete('FA-R1', instant);
    expect(world.credentials()).toEqual([expected]);
  });

  it.each(['America/Los_Angeles', 'Pacific/Kiritimati', 'America/Sao_Paulo', 'Africa/Cairo', 'Pacific/Apia'])(
    'local days decide in %s: from the window’s first instant to the grace’s last',
    async (zone) => {
      const day = (world: RecordWorld) => world.credentials();
      const world = await held(zone);
      const until = world.credential('BLS').until as string;
      const local = new Intl.DateTimeFormat('sv', { timeZone: zone });
      expect(local.format(new Date(until))).toBe('2026-03-10');
      expect(local.format(new Date(Date.parse(until) - 1))).toBe('2026-03-09');
      await world.complete('FA-R1', new Date(Date.parse(until) - 1).toISOString());
      expect(day(world)).toEqual([`${BLS1} [2026-03-10, 2028-03-10)`]);
    },
  );

  // End of a two-year term, opening three months before it, closing a month after it.
  it.each([
    ['Europe/Berlin', '2024-02-29', '2025-11-27T23:00', '2026-02-27T23:00', '2026-03-27T23:00'],
    ['Europe/Berlin', '2022-05-31', '2024-02-28T23:00', '2024-05-30T22:00', '2024-06-29T22:00'],
    ['Europe/Berlin', '2023-03-30', '2024-12-29T23:00', '2025-03-29T23:00', '2025-04-29T22:00'],
    ['America/New_York', '2022-11-03', '2024-08-03T04:00', '2024-11-03T04:00', '2024-12-03T05:00'],
    ['Pacific/Auckland', '2022-04-07', '2024-01-06T11:00', '2024-04-06T11:00', '2024-05-06T12:00'],
    // 4 November 2018 began at one o'clock in São Paulo: the clocks jumped over midnight.
    ['America/Sao_Paulo', '2016-11-04', '2018-08-04T03:00', '2018-11-04T03:00', '2018-12-04T02:00'],
    // There was no 30 December 2011 in Samoa: the term ends where the 31st begins, and its window is that of the 31st.
    ['Pacific/Apia', '2009-12-30', '2011-09-30T10:00', '2011-12-30T10:00', '2012-01-30T10:00'],
    ['Asia/Kathmandu', '2024-01-31', '2025-10-30T18:15', '2026-01-30T18:15', '2026-02-27T18:15'],
  ])('hard dates: %s, from %s', async (zone, first, opens, until, closes) => {
    const noon =
      zone === 'Pacific/Auckland'
        ? `${first}T00:00:00Z`
        : zone === 'Pacific/Apia'
          ? `${first}T23:00:00Z`
          : `${first}T15:00:00Z`;
    const renewedAt = async (instant: string) => {
      const world = firstAid(zone);
      await world.enroll('first-aid', '2009-01-10');
      await world.complete('FA-101', noon, { score: 85 });
      expect(world.credential('BLS').until).toBe(`${until}:00.000Z`);
      await world.complete('FA-R1', instant);
      return world.credential('BLS').renewed.map(({ from }) => from);
    };
    const before = (minute: string): string => new Date(Date.parse(`${minute}:00Z`) - 1).toISOString();
    expect(await renewedAt(before(opens))).toEqual([]);
    expect(await renewedAt(`${opens}:00Z`)).toEqual([`${until}:00.000Z`]);
    expect(await renewedAt(before(until))).toEqual([`${until}:00.000Z`]);
    expect(await renewedAt(before(closes))).toEqual([before(closes)]);
    expect(await renewedAt(`${closes}:00Z`)).toEqual([]);
  });

  it('any order of arrival: two late refreshers bring two terms at once, the late award its renewals', async () => {
    const world = firstAid();
    await world.enroll('first-aid', '2024-01-10');
    const late = { now: '2028-06-01' };
    await world.complete('FA-R1', '2028-02-01', {}, late);
    await world.complete('FA-R1', '2026-01-15', {}, late);
    expect(world.credentials()).toEqual([]);
    await world.complete('FA-101', '2024-03-10', { score: 85 }, late);
    expect(world.credentials()).toEqual([`${BLS1} [2026-03-10, 2028-03-10) [2028-03-10, 2030-03-10)`]);
    expect(world.events('renewal-earned').map(({ data }) => data.serial)).toEqual([2, 3]);
  });

  it('a late refresher closes the gap that had suspended what rests on it', async () => {
    const world = await held();
    await world.complete('FA-201', '2024-05-04');
    await world.complete('FA-SIM', '2024-06-01');
    await world.expire(world.credential('BLS').id, '2026-03-09T23:00:00Z');
    expect(world.credentials()[0]).toBe('ADV [2024-06-01, 2026-06-01) suspend');
    await world.complete('FA-R1', '2026-01-15', {}, { now: '2026-03-20' });
    expect(world.credentials()).toEqual(['ADV [2024-06-01, 2026-06-01)', `${BLS1} [2026-03-10, 2028-03-10)`]);
    expect(world.events('component-policy-applied').map(({ data }) => [data.effect, data.effectiveAt])).toEqual([
      ['suspend', '2026-03-09T23:00:00.000Z'],
      ['lift', '2026-03-09T23:00:00.000Z'],
    ]);
  });

  it('enrolled or not: who left the pathway renews all the same', async () => {
    const world = await held();
    await world.leave(1, '2025-01-01');
    await world.complete('FA-R1', '2026-01-15');
    expect(world.credentials()).toEqual([`${BLS1} [2026-03-10, 2028-03-10)`]);
  });

  it('only the latest occurrence: a late refresher does not renew the one before it', async () => {
    const world = await held();
    await world.complete('FA-101', '2026-05-21', { score: 90 });
    await world.complete('FA-R1', '2026-01-15');
    expect(world.credentials()).toEqual([BLS1, 'BLS/2.1 [2026-05-21, 2028-05-21)']);
  });

  it('held through a renewal it is not awarded anew, though the first term is long over', async () => {
    const world = await held();
    await world.complete('FA-R1', '2026-01-15');
    await world.complete('FA-101', '2026-06-01', { score: 90 });
    expect(world.credentials()).toEqual([`${BLS1} [2026-03-10, 2028-03-10)`]);
  });

  it('a revoked one is not renewed', async () => {
    const world = await held();
    await world.revoke(world.credential('BLS').id, '2026-01-01');
    await world.complete('FA-R1', '2026-01-15');
    expect(world.credentials()).toEqual([`${BLS1} revoked`]);
  });

  it('a fact that brought one term brings no other, however wide the window', async () => {
    const world = createWorld()
      .modules('A', 'R')
      .template('C', {
        validityMonths: 1,
        renewal: { requirement: { any: [{ module: m('R') }, { module: m('A') }] }, window: 'P3M', grace: 'P1D' },
      })
      .pathway('p', {
        rules: {
          order: 'advisory',
          entryPoints: [{ id: 'start', at: 'A' }],
          steps: [{ id: 'A', need: { module: m('A') } }],
          awards: [{ id: 'C', template: t('C'), kind: 'final', when: 'A' }],
        },
      });
    await world.enroll('p', '2025-01-01');
    await world.complete('A', '2025-01-31');
    expect(world.credentials()).toEqual(['C [2025-01-31, 2025-02-28)']);
    await world.complete('R', '2025-02-01');
    expect(world.credentials()).toEqual(['C [2025-01-31, 2025-02-28) [2025-02-28, 2025-03-28)']);
  });
});

describe('facts taken back', () => {
  it('suspends the credential until the renewal is met again', async () => {
    const world = await held();
    await world.complete('FA-R1', '2026-01-15');
    await world.invalidate('FA-R1', '2026-02-01');
    expect(world.credentials()).toEqual([`${BLS1} [2026-03-10, 2028-03-10) suspend`]);
    expect(world.events('component-policy-applied')).toMatchObject([
      {
        data: {
          hold: 'renewal-withdrawn:2',
          cause: 'renewal-withdrawn',
          effect: 'suspend',
          effectiveAt: at('2026-02-01'),
        },
      },
    ]);
    await world.complete('FA-101', '2026-02-20', { score: 82 });
    expect(world.credentials()).toEqual([`${BLS1} [2026-03-10, 2028-03-10)`]);
    expect(world.events('component-policy-applied').at(-1)?.data).toMatchObject({
      hold: 'renewal-withdrawn:2',
      effect: 'lift',
      effectiveAt: at('2026-02-20'),
    });
    expect(world.events('renewal-earned')).toHaveLength(1);
  });
  it('stays as it was where another fact stands in its place', async () => {
    const world = await held();
    await world.complete('FA-R1', '2026-01-15');
    await world.complete('FA-101', '2026-02-20', { score: 82 });
    await world.invalidate('FA-R1', '2026-03-01');
    expect(world.credentials()).toEqual([`${BLS1} [2026-03-10, 2028-03-10)`]);
    await world.invalidate('FA-101', '2026-03-02');
    expect(world.credentials()).toEqual([`${BLS1} [2026-03-10, 2028-03-10) suspend`]);
  });
  it('a person may decide it', async () => {
    const world = await held();
    await world.complete('FA-R1', '2026-01-15');
    await world.invalidate('FA-R1', '2026-02-01');
    await world.renew('BLS', '2026-06-01');
    expect(world.credentials()).toEqual([`${BLS1} [2026-03-10, 2028-03-10)`]);
    await world.complete('FA-R1', '2028-01-15');
    expect(world.credentials()).toEqual([`${BLS1} [2026-03-10, 2028-03-10) [2028-03-10, 2030-03-10)`]);
  });
  it('without it the grace of the term before is over: it can be earned again', async () => {
    const world = await held();
    await world.complete('FA-R1', '2026-01-15');
    await world.invalidate('FA-R1', '2026-05-01');
    await world.complete('FA-101', '2026-06-01', { score: 90 });
    expect(world.credentials()).toEqual([
      `${BLS1} [2026-03-10, 2028-03-10) suspend`,
      'BLS/2.1 [2026-06-01, 2028-06-01)',
    ]);
  });
  it('the award itself taken back is revoked, its terms with it', async () => {
    const world = await held();
    await world.complete('FA-R1', '2026-01-15');
    await world.invalidate('FA-101', '2026-02-01');
    expect(world.credentials()).toEqual([`${BLS1} [2026-03-10, 2028-03-10) revoked`]);
  });
});

describe('by decision', () => {
  it('within the window, by an authority and for a reason', async () => {
    const world = await held();
    await world.renew('BLS', '2026-03-20');
    expect(world.credentials()).toEqual([`${BLS1} [2026-03-20, 2028-03-20)`]);
    expect(world.events('renewal-earned')[0]?.data).toMatchObject({ authority: 'registrar', satisfied: [] });
  });
  it.each([
    ['too early', '2025-12-09', {}, 'renewal-window-not-open', 'Term 1 ends 2026-03-10; renewal opens 2025-12-10.'],
    [
      'too late',
      '2026-04-10',
      {},
      'renewal-window-closed',
      'Term 1 ended 2026-03-10; it could be renewed before 2026-04-10.',
    ],
    ['without a reason', '2026-03-01', { reasonCode: '' }, 'reason-required', 'A renewal by decision needs a reason.'],
    [
      'without an authority',
      '2026-03-01',
      { authority: ' ' },
      'authority-required',
      'A renewal by decision needs an authority.',
    ],
  ])('%s it is refused', async (_, day, by, code, detail) => {
    const world = await held();
    expect(await world.renew('BLS', day, by)).toMatchObject({
      accepted: false,
      code,
      detail,
      next: expect.any(String),
    });
  });
  it('refused for a revoked one, one that a later has replaced, and one without renewal', async () => {
    const world = await held();
    const first = world.credential('BLS').id;
    await world.complete('FA-201', '2024-05-04');
    await world.complete('FA-SIM', '2024-06-01');
    expect(await world.renew('ADV', '2026-05-01')).toMatchObject({ code: 'not-renewable' });
    await world.revoke(first, '2026-03-01');
    expect(await world.renew('BLS', '2026-03-02')).toMatchObject({ code: 'credential-revoked' });
  });
});

describe('a decision that is taken back', () => {
  const decided = async () => {
    const world = await held();
    await world.renew('BLS', '2026-01-15');
    expect(world.credentials()).toEqual([`${BLS1} [2026-03-10, 2028-03-10)`]);
    return world;
  };
  it('suspends, once, until somebody decides again', async () => {
    const world = await decided();
    expect(await world.unrenew('BLS', '2026-01-20')).toMatchObject({
      events: [{ type: 'renewal-withdrawn' }, { type: 'component-policy-applied', data: { effect: 'suspend' } }],
    });
    expect(await world.unrenew('BLS', '2026-01-21')).toMatchObject({ accepted: true, events: [] });
    await world.renew('BLS', '2026-02-01');
    expect(world.credentials()).toEqual([`${BLS1} [2026-03-10, 2028-03-10)`]);
    expect(world.events('component-policy-applied').at(-1)?.data).toMatchObject({ effect: 'lift' });
    // The new decision can be taken back in its turn.
    expect(await world.unrenew('BLS', '2026-02-02')).toMatchObject({ events: [{}, { data: { effect: 'suspend' } }] });
  });
  it('changes nothing where facts meet the renewal, which rests on these from then on', async () => {
    const world = await decided();
    await world.complete('FA-R1', '2026-01-16');
    expect(await world.unrenew('BLS', '2026-01-20')).toMatchObject({
      events: [
        { type: 'renewal-withdrawn' },
        {
          type: 'renewal-earned',
          data: { serial: 2, at: at('2026-01-16'), satisfied: [{ requirementId: 'renewal/0' }] },
        },
      ],
    });
    expect(world.events('renewal-earned').at(-1)?.data).not.toHaveProperty('authority');
    expect(await world.unrenew('BLS', '2026-01-21')).toMatchObject({ code: 'not-found' });
    await world.invalidate('FA-R1', '2026-01-22');
    expect(world.events('component-policy-applied').at(-1)?.data).toMatchObject({ effect: 'suspend' });
  });
  it('is met by facts that come later', async () => {
    const world = await decided();
    await world.unrenew('BLS', '2026-01-20');
    await world.complete('FA-R1', '2026-02-01');
    expect(world.credentials()).toEqual([`${BLS1} [2026-03-10, 2028-03-10)`]);
    expect(world.events('component-policy-applied').map(({ data }) => data.effect)).toEqual(['suspend', 'lift']);
  });
  it.each([
    ['of a term that no authority decided', { serial: 3 }, 'not-found'],
    ['without a reason', { reasonCode: ' ' }, 'reason-required'],
    ['without an authority', { authority: '' }, 'authority-required'],
  ])('%s it is refused', async (_, by, code) => {
    const world = await decided();
    expect(await world.unrenew('BLS', '2026-01-20', by)).toMatchObject({ accepted: false, code });
  });
});

describe('E6: yearly, by two refreshers within window and grace', () => {
  const site = async (): Promise<RecordWorld> => {
    const world = createWorld()
      .modules('SAFETY', 'DATA', 'NON-DRIVER', 'R-SAFETY', 'R-DATA')
      .template('SA', {
        validityMonths: 12,
        renewal: {
          requirement: { all: [{ module: m('R-SAFETY') }, { module: m('R-DATA') }] },
          window: 'P60D',
          grace: 'P14D',
        },
      })
      .pathway('site', {
        rules: {
          order: 'advisory',
          entryPoints: [{ id: 'start', at: 'SA' }],
          steps: [
            {
              id: 'SA',
              need: {
                all: [
                  { all: [{ module: m('SAFETY') }, { module: m('DATA') }], within: 'P60D' },
                  { module: m('NON-DRIVER') },
                ],
              },
            },
          ],
          awards: [{ id: 'SA', template: t('SA'), kind: 'final', when: 'SA' }],
        },
      });
    await world.enroll('site', '2025-01-01');
    for (const [module, day] of [
      ['SAFETY', '2025-01-10'],
      ['NON-DRIVER', '2025-01-10'],
      ['DATA', '2025-02-20'],
    ] as const)
      await world.complete(module, day);
    return world;
  };
  it('c: one in the window, one in the grace', async () => {
    const world = await site();
    await world.complete('R-SAFETY', '2026-01-05');
    await world.complete('R-DATA', '2026-02-27');
    expect(world.credentials()).toEqual(['SA [2025-02-20, 2026-02-20) [2026-02-27, 2027-02-27)']);
  });
  it('one of them before the window does not count with the other', async () => {
    const world = await site();
    await world.complete('R-SAFETY', '2025-12-21');
    await world.complete('R-DATA', '2026-02-01');
    expect(world.credentials()).toEqual(['SA [2025-02-20, 2026-02-20)']);
    await world.complete('R-SAFETY', '2026-03-05');
    expect(world.credentials()).toEqual(['SA [2025-02-20, 2026-02-20) [2026-03-05, 2027-03-05)']);
  });
});

describe('the next edition', () => {
  it('corrects what stands: same award, same term; what holds it must be ended first', async () => {
    const world = await held();
    await world.complete('FA-R1', '2026-01-15');
    const first = world.credential('BLS').id as never;
    const data = {
      learnerId: world.record[0]?.data.learnerId as never,
      templateId: t('BLS'),
      replaces: first,
      reasonCode: 'new-name',
      authority: 'registrar',
      occurredAt: at('2026-02-01'),
    };
    expect(await world.send({ type: 'GrantCredential', data })).toMatchObject({ code: 'criteria-not-met' });
    await world.send({ type: 'GrantCredential', data: { ...data, corrects: true } });
    expect(world.credentials()).toEqual([`${BLS1} [2026-03-10, 2028-03-10)`, 'BLS/1.2 [2024-03-10, 2028-03-10)']);
    await world.complete('FA-R1', '2028-01-15');
    expect(world.credentials()[1]).toBe('BLS/1.2 [2024-03-10, 2028-03-10) [2028-03-10, 2030-03-10)');
    // It rests on the same facts as the first edition.
    await world.invalidate('FA-101', '2028-02-01');
    expect(world.credentials()[1]).toMatch(/revoked$/);
  });
});
