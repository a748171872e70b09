// A small world for specs: a catalog, one learner's record driven through its decider, and the reactors around it
// (automatic enrollment, issue, notes on credentials, component policies) played in memory.
import {
  credentialTemplatePublished,
  moduleIdOf,
  moduleDefined,
  pathwayIdOf,
  pathwayVersionPublished,
  pathwayVersionRetired,
  templateIdOf,
  type PublishedPathway,
  type PublishedTemplate,
} from '@cairn/contexts/catalog';
import { learnerRegistered } from '@cairn/contexts/learners';
import {
  eventIdOf,
  faultsOf,
  Personal,
  streamName,
  type CommandContext,
  type CredentialId,
  type DomainEvent,
  type EnrollmentId,
  type FactLoader,
  type Instant,
  type IssuerId,
  type LearnerId,
  type ModuleId,
  type Recorded,
  type TemplateId,
} from '@cairn/kernel';
import type { PathwayRules } from '@cairn/rules';
import { at, freshId, issued, recorded, TENANT } from '@cairn/testing';
import type { MoveEnrollmentToVersion, CompleteModule, RecordCommand } from '../contracts/record.commands.js';
import { recordEvents, recordStream, type RecordEvent } from '../contracts/record.events.js';
import { recordDecider } from './record.decider.js';
import type { RecordState } from './record.types.js';
import { loadRecordFacts } from './record.facts.js';

export const LEARNER = 'd1c0b0a9-8f7e-5d6c-8b5a-493827161504' as LearnerId;
export const ISSUER = '7d2a1b3c-4e5f-5a6b-8c7d-9e0f1a2b3c4d' as IssuerId;
export const m = (slug: string): ModuleId => moduleIdOf(TENANT, slug);
export const t = (slug: string): TemplateId => templateIdOf(TENANT, slug);
export const enrollment = (number: number, learner: LearnerId = LEARNER): EnrollmentId =>
  `${learner}-${number}` as EnrollmentId;

type ModuleOptions = {
  readonly credits?: number;
  readonly area?: string;
  readonly level?: number;
  readonly passMark?: number;
};
type TemplateOptions = Partial<
  Pick<PublishedTemplate, 'validityMonths' | 'renewal' | 'componentPolicy' | 'issue' | 'achievement'>
>;
type PathwayOptions = {
  readonly rules: Omit<PathwayRules, 'zone'> & { readonly zone?: string };
  readonly enrollment?: PublishedPathway['enrollment'];
  readonly inner?: readonly { readonly slug: string; readonly version?: number }[];
};
type When = { readonly now?: string; readonly context?: Partial<CommandContext> };

export type CredentialSeen = {
  readonly id: string;
  readonly template: string;
  readonly occurrence: number;
  readonly edition: number;
  readonly from: Instant;
  readonly until: Instant | undefined;
  revokedAt?: Instant;
  /** Further terms. */
  readonly renewed: { readonly serial: number; readonly from: Instant; readonly until: Instant }[];
  readonly holds: Map<string, string>;
};

export type RecordWorld = ReturnType<typeof createWorld>;

export function createWorld(
  options: { readonly zone?: string; readonly reactors?: boolean; readonly learner?: LearnerId } = {},
) {
  const learner = options.learner ?? LEARNER;
  const zone = options.zone ?? 'Europe/Berlin';
  const reactors = options.reactors ?? true;
  const streams = new Map<string, Recorded[]>();
  const slugs = new Map<string, string>();
  const automatic: { readonly pathway: string; readonly keys: ReadonlySet<string> }[] = [];
  const record: Recorded<RecordEvent>[] = [];
  let state: RecordState = recordDecider.initial;
  let clock = at('2000-01-01');
  const issuedTo = new Map<string, CredentialSeen>();
  const queue: Recorded<RecordEvent>[] = [];

  const append = (stream: string, event: DomainEvent): void => {
    const events = streams.get(stream) ?? [];
    streams.set(stream, [...events, recorded(event, { stream, revision: events.length })]);
  };
  append(`tenant-${TENANT}.${TENANT}`, {
    type: 'tenant-registered',
    data: { tenantId: TENANT, slug: 'north', name: 'North', zone, namespace: '9b3c6d0e-1f2a-4b3c-8d4e-5f6a7b8c9d0e' },
  });
  append(`issuer-${TENANT}.${ISSUER}`, {
    type: 'issuer-registered',
    data: { issuerId: ISSUER, slug: 'north', name: 'North', did: 'did:web:north.example', zone },
  });
  append(streamName('learner', TENANT, learner), {
    type: learnerRegistered.type,
    data: { learnerId: learner, profile: Personal.of({ name: 'Ada' }) },
  });

  const loader: FactLoader = {
    fold: (fold, stream) =>
      Promise.resolve((streams.get(stream) ?? []).reduce((s, event) => fold.evolve(s, event as never), fold.initial)),
    foldHaving: (fold, stream, has) => loader.fold(fold, stream).then((folded) => (has(folded), folded)),
    event: (stream, revision) => Promise.resolve(streams.get(stream)?.[revision]),
  };
  // One object per published version, as a cached fold would hand out: what is derived from it is kept by identity.

  const check = (schema: { readonly schema: Parameters<typeof faultsOf>[0]; readonly type: string }, data: unknown) => {
    const faults = faultsOf(schema.schema, data);
    if (faults.length > 0) throw new TypeError(`${schema.type}: ${JSON.stringify(faults)}`);
  };

  const world = {
    slugs,
    record: record as readonly Recorded<RecordEvent>[],
    state: () => state,
    clock: () => clock,
    loader,
    append,
    /** What another learner's world recorded, for commands that read it. */
    foreign: (other: LearnerId, events: readonly Recorded<RecordEvent>[]): void => {
      streams.set(recordStream(TENANT, other), [...events]);
    },

    module: (slug: string, module: ModuleOptions = {}) => {
      const data = { moduleId: m(slug), slug, title: { en: slug }, credits: 0, ...module };
      check(moduleDefined, data);
      slugs.set(m(slug), slug);
      append(`module-${TENANT}.${m(slug)}`, { type: 'module-defined', data });
      return world;
    },
    modules: (...list: readonly string[]) => {
      for (const slug of list) world.module(slug);
      return world;
    },
    template: (slug: string, template: TemplateOptions = {}) => {
      const stream = `template-${TENANT}.${t(slug)}`;
      const data: PublishedTemplate = {
        templateId: t(slug),
        slug,
        version: (streams.get(stream)?.length ?? 0) + 1,
        achievement: {
          name: { en: slug },
          description: { en: slug },
          achievementType: 'Badge',
          criteria: { en: slug },
        },
        componentPolicy: { revoked: 'flag', expired: 'flag', withdrawn: 'revoke' },
        issue: 'automatic',
        issuerId: ISSUER,
        hash: 'b'.repeat(64),
        ...template,
      };
      check(credentialTemplatePublished, data);
      slugs.set(t(slug), slug);
      append(stream, { type: 'credential-template-published', data });
      return world;
    },
    templates: (...list: readonly string[]) => {
      for (const slug of list) world.template(slug);
      return world;
    },
    pathway: (slug: string, pathway: PathwayOptions) => {
      const pathwayId = pathwayIdOf(TENANT, slug);
      const stream = `pathway-${TENANT}.${pathwayId}`;
      const version = (streams.get(stream) ?? []).filter((e) => e.type === 'pathway-version-published').length + 1;
      const data: PublishedPathway = {
        pathwayId,
        slug,
        version,
        label: `v${version}`,
        title: { en: slug },
        rules: { zone, ...pathway.rules },
        enrollment: pathway.enrollment ?? 'on-request',
        templateVersions: Object.fromEntries(
          pathway.rules.awards.map(({ id, template }) => [
            id,
            streams.get(`template-${TENANT}.${template}`)?.length ?? 1,
          ]),
        ),
        inner: (pathway.inner ?? []).map((inner) => ({
          pathwayId: pathwayIdOf(TENANT, inner.slug),
          version: inner.version ?? 1,
        })),
        hash: String(version).padStart(64, 'c'),
      };
      check(pathwayVersionPublished, data);
      append(stream, { type: 'pathway-version-published', data });
      if (data.enrollment === 'automatic')
        automatic.push({ pathway: slug, keys: new Set(JSON.stringify(data.rules).match(/[0-9a-f-]{36}/g) ?? []) });
      return world;
    },
    retire: (slug: string, version: number) => {
      const data = { pathwayId: pathwayIdOf(TENANT, slug), version, reasonCode: 'replaced' };
      check(pathwayVersionRetired, data);
      append(`pathway-${TENANT}.${pathwayIdOf(TENANT, slug)}`, { type: 'pathway-version-retired', data });
      return world;
    },

    publishedPathway: (pathwayId: string, version: number): PublishedPathway => {
      const found = streams
        .get(`pathway-${TENANT}.${pathwayId}`)
        ?.find(
          (event) => event.type === 'pathway-version-published' && (event.data as PublishedPathway).version === version,
        );
      if (!found) throw new RangeError(`no version ${version} of ${pathwayId}`);
      return found.data as PublishedPathway;
    },

    /** Decides a command at an instant (default: as soon as its date allows) and records what follows. */
    send: async (command: RecordCommand, when: When = {}) => {
      const dates = ['occurredAt', 'effectiveAt'].flatMap((key) => {
        const date = (command.data as Record<string, unknown>)[key];
        return typeof date === 'string' ? [date as Instant] : [];
      });
      const now = when.now === undefined ? [clock, ...dates].reduce((a, b) => (a > b ? a : b)) : at(when.now);
      clock = now > clock ? now : clock;
      const envelope = issued(command, { now, ...when.context });
      const facts = await loadRecordFacts(envelope, state, loader);
      const decision = recordDecider.decide(envelope, state, facts);
      if (!decision.accepted) return decision;
      decision.events.forEach((event, index) => {
        const definition = recordEvents.find(({ type }) => type === event.type);
        if (!definition) throw new TypeError(`${event.type} is not registered`);
        check(definition, event.data);
        const stored = recorded<RecordEvent>(event, {
          stream: recordStream(TENANT, learner),
          revision: record.length,
          id: eventIdOf(envelope.commandId, index),
          causation: envelope.commandId,
          occurredAt: event.occurredAt ?? now,
          recordedAt: now,
          position: record.length + 1,
        });
        record.push(stored);
        state = recordDecider.evolve(state, stored);
        queue.push(stored);
      });
      if (reactors) await world.settle();
      return decision;
    },
    /** What the reactors would do, until nothing is left. */
    settle: async () => {
      for (let event = queue.shift(); event; event = queue.shift()) {
        await world.react(event);
      }
    },
    react: async (event: Recorded<RecordEvent>) => {
      if (event.type === 'module-completed' || event.type === 'stack-component-credited') {
        const key = event.type === 'module-completed' ? event.data.moduleId : event.data.templateId;
        for (const { pathway, keys } of automatic)
          if (key !== undefined && keys.has(key))
            await world.enroll(pathway, event.meta.occurredAt, { mode: 'automatic' });
      }
      if (event.type === 'credential-earned' || event.type === 'credential-granted') {
        const { credentialId, templateId, occurrence, edition, from, until } = event.data;
        const template = slugs.get(templateId) as string;
        const before = issuedTo.get(credentialId);
        issuedTo.set(
          credentialId,
          before ?? { id: credentialId, template, occurrence, edition, from, until, renewed: [], holds: new Map() },
        );
        await world.send({
          type: 'CreditStackComponent',
          data: {
            learnerId: learner,
            componentId: credentialId,
            origin: 'own',
            templateId,
            serial: 1,
            validFrom: from,
            ...(until === undefined ? {} : { validUntil: until }),
            ref: eventIdOf(credentialId, 0),
            occurredAt: from,
          },
        });
      }
      if (event.type === 'renewal-earned') {
        const { credentialId, templateId, serial, from, until, at: met } = event.data;
        const seen = issuedTo.get(credentialId);
        // Of another learner, before the two were merged.
        if (!seen) return;
        if (seen.renewed.some((term) => term.serial === serial)) return;
        seen.renewed.push({ serial, from, until });
        await world.send({
          type: 'CreditStackComponent',
          data: {
            learnerId: learner,
            componentId: credentialId,
            origin: 'own',
            templateId,
            serial,
            validFrom: from,
            validUntil: until,
            ref: eventIdOf(credentialId, 100 + serial),
            occurredAt: met,
          },
        });
      }
      if (event.type === 'component-policy-applied') {
        const { credentialId, hold, effect, effectiveAt } = event.data;
        const seen = issuedTo.get(credentialId);
        // Of another learner, before the two were merged.
        if (!seen) return;
        if (effect === 'lift') seen.holds.delete(hold);
        else seen.holds.set(hold, effect);
        if (effect === 'revoke') await world.revoke(credentialId, effectiveAt);
      }
    },

    enroll: (
      slug: string,
      date: string,
      more: {
        readonly version?: number;
        readonly entryPoint?: string;
        readonly attempt?: number;
        readonly mode?: 'requested' | 'automatic';
      } = {},
      when: When = {},
    ) =>
      world.send(
        {
          type: 'EnrollLearner',
          data: {
            learnerId: learner,
            pathwayId: pathwayIdOf(TENANT, slug),
            occurredAt: at(date),
            mode: 'requested',
            ...more,
          },
        },
        when,
      ),
    complete: (slug: string, date: string, more: Partial<CompleteModule['data']> = {}, when: When = {}) =>
      world.send(
        {
          type: 'CompleteModule',
          data: { learnerId: learner, moduleId: m(slug), source: 'lms', occurredAt: at(date), ...more },
        },
        when,
      ),
    /** Takes back the latest completion of the module that stands. */
    invalidate: (slug: string, date: string, when: When = {}) => {
      const completion = record.findLast(
        (event) => event.type === 'module-completed' && event.data.moduleId === m(slug),
      );
      return world.send(
        {
          type: 'InvalidateModuleCompletion',
          data: {
            learnerId: learner,
            completion: completion?.id ?? freshId(),
            reasonCode: 'entered-in-error',
            occurredAt: at(date),
          },
        },
        when,
      );
    },
    recognise: (
      slug: string,
      date: string,
      more: { readonly ref?: string; readonly validUntil?: string; readonly credits?: number } = {},
    ) =>
      world.send({
        type: 'CreditStackComponent',
        data: {
          learnerId: learner,
          componentId: eventIdOf(
            learner,
            Array.from(more.ref ?? slug).reduce((a, c) => a * 31 + c.charCodeAt(0), 7) % 1e9,
          ),
          origin: 'recognised',
          templateId: t(slug),
          validFrom: at(date),
          ...(more.validUntil === undefined ? {} : { validUntil: at(more.validUntil) }),
          ...(more.credits === undefined ? {} : { credits: more.credits }),
          ref: more.ref ?? `urn:outside:${slug}`,
          authority: 'registrar',
          occurredAt: at(date),
        },
      }),
    /** The credential's own stream says revoked; the reactor notes it. */
    revoke: (credentialId: string, date: string) => {
      const seen = issuedTo.get(credentialId);
      if (seen) seen.revokedAt ??= at(date);
      return world.send({
        type: 'WithdrawStackComponent',
        data: {
          learnerId: learner,
          componentId: credentialId,
          cause: 'revoked',
          effectiveAt: at(date),
          ref: eventIdOf(credentialId, 1),
        },
      });
    },

    /** The clock says that a term ended; its note, as the expiry clock will send it. */
    expire: (credentialId: string, date: string) =>
      world.send({
        type: 'WithdrawStackComponent',
        data: {
          learnerId: learner,
          componentId: credentialId,
          cause: 'expired',
          effectiveAt: at(date),
          ref: eventIdOf(credentialId, 2),
          authority: 'registrar',
        },
      }),
    renew: (slug: string, date: string, by: { readonly reasonCode?: string; readonly authority?: string } = {}) =>
      world.send({
        type: 'GrantRenewal',
        data: {
          learnerId: learner,
          credentialId: world.credential(slug).id as CredentialId,
          reasonCode: 'attended-elsewhere',
          authority: 'registrar',
          occurredAt: at(date),
          ...by,
        },
      }),
    unrenew: (slug: string, date: string, by: object = {}) =>
      world.send({
        type: 'WithdrawRenewal',
        data: {
          learnerId: learner,
          credentialId: world.credential(slug).id as CredentialId,
          serial: 2,
          reasonCode: 'decided-in-error',
          authority: 'registrar',
          occurredAt: at(date),
          ...by,
        },
      }),
    waive: (
      number: number,
      requirementId: string,
      date: string,
      by: { readonly reasonCode?: string; readonly authority?: string } = {},
    ) =>
      world.send({
        type: 'WaiveRequirement',
        data: {
          enrollmentId: enrollment(number, learner),
          requirementId,
          reasonCode: 'prior-learning',
          authority: 'dean',
          occurredAt: at(date),
          ...by,
        },
      }),
    withdrawWaiver: (number: number, requirementId: string, date: string) =>
      world.send({
        type: 'WithdrawWaiver',
        data: {
          enrollmentId: enrollment(number, learner),
          requirementId,
          reasonCode: 'entered-in-error',
          authority: 'dean',
          occurredAt: at(date),
        },
      }),
    leave: (number: number, date: string) =>
      world.send({
        type: 'WithdrawEnrollment',
        data: { enrollmentId: enrollment(number, learner), reasonCode: 'learner-request', occurredAt: at(date) },
      }),
    comeBack: (number: number, date: string) =>
      world.send({
        type: 'ReinstateEnrollment',
        data: { enrollmentId: enrollment(number, learner), reasonCode: 'returned', occurredAt: at(date) },
      }),

    move: (number: number, version: number, date: string, more: Partial<MoveEnrollmentToVersion['data']> = {}) =>
      world.send({
        type: 'MoveEnrollmentToVersion',
        data: {
          enrollmentId: enrollment(number, learner),
          version,
          reasonCode: 'rules-revised',
          occurredAt: at(date),
          ...more,
        },
      }),

    events: <T extends RecordEvent['type']>(type: T) =>
      record.filter((event): event is Extract<Recorded<RecordEvent>, { type: T }> => event.type === type),
    credential: (template: string): CredentialSeen =>
      [...issuedTo.values()].findLast((seen) => seen.template === template) as CredentialSeen,
    /** `SEO#1 [2025-02-01, ∞) revoked flag:…`, sorted; local days. */
    credentials: (): readonly string[] =>
      [...issuedTo.values()].map((seen) => describeCredential(seen, zone)).toSorted(),
  };
  return world;
}

const day = (instant: Instant, zone: string): string =>
  new Intl.DateTimeFormat('sv', { timeZone: zone, dateStyle: 'short' }).format(new Date(instant));

function describeCredential(seen: CredentialSeen, zone: string): string {
  const number = seen.occurrence === 1 && seen.edition === 1 ? '' : `/${seen.occurrence}.${seen.edition}`;
  const until = seen.until === undefined ? '' : `, ${day(seen.until, zone)}`;
  const holds = [...new Set([...seen.holds.values()].filter((effect) => effect !== 'revoke'))];
  const terms = seen.renewed.map((term) => `[${day(term.from, zone)}, ${day(term.until, zone)})`);
  return [
    `${seen.template}${number} [${day(seen.from, zone)}${until})`,
    ...terms,
    ...(seen.revokedAt ? ['revoked'] : []),
    ...holds,
  ].join(' ');
}
