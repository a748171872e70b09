// Reads what the answers about a credential are made of: its own stream first, from the log, never from a projection
// (D5). What cannot be read is left open, and the pure functions of the domain say `unknown`.
import {
  DecodeError,
  parseStream,
  publicId,
  sha256,
  type CredentialId,
  type FactLoader,
  type Instant,
  type ModuleId,
  type Recorded,
  type TemplateId,
  type TenantId,
} from '@cairn/kernel';
import {
  moduleFold,
  moduleStream,
  pathwayFold,
  pathwayStream,
  templateFold,
  templateStream,
  type PublishedPathway,
} from '@cairn/contexts/catalog';
import { learnerFold, learnerStream } from '@cairn/contexts/learners';
import { recordStream, type RecordEvent } from '@cairn/contexts/progress';
import { issuerFold, issuerStream, type IssuerState } from '@cairn/contexts/tenancy';
import { verifyVcJwt, type PublicJwk } from '@cairn/openbadges';
import { isInfrastructure } from '@cairn/runtime';
import { KeyMissing, SealBroken, VaultUnavailable } from '@cairn/vault';
import { publishedTemplate, type SignedCopies } from '../commands/prepare-issue.js';
import type { DecisionReplay } from '../contracts/decision-replay.js';
import type { ExplainAnswer } from '../contracts/explain-answer.js';
import { credentialStream, type CredentialEvent } from '../contracts/credential.events.js';
import type { LanguageMap, StackEntry, VerificationAnswer } from '../contracts/verification-answer.js';
import type { Basis, RenewalBasis } from '../domain/credential.decider.js';
import { nowFor, standingOf, type Standing } from '../domain/credential-status.js';
import { entitlementFold } from '../domain/entitlement.fold.js';
import { explainCredential } from '../domain/explain-credential.js';
import { credentialUrl } from '../domain/issue-preparation.js';
import { asRules, namedIn, requirementOf } from '../domain/rule-names.js';
import { requirementInWords, ruleInWords } from '../domain/rule-words.js';
import { unreadableAnswer, verificationAnswer, type Reading, type SignedCopyFinding } from '../domain/verification.js';

export type TitleOf = (kind: 'module' | 'template', id: string) => LanguageMap | undefined;

export type CredentialReaderPorts = {
  /** A stream's events from its first one on. Throws for what cannot be read or decoded. */
  readonly history: (stream: string) => Promise<readonly Recorded[]>;
  readonly loader: FactLoader;
  readonly copies: SignedCopies;
  /** The tenant's time: real, or where the clock of its sandbox stands. */
  readonly now: (tenant: TenantId) => Promise<Instant>;
  readonly baseUrl: string;
  /** What a credential of the template counts towards, by published pathways. */
  readonly countsTowards: (
    tenant: TenantId,
    template: TemplateId,
  ) => Promise<NonNullable<VerificationAnswer['stack']>['countsTowards']>;
  readonly decideAgain?: DecisionReplay | undefined;
};

export type AsOf = { readonly asOf?: Instant | undefined; readonly knownAt?: Instant | undefined };

export type CredentialReader = {
  /** Undefined if no such credential was known at `knownAt`. Whatever cannot be read makes the answer `unknown`. */
  readonly verify: (tenant: TenantId, id: CredentialId, at?: AsOf) => Promise<VerificationAnswer | undefined>;
  /** The same without words, title and checks: what lists show. `unknown` if the stream cannot be read. */
  readonly standing: (tenant: TenantId, id: CredentialId, at?: AsOf) => Promise<Standing | 'unknown' | undefined>;
  /** Undefined if there is no such credential. Throws if something cannot be read: half an explanation is none. */
  readonly explain: (tenant: TenantId, id: CredentialId, at?: AsOf) => Promise<ExplainAnswer | undefined>;
  /** The newest signed copy as it was stored; undefined if there is none or nobody can read it any more. */
  readonly signedCopy: (tenant: TenantId, id: CredentialId) => Promise<string | undefined>;
};

/** Signed bytes never change: a signature that was found good stays good under the same key. */
const KEPT_VERIFICATIONS = 5_000;

const isUnreadable = (error: unknown): boolean =>
  isInfrastructure(error) ||
  [DecodeError, SealBroken, KeyMissing, VaultUnavailable].some((kind) => error instanceof kind);

/** Undefined for what cannot be read now; programming errors go on. */
async function attempt<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (isUnreadable(error)) return undefined;
    throw error;
  }
}

export function createCredentialReader(ports: CredentialReaderPorts): CredentialReader {
  const { history, loader, copies, now: nowOf, baseUrl, countsTowards, decideAgain } = ports;
  const verified = new Map<string, Extract<SignedCopyFinding, { found: 'verified' }>>();

  /** The credential's stream; undefined if it cannot be read, or has a hole where a revocation could have been. */
  async function eventsOf(
    tenant: TenantId,
    id: CredentialId,
  ): Promise<readonly Recorded<CredentialEvent>[] | undefined> {
    const events = (await attempt(() => history(credentialStream(tenant, id)))) as
      readonly Recorded<CredentialEvent>[] | undefined;
    return events?.every(({ revision }, index) => revision === index) ? events : undefined;
  }

  async function templateTitle(tenant: TenantId, template: TemplateId): Promise<LanguageMap | undefined> {
    const { versions } = await loader.foldHaving(
      templateFold,
      templateStream(tenant, template),
      (state) => state.versions.length > 0,
    );
    return versions.at(-1)?.achievement.name;
  }

  async function moduleTitle(tenant: TenantId, module: ModuleId): Promise<LanguageMap | undefined> {
    const { definition } = await loader.foldHaving(
      moduleFold,
      moduleStream(tenant, module),
      (state) => state.definition !== undefined,
    );
    return definition?.title;
  }

  async function titlesOf(
    tenant: TenantId,
    modules: readonly string[],
    templates: readonly string[],
  ): Promise<TitleOf> {
    const titles = new Map<string, LanguageMap | undefined>();
    await Promise.all([
      ...modules.map(async (id) => titles.set(`module:${id}`, await moduleTitle(tenant, id as ModuleId))),
      ...templates.map(async (id) => titles.set(`template:${id}`, await templateTitle(tenant, id as TemplateId))),
    ]);
    return (kind, id) => titles.get(`${kind}:${id}`);
  }

  async function pathwayOf(tenant: TenantId, basis: Basis): Promise<PublishedPathway | undefined> {
    const { enrollment } = basis.data;
    if (!enrollment) return undefined;
    const { versions } = await loader.foldHaving(
      pathwayFold,
      pathwayStream(tenant, enrollment.pathwayId),
      (state) => state.versions.length >= enrollment.version,
    );
    return versions[enrollment.version - 1];
  }

  /** The event that the credential names; null if there is none in this tenant. */
  async function basisOf(tenant: TenantId, { basis }: Pick<Standing['term'], 'basis'>): Promise<Recorded | null> {
    if (parseStream(basis.stream).tenant !== tenant) return null;
    return (await loader.event(basis.stream, basis.revision)) ?? null;
  }

  async function componentsOf(
    tenant: TenantId,
    { data }: Standing['issued'],
    at: { readonly asOf: Instant; readonly knownAt: Instant | undefined },
  ): Promise<readonly StackEntry[]> {
    if (data.components.length === 0) return [];
    const { own } = await loader.fold(entitlementFold, data.basis.stream);
    return Promise.all(
      data.components.map(async ({ componentId, templateId }): Promise<StackEntry> => {
        const title = (await templateTitle(tenant, templateId)) ?? {};
        if (!own.includes(componentId)) return { title, status: 'unknown' };
        const id = componentId as CredentialId;
        const found = standingOf((await eventsOf(tenant, id)) ?? [], at);
        return {
          credential: publicId('crd', id),
          title,
          status: found?.status ?? 'unknown',
          page: credentialUrl(baseUrl, id),
        };
      }),
    );
  }

  async function copyOf(
    tenant: TenantId,
    { issued, copy }: Standing,
    issuer: IssuerState | undefined,
  ): Promise<SignedCopyFinding> {
    const { learnerId, issuerId } = issued.data;
    const { vcHash, keyId: named } = copy;
    const jwt = await attempt(async () => ({ text: await copies.read(tenant, learnerId, vcHash) }));
    if (!jwt) return { found: 'unreadable' };
    if (jwt.text === undefined) return { found: 'missing' };
    const key = issuer?.keys.find(({ keyId }) => keyId === named);
    const place = `${vcHash}:${tenant}:${issuerId}:${named}`;
    const kept = key && verified.get(place);
    if (kept) return kept;
    const finding = await verifyCopy(jwt.text, vcHash, key?.publicJwk as PublicJwk | undefined, await nowOf(tenant));
    if (finding.outcome === 'pass') {
      if (verified.size >= KEPT_VERIFICATIONS) verified.delete(verified.keys().next().value as string);
      verified.set(place, finding);
    }
    return finding;
  }

  async function verifyCopy(
    jwt: string,
    due: string,
    key: PublicJwk | undefined,
    now: Instant,
  ): Promise<Extract<SignedCopyFinding, { found: 'verified' }>> {
    // Only what was signed is judged here: the term and the life cycle are the stream's to tell.
    const report = await verifyVcJwt(jwt, {
      trustedKeys: () => (key ? [key] : 'unreachable'),
      now,
      lifeCycle: () => 'active',
    });
    const credential = report.credential ?? {};
    const digest = sha256(jwt);
    if (digest !== due) return { found: 'verified', outcome: 'fail', why: `its SHA-256 is ${digest}`, credential };
    const judged = report.checks.filter(({ check }) => check !== 'validity' && check !== 'status');
    const failed = judged.find(({ outcome }) => outcome === 'fail');
    const open = judged.find(({ outcome }) => outcome === 'unknown');
    const decisive = failed ?? open;
    const signed = report.checks.some(({ check, outcome }) => check === 'signature' && outcome === 'pass');
    return {
      found: 'verified',
      outcome: failed ? 'fail' : open || !signed ? 'unknown' : 'pass',
      why: decisive?.reason ?? '',
      credential,
    };
  }

  async function holderOf(tenant: TenantId, { data }: Standing['issued']): Promise<Reading['holder']> {
    const learner = await loader.fold(learnerFold, learnerStream(tenant, data.learnerId));
    if (learner.status === 'erased') return { is: 'erased' };
    if (learner.status === 'unknown') return { is: 'not-given' };
    const profile = learner.profile.reveal();
    if (!profile) return { is: 'erased' };
    return profile.name === undefined ? { is: 'not-given' } : { is: 'named', name: profile.name };
  }

  async function ruleOf(tenant: TenantId, basis: Recorded | null | undefined): Promise<Reading['rule']> {
    if (basis?.type !== 'credential-earned' && basis?.type !== 'credential-granted') return undefined;
    const pathway = await pathwayOf(tenant, basis as Basis);
    if (!pathway) return undefined;
    const { title, version, label, rules } = pathway;
    const award = rules.awards.find(({ id }) => id === (basis as Basis).data.awardId);
    const { modules, templates } = namedIn(rules);
    const titleOf = await titlesOf(tenant, modules, templates);
    return {
      pathway: title,
      version,
      label,
      ...(award && basis.type === 'credential-earned' ? { text: ruleInWords(award.when, rules, titleOf) } : {}),
    };
  }

  const verify: CredentialReader['verify'] = async (tenant, id, { asOf: asked, knownAt } = {}) => {
    const now = await nowOf(tenant);
    const events = await eventsOf(tenant, id);
    if (!events) return unreadableAnswer(id, baseUrl, asked ?? now, knownAt ?? now);
    const asOf = asked ?? nowFor(events, now);
    const found = standingOf(events, { asOf, knownAt });
    if (!found) return undefined;
    const { issued } = found;
    const { templateId, templateVersion, issuerId } = issued.data;
    const flagged = found.events.flatMap((event) =>
      event.type === 'credential-flagged' && event.data.componentTemplateId ? [event.data.componentTemplateId] : [],
    );
    const renewed = found.term.serial > 1;
    const [template, issuer, holder, basis, renewal, restsOn, towards, titleOf] = await Promise.all([
      attempt(() => publishedTemplate(loader, tenant, templateId, templateVersion)),
      attempt(() => loader.fold(issuerFold, issuerStream(tenant, issuerId))),
      attempt(() => holderOf(tenant, issued)),
      attempt(() => basisOf(tenant, issued.data)),
      renewed ? attempt(() => basisOf(tenant, found.term)) : undefined,
      attempt(() => componentsOf(tenant, issued, { asOf, knownAt })),
      attempt(() => countsTowards(tenant, templateId)),
      attempt(() => titlesOf(tenant, [], flagged)),
    ]);
    const [copy, rule] = await Promise.all([
      holder?.is === 'erased' ? ({ found: 'erased' } as const) : copyOf(tenant, found, issuer),
      attempt(() => ruleOf(tenant, basis)),
    ]);
    const titles = flagged.flatMap((each): [TemplateId, LanguageMap][] => {
      const title = titleOf?.('template', each);
      return title ? [[each, title]] : [];
    });
    return verificationAnswer({
      credentialId: id,
      baseUrl,
      asOf,
      knownAt: knownAt ?? nowFor(events, now),
      standing: found,
      template,
      issuer,
      holder: holder ?? { is: 'unknown' },
      basis,
      ...(renewed ? { renewal } : {}),
      copy,
      restsOn: restsOn ?? [],
      countsTowards: towards ?? [],
      ...(rule ? { rule } : {}),
      titles: new Map(titles),
    });
  };

  const standing: CredentialReader['standing'] = async (tenant, id, { asOf, knownAt } = {}) => {
    const events = await eventsOf(tenant, id);
    return events ? standingOf(events, { asOf: asOf ?? nowFor(events, await nowOf(tenant)), knownAt }) : 'unknown';
  };

  /** A record with those that it took in, whose facts its decisions name. */
  async function withAbsorbed(
    record: readonly Recorded<RecordEvent>[],
    others: readonly (readonly Recorded<RecordEvent>[])[] = [],
  ): Promise<readonly Recorded<RecordEvent>[]> {
    const events = new Map([...record, ...others.flat()].map((event) => [event.id, event]));
    const read = new Set<string>();
    for (const { type, data, meta } of events.values()) {
      if (type !== 'record-absorbed' || read.has(data.from)) continue;
      read.add(data.from);
      const taken = (await history(recordStream(meta.tenant, data.from))) as readonly Recorded<RecordEvent>[];
      for (const event of taken) events.set(event.id, event);
    }
    return [...events.values()];
  }

  const explain: CredentialReader['explain'] = async (tenant, id, { asOf: asked, knownAt } = {}) => {
    const events = (await history(credentialStream(tenant, id))) as readonly Recorded<CredentialEvent>[];
    const asOf = asked ?? nowFor(events, await nowOf(tenant));
    const found = standingOf(events, { asOf, knownAt });
    if (!found) return undefined;
    const { data } = found.issued;
    const whole = (await history(data.basis.stream)) as readonly Recorded<RecordEvent>[];
    const record = knownAt === undefined ? whole : whole.filter(({ meta }) => meta.recordedAt <= knownAt);
    const basis = record[data.basis.revision];
    if (basis?.id !== data.basis.eventId || (basis.type !== 'credential-earned' && basis.type !== 'credential-granted'))
      throw new Error(
        `${found.issued.stream} names a decision that is not at ${data.basis.stream}@${data.basis.revision}`,
      );
    const [template, { registered }, pathway, components] = await Promise.all([
      publishedTemplate(loader, tenant, data.templateId, data.templateVersion),
      loader.fold(issuerFold, issuerStream(tenant, data.issuerId)),
      pathwayOf(tenant, basis as Basis),
      componentsOf(tenant, found.issued, { asOf, knownAt }),
    ]);
    if (!template || !registered)
      throw new Error(`${found.issued.stream} names a template or issuer that does not exist`);
    const renewals = await Promise.all(
      found.terms.slice(1).map(async (term) => {
        // After a merge it may have been decided in the record of the other learner.
        const own = term.basis.stream === data.basis.stream;
        const decidedIn = own ? record : ((await history(term.basis.stream)) as readonly Recorded<RecordEvent>[]);
        const event = decidedIn[term.basis.revision];
        if (event?.type !== 'renewal-earned' || event.id !== term.basis.eventId)
          throw new Error(`term ${term.serial} of ${found.issued.stream} names a renewal that is not in the record`);
        return { basis: event as RenewalBasis, decidedIn };
      }),
    );
    const rules = pathway?.rules;
    const renewal = template.renewal && asRules(template.renewal.requirement, registered.zone);
    const trees = [rules, renewal].flatMap((one) => one ?? []);
    const named = {
      modules: trees.flatMap((tree) => namedIn(tree).modules),
      templates: trees.flatMap((tree) => namedIn(tree).templates),
    };
    const facts = await withAbsorbed(
      record,
      renewals.map(({ decidedIn }) => decidedIn),
    );
    const met = facts.flatMap((event) =>
      event.type === 'module-completed' || event.type === 'stack-component-credited' ? [event.data] : [],
    );
    const titleOf = await titlesOf(
      tenant,
      [...new Set([...named.modules, ...met.flatMap(({ moduleId }) => moduleId ?? [])])],
      [...new Set([...named.templates, ...met.flatMap((each) => ('templateId' in each && each.templateId) || [])])],
    );
    const award = rules?.awards.find((each) => each.id === (basis as Basis).data.awardId);
    return explainCredential({
      baseUrl,
      standing: found,
      basis: basis as Basis,
      record: facts,
      template,
      issuer: registered,
      pathway,
      ...(rules && award ? { ruleText: ruleInWords(award.when, rules, titleOf) } : {}),
      requirementText: (requirementId) => {
        for (const tree of trees) {
          const node = requirementOf(tree, requirementId);
          if (node !== undefined) return requirementInWords(node, tree, titleOf);
        }
        return undefined;
      },
      titleOf,
      components,
      ...(renewal?.steps[0] ? { renewalText: requirementInWords(renewal.steps[0].need, renewal, titleOf) } : {}),
      renewals: await Promise.all(
        renewals.map(async ({ basis: renewed, decidedIn }) => ({
          basis: renewed,
          again: (await decideAgain?.(decidedIn, renewed)) ?? null,
        })),
      ),
      again: (pathway && (await decideAgain?.(record, basis as Basis))) || null,
    });
  };

  const signedCopy: CredentialReader['signedCopy'] = async (tenant, id) => {
    const events = (await history(credentialStream(tenant, id))) as readonly Recorded<CredentialEvent>[];
    const found = standingOf(events, { asOf: nowFor(events, await nowOf(tenant)) });
    if (!found) return undefined;
    const { issued, copy } = found;
    const holder = await holderOf(tenant, issued);
    return holder.is === 'erased' ? undefined : copies.read(tenant, issued.data.learnerId, copy.vcHash);
  };

  return { verify, standing, explain, signedCopy };
}
