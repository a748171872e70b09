import { credentialIssuanceBarred, credentialIssued, credentialRevoked } from '@cairn/contexts/credentials';
import type { CredentialId, EventOf, IssuerId, PathwayId, ReactorContext } from '@cairn/kernel';
import { at, recorded, TENANT } from '@cairn/testing';
import { LEARNER, m, t } from '../domain/record-world-spec.js';
import { enrollAutomatic } from './enroll-automatic.reactor.js';
import { stackOnCredential } from './stack-on-credential.reactor.js';

const catalogOf = (...pathways: readonly string[]) => {
  const asked: unknown[] = [];
  const context: ReactorContext = {
    waitFor: (projection, position) => Promise.resolve(void asked.push({ projection, position })),
    find: (collection, filter, options) => {
      asked.push({ collection, filter, options });
      return Promise.resolve(pathways.map((pathwayId) => ({ kind: 'automatic', pathwayId })));
    },
  };
  return { asked, context };
};

describe('enroll-automatic', () => {
  const completed = recorded({
    type: 'module-completed',
    data: { learnerId: LEARNER, moduleId: m('SEO'), attempt: 1, credits: 5, source: 'lms', enrollments: [] },
    occurredAt: at('2025-02-01'),
  } as const);
  const enrollIn = (pathwayId: string, date: string) => ({
    key: pathwayId,
    command: {
      type: 'EnrollLearner',
      data: { learnerId: LEARNER, pathwayId: pathwayId as PathwayId, occurredAt: at(date), mode: 'automatic' },
    },
  });

  it('enrolls in every automatic pathway that looks at the module, on the date of the fact', async () => {
    const { asked, context } = catalogOf('p-1', 'p-2');
    expect(await enrollAutomatic.react(completed, context)).toEqual([
      enrollIn('p-1', '2025-02-01'),
      enrollIn('p-2', '2025-02-01'),
    ]);
    expect(asked[0]).toEqual({ projection: 'catalog', position: completed.position });
    expect(asked[1]).toMatchObject({
      collection: 'catalog',
      filter: { _id: { $gte: `${TENANT}:automatic:${m('SEO')}:`, $lt: `${TENANT}:automatic:${m('SEO')}:~` } },
    });
  });

  it('enrolls also in those that look at a credential', async () => {
    const credited = recorded({
      type: 'stack-component-credited',
      data: {
        learnerId: LEARNER,
        componentId: '6a7b8c9d-0e1f-5a2b-8c3d-4e5f60718293',
        origin: 'own',
        templateId: t('SEO'),
        validFrom: at('2025-02-01'),
        ref: 'x',
        enrollments: [],
      },
      occurredAt: at('2025-02-02'),
    } as const);
    const { asked, context } = catalogOf('p-1');
    expect(await enrollAutomatic.react(credited, context)).toEqual([enrollIn('p-1', '2025-02-02')]);
    expect(asked[1]).toMatchObject({ filter: { _id: { $gte: `${TENANT}:automatic:${t('SEO')}:` } } });
  });

  it('rather stops than passes a pathway over', async () => {
    const many = catalogOf(...Array.from({ length: 1000 }, (_, index) => `p-${index}`));
    await expect(enrollAutomatic.react(completed, many.context)).rejects.toThrow('1000 automatic pathways');
  });

  it('keeps the order of a learner', () => expect(enrollAutomatic.partitionBy(completed)).toBe(LEARNER));
});

describe('stack-on-credential', () => {
  const credentialId = '6a7b8c9d-0e1f-5a2b-8c3d-4e5f60718293' as CredentialId;
  const about = { learnerId: LEARNER, credentialId, templateId: t('SEO') };
  const { context } = catalogOf();
  const issued: EventOf<typeof credentialIssued> = {
    type: 'credential-issued',
    data: {
      ...about,
      templateVersion: 1,
      issuerId: '7d2a1b3c-4e5f-5a6b-8c7d-9e0f1a2b3c4d' as IssuerId,
      basis: { stream: 's', revision: 3, eventId: '11111111-2222-5333-8444-555555555501' },
      occurrence: 1,
      edition: 1,
      components: [],
      serial: 1,
      status: { listId: 'l', index: '1' },
      validFrom: at('2025-02-01'),
      validUntil: at('2027-02-01'),
      awardedAt: at('2025-01-31'),
      vcHash: 'd'.repeat(64),
      keyId: 'k',
    },
  };

  it('notes the term of an issued credential', () => {
    const event = recorded(issued);
    expect(stackOnCredential.react(event, context)).toEqual([
      {
        command: {
          type: 'CreditStackComponent',
          data: {
            learnerId: LEARNER,
            componentId: credentialId,
            origin: 'own',
            templateId: t('SEO'),
            serial: 1,
            validFrom: at('2025-02-01'),
            validUntil: at('2027-02-01'),
            achievedAt: at('2025-01-31'),
            ref: event.id,
            occurredAt: at('2025-02-01'),
          },
        },
      },
    ]);
  });

  it.each([
    { type: credentialRevoked.type, data: { ...about, reasonCode: 'issued-in-error', effectiveAt: at('2025-07-01') } },
    {
      type: credentialIssuanceBarred.type,
      data: { ...about, because: '11111111-2222-5333-8444-555555555501', effectiveAt: at('2025-07-01') },
    },
  ] as const)('notes the end by $type', (end) => {
    const event = recorded(end);
    expect(stackOnCredential.react(event, context)).toEqual([
      {
        command: {
          type: 'WithdrawStackComponent',
          data: {
            learnerId: LEARNER,
            componentId: credentialId,
            cause: 'revoked',
            effectiveAt: at('2025-07-01'),
            ref: event.id,
          },
        },
      },
    ]);
  });

  /** What is noted, each as its cause or serial and its bounds. */
  const notes = async (event: Parameters<typeof stackOnCredential.react>[0]) =>
    (await stackOnCredential.react(event, context)).map(({ command }) => {
      const { serial, validFrom, validUntil, cause, effectiveAt } = command.data as Record<string, unknown>;
      return command.type === 'CreditStackComponent' ? [serial, validFrom, validUntil] : [cause, effectiveAt];
    });
  const renewed = (held?: string) =>
    recorded({
      type: 'credential-renewed',
      data: {
        ...about,
        serial: 2,
        basis: { stream: 's', revision: 9, eventId: '11111111-2222-5333-8444-555555555501' },
        at: at('2027-01-10'),
        validFrom: at('2027-02-01'),
        validUntil: at('2029-02-01'),
        awardedAt: at('2025-01-31'),
        vcHash: 'e'.repeat(64),
        keyId: 'k',
        ...(held === undefined ? {} : { held: at(held) }),
      },
    } as const);

  it('notes a further term, as of its decision: it may begin later', async () => {
    const [reaction] = await stackOnCredential.react(renewed(), context);
    expect(reaction?.command.data).toMatchObject({
      serial: 2,
      validFrom: at('2027-02-01'),
      validUntil: at('2029-02-01'),
      occurredAt: at('2027-01-10'),
    });
  });
  it('notes a term under a hold up to that, and nothing of one that begins after it', async () => {
    expect(await notes(renewed('2027-01-01'))).toEqual([]);
    expect(await notes(renewed('2028-01-01'))).toEqual([
      [2, at('2027-02-01'), at('2028-01-01')],
      ['suspended', at('2028-01-01')],
    ]);
    expect(await notes(recorded({ ...issued, data: { ...issued.data, held: at('2025-01-01') } }))).toEqual([]);
  });
  it('notes what resumes when the last hold is lifted, each term by a name of its own', async () => {
    const event = recorded({
      type: 'credential-reinstated',
      data: {
        ...about,
        hold: 'manual:inquiry',
        effectiveAt: at('2027-01-20'),
        resumes: { serial: 1, validFrom: at('2027-01-20'), validUntil: at('2027-02-01'), awardedAt: at('2025-01-31') },
        resumesToo: [
          { serial: 2, validFrom: at('2027-02-01'), validUntil: at('2029-02-01'), awardedAt: at('2025-01-31') },
        ],
      },
    } as const);
    expect(await notes(event)).toEqual([
      [1, at('2027-01-20'), at('2027-02-01')],
      [2, at('2027-02-01'), at('2029-02-01')],
    ]);
    const refs = (await stackOnCredential.react(event, context)).map(
      ({ command }) => (command.data as { ref: string }).ref,
    );
    expect(new Set(refs).size).toBe(2);
  });
  it('notes that a later edition took its place', async () =>
    expect(
      await notes(
        recorded({
          type: 'credential-superseded',
          data: {
            ...about,
            by: '7b8c9d0e-1f2a-5b3c-8d4e-5f6071829304' as CredentialId,
            reasonCode: 'new-name',
            effectiveAt: at('2026-08-01'),
            because: '11111111-2222-5333-8444-555555555501',
          },
        } as const),
      ),
    ).toEqual([['superseded', at('2026-08-01')]]));

  it('keeps the order of a learner', () => expect(stackOnCredential.partitionBy(recorded(issued))).toBe(LEARNER));
});
