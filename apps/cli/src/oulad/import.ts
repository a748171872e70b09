// Sends the plan: public commands only, each with an id that follows from its row, so that a second run, or one after a
// kill, records nothing twice.
import {
  publicId,
  uuidv5,
  type Command,
  type CommandContext,
  type CommandOutcome,
  type EnrollmentId,
  type Issued,
  type IssuerId,
  type LearnerId,
  type Position,
  type Recorded,
  type TenantId,
} from '@cairn/kernel';
import type { EventLog } from '@cairn/eventlog';
import {
  moduleIdOf,
  pathwayIdOf,
  templateIdOf,
  pathwayFold,
  pathwayStream,
  type DefineModule,
  type DraftPathway,
  type DraftTemplate,
  type PublishPathwayVersion,
  type PublishTemplate,
} from '@cairn/contexts/catalog';
import type {
  CompleteModule,
  CreditStackComponent,
  EnrollLearner,
  RecordEvent,
  WithdrawEnrollment,
} from '@cairn/contexts/progress';
import type { AddSigningKey, RegisterIssuer, RegisterTenant } from '@cairn/contexts/tenancy';
import { CONFIGURATION, type Configuration } from '@cairn/platform';
import { patiently } from '@cairn/runtime';
import { newLearnerId } from '../../../../libs/contexts/learners/src/domain/registration.js';
import { LearnerDesk } from '../../../../libs/contexts/learners/src/commands/learners.js';
import { progressBar } from '../output.js';
import { writeReport } from '../report.js';
import { CliError, dispatched, type Session, type Tenant } from '../session.js';
import { planOulad, ZONE, type Act, type Catalog, type Student } from './plan.js';
import { readOulad } from './tables.js';
import type { RowNote } from '../../../../libs/contexts/progress/src/domain/completion-row.js';

const SYSTEM = 'oulad';
const TENANT_SLUG = 'open-university';
const AUTHORITY = 'Open University';
const AT_ONCE = 64;
const KEYS_AT_ONCE = 1_000;

export type ImportSummary = {
  readonly tenant: string;
  readonly learners: number;
  readonly registrations: number;
  readonly submissions: number;
  /** Commands by what became of them. */
  readonly commands: { readonly recorded: number; readonly unchanged: number; readonly refused: number };
  readonly newEvents: number;
  /** Notes and refusals by code. */
  readonly codes: Readonly<Record<string, number>>;
  readonly credentials: number;
  readonly seconds: number;
  readonly report: string;
};

export async function importOulad(
  session: Session,
  folder: string,
  report: string,
  limit?: number,
  /** Students whose acts are under way at the same time: each in order, all sharing group commits. */
  atOnce = AT_ONCE,
): Promise<ImportSummary> {
  const began = Date.now();
  const { installation } = session;
  const notes: RowNote[] = [];
  const tables = await readOulad(folder, notes);
  const plan = planOulad(tables, notes);
  const headBefore = await installation.log.head();
  const tenant = await ensureTenant(session);
  const versions = await publishCatalog(session, tenant, plan.catalog);

  const desk = session.app.get(LearnerDesk, { strict: false });
  const counts = { recorded: 0, unchanged: 0, refused: 0 };
  const students = limit === undefined ? plan.students : plan.students.slice(0, limit);
  const bar = progressBar('Importing learners', students.length);
  let next = 0;
  let done = 0;
  let prepared = 0;
  const worker = async (): Promise<void> => {
    for (let student = students[next++]; student; student = students[next++]) {
      // Keys of many learners by one sync, instead of one sync each.
      if (next > prepared) {
        const block = students.slice(prepared, prepared + KEYS_AT_ONCE);
        prepared += block.length;
        const { namespace } = tenant;
        await installation.keyVault.prepare(
          block.map(({ id }) => ({
            tenant: tenant.tenant,
            learner: newLearnerId(context(session, tenant.tenant, namespace, 'student', id, 'register').commandId),
          })),
        );
      }
      await sendStudent(session, desk, tenant, student, versions, notes, counts);
      bar.to(++done);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  bar.end();

  const waiting = progressBar('Credentials and read models', 1);
  while (!(await installation.settled(5_000))) {
    const parked = await installation.parked();
    if (parked.length > 0)
      throw new CliError(`${parked.length} piece(s) of work are parked; see: npm run cairn -- parked list`, 1);
  }
  waiting.to(1);
  waiting.end();

  await writeReport(report, notes);
  const codes: Record<string, number> = {};
  for (const { code } of notes) codes[code] = (codes[code] ?? 0) + 1;
  const [credentials] = await installation.views.aggregate('register', [
    { $match: { tenant: tenant.tenant } },
    { $group: { _id: null, count: { $sum: 1 } } },
  ]);
  return {
    tenant: tenant.slug,
    learners: students.length,
    registrations: tables.registrations.length,
    submissions: tables.submissions.length,
    commands: counts,
    seconds: Math.round((Date.now() - began) / 100) / 10,
    newEvents: await eventsAfter(installation.log, headBefore),
    codes: Object.fromEntries(Object.entries(codes).toSorted(([a], [b]) => (a < b ? -1 : 1))),
    credentials: (credentials?.['count'] as number | undefined) ?? 0,
    report,
  };
}

/** Counted by reading: a position says where an event is, and only on the embedded log also how many there are. */
async function eventsAfter(log: EventLog, position: Position): Promise<number> {
  let count = 0;
  for (let after = position; ;) {
    const { events, readUpTo, atEnd } = await log.readAll({ after, limit: 10_000 });
    count += events.length;
    if (atEnd) return count;
    after = readUpTo;
  }
}

const context = (session: Session, tenant: TenantId, namespace: string, ...key: readonly string[]): CommandContext => {
  const commandId = uuidv5(namespace, 'import', SYSTEM, ...key);
  return {
    tenant,
    commandId,
    idSource: 'derived',
    actor: 'service:import-oulad',
    correlationId: uuidv5(namespace, 'import', SYSTEM),
    now: session.installation.clock.now(),
  };
};

/** The importer's tenant, its issuer and a signing key; made at the first run. */
async function ensureTenant(session: Session): Promise<Tenant> {
  const existing = (await session.tenants()).find(({ slug }) => slug === TENANT_SLUG);
  const { installation } = session;
  const tenant = existing?.tenant ?? (uuidv5(installation.logId, 'tenant', TENANT_SLUG) as TenantId);
  const namespace =
    existing?.namespace ?? uuidv5(tenant, (await installation.keyVault.secret(tenant, 'id-namespace')).toString('hex'));
  await dispatched<RegisterTenant>(
    session,
    { type: 'RegisterTenant', data: { slug: TENANT_SLUG, name: 'Open University (OULAD)', zone: ZONE, namespace } },
    context(session, tenant, namespace, 'tenant'),
  );
  const issuerId = issuerOf(namespace);
  const { baseUrl } = session.app.get<Configuration>(CONFIGURATION, { strict: false });
  const { host } = new URL(baseUrl);
  await dispatched<RegisterIssuer>(
    session,
    {
      type: 'RegisterIssuer',
      data: {
        issuerId,
        slug: TENANT_SLUG,
        name: 'Open University',
        did: `did:web:${encodeURIComponent(host)}:issuers:${publicId('iss', issuerId)}`,
        zone: ZONE,
      },
    },
    context(session, tenant, namespace, 'issuer'),
  );
  const keyId = publicId('key', uuidv5(namespace, 'signing-key'));
  // ES256: an issuer that prefers volume.
  const publicJwk = await installation.keyVault.createSigningKey(tenant, keyId, 'ES256');
  await dispatched<AddSigningKey>(
    session,
    {
      type: 'AddSigningKey',
      data: {
        issuerId,
        keyId,
        algorithm: 'ES256',
        publicJwk: publicJwk as AddSigningKey['data']['publicJwk'],
        notBefore: '2013-01-01T00:00:00.000Z' as CommandContext['now'],
      },
    },
    context(session, tenant, namespace, 'signing-key'),
  );
  return { tenant, slug: TENANT_SLUG, namespace, zone: ZONE };
}

const issuerOf = (namespace: string): IssuerId => uuidv5(namespace, 'issuer', SYSTEM) as IssuerId;

async function publishCatalog(session: Session, { tenant, namespace }: Tenant, catalog: Catalog): Promise<Versions> {
  const send = <C extends Command>(command: C, ...key: readonly string[]) =>
    dispatched<C>(session, command, context(session, tenant, namespace, ...key));
  const bar = progressBar(
    'Publishing the catalog',
    catalog.modules.length + catalog.templates.length + catalog.versions.length,
  );
  let done = 0;
  for (const { slug, title, passMark } of catalog.modules) {
    const data = {
      moduleId: moduleIdOf(tenant, slug),
      slug,
      title,
      credits: 0,
      ...(passMark === undefined ? {} : { passMark }),
    };
    await send<DefineModule>({ type: 'DefineModule', data }, 'module', slug);
    bar.to(++done);
  }
  for (const { slug, name, description, criteria, achievementType } of catalog.templates) {
    const templateId = templateIdOf(tenant, slug);
    await send<DraftTemplate>(
      {
        type: 'DraftTemplate',
        data: {
          templateId,
          slug,
          achievement: {
            name: { en: name },
            description: { en: description },
            criteria: { en: criteria },
            achievementType,
          },
          componentPolicy: { revoked: 'flag', expired: 'flag', withdrawn: 'revoke' },
          issue: 'automatic',
          issuerId: issuerOf(namespace),
        },
      },
      'template',
      slug,
    );
    await send<PublishTemplate>({ type: 'PublishTemplate', data: { templateId } }, 'publish-template', slug);
    bar.to(++done);
  }
  const versions = new Map<string, number>();
  for (const { slug, title, label, rules, enrollment } of catalog.versions) {
    const pathwayId = pathwayIdOf(tenant, slug);
    const published = async (): Promise<number | undefined> => {
      const { state } = await session.installation.executor.snapshot(pathwayFold, pathwayStream(tenant, pathwayId));
      return state.versions.find((version) => version.label === label)?.version;
    };
    // Published already, by an earlier run: drafting it again would only replace the draft of a later version.
    if ((await published()) === undefined) {
      await send<DraftPathway>(
        { type: 'DraftPathway', data: { pathwayId, slug, title, rules, enrollment } },
        'pathway',
        slug,
        label,
      );
      await send<PublishPathwayVersion>(
        { type: 'PublishPathwayVersion', data: { pathwayId, label } },
        'publish-pathway',
        slug,
        label,
      );
    }
    versions.set(versionKey(slug, label), (await published()) as number);
    bar.to(++done);
  }
  bar.end();
  return versions;
}

/** All acts of one student, in order. Refusals are notes; nothing stops the import but a broken store. */
async function sendStudent(
  session: Session,
  desk: LearnerDesk,
  tenant: Tenant,
  student: Student,
  versions: Versions,
  notes: RowNote[],
  counts: { recorded: number; unchanged: number; refused: number },
): Promise<void> {
  const contextOf = (key: string): CommandContext =>
    context(session, tenant.tenant, tenant.namespace, 'student', student.id, key);
  const registration = await patiently(() =>
    desk.register(contextOf('register'), {
      externalIds: [{ system: SYSTEM, value: student.id }],
    }),
  );
  const [firstAct] = student.acts;
  count(registration, firstAct);
  if (!registration.accepted) return;
  const { learnerId } = registration;
  const enrollments = new Map<string, EnrollmentId>();
  for (const act of student.acts) {
    const command = commandOf(act, tenant.tenant, learnerId, enrollments, versions);
    if (!command) continue; // the enrollment it belongs to was refused, and that is noted
    const outcome = await patiently(() => session.gateway.dispatch({ ...command, ...contextOf(act.key) } as Issued));
    count(outcome, act);
    if (act.kind !== 'enroll' || !outcome.accepted) continue;
    const pathwayId = pathwayIdOf(tenant.tenant, act.pathway);
    for (const event of outcome.events as readonly Recorded<RecordEvent>[])
      if (event.type === 'learner-enrolled' && event.data.enrollment.pathwayId === pathwayId)
        enrollments.set(act.key, event.data.enrollment.enrollmentId);
  }

  function count(outcome: CommandOutcome, act: Act | undefined): void {
    if (outcome.accepted) {
      if (outcome.outcome === 'recorded' && !outcome.replayed) counts.recorded++;
      else counts.unchanged++;
      return;
    }
    counts.refused++;
    notes.push({
      file: act?.file ?? 'studentInfo.csv',
      line: act?.line ?? 0,
      code: outcome.code,
      reason: `${act?.kind ?? 'register'} refused: ${outcome.detail}`,
    });
  }
}

/** Numbers of published versions by pathway and label. */
type Versions = ReadonlyMap<string, number>;
const versionKey = (pathway: string, label: string): string => `${pathway} ${label}`;

function commandOf(
  act: Act,
  tenant: TenantId,
  learnerId: LearnerId,
  enrollments: ReadonlyMap<string, EnrollmentId>,
  versions: Versions,
): Command | undefined {
  switch (act.kind) {
    case 'enroll':
      return {
        type: 'EnrollLearner',
        data: {
          learnerId,
          pathwayId: pathwayIdOf(tenant, act.pathway),
          version: versions.get(versionKey(act.pathway, act.label)) as number,
          attempt: act.attempt,
          occurredAt: act.at,
          mode: 'requested',
        },
      } satisfies EnrollLearner;
    case 'complete':
      return {
        type: 'CompleteModule',
        data: {
          learnerId,
          moduleId: moduleIdOf(tenant, act.module),
          ...(act.score === undefined ? {} : { score: act.score }),
          ...(act.honours === undefined ? {} : { honours: act.honours }),
          source: SYSTEM,
          sourceId: act.sourceId,
          occurredAt: act.at,
        },
      } satisfies CompleteModule;
    case 'recognise':
      return {
        type: 'CreditStackComponent',
        data: {
          learnerId,
          componentId: uuidv5(learnerId, 'component', act.ref),
          origin: 'recognised',
          moduleId: moduleIdOf(tenant, act.module),
          validFrom: act.at,
          ref: act.ref,
          authority: AUTHORITY,
          occurredAt: act.at,
        },
      } satisfies CreditStackComponent;
    case 'withdraw': {
      const enrollmentId = enrollments.get(act.enrollment);
      if (!enrollmentId) return undefined;
      return {
        type: 'WithdrawEnrollment',
        data: { enrollmentId, reasonCode: 'unregistered', occurredAt: act.at },
      } satisfies WithdrawEnrollment;
    }
    default:
      return act satisfies never;
  }
}
