import { hashJson, type IssuerId } from '@cairn/kernel';
import { given, TENANT } from '@cairn/testing';
import type { IssuerState } from '@cairn/contexts/tenancy';
import type { DraftTemplate } from '../contracts/catalog.commands.js';
import { moduleIdOf, templateIdOf } from '../contracts/catalog.events.js';
import type { ModuleState } from '../contracts/catalog.folds.js';
import { templateDecider, type TemplateFacts } from './template.decider.js';

const issuerId = '7d2a1b3c-4e5f-5a6b-8c7d-9e0f1a2b3c4d' as IssuerId;
const templateId = templateIdOf(TENANT, 'BLS');
const refresher = moduleIdOf(TENANT, 'FA-R1');
const data: DraftTemplate['data'] = {
  templateId,
  slug: 'BLS',
  issuerId,
  achievement: {
    name: { en: 'Basic life support' },
    description: { en: 'Can keep somebody alive.' },
    achievementType: 'Certification',
    criteria: { en: 'FA-101 with at least 80.' },
  },
  validityMonths: 24,
  renewal: { requirement: { any: [{ module: 'FA-R1' }] }, window: 'P3M', grace: 'P1M' },
  componentPolicy: { revoked: 'flag', expired: 'flag', withdrawn: 'revoke' },
  issue: 'automatic',
};
const draft = { type: 'DraftTemplate', data } as const;
const drafted = { type: 'credential-template-drafted', data } as const;
const resolved = { ...data, renewal: { ...data.renewal!, requirement: { any: [{ module: refresher }] } } };
const publish = { type: 'PublishTemplate', data: { templateId } } as const;
const publishedAs = (version: number, content: typeof resolved = resolved) =>
  ({ type: 'credential-template-published', data: { ...content, version, hash: hashJson(content) } }) as const;

const issuer: IssuerState = {
  registered: { issuerId, slug: 'northlake', name: 'Northlake', did: 'did:web:x', zone: 'UTC' },
  keys: [],
};
const known: ModuleState = {
  definition: { moduleId: refresher, slug: 'FA-R1', title: { en: 'Refresher' }, credits: 0 },
};
const facts: TemplateFacts = { issuer, things: { modules: new Map([[refresher, known]]), templates: new Map() } };

describe('DraftTemplate', () => {
  it('drafts', () => given(templateDecider).when(draft, undefined).then(drafted));
  it('changes nothing for the same draft', () =>
    given(templateDecider, drafted).when(draft, undefined).thenUnchanged());
  it('rewrites', () => {
    const other = { ...data, validityMonths: 12 };
    given(templateDecider, drafted)
      .when({ ...draft, data: other }, undefined)
      .then({ ...drafted, data: other });
  });
  it('does not mind names of things that do not exist yet', () => {
    const other = { ...data, renewal: { ...data.renewal!, requirement: { module: 'NOT-YET' } } };
    given(templateDecider)
      .when({ ...draft, data: other }, undefined)
      .then({ ...drafted, data: other });
  });

  it.each([
    ['an id that is not of the slug', { slug: 'ADV' }, 'validation-failed', '/templateId'],
    [
      'no criteria',
      { achievement: { ...data.achievement, criteria: {} } },
      'validation-failed',
      '/achievement/criteria',
    ],
    [
      'a window that is no duration',
      { renewal: { ...data.renewal!, window: '3 months' } },
      'rule-invalid',
      '/renewal/window',
    ],
    [
      'a requirement that cannot be read',
      { renewal: { ...data.renewal!, requirement: { any: [{ modul: 'FA-R1' }] } as never } },
      'rule-invalid',
      '/renewal/requirement/any/0',
    ],
    [
      'a renewal resting on a step',
      { renewal: { ...data.renewal!, requirement: { any: [{ module: 'FA-R1' }, 'BLS'] } } },
      'rule-invalid',
      '/renewal/requirement/any/1',
    ],
  ])('refuses %s', (_what, fault, code, pointer) => {
    const { decision } = given(templateDecider).when({ ...draft, data: { ...data, ...fault } }, undefined);
    expect(decision).toMatchObject({ accepted: false, code, errors: [{ pointer }] });
  });
  it('refuses to renew what is valid for ever', () => {
    const { validityMonths: _none, ...endless } = data;
    const { decision } = given(templateDecider).when({ ...draft, data: endless }, undefined);
    expect(decision).toMatchObject({ code: 'validation-failed', errors: [{ pointer: '/renewal' }] });
  });
});

describe('PublishTemplate', () => {
  it('publishes the draft with names turned into ids', () =>
    given(templateDecider, drafted).when(publish, facts).then(publishedAs(1)));
  it('changes nothing for an unchanged draft', () =>
    given(templateDecider, drafted, publishedAs(1)).when(publish, facts).thenUnchanged());
  it('publishes the next version', () => {
    const other = { ...data, validityMonths: 12 };
    given(templateDecider, drafted, publishedAs(1), { ...drafted, data: other })
      .when(publish, facts)
      .then(publishedAs(2, { ...resolved, validityMonths: 12 }));
  });
  it('refuses without a draft', () => given(templateDecider).when(publish, undefined).thenRejected('draft-missing'));
  it('refuses an unknown issuer', () =>
    given(templateDecider, drafted)
      .when(publish, { ...facts, issuer: { keys: [] } })
      .thenRejected('reference-unknown'));
  it('refuses what its renewal names and nobody knows', () => {
    const nothing = { issuer, things: { modules: new Map([[refresher, {}]]), templates: new Map() } };
    const answer = given(templateDecider, drafted).when(publish, nothing);
    answer.thenRejected('reference-unknown');
    expect(answer.decision).toMatchObject({ errors: [{ pointer: '/renewal/requirement/any/0/module' }] });
  });
});
