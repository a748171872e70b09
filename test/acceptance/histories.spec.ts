// Further histories over the worlds of E2 and E3: what is late, dated back, waived, taken back or left. Each expectation
// was reasoned from the rule language (product description, section 4), not read off the program.
import { e2Catalog, e3Catalog } from '@cairn/testing';
import type { TestServer } from '../support/server.js';
import { startAcceptanceServer } from './server.js';
import { openWorld, type AcceptanceLearner, type AcceptanceWorld } from './world.js';

let server: TestServer;
let skills: AcceptanceWorld;
let marketing: AcceptanceWorld;
beforeAll(async () => {
  server = await startAcceptanceServer();
  skills = await openWorld(server, 'skills', e2Catalog());
  marketing = await openWorld(server, 'marketing', e3Catalog());
});

type Completion = readonly [module: string, day: string, score?: number];

async function history(world: AcceptanceWorld, pathway: string, day: string, ...facts: readonly Completion[]) {
  const learner = await world.learner();
  await learner.enroll(pathway, day);
  await completeAll(learner, facts);
  return learner;
}
async function completeAll(learner: AcceptanceLearner, facts: readonly Completion[]): Promise<void> {
  for (const fact of facts) await learner.complete(...fact);
}
/** The one that was joined first. */
const enrollmentOf = ({ id }: AcceptanceLearner): string => `${id.replace('lrn_', 'enr_')}-1`;

const FOUNDATIONS: readonly Completion[] = [
  ['DS-101', '2024-09-10'],
  ['DS-102', '2024-09-20'],
];
const PRACTICE: readonly Completion[] = [
  ['DS-201', '2024-10-01'],
  ['DS-211', '2024-10-10'],
];
const L1 = 'L1 from 2024-09-20';
const L2 = 'L2 from 2024-10-10';

describe('four levels in order (E2)', () => {
  const of = (...facts: readonly Completion[]) => history(skills, 'data-skills', '2024-09-01', ...facts);

  it('a fact that comes in late counts at its own time, and so does all that waited for it', async () => {
    const learner = await of(['DS-101', '2024-09-10'], ...PRACTICE);
    expect(await learner.credentials()).toEqual([]);
    await learner.complete('DS-102', '2024-09-20');
    expect(await learner.credentials()).toEqual([L1, L2]);
  });

  it('an older choice that comes in late changes nothing that is decided', async () => {
    const learner = await of(...FOUNDATIONS, ...PRACTICE);
    await learner.complete('DS-210', '2024-10-05');
    expect(await learner.credentials()).toEqual([L1, L2]);
  });

  it('through the gate, modules taken too early count from when the step before is met', async () => {
    const learner = await of(['DS-310', '2024-09-03', 50], ['DS-320', '2024-09-04', 50], ['DS-401', '2024-09-05', 60]);
    await completeAll(learner, [...FOUNDATIONS, ...PRACTICE]);
    const since = ['L3', 'L4', 'STACK'].map((level) => `${level} from 2024-10-10`);
    expect(await learner.credentials()).toEqual([L1, L2, ...since]);
  });

  it('one mark below what is asked is not enough', async () => {
    const learner = await of(
      ...FOUNDATIONS,
      ...PRACTICE,
      ['DS-310', '2024-11-01', 50],
      ['DS-320', '2024-11-02', 49.99],
    );
    expect(await learner.credentials()).toEqual([L1, L2]);
    await completeAll(learner, [
      ['DS-330', '2024-11-03', 50],
      ['DS-311', '2024-11-04', 50],
      ['DS-401', '2024-11-05', 59],
    ]);
    expect(await learner.credentials()).toEqual([L1, L2, 'L3 from 2024-11-04']);
    await learner.complete('DS-401', '2024-11-06', 60);
    expect((await learner.credentials()).slice(3)).toEqual(['L4 from 2024-11-06', 'STACK from 2024-11-06']);
  });

  it('what was done before joining counts; the credential begins with the enrollment', async () => {
    const learner = await skills.learner();
    await completeAll(learner, [
      ['DS-101', '2024-08-10'],
      ['DS-102', '2024-08-20'],
    ]);
    expect(await learner.credentials()).toEqual([]);
    await learner.enroll('data-skills', '2024-09-01');
    expect(await learner.credentials()).toEqual(['L1 from 2024-09-01']);
  });

  it('a waiver meets its node from its instant on, and is taken back with what it carried', async () => {
    const learner = await of(['DS-101', '2024-09-10']);
    const enrollment = enrollmentOf(learner);
    const { body: whyNot } = await skills.client.get(`/api/enrollments/${enrollment}/why-not`);
    const words = JSON.stringify(whyNot);
    expect(words).toContain('DS-102');
    const requirement = 'L1/1';
    expect(words).toContain(requirement);
    const decision = { requirement, authority: 'registrar', reasonCode: 'prior-learning' };
    await learner.act(`/api/enrollments/${enrollment}/waive`, { ...decision, occurredAt: '2024-09-15T09:00:00Z' });
    expect(await learner.credentials()).toEqual(['L1 from 2024-09-15']);
    await learner.act(`/api/enrollments/${enrollment}/withdraw-waiver`, {
      ...decision,
      occurredAt: '2024-09-18T09:00:00Z',
    });
    expect(await learner.credentials()).toEqual(['L1 from 2024-09-15, revoked']);
    await learner.complete('DS-102', '2024-09-20');
    expect(await learner.credentials()).toEqual(['L1 from 2024-09-15, revoked', 'L1/2 from 2024-09-20']);
  });

  it('a completion taken back takes what used it; what merely came after in order stays', async () => {
    const learner = await skills.learner();
    await learner.enroll('data-skills', '2024-09-01');
    const first = await learner.complete('DS-101', '2024-09-10');
    await completeAll(learner, [['DS-102', '2024-09-20'], ...PRACTICE]);
    await learner.invalidate(first, '2024-11-01');
    expect(await learner.credentials()).toEqual([`${L1}, revoked`, L2]);
    await learner.complete('DS-101', '2024-11-20');
    expect(await learner.credentials()).toEqual([`${L1}, revoked`, L2, 'L1/2 from 2024-11-20']);
  });

  it('of any of two, the other one still stands when one is taken back', async () => {
    const learner = await of(...FOUNDATIONS, ['DS-201', '2024-10-01']);
    const surveys = await learner.complete('DS-211', '2024-10-10');
    await learner.complete('DS-210', '2024-10-12');
    await learner.invalidate(surveys, '2024-11-01');
    expect(await learner.credentials()).toEqual([L1, L2]);
  });

  it('who brings nothing from outside cannot enter at level two', async () => {
    const { id } = await skills.learner();
    const body = { learner: id, pathway: 'data-skills', entryPoint: 'direct', occurredAt: '2024-09-01T09:00:00Z' };
    expect(await skills.client.send('POST', '/api/enrollments', body)).toMatchObject({
      status: 422,
      body: { code: 'criteria-not-met' },
    });
  });
});

describe('three parts in any order (E3)', () => {
  const PARTS: readonly Completion[] = [
    ['SEO-101', '2025-02-01'],
    ['ADS-101', '2025-06-01'],
    ['ANA-101', '2025-09-01'],
  ];
  const [SEO, ADS, ANA] = ['SEO from 2025-02-01', 'ADS from 2025-06-01', 'ANA from 2025-09-01'] as const;
  const of = (...facts: readonly Completion[]) => history(marketing, 'digital-marketing', '2025-01-01', ...facts);

  it('who never joins gets the parts and no certificate; joining later brings it from then on', async () => {
    const learner = await marketing.learner();
    await completeAll(learner, PARTS);
    expect(await learner.credentials()).toEqual([SEO, ADS, ANA]);
    await learner.enroll('digital-marketing', '2025-10-15');
    expect(await learner.credentials()).toEqual([SEO, ADS, ANA, 'DMC from 2025-10-15']);
  });

  it('a repeated module is not awarded twice', async () => {
    const learner = await of(['SEO-101', '2025-02-01', 60], ['SEO-101', '2025-03-01', 90]);
    expect(await learner.credentials()).toEqual([SEO]);
  });

  it('a part revoked and earned anew counts again', async () => {
    const learner = await of(['SEO-101', '2025-02-01'], ['ADS-101', '2025-06-01']);
    await learner.revoke('SEO', '2025-07-01');
    await completeAll(learner, [
      ['SEO-101', '2025-08-01'],
      ['ANA-101', '2025-09-01'],
    ]);
    expect(await learner.credentials()).toEqual([
      `${SEO}, revoked`,
      ADS,
      'SEO/2 from 2025-08-01',
      ANA,
      'DMC from 2025-09-01',
    ]);
  });

  it('a revocation told late, of the part that came first, still leaves no certificate', async () => {
    const learner = await of(['SEO-101', '2025-02-01'], ['ADS-101', '2025-06-01']);
    await learner.revoke('ADS', '2025-06-02');
    await learner.complete('ANA-101', '2025-09-01');
    expect(await learner.credentials()).toEqual([SEO, `${ADS}, revoked`, ANA]);
  });

  it('while away nothing begins; what was met meanwhile begins with the return', async () => {
    const learner = await of(['SEO-101', '2025-02-01'], ['ADS-101', '2025-06-01']);
    await learner.withdraw(enrollmentOf(learner), '2025-07-01');
    await learner.complete('ANA-101', '2025-09-01');
    expect(await learner.credentials()).toEqual([SEO, ADS, ANA]);
    await learner.reinstate(enrollmentOf(learner), '2025-10-01');
    expect(await learner.credentials()).toEqual([SEO, ADS, ANA, 'DMC from 2025-10-01']);
  });
});
