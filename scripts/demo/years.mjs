// Southshore Training, a sandbox: more than two years of eight people pass on a settable clock. What they do is sent
// through the public API on its day; what follows is told from the feed as it happens. Examples E1, E4, E5 and E6 of the
// product description, with one act undone and two records that turn out to be one person.
import { setTimeout as sleep } from 'node:timers/promises';
import { publishCatalog, SCOPES } from './university.mjs';

const FROM = '2024-01-08';
const TO = '2026-05-25';
const DAY_MS = 86_400_000;
/** With a speed, the clock moves so many times in a second. */
const MOVES_PER_SECOND = 4;
const ZONE = 'Europe/Berlin';
const PEOPLE = {
  mara: 'Mara L.',
  chen: 'Chen W.',
  noor: 'Noor A.',
  lea: 'Lea B.',
  ole: 'Ole S.',
  ravi: 'Ravi K.',
  otis: 'Otis J.',
  sam: 'Sam T.',
  samuel: 'Samuel T.',
};

/**
 * What people do and decide, by day. `w` are the doors of the world below.
 * @type {[day: string, act?: (w: any) => unknown][]}
 */
const STORY = [
  [
    '2024-01-08',
    async (w) => {
      for (const who of ['mara', 'chen', 'noor']) await w.enroll(who, 'first-aid');
      for (const who of ['lea', 'ole']) await w.enroll(who, 'associate');
      await w.enroll('ravi', 'professional');
      for (const who of ['otis', 'sam', 'samuel']) await w.enroll(who, 'site-access');
    },
  ],
  ['2024-03-10', (w) => Promise.all(['mara', 'chen', 'noor'].map((who) => w.complete(who, 'FA-101', 85)))],
  ['2024-05-04', (w) => Promise.all(['chen', 'noor'].map((who) => w.complete(who, 'FA-201')))],
  ['2024-06-01', (w) => Promise.all(['chen', 'noor'].map((who) => w.complete(who, 'FA-SIM')))],
  [
    '2024-09-10',
    async (w) => {
      for (const module of ['M1', 'M2', 'M3', 'T1', 'T2'])
        for (const who of ['lea', 'ole']) await w.complete(who, module);
    },
  ],
  [
    '2025-01-10',
    async (w) => {
      await w.complete('ravi', 'CLOUD-101');
      for (const module of ['SAFETY', 'NON-DRIVER']) await w.complete('otis', module);
    },
  ],
  ['2025-02-20', (w) => w.complete('otis', 'DATA')],
  ['2025-03-10', (w) => w.complete('ravi', 'NET-101')],
  ['2025-04-01', (w) => w.certify('ravi', '2025-04-01T09:00:00Z', '2026-03-31T22:00:00Z')],
  ['2025-06-16', (w) => w.revokeByMistake('UC', 'ole')],
  ['2025-06-18', (w) => w.undoTheMistake()],
  [
    '2025-08-20',
    async (w) => {
      for (const module of ['SAFETY', 'NON-DRIVER']) await w.complete('sam', module);
    },
  ],
  ['2025-09-01', (w) => w.complete('samuel', 'DATA')],
  ['2025-09-15', (w) => w.merge('samuel', 'sam')],
  ['2025-10-20', (w) => w.invalidate('lea', 'M2')],
  ['2025-11-10', (w) => w.complete('lea', 'M2')],
  // Days without an act: something falls due by itself, a window, a reminder, the end of a term.
  ['2025-12-10'],
  ['2025-12-22'],
  ['2026-01-05', (w) => w.complete('otis', 'R-SAFETY')],
  ['2026-01-15', (w) => w.complete('mara', 'FA-R1')],
  ['2026-01-21'],
  ['2026-02-08'],
  ['2026-02-13'],
  ['2026-02-20'],
  ['2026-02-27', (w) => w.complete('otis', 'R-DATA')],
  ['2026-03-03'],
  ['2026-03-10'],
  ['2026-04-01'],
  ['2026-05-02', (w) => w.certify('ravi', '2026-05-02T09:00:00Z')],
  ['2026-05-20', (w) => w.complete('chen', 'FA-101', 90)],
];

const days = new Intl.DateTimeFormat('sv-SE', { timeZone: ZONE });
const localDay = (instant) => days.format(new Date(instant));
/** What is told of the feed, each with what there is to say of it. */
const TOLD = {
  'learner.merged': ['merged', () => 'two records are one person'],
  'credential.issued': ['issued', ({ validUntil }) => validUntil && `until ${localDay(validUntil)}`],
  'credential.renewal-reminder': ['reminder', ({ validUntil }) => `its term ends on ${localDay(validUntil)}`],
  'credential.expired': ['expired', () => ''],
  'credential.renewed': [
    'renewed',
    ({ validFrom, validUntil }) => `from ${localDay(validFrom)} until ${localDay(validUntil)}`,
  ],
  'credential.suspended': ['suspended', ({ reason }) => reason],
  'credential.reinstated': ['reinstated', () => ''],
  'credential.revoked': ['revoked', ({ reason }) => reason],
  'credential.superseded': ['replaced', () => 'its page leads on'],
};

/**
 * Lets the years pass, `speed` days in a second, or as fast as they can be told. `say` prints a line. Returns the
 * credentials worth a look.
 */
export async function passYears({ operator, apiWith, settled, speed, say }) {
  const { id: tenant } = await operator.post('/api/tenants', {
    slug: 'southshore',
    name: 'Southshore Training',
    zone: ZONE,
    sandboxClock: `${FROM}T08:00:00Z`,
  });
  const { key } = await operator.post(`/api/tenants/${tenant}/api-keys`, { name: 'seed', scopes: SCOPES });
  const api = apiWith(key);
  const { id: issuer } = await api.post('/api/issuers', {
    slug: 'southshore',
    name: 'Southshore Training',
    zone: ZONE,
  });
  await api.post(`/api/issuers/${issuer}/keys`, { algorithm: 'ES256' });
  const names = await publishCatalog(api, issuer, ['E1', 'E4', 'E5', 'E6'], (template) =>
    template.renewal ? { ...template, reminders: ['P30D', 'P7D'] } : template,
  );
  await settled();
  const world = await openWorld(api);
  let heard = '';
  /** Tells what the feed has new. */
  const listen = async () => {
    for (;;) {
      const { body, headers } = await api.read(`/api/events?limit=1000${heard === '' ? '' : `&after=${heard}`}`);
      heard = headers.get('position');
      for (const { type, time, data } of body) {
        const [what, more] = TOLD[type.replace(/^cairn\.|\.v1$/g, '')] ?? [];
        if (what === undefined) continue;
        const matter = [names.get(data.template), more(data)].filter(Boolean).join(', ');
        say(`  ${localDay(time)}  ${what.padEnd(10)} ${world.nameOf(data.learner).padEnd(9)} ${matter}`);
      }
      if (body.length === 0) return;
    }
  };
  const moveTo = async (to) => {
    if (to > world.now) await api.post('/api/clock', { to });
    world.now = to;
    await settled();
    await listen();
  };
  for (const [day, act] of [...STORY, [TO]]) {
    const target = `${String(day)}T09:00:00.000Z`;
    if (speed !== undefined) {
      const step = (speed / MOVES_PER_SECOND) * DAY_MS;
      for (let at = Date.parse(world.now) + step; at < Date.parse(target); at += step) {
        const began = performance.now();
        await moveTo(new Date(at).toISOString());
        await sleep(Math.max(0, 1000 / MOVES_PER_SECOND - (performance.now() - began)));
      }
    }
    await moveTo(target);
    if (!act) continue;
    await act(world);
    await settled();
    await listen();
  }
  const credential = async (who, template, pick = () => true) =>
    (await api.get(`/api/credentials?template=${template}&learner=${world.id(who)}`)).items.find(pick).credential;
  return {
    renewed: await credential('mara', 'BLS'),
    suspended: await credential('noor', 'ADV'),
    restored: await credential('ole', 'UC', ({ edition }) => edition === 1),
    merged: await credential('sam', 'SA'),
  };
}

/** What the story may do, each on the day that it is. */
async function openWorld(api) {
  const ids = new Map();
  const names = new Map();
  for (const [who, name] of Object.entries(PEOPLE)) {
    const { id } = await api.post('/api/learners', { name, email: `${who}@example.org` });
    ids.set(who, id);
    names.set(id, name);
  }
  const completions = new Map();
  let mistake;
  const world = {
    now: `${FROM}T08:00:00.000Z`,
    id: (who) => ids.get(who),
    nameOf: (learner) => names.get(learner) ?? '',
    enroll: (who, pathway) =>
      api.post('/api/enrollments', { learner: ids.get(who), pathway, occurredAt: `${FROM}T08:00:00Z` }),
    complete: async (who, module, score) => {
      const { events } = await api.post(`/api/learners/${ids.get(who)}/complete-module`, {
        module,
        ...(score === undefined ? {} : { score }),
        occurredAt: world.now,
        source: 'lms',
        sourceId: `${who}-${module}-${world.now}`,
      });
      completions.set(`${who} ${module}`, events.find(({ type }) => type === 'module-completed').id);
    },
    invalidate: (who, module) =>
      api.post(`/api/learners/${ids.get(who)}/invalidate-completion`, {
        completion: completions.get(`${who} ${module}`),
        reasonCode: 'entered-in-error',
        occurredAt: world.now,
      }),
    /** A certification from outside: submitted, found good by a person, accepted. */
    certify: async (who, validFrom, validUntil) => {
      const { id } = await api.post('/api/external-credentials', {
        learner: ids.get(who),
        issuer: 'did:web:industry.example',
        format: 'open-badge-3',
        document: JSON.stringify({ credential: 'X', from: validFrom }),
        validFrom,
        ...(validUntil === undefined ? {} : { validUntil }),
      });
      const path = `/api/external-credentials/${id}`;
      const checked = { outcome: 'valid', reasonCode: 'asked-the-issuer', checkedAt: world.now };
      await api.post(`${path}/verify`, { ...checked, authority: 'registrar' });
      await api.post(`${path}/accept`, {
        template: 'CERT-X',
        reasonCode: 'equivalent',
        authority: 'examination board',
        occurredAt: world.now,
      });
    },
    merge: (from, into) =>
      api.post(`/api/learners/${ids.get(from)}/merge`, {
        into: ids.get(into),
        reasonCode: 'registered-twice',
        authority: 'registrar',
      }),
    /** A bulk act as a person does it: previewed, confirmed in the preview's words. */
    revokeByMistake: async (template, who) => {
      const { items } = await api.get(`/api/credentials?template=${template}&learner=${ids.get(who)}`);
      const act = {
        action: 'revoke',
        selection: { credentials: items.map(({ credential }) => credential) },
        reasonCode: 'issued-in-error',
        authority: 'registrar',
      };
      const preview = await api.lines('/api/credential-batches', { ...act, dryRun: true });
      const { position, asOf, run } = preview[0];
      await api.lines('/api/credential-batches', { ...act, position, asOf, confirm: preview.at(-1).confirm });
      mistake = run;
    },
    undoTheMistake: async () => {
      const path = `/api/operations/${mistake}/undo`;
      const { effects } = await api.post(path, { authority: 'registrar' });
      await api.post(path, { authority: 'registrar', confirm: effects });
    },
  };
  return world;
}
