// Every invariant with a log that keeps it, and beside it the same log with one breach planted: only that one is named.
import type { Recorded, StoredEvent } from '@cairn/kernel';
import { learnerRegistered } from '@cairn/contexts/learners';
import { createLogInvariants } from './log-invariants.js';

const uuid = (n: number): string => `${n.toString(16).padStart(8, '0')}-0000-5000-8000-000000000000`;
const [TENANT, OTHER, LEARNER, PATHWAY, MODULE] = [1, 2, 3, 4, 5].map(uuid) as [string, string, string, string, string];
const [BASE, TOP] = [6, 7].map(uuid) as [string, string];
const [BASE_CRD, TOP_CRD] = [8, 9].map(uuid) as [string, string];
const HASH = 'a'.repeat(64);
const OTHER_HASH = 'b'.repeat(64);
const enrollment = {
  enrollmentId: `${LEARNER}-1`,
  pathwayId: PATHWAY,
  version: 1,
  cohortWeek: '2026-W10',
  entryPoint: 'start',
};
const about = (credentialId: string) => ({
  learnerId: LEARNER,
  credentialId,
  templateId: credentialId === BASE_CRD ? BASE : TOP,
});

type Draft = {
  readonly name: string;
  readonly stream: string;
  readonly type: string;
  readonly data: object;
  at: string;
};
const draft = (name: string, stream: string, type: string, data: object, at = '2026-03-10T09:00:00.000Z'): Draft => ({
  name,
  stream: `${stream.replace(':', `-${TENANT}.`)}`,
  type,
  data,
  at,
});
const id = (name: string): string =>
  uuid(Array.from(name).reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 1e9, 7));

const RECORD = `record:${LEARNER}`;
const rules = (template: string, needs: string) => ({
  order: 'advisory',
  zone: 'Europe/Berlin',
  entryPoints: [{ id: 'start', at: 'S' }],
  steps: [{ id: 'S', need: { credential: needs } }],
  awards: [{ id: 'S', template, kind: 'final', when: 'S' }],
});
const published = (name: string, pathway: string, template: string, needs: string, version = 1): Draft =>
  draft(name, `pathway:${pathway}`, 'pathway-version-published', {
    pathwayId: pathway,
    version,
    hash: HASH,
    rules: rules(template, needs),
  });
const earned = (name: string, credentialId: string, components: object[], more: object = {}): Draft =>
  draft(name, RECORD, 'credential-earned', {
    ...about(credentialId),
    enrollment,
    occurrence: 1,
    edition: 1,
    at: '2026-03-10T09:00:00.000Z',
    from: '2026-03-10T09:00:00.000Z',
    satisfied: [{ requirementId: 'S', by: [id('step')] }],
    components,
    rulesHash: HASH,
    ...more,
  });
const issued = (name: string, credentialId: string, basis: string, index: number, more: object = {}): Draft =>
  draft(name, `credential:${credentialId}`, 'credential-issued', {
    ...about(credentialId),
    basis: { stream: `record-${TENANT}.${LEARNER}`, revision: basis === 'earned-base' ? 3 : 5, eventId: id(basis) },
    occurrence: 1,
    edition: 1,
    components: [],
    serial: 1,
    status: { listId: 'list-1', index: String(index) },
    validFrom: '2026-03-10T09:00:00.000Z',
    validUntil: '2028-03-10T00:00:00.000Z',
    ...more,
  });
const component = { componentId: BASE_CRD, templateId: BASE, ref: id('note') };
const policy = (name: string, effect: string): Draft =>
  draft(name, RECORD, 'component-policy-applied', { ...about(TOP_CRD), hold: 'component-revoked:x', effect });

/** Two credentials, the second resting on the first; the first is revoked, the second suspended for it. */
const sound = (): Draft[] => [
  published('published', PATHWAY, TOP, BASE),
  draft('list', 'statuslist:list-1', 'status-list-opened', { listId: 'list-1', size: 131_072 }),
  draft('lease', 'statuslist:list-1', 'status-block-leased', { listId: 'list-1', from: 0, to: 256 }),
  draft('enrolled', RECORD, 'learner-enrolled', { learnerId: LEARNER, enrollment, rulesHash: HASH }),
  draft('completed', RECORD, 'module-completed', { learnerId: LEARNER, moduleId: MODULE, enrollments: [enrollment] }),
  draft('step', RECORD, 'step-satisfied', {
    learnerId: LEARNER,
    enrollment,
    at: '2026-03-10T09:00:00.000Z',
    by: [id('completed')],
  }),
  earned('earned-base', BASE_CRD, []),
  issued('issued-base', BASE_CRD, 'earned-base', 17),
  draft('note', RECORD, 'stack-component-credited', {
    learnerId: LEARNER,
    componentId: BASE_CRD,
    origin: 'own',
    templateId: BASE,
    validFrom: '2026-03-10T09:00:00.000Z',
    validUntil: '2028-03-10T00:00:00.000Z',
  }),
  earned('earned-top', TOP_CRD, [component]),
  issued('issued-top', TOP_CRD, 'earned-top', 4711, { components: [{ componentId: BASE_CRD, templateId: BASE }] }),
  draft('renewal', RECORD, 'renewal-earned', { ...about(BASE_CRD), serial: 2, satisfied: [] }),
  draft('renewed', `credential:${BASE_CRD}`, 'credential-renewed', {
    ...about(BASE_CRD),
    serial: 2,
    basis: { eventId: id('renewal') },
    validUntil: '2030-03-10T00:00:00.000Z',
  }),
  draft('revoked', `credential:${BASE_CRD}`, 'credential-revoked', about(BASE_CRD)),
  draft('withdrawn', RECORD, 'stack-component-withdrawn', {
    learnerId: LEARNER,
    componentId: BASE_CRD,
    cause: 'revoked',
    effectiveAt: '2026-07-01T00:00:00.000Z',
  }),
  policy('policy', 'suspend'),
  draft('suspended', `credential:${TOP_CRD}`, 'credential-suspended', {
    ...about(TOP_CRD),
    hold: 'component-revoked:x',
  }),
];

const definitions = new Map([[learnerRegistered.type, learnerRegistered]]);

/** The faults of a log, as `D4 name-of-the-event`. */
function faultsOf(drafts: readonly Draft[]): readonly string[] {
  const faults: string[] = [];
  const revisions = new Map<string, number>();
  const names = new Map<string, string>();
  const invariants = createLogInvariants(definitions, (invariant, event) =>
    faults.push(`${invariant} ${names.get(event.id)}`),
  );
  for (const { name, stream, type, data, at } of drafts) {
    const revision = (revisions.get(stream) ?? -1) + 1;
    revisions.set(stream, revision);
    names.set(id(name), name);
    const event = {
      id: id(name),
      stream,
      revision,
      position: '',
      type,
      data,
      meta: { occurredAt: at, tenant: TENANT },
    };
    invariants.stored(event as unknown as StoredEvent);
    invariants.decoded(event as unknown as Recorded);
  }
  invariants.settled();
  return faults;
}

const without = (name: string): Draft[] => sound().filter((event) => event.name !== name);
const after = (name: string, ...more: Draft[]): Draft[] =>
  sound().flatMap((event) => (event.name === name ? [event, ...more] : [event]));
const changed = (name: string, data: object): Draft[] =>
  sound().map((event) => (event.name === name ? { ...event, data: { ...event.data, ...data } } : event));

it('a log that keeps them has no fault', () => expect(faultsOf(sound())).toEqual([]));

it.each<readonly [string, string, Draft[], readonly string[]]>([
  ['D1', 'one award issued twice', after('issued-base', issued('again', BASE_CRD, 'earned-base', 18)), ['D1 again']],
  ['D1', 'one award decided twice', after('earned-top', earned('again', TOP_CRD, [component])), ['D1 again']],
  [
    'D1',
    'one award under another id',
    after(
      'earned-base',
      earned('again', uuid(99), [], { templateId: BASE }),
      issued('twin', uuid(99), 'again', 18, {
        templateId: BASE,
        basis: { stream: `record-${TENANT}.${LEARNER}`, revision: 4, eventId: id('again') },
      }),
    ),
    ['D1 again', 'D1 issued-base', 'D2 issued-top'],
  ],
  [
    'D2',
    'issued without having been earned',
    changed('issued-top', { basis: { stream: '', revision: 0, eventId: uuid(77) } }),
    ['D2 issued-top'],
  ],
  [
    'D2',
    'resting on a completion that was taken back',
    after(
      'step',
      draft('gone', RECORD, 'module-completion-invalidated', { learnerId: LEARNER, completion: id('completed') }),
      draft('step2', RECORD, 'step-satisfied', {
        learnerId: LEARNER,
        enrollment,
        at: '2026-03-10T09:00:00.000Z',
        by: [id('completed')],
      }),
    ),
    ['D2 step2', 'D2 issued-base', 'D2 issued-top'],
  ],
  ['D2', 'resting on what is not in the log', changed('step', { by: [uuid(55)] }), ['D2 step']],
  ['D2', 'a term that no renewal entitles to', without('renewal'), ['D2 renewed']],
  ['D3', 'a policy that never reached the credential', without('suspended'), ['D3 policy']],
  ['D3', 'a lift that never reached it', [...sound(), policy('lift', 'lift')], ['D3 lift']],
  ['D3', 'a revocation that never reached it', [...sound(), policy('end', 'revoke')], ['D3 end']],
  [
    'D4',
    'renewed after its end',
    after(
      'revoked',
      draft('late', `credential:${BASE_CRD}`, 'credential-renewed', {
        ...about(BASE_CRD),
        serial: 2,
        basis: { eventId: id('renewal') },
        validUntil: '2030-03-10T00:00:00.000Z',
      }),
    ),
    ['D4 late', 'D4 late'],
  ],
  [
    'D4',
    'a term twice',
    after(
      'renewed',
      draft('twice', `credential:${BASE_CRD}`, 'credential-renewed', {
        ...about(BASE_CRD),
        serial: 2,
        basis: { eventId: id('renewal') },
        validUntil: '2030-03-10T00:00:00.000Z',
      }),
    ),
    ['D4 twice'],
  ],
  [
    'D4',
    'a hold ended that was not open',
    [
      ...sound(),
      draft('other', `credential:${TOP_CRD}`, 'credential-reinstated', { ...about(TOP_CRD), hold: 'manual:x' }),
    ],
    ['D4 other'],
  ],
  [
    'D4',
    'an end of a term that is none',
    after(
      'issued-top',
      draft('ended', `credential:${TOP_CRD}`, 'credential-expired', {
        ...about(TOP_CRD),
        serial: 1,
        validUntil: '2027-01-01T00:00:00.000Z',
      }),
    ),
    ['D4 ended'],
  ],
  [
    'D4',
    'replaced by what was not issued',
    [
      ...sound(),
      draft('replaced', `credential:${TOP_CRD}`, 'credential-superseded', { ...about(TOP_CRD), by: uuid(66) }),
    ],
    ['D4 replaced'],
  ],
  [
    'D6',
    'a status entry twice',
    changed('issued-top', { status: { listId: 'list-1', index: '17' } }),
    ['D6 issued-top'],
  ],
  [
    'D6',
    'a block leased twice',
    after('lease', draft('lease2', 'statuslist:list-1', 'status-block-leased', { listId: 'list-1', from: 0, to: 256 })),
    ['D6 lease2'],
  ],
  [
    'D6',
    'an entry beyond the list',
    changed('issued-top', { status: { listId: 'list-1', index: '131072' } }),
    ['D6 issued-top'],
  ],
  ['D6', 'an entry that nobody leased', without('lease'), ['D6 issued-base', 'D6 issued-top']],
  [
    'D7',
    'pinned to other rules than those published',
    changed('enrolled', { rulesHash: OTHER_HASH }),
    ['D7 enrolled', 'D7 earned-base', 'D7 earned-top'],
  ],
  ['D7', 'decided by other rules', changed('earned-base', { rulesHash: OTHER_HASH }), ['D7 earned-base']],
  ['D7', 'another version without a move', changed('step', { enrollment: { ...enrollment, version: 2 } }), ['D7 step']],
  ['D7', 'a version published again', after('published', published('again', PATHWAY, TOP, BASE)), ['D7 again']],
  ['D8', 'one component twice', changed('earned-top', { components: [component, component] }), ['D8 earned-top']],
  ['D8', 'not valid yet', changed('note', { validFrom: '2027-01-01T00:00:00.000Z' }), ['D8 earned-top']],
  [
    'D8',
    'ended by then',
    changed('note', { validFrom: '2024-01-01T00:00:00.000Z', validUntil: '2026-03-01T00:00:00.000Z' }),
    ['D8 earned-top'],
  ],
  [
    'D8',
    'noted of another credential',
    changed('earned-top', { components: [{ ...component, ref: id('step') }] }),
    ['D8 earned-top'],
  ],
  ['D8', 'noted before it was issued', [...sound().slice(0, 7), ...sound().slice(8, 9)], ['D8 note']],
  [
    'D8',
    'known to be revoked',
    after(
      'note',
      draft('early', RECORD, 'stack-component-withdrawn', {
        learnerId: LEARNER,
        componentId: BASE_CRD,
        cause: 'revoked',
        effectiveAt: '2026-07-01T00:00:00.000Z',
      }),
    ),
    ['D8 earned-top', 'D2 issued-top'],
  ],
  ['D9', 'templates in a circle', after('published', published('circle', uuid(44), BASE, TOP)), ['D9 circle']],
  [
    'D9',
    'credentials in a circle',
    changed('issued-base', { components: [{ componentId: TOP_CRD, templateId: TOP }] }),
    ['D9 revoked'],
  ],
  [
    'D10',
    'an event that names what is another tenant’s',
    [
      { ...draft('foreign', '', 'pathway-drafted', {}), stream: `pathway-${OTHER}.${uuid(33)}` },
      ...changed('completed', { moduleId: uuid(33) }),
    ],
    ['D10 completed'],
  ],
  [
    'D11',
    'a name in the clear',
    [
      ...sound(),
      draft('person', `learner:${LEARNER}`, 'learner-registered', { learnerId: LEARNER, profile: 'Ada Lovelace' }),
    ],
    ['D11 person'],
  ],
  [
    'D11',
    'a name in an object that is no seal',
    [
      ...sound(),
      draft('person', `learner:${LEARNER}`, 'learner-registered', {
        learnerId: LEARNER,
        profile: { name: 'Ada Lovelace' },
      }),
    ],
    ['D11 person'],
  ],
])('%s: %s', (_invariant, _what, log, faults) => expect(faultsOf(log)).toEqual(faults));
