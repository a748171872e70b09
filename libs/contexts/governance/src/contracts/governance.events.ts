// Events of the streams `governance-{t}.{yyyymm}`: what operators did to the running of the installation.
import {
  defineEvent,
  s,
  streamName,
  type CredentialId,
  type EventOf,
  type Instant,
  type LearnerId,
  type TenantId,
} from '@cairn/kernel';

/** One stream a month, so that none grows without end. */
export const governanceStream = (tenant: TenantId, at: Instant): string =>
  streamName('governance', tenant, at.slice(0, 7).replace('-', ''));

const reasonCode = s.string({ max: 64, pattern: /^[a-z0-9]+(-[a-z0-9]+)*$/ });
/** What waited, for which event, and whom that event is about: in their trail the act is found, too. */
const parkedWork = {
  runner: s.oneOf(['projection', 'reactor'] as const),
  name: s.string({ max: 100 }),
  /** Document or partition that waited; `*` for a whole lane or reactor. */
  key: s.string({ max: 500 }),
  /** Why it could not be handled. */
  code: s.string({ max: 64 }),
  /** The event that it waits for; left out if none was to blame. */
  event: s.optional(s.object({ eventId: s.uuid(), stream: s.string({ max: 300 }), revision: s.integer() })),
  learnerId: s.optional(s.uuid<LearnerId>()),
  credentialId: s.optional(s.uuid<CredentialId>()),
};

export const parkedWorkDiscarded = defineEvent({
  type: 'parked-work-discarded',
  version: 1,
  means: 'An operator let a projection or reactor pass over an event that it could not handle.',
  schema: s.object({ ...parkedWork, reasonCode }),
  samples: {
    1: [
      {
        runner: 'projection',
        name: 'register',
        key: '0b0e7c1c-52a4-4d5e-8a3e-2f6f3a0c9b10:6a7b8c9d-0e1f-5a2b-8c3d-4e5f60718293',
        code: 'event-corrupt',
        event: {
          eventId: '11111111-2222-5333-8444-555555555501',
          stream: 'credential-0b0e7c1c-52a4-4d5e-8a3e-2f6f3a0c9b10.6a7b8c9d-0e1f-5a2b-8c3d-4e5f60718293',
          revision: 2,
        },
        credentialId: '6a7b8c9d-0e1f-5a2b-8c3d-4e5f60718293',
        reasonCode: 'row-sent-twice',
      },
      { runner: 'reactor', name: 'apply-policy', key: '*', code: 'log-rewound', reasonCode: 'restored-from-backup' },
    ],
  },
});

export const parkedWorkRetried = defineEvent({
  type: 'parked-work-retried',
  version: 1,
  means: 'An operator let a projection or reactor try again what it could not handle before.',
  schema: s.object({ ...parkedWork, reasonCode: s.optional(reasonCode) }),
  samples: {
    1: [
      {
        runner: 'reactor',
        name: 'issue-credentials',
        key: '0b0e7c1c-52a4-4d5e-8a3e-2f6f3a0c9b10:6a7b8c9d-0e1f-5a2b-8c3d-4e5f60718293',
        code: 'signing-key-missing',
        event: {
          eventId: '11111111-2222-5333-8444-555555555501',
          stream: 'record-0b0e7c1c-52a4-4d5e-8a3e-2f6f3a0c9b10.6a7b8c9d-0e1f-5a2b-8c3d-4e5f60718293',
          revision: 4,
        },
        learnerId: '6a7b8c9d-0e1f-5a2b-8c3d-4e5f60718293',
        reasonCode: 'key-added',
      },
      { runner: 'projection', name: 'register', key: '*', code: 'handler-failed' },
    ],
  },
});

export const readModelsRebuilt = defineEvent({
  type: 'read-models-rebuilt',
  version: 1,
  means: 'An operator had read models folded anew from the log.',
  schema: s.object({
    projections: s.array(s.string({ max: 100 }), { max: 100 }),
    reasonCode: s.optional(reasonCode),
  }),
  samples: {
    1: [{ projections: ['register'], reasonCode: 'numbers-doubted' }, { projections: ['register', 'journeys'] }],
  },
});

export const governanceEvents = [parkedWorkDiscarded, parkedWorkRetried, readModelsRebuilt] as const;
export type GovernanceEvent = EventOf<(typeof governanceEvents)[number]>;
