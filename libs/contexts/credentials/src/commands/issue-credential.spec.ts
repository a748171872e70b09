import { publicId, uuidv5, type Issued } from '@cairn/kernel';
import { templateStream } from '@cairn/contexts/catalog';
import { learnerStream } from '@cairn/contexts/learners';
import { verifyVcJwt } from '@cairn/openbadges';
import { TENANT } from '@cairn/testing';
import { NAMESPACE, earnedData, issuer, issuerId, template, templateId } from '../domain/samples-spec.js';
import { statusListId, statusListStream } from '../domain/status-list.decider.js';
import { clock, learner, publicJwk, world } from '../world-spec.js';

describe('issuing', () => {
  it('signs an Open Badges 3.0 credential that an outsider can verify with the published key', async () => {
    const { process, issued, blobs } = await world();
    expect(await process().issue(0)).toMatchObject({ accepted: true, outcome: 'recorded' });
    const [event] = await issued(0);
    const jwt = blobs.get(event?.data.vcHash ?? '') as string;
    const report = await verifyVcJwt(jwt, {
      trustedKeys: (did) => (did === issuer.did ? [publicJwk] : undefined),
      now: '2026-04-01T00:00:00Z',
      lifeCycle: () => 'active',
    });
    expect(report.verdict).toBe('valid');
    expect(report.credential).toMatchObject({
      id: `https://cairn.example/c/${publicId('crd', learner(0).credentialId)}`,
      credentialStatus: { statusListIndex: event?.data.status.index },
    });
  });

  it('tells nobody the learner id or the e-mail address', async () => {
    const { process, blobs } = await world();
    await process().issue(0);
    const [, payload] = ([...blobs.values()][0] as string).split('.');
    const text = Buffer.from(payload as string, 'base64url').toString();
    expect(text).not.toContain(learner(0).learnerId);
    expect(text).not.toContain('l0@example.com');
    expect(text).toContain('sha256$');
  });

  it('has one effect, whoever asks how often (D1)', async () => {
    const { process, issued } = await world();
    const processes = [process(), process(), process()];
    const outcomes = await Promise.all(
      Array.from({ length: 60 }, (_, n) =>
        (processes[n % 3] as (typeof processes)[0]).issue(0, n % 2 === 0 ? undefined : uuidv5(NAMESPACE, 'other', n)),
      ),
    );
    expect(outcomes.every(({ accepted }) => accepted)).toBe(true);
    expect(await issued(0)).toHaveLength(1);
  });

  it('signs nothing for a repeated command', async () => {
    const { process, stored } = await world();
    await process().issue(0);
    const before = stored.length;
    expect(await process().issue(0)).toMatchObject({ accepted: true, replayed: true });
    expect(await process().issue(0, uuidv5(NAMESPACE, 'by hand'))).toMatchObject({ outcome: 'unchanged' });
    expect(stored).toHaveLength(before);
  });

  it('takes many at once: distinct entries, few leases, every signed copy stored', async () => {
    const { process, issued, blobs, log } = await world({ learners: 40 });
    const { issue } = process();
    await Promise.all(Array.from({ length: 40 }, (_, n) => issue(n)));
    const events = (await Promise.all(Array.from({ length: 40 }, (_, n) => issued(n)))).flat();
    expect(new Set(events.map(({ data }) => data.status.index)).size).toBe(40);
    expect(events.every(({ data }) => blobs.has(data.vcHash))).toBe(true);
    expect(await log.read(statusListStream(TENANT, statusListId(issuerId, 1)))).toHaveLength(1 + 3); // opened, three blocks of 16
  });

  it('stores the signed copy before the event: an append that fails leaves a copy that no event names', async () => {
    const { process, issued, blobs, log } = await world();
    const { issue } = process({
      ...log,
      append: (stream, expected, events) =>
        stream.startsWith('credential-')
          ? Promise.reject(new Error('disk full'))
          : log.append(stream, expected, events),
    });
    await expect(issue(0)).rejects.toThrow('disk full');
    expect(blobs.size).toBe(1);
    expect(await issued(0)).toEqual([]);
    expect(await process().issue(0)).toMatchObject({ outcome: 'recorded' });
  });
});

describe('issuing is refused, and nothing signed', () => {
  it('without a signing key', async () => {
    const { process, stored } = await world({ withKey: false });
    expect(await process().issue(0)).toMatchObject({ code: 'signing-key-missing' });
    expect(stored).toEqual([]);
  });
  it('for an erased learner', async () => {
    const { process, write, stored, cipher } = await world();
    const { learnerId } = learner(0);
    cipher.destroy({ tenant: TENANT, learner: learnerId });
    await write(learnerStream(TENANT, learnerId), 0, {
      type: 'learner-erased',
      data: { learnerId, approvedBy: 'user:dpo', reasonCode: 'data-subject-request' },
    });
    expect(await process().issue(0)).toMatchObject({ code: 'learner-erased' });
    expect(stored).toEqual([]);
  });
  it('for a template that makes no valid credential, naming what is wrong', async () => {
    const { process, write, stored } = await world();
    await write(templateStream(TENANT, templateId), 0, {
      type: 'credential-template-published',
      data: { ...template, version: 2, achievement: { ...template.achievement, achievementType: 'Sticker' } },
    });
    const { learnerId, stream, credentialId } = learner(0);
    const earned = uuidv5(NAMESPACE, 'second');
    await write(stream, 0, {
      type: 'credential-earned',
      id: earned,
      data: { ...earnedData, learnerId, credentialId, templateVersion: 2 },
    });
    const outcome = await process().executor.execute({
      type: 'IssueCredential',
      data: { learnerId, credentialId, basis: { stream, revision: 1, eventId: earned } },
      tenant: TENANT,
      commandId: earned,
      idSource: 'derived',
      actor: 'reactor:issue-on-earned',
      correlationId: earned,
      now: clock.now(),
    } as Issued);
    expect(outcome).toMatchObject({
      code: 'credential-unfit',
      errors: [{ pointer: '/credentialSubject/achievement/achievementType' }],
    });
    expect(stored).toEqual([]);
  });
});
