// Northlake University, made up from a fixed seed: the same people and grades at each run, over the two years up to
// yesterday. Everything goes through the public API, as it would come from a registry and a learning platform.
import { requestCount } from './http.mjs';

export const SEEDED_LEARNERS = 300;
const AT_ONCE = 16;
const YEARS_DAYS = 730;
const DAY_MS = 86_400_000;
/** All that one university may be asked and told. */
export const SCOPES = [
  'tenant:admin',
  'catalog:read',
  'catalog:write',
  'catalog:publish',
  'learners:read',
  'learners:write',
  'erasure:approve',
  'progress:read',
  'progress:write',
  'credentials:read',
  'credentials:issue',
  'credentials:manage',
  'imports:run',
  'analytics:read',
  'audit:read',
  'events:read',
];
const GIVEN_NAMES = (
  'Aaliyah Adam Aiko Alma Amara Amir Ana Anders Anita Anton Asha Astrid Ayla Bao Beatriz Ben Bilal Carla Chen Chiara ' +
  'Clara Dalia Daniel David Diego Dina Elena Eli Elif Emil Emma Esra Fatima Felix Finn Freya Gita Grace Hana Hassan ' +
  'Helena Hugo Ida Ines Isaac Isla Ivan Jana Jonas Joyce Julia Kai Karim Kavya Klara Kofi Lars Layla Lea Leo Lin Lucia ' +
  'Luis Maja Malik Mara Marco Maria Marta Mei Milan Mina Mira Nadia Naomi Nia Nils Noah Noor Olga Omar Oscar Paula ' +
  'Pedro Petra Priya Rafael Rania Ravi Rosa Ruth Sami Sara Selma Siri Sofia Tariq Thea Theo Tomas Uma Vera Viktor Wei ' +
  'Yara Yusuf Zara Zoe'
).split(' ');

/** mulberry32: small, good enough for a story, the same everywhere. */
function randomFrom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** What one learner does, day by day; days count from the first of the two years. */
function lifeOf(number) {
  const random = randomFrom(number * 7919 + 2024);
  const between = (from, to) => from + Math.floor(random() * (to - from + 1));
  const person = {
    name: `${GIVEN_NAMES[between(0, GIVEN_NAMES.length - 1)]} ${String.fromCharCode(65 + between(0, 25))}.`,
    email: `learner-${number}@example.org`,
    externalIds: [{ system: 'sis', value: String(4000 + number) }],
  };
  const acts = [];
  let day = between(0, YEARS_DAYS - 40);
  /** Passes, perhaps at the second try, or gives up. */
  const study = (module, pass, stay, weeks) => {
    if (random() > stay) return false;
    day += between(weeks * 4, weeks * 9);
    let grade = Math.round(38 + 60 * Math.sqrt(random()));
    acts.push({ day, module, grade });
    if (grade >= pass) return true;
    if (random() < 0.35) return false;
    day += between(14, 40);
    grade = Math.max(pass, grade + between(8, 25));
    acts.push({ day, module, grade: Math.min(100, grade) });
    return true;
  };
  const dataSkills = () => {
    const direct = random() < 0.05;
    if (direct) acts.push({ day: day - 5, recognise: 'EXT-DF' });
    acts.push({ day, enroll: 'data-skills', ...(direct ? { entryPoint: 'direct' } : {}) });
    const pick = (left, right) => (random() < 0.5 ? left : right);
    const third = pick('DS-330', 'DS-311');
    const route = [
      ...(direct ? [] : [() => study('DS-101', 0, 0.96, 4), () => study('DS-102', 0, 0.93, 4)]),
      () => study('DS-201', 0, 0.88, 5),
      () => study(pick('DS-210', 'DS-211'), 0, 0.92, 5),
      () => study('DS-310', 50, 0.85, 6),
      // Two of one area do not do: whoever takes sampling comes back for storytelling.
      () => random() < 0.7 || study(third, 50, 0.9, 5),
      () => study('DS-320', 50, 0.9, 6),
      () => study('DS-401', 60, 0.82, 8),
    ];
    const done = route.every((step) => step());
    if (!done && random() < 0.2) acts.push({ day: day + between(5, 60), withdraw: 'data-skills' });
  };
  const marketing = () => {
    acts.push({ day, enroll: 'digital-marketing' });
    const modules = ['SEO-101', 'ADS-101', 'ANA-101'];
    for (let n = modules.length - 1; n > 0; n--) {
      const other = between(0, n);
      [modules[n], modules[other]] = [modules[other], modules[n]];
    }
    modules.every((module) => study(module, 0, 0.84, 3));
  };
  if (number % 3 !== 0) dataSkills();
  else marketing();
  if (number % 12 === 1) {
    day += between(20, 60);
    marketing();
  }
  // What lies in the future has not happened yet.
  return { person, acts: acts.filter((act) => act.day < YEARS_DAYS) };
}

/** Defines and publishes worked examples, `change` made to each template. The templates' names by their public ids. */
export async function publishCatalog(api, issuer, examples, change = (template) => template) {
  const { WORLDS } = await import('../../dist/libs/testing/src/worlds.js');
  const names = new Map();
  for (const catalog of examples.map((example) => WORLDS[example]())) {
    for (const module of catalog.modules) await api.post('/api/modules', module);
    for (const template of catalog.templates.map(change)) {
      const path = `/api/templates/${template.slug}`;
      const { id } = await api.post('/api/templates', { ...template, issuer });
      names.set(id, template.achievement.name.en);
      await api.postIfMatch(`${path}/publish`, path);
    }
    for (const { label, ...pathway } of catalog.pathways) {
      const path = `/api/pathways/${pathway.slug}`;
      await api.post('/api/pathways', pathway);
      await api.postIfMatch(`${path}/publish`, path, { label });
    }
  }
  return names;
}

/** Works through the list, so many at once. */
async function inParallel(list, work) {
  const queue = list.values();
  const worker = async () => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** Fills a fresh installation. `settled` waits until everything that follows from the log has happened. */
export async function seedUniversity(operator, apiWith, settled) {
  const midnight = Math.floor(Date.now() / DAY_MS) * DAY_MS;
  const at = (day, hour = 9) => new Date(midnight - (YEARS_DAYS - day) * DAY_MS + hour * 3_600_000).toISOString();
  const { id: tenant } = await operator.post('/api/tenants', {
    slug: 'northlake',
    name: 'Northlake University',
    zone: 'Europe/Berlin',
  });
  const { key } = await operator.post(`/api/tenants/${tenant}/api-keys`, { name: 'seed', scopes: SCOPES });
  const api = apiWith(key);
  const { id: issuer } = await api.post('/api/issuers', {
    slug: 'northlake',
    name: 'Northlake University',
    zone: 'Europe/Berlin',
  });
  await api.post(`/api/issuers/${issuer}/keys`, { algorithm: 'ES256' });
  await publishCatalog(api, issuer, ['E2', 'E3']);
  await settled();

  const act = async (learner, enrollments, what) => {
    const occurredAt = at(what.day, what.module ? 10 : 9);
    if (what.enroll) {
      const { enroll: pathway, entryPoint } = what;
      const joined = await api.post('/api/enrollments', {
        learner,
        pathway,
        occurredAt,
        ...(entryPoint ? { entryPoint } : {}),
      });
      enrollments.set(pathway, joined.id);
    } else if (what.recognise)
      await api.post(`/api/learners/${learner}/credit`, {
        template: what.recognise,
        ref: `urn:example:southshore:${learner}`,
        validFrom: occurredAt,
        reasonCode: 'prior-learning',
        authority: 'admissions office',
      });
    else if (what.withdraw)
      await api.post(`/api/enrollments/${enrollments.get(what.withdraw)}/withdraw`, {
        reasonCode: 'learner-request',
        occurredAt,
      });
    else
      await api.post(`/api/learners/${learner}/complete-module`, {
        module: what.module,
        score: what.grade,
        occurredAt,
        source: 'lms',
        sourceId: `${learner}-${what.module}-${what.day}`,
      });
  };
  await inParallel(
    Array.from({ length: SEEDED_LEARNERS }, (_, index) => lifeOf(index + 1)),
    async ({ person, acts }) => {
      const { id } = await api.post('/api/learners', person);
      const enrollments = new Map();
      for (const what of acts) await act(id, enrollments, what);
    },
  );

  // What people decide: a waiver, and later a revocation and an erasure.
  const waived = await api.post('/api/learners', { name: 'Wanda T.', email: 'wanda@example.org' });
  const enrollment = await api.post('/api/enrollments', {
    learner: waived.id,
    pathway: 'data-skills',
    occurredAt: at(400),
  });
  await act(waived.id, new Map(), { day: 440, module: 'DS-101', grade: 74 });
  await api.post(`/api/enrollments/${enrollment.id}/waive`, {
    requirement: 'L1/1',
    reasonCode: 'prior-learning',
    authority: 'programme director',
    occurredAt: at(445),
  });
  await settled();
  await revokeOne(api, at);
  const erased = await eraseOne(api);
  await settled();
  return { tenant, erased, requests: requestCount() };
}

/** The search credential of somebody who holds the whole certificate was issued in error: the certificate is flagged. */
async function revokeOne(api, at) {
  const { items } = await api.get('/api/credentials?template=DMC&limit=1');
  const { learner } = items[0];
  const wallet = await api.get(`/api/credentials?template=SEO&learner=${learner}`);
  const path = `/api/credentials/${wallet.items[0].credential}`;
  await api.postIfMatch(`${path}/revoke`, path, {
    reasonCode: 'issued-in-error',
    authority: 'examination board',
    effectiveAt: at(YEARS_DAYS - 1, 12),
  });
}

/** Somebody who got no further than level one. The credential whose holder is gone. */
async function eraseOne(api) {
  const [{ items: first }, { items: second }] = await Promise.all(
    ['L1', 'L2'].map((template) => api.get(`/api/credentials?template=${template}&limit=200`)),
  );
  const further = new Set(second.map(({ learner }) => learner));
  const { learner, credential } = first.find((item) => !further.has(item.learner));
  await api.post(`/api/learners/${learner}/erase`, {
    reasonCode: 'data-subject-request',
    approvedBy: 'data protection officer',
  });
  return credential;
}
