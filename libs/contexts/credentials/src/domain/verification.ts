// The public answer about one credential, put together from what was read. Pure: whoever calls it says what could be
// read and what could not, and nothing that is missing ever makes a credential valid (architecture, decision 10).
import { publicId, type CredentialId, type Instant, type Recorded, type TemplateId } from '@cairn/kernel';
import type { PublishedTemplate } from '@cairn/contexts/catalog';
import type { IssuerState } from '@cairn/contexts/tenancy';
import { localDay } from '@cairn/rules';
import type { JsonObject } from '@cairn/kernel';
import type {
  FlagEntry,
  HistoryEntry,
  LanguageMap,
  StackEntry,
  TermEntry,
  VerificationAnswer,
  VerificationCheck,
} from '../contracts/verification-answer.js';
import type { CredentialEvent } from '../contracts/credential.events.js';
import type { Standing } from './credential-status.js';
import { achievementUrl, credentialUrl, plainText, statusListUrl } from './issue-preparation.js';

/** The signed copy as it was found. `erased`: its key was destroyed with the holder's data. */
export type SignedCopyFinding =
  | { readonly found: 'erased' }
  | { readonly found: 'missing' }
  | { readonly found: 'unreadable' }
  | {
      readonly found: 'verified';
      /** Signature and key by libs/openbadges under the issuer's published keys. */
      readonly outcome: 'pass' | 'fail' | 'unknown';
      readonly why: string;
      /** What was signed, without the JWT's own claims. */
      readonly credential: JsonObject;
    };

export type Reading = {
  readonly credentialId: CredentialId;
  readonly baseUrl: string;
  readonly asOf: Instant;
  readonly knownAt: Instant;
  readonly standing: Standing;
  /** Undefined where it could not be read. */
  readonly template: PublishedTemplate | undefined;
  readonly issuer: IssuerState | undefined;
  readonly holder:
    { readonly is: 'named'; readonly name: string } | { readonly is: 'not-given' | 'erased' | 'unknown' };
  /** The event at the place that the credential names; undefined if it could not be read, null if there is none. */
  readonly basis: Recorded | null | undefined;
  /** The same for the renewal that brought the running term; left out for the first term. */
  readonly renewal?: Recorded | null | undefined;
  readonly copy: SignedCopyFinding;
  readonly restsOn: readonly StackEntry[];
  readonly countsTowards: NonNullable<VerificationAnswer['stack']>['countsTowards'];
  readonly rule?: {
    readonly text?: LanguageMap;
    readonly pathway: LanguageMap;
    readonly version: number;
    readonly label: string;
  };
  /** Titles of templates that flags name. */
  readonly titles: ReadonlyMap<TemplateId, LanguageMap>;
};

const en = (text: string): LanguageMap => ({ en: text });
/** Causes that a policy names, for a reader who knows no policy; other reasons are what people chose. */
const POLICY_CAUSES: ReadonlyMap<string, string> = new Map([
  ['component-expired', 'a credential that it rests on has expired'],
  ['component-revoked', 'a credential that it rests on was revoked'],
  ['entitlement-withdrawn', 'a result that it was earned by was taken back'],
  ['renewal-withdrawn', 'a result that renewed it was taken back'],
]);
const words = (code: string): string => POLICY_CAUSES.get(code) ?? code.replaceAll('-', ' ');
const quoted = (title: LanguageMap | undefined): string => (title ? `“${plainText(title)}”` : 'A credential');

/** A local day in words: `10 March 2026`. */
export function dayInWords(instant: Instant, zone: string): string {
  return new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: zone }).format(new Date(instant));
}

/** The last local day of a half-open term. */
export const lastDayBefore = (until: Instant, zone: string): string =>
  localDay(new Date(Date.parse(until) - 1).toISOString() as Instant, zone);

/** When the credential's own stream cannot be read or decoded: nothing is known of it, least of all that it is valid. */
export function unreadableAnswer(
  credentialId: CredentialId,
  baseUrl: string,
  asOf: Instant,
  knownAt: Instant,
): VerificationAnswer {
  return {
    credential: publicId('crd', credentialId),
    status: 'unknown',
    reason: 'stream-unreadable',
    text: en(
      'It cannot be established now whether this credential is valid. Ask again later; do not rely on it until then.',
    ),
    asOf,
    knownAt,
    checks: [
      {
        check: 'life-cycle',
        outcome: 'unknown',
        compared: 'the events of the credential',
        text: en('The history of this credential cannot be read now.'),
      },
    ],
    holder: null,
    holderIs: 'unknown',
    flags: [],
    supersededBy: null,
    history: [],
    links: linksOf(credentialId, baseUrl, false),
  };
}

/** The answer about a credential whose stream was read. */
export function verificationAnswer(reading: Reading): VerificationAnswer {
  const { credentialId, baseUrl, asOf, knownAt, standing, template, issuer, holder, copy, rule } = reading;
  const { data } = standing.issued;
  const { term, copy: newest } = standing;
  const checks = checksOf(reading);
  const open = checks.find(({ outcome }) => outcome === 'unknown' || outcome === 'fail');
  // A definite negative beats unknown; unknown beats valid.
  const doubtful = standing.status === 'valid' && open !== undefined;
  const registered = issuer?.registered;
  const zone = registered?.zone;
  const achievement = template?.achievement;
  const basis = reading.basis ?? undefined;
  const issuerKey = issuer?.keys.find(({ keyId }) => keyId === newest.keyId);
  return {
    credential: publicId('crd', credentialId),
    ...(doubtful
      ? {
          status: 'unknown' as const,
          reason: `${open.check}-${open.outcome === 'fail' ? 'failed' : 'not-established'}`,
        }
      : {
          status: standing.status,
          since: standing.since,
          ...(standing.reason === undefined ? {} : { reason: standing.reason }),
        }),
    text: doubtful
      ? en('It cannot be established that this credential is valid. Ask the issuer; do not rely on it until then.')
      : verdictText(standing, zone ?? 'UTC', asOf),
    asOf,
    knownAt,
    checks,
    ...(achievement
      ? {
          title: achievement.name,
          description: achievement.description,
          achievementType: achievement.achievementType,
          ...(achievement.level === undefined
            ? {}
            : { level: { number: achievement.level, text: en(`Level ${achievement.level}`) } }),
          ...(achievement.credits === undefined ? {} : { credits: achievement.credits }),
          criteriaText: achievement.criteria,
          alignments: (achievement.alignments ?? []).map(({ targetName, targetUrl, targetFramework }) => ({
            name: targetName,
            url: targetUrl,
            ...(targetFramework === undefined ? {} : { framework: targetFramework }),
          })),
        }
      : {}),
    criteria: achievementUrl(baseUrl, data.templateId, data.templateVersion),
    ...(registered
      ? {
          issuer: {
            id: registered.did,
            name: registered.name,
            ...(registered.url === undefined ? {} : { url: registered.url }),
          },
        }
      : {}),
    holder: holder.is === 'named' ? { name: holder.name } : null,
    holderIs: holder.is,
    awardedAt: data.awardedAt,
    serial: term.serial,
    validFrom: term.validFrom,
    ...(term.validUntil === undefined ? {} : { validUntil: term.validUntil }),
    terms: termsOf(standing),
    ...renewalOf(standing),
    ...(zone === undefined
      ? {}
      : {
          zone,
          firstValidDay: localDay(term.validFrom, zone),
          ...(term.validUntil === undefined ? {} : { lastValidDay: lastDayBefore(term.validUntil, zone) }),
        }),
    stack: {
      restsOn: reading.restsOn,
      countsTowards: reading.countsTowards,
      ...(rule
        ? {
            ...(rule.text ? { rule: rule.text } : {}),
            pathway: rule.pathway,
            version: rule.version,
            versionLabel: rule.label,
          }
        : {}),
    },
    ...(basis ? { basis: basisWords(standing.issued, basis) } : {}),
    flags: standing.flags.map(({ cause, since, componentTemplateId }) =>
      flagEntry(reading, cause, since, componentTemplateId),
    ),
    supersededBy: standing.supersededBy === undefined ? null : publicId('crd', standing.supersededBy),
    history: standing.events.flatMap((event) => historyEntry(reading, event)),
    proof: {
      key: newest.keyId,
      ...(issuerKey ? { algorithm: issuerKey.algorithm } : {}),
      sha256: newest.vcHash,
    },
    links: linksOf(credentialId, baseUrl, copy.found === 'verified'),
  };
}

export const termsOf = ({ terms }: Standing): readonly TermEntry[] =>
  terms.map(({ serial, validFrom, validUntil }) => ({
    serial,
    validFrom,
    ...(validUntil === undefined ? {} : { validUntil }),
  }));

/** The window of the last term, unless nothing renews it any more. */
export function renewalOf({ terms, status }: Standing): Pick<VerificationAnswer, 'renewal'> {
  const renewal = terms.at(-1)?.renewal;
  return renewal === undefined || status === 'revoked' || status === 'superseded' ? {} : { renewal };
}

function linksOf(credentialId: CredentialId, baseUrl: string, copy: boolean): VerificationAnswer['links'] {
  const page = credentialUrl(baseUrl, credentialId);
  return { page, json: `${page}.json`, ...(copy ? { credential: `${page}.jwt` } : {}) };
}

function basisWords(issued: Standing['issued'], basis: Recorded): NonNullable<VerificationAnswer['basis']> {
  const { reasonCode, authority } = issued.data;
  return {
    kind: basis.type === 'credential-granted' ? 'granted' : 'earned',
    ...(reasonCode === undefined ? {} : { reason: reasonCode }),
    ...(authority === undefined ? {} : { authority }),
  };
}

function verdictText(
  { status, since, reason, term, terms, flags }: Standing,
  zone: string,
  asOf: Instant,
): LanguageMap {
  const day = (instant: Instant): string => dayInWords(instant, zone);
  const { validFrom, validUntil } = term;
  switch (status) {
    case 'valid': {
      // A term that follows without a gap is part of the same time of validity.
      const follows = terms.at(-1)?.validUntil ?? validUntil;
      const lastDay = follows && day(new Date(Date.parse(follows) - 1).toISOString() as Instant);
      const time = lastDay === undefined ? `since ${day(since)}, without an end` : `from ${day(since)} to ${lastDay}`;
      const remark = flags.length > 0 ? ' Something that it rests on has lapsed: see the remarks.' : '';
      const renewed = term.serial === terms.at(-1)?.serial ? '' : ' It is renewed already.';
      return en(`Valid ${time}.${renewed}${remark}`);
    }
    case 'revoked':
      return en(`Revoked on ${day(since)}${reason === undefined ? '' : `: ${words(reason)}`}.`);
    case 'superseded':
      return en(`Superseded on ${day(since)}: a corrected edition has taken its place.`);
    case 'suspended':
      return en(
        `Suspended since ${day(since)}${reason === undefined ? '' : `: ${words(reason)}`}. It may become valid again.`,
      );
    case 'expired':
      return en(`Expired: its last day was ${day(new Date(Date.parse(since) - 1).toISOString() as Instant)}.`);
    case 'not-yet-valid':
      return en(`Not yet valid on ${day(asOf)}: it begins on ${day(validFrom)}.`);
    default:
      return en(words(status));
  }
}

function checksOf(reading: Reading): readonly VerificationCheck[] {
  const { standing, issuer, copy, asOf } = reading;
  const { issued, status } = standing;
  const last = standing.events.at(-1) ?? issued;
  const { validFrom, validUntil } = standing.term;
  const term = validUntil === undefined ? `[${validFrom}, …)` : `[${validFrom}, ${validUntil})`;
  const revoked = status === 'revoked';
  const superseded = status === 'superseded';
  const ended = revoked || superseded || status === 'suspended';
  const inTerm = status !== 'expired' && status !== 'not-yet-valid';
  return [
    {
      check: 'life-cycle',
      outcome: ended ? 'fail' : 'pass',
      compared: `revision ${last.revision} of the credential's events`,
      text: en(
        revoked
          ? 'It was revoked.'
          : superseded
            ? 'A corrected edition has taken its place.'
            : ended
              ? 'It is suspended.'
              : 'It was issued and neither revoked nor suspended, by its own history.',
      ),
    },
    {
      check: 'term',
      outcome: ended || inTerm ? 'pass' : 'fail',
      compared: `${asOf} in ${term}`,
      text: en(
        ended || inTerm
          ? 'The instant asked about lies in its term.'
          : 'The instant asked about lies outside its term.',
      ),
    },
    signatureCheck(standing.copy, issuer, copy),
    contentCheck(reading),
    basisCheck(reading),
  ];
}

function signatureCheck(
  newest: Standing['copy'],
  issuer: IssuerState | undefined,
  copy: SignedCopyFinding,
): VerificationCheck {
  const check = 'signature';
  const compared = `key ${newest.keyId}${issuer?.registered ? ` of ${issuer.registered.did}` : ''}`;
  const result = (outcome: VerificationCheck['outcome'], text: string): VerificationCheck => ({
    check,
    outcome,
    compared,
    text: en(text),
  });
  if (copy.found === 'erased')
    return result('skipped', 'The signed copy was erased with the personal data of its holder; its digest is kept.');
  if (copy.found === 'missing') return result('unknown', 'The signed copy is not where it should be.');
  if (copy.found === 'unreadable') return result('unknown', 'The signed copy cannot be read now.');
  const key = issuer?.keys.find(({ keyId }) => keyId === newest.keyId);
  if (!issuer) return result('unknown', "The issuer's keys cannot be read now.");
  if (!key) return result('fail', 'The issuer never published the key that it names.');
  if (key.retired?.reasonCode === 'compromised' && newest.recordedAt >= key.retired.at)
    return result('fail', 'It was signed with a key that was compromised by then.');
  if (copy.outcome === 'pass') return result('pass', "The signature is good, by the issuer's published key.");
  return result(copy.outcome, `The signature does not hold: ${copy.why}.`);
}

/** The signed copy says what the event says: the same credential, dates, status entry and issuer. */
function contentCheck(reading: Reading): VerificationCheck {
  const { standing, copy, issuer, template, credentialId, baseUrl } = reading;
  const { data } = standing.issued;
  const check = 'content';
  const compared = `SHA-256 ${standing.copy.vcHash}`;
  if (copy.found !== 'verified')
    return {
      check,
      outcome: copy.found === 'erased' ? 'skipped' : 'unknown',
      compared,
      text: en('There is no signed copy to compare with.'),
    };
  if (!template || !issuer)
    return { check, outcome: 'unknown', compared, text: en('What it stands for cannot be read now.') };
  const seconds = (instant: string | undefined): string | undefined =>
    instant === undefined ? undefined : `${new Date(instant).toISOString().slice(0, 19)}Z`;
  const signed = copy.credential;
  const status = signed['credentialStatus'] as JsonObject | undefined;
  const issuerOf = signed['issuer'] as JsonObject | undefined;
  const expected: readonly (readonly [string, unknown, unknown])[] = [
    ['id', signed['id'], credentialUrl(baseUrl, credentialId)],
    ['issuer', issuerOf?.['id'], issuer.registered?.did],
    ['awardedDate', signed['awardedDate'], seconds(data.awardedAt)],
    ['validUntil', signed['validUntil'], seconds(standing.copy.validUntil)],
    ['status index', status?.['statusListIndex'], data.status.index],
    ['status list', status?.['statusListCredential'], statusListUrl(baseUrl, data.status.listId)],
  ];
  const differing = expected.filter(([, found, due]) => found !== due).map(([name]) => name);
  return differing.length === 0
    ? { check, outcome: 'pass', compared, text: en('The signed copy says the same as the history.') }
    : {
        check,
        outcome: 'fail',
        compared,
        text: en(`The signed copy says something else than the history about: ${differing.join(', ')}.`),
      };
}

function basisCheck({ standing, basis, renewal, credentialId }: Reading): VerificationCheck {
  const { issued, term } = standing;
  const { data } = issued;
  const check = 'basis';
  const renewed = term.serial > 1;
  const compared = [data.basis, ...(renewed ? [term.basis] : [])]
    .map(({ eventId }) => publicId('evt', eventId))
    .join(', ');
  if (basis === undefined || (renewed && renewal === undefined))
    return { check, outcome: 'unknown', compared, text: en('The decision behind it cannot be read now.') };
  const isFor = (event: Recorded | null | undefined, id: string, ...types: readonly string[]): boolean =>
    event?.id === id &&
    types.includes(event.type) &&
    (event.data as { credentialId?: unknown }).credentialId === credentialId;
  const entitles =
    isFor(basis, data.basis.eventId, 'credential-earned', 'credential-granted') &&
    (!renewed || isFor(renewal, term.basis.eventId, 'renewal-earned'));
  return entitles
    ? { check, outcome: 'pass', compared, text: en('The decision that entitles to it is on record.') }
    : { check, outcome: 'fail', compared, text: en('The decision that it names does not entitle to it.') };
}

const CAUSES: Readonly<Record<string, string>> = {
  'component-revoked': 'was revoked',
  'component-expired': 'has expired',
};

function flagEntry(
  { titles }: Reading,
  cause: string,
  since: Instant,
  componentTemplateId: TemplateId | undefined,
): FlagEntry {
  const component = componentTemplateId && titles.get(componentTemplateId);
  const happened = CAUSES[cause];
  const text =
    happened === undefined
      ? 'The facts that stand do not entitle to it any more.'
      : `${quoted(component)}${component ? ',' : ''} ${component ? 'on which it rests, ' : 'on which it rests '}${happened}.`;
  return { cause, since, ...(component ? { component } : {}), text: en(text) };
}

function historyEntry(reading: Reading, event: Recorded<CredentialEvent>): readonly HistoryEntry[] {
  const place = { recordedAt: event.meta.recordedAt, revision: event.revision };
  switch (event.type) {
    case 'credential-issued': {
      const { authority, reasonCode, validFrom } = event.data;
      const name = reading.issuer?.registered?.name;
      const decision = authority === undefined ? '' : `, by decision of ${authority} (${words(reasonCode ?? '')})`;
      return [
        {
          ...place,
          what: 'issued',
          at: validFrom,
          ...(reasonCode === undefined ? {} : { reason: reasonCode }),
          text: en(`Issued${name === undefined ? '' : ` by ${name}`}${decision}.`),
        },
      ];
    }
    case 'credential-renewed': {
      const { authority, reasonCode, at, validFrom, validUntil } = event.data;
      const zone = reading.issuer?.registered?.zone ?? 'UTC';
      const last = dayInWords(new Date(Date.parse(validUntil) - 1).toISOString() as Instant, zone);
      const decision = authority === undefined ? '' : `, by decision of ${authority} (${words(reasonCode ?? '')})`;
      const text = en(`Renewed from ${dayInWords(validFrom, zone)} to ${last}${decision}.`);
      return [{ ...place, what: 'renewed', at, ...(reasonCode === undefined ? {} : { reason: reasonCode }), text }];
    }
    case 'credential-superseded': {
      const { effectiveAt, reasonCode } = event.data;
      const text = en(`A corrected edition took its place: ${words(reasonCode)}.`);
      return [{ ...place, what: 'superseded', at: effectiveAt, reason: reasonCode, text }];
    }
    case 'renewal-window-opened':
      return [{ ...place, what: 'renewal-opened', at: event.data.opens, text: en('It can be renewed from now on.') }];
    case 'renewal-reminder-requested':
      return []; // between the issuer and the holder
    case 'renewal-window-closed':
      return [
        {
          ...place,
          what: 'renewal-closed',
          at: event.data.closes,
          text: en('It can no longer be renewed, only earned again.'),
        },
      ];
    case 'credential-flagged': {
      const { cause, effectiveAt, componentTemplateId } = event.data;
      const { text } = flagEntry(reading, cause, effectiveAt, componentTemplateId);
      return [{ ...place, what: 'flagged', at: effectiveAt, reason: cause, text }];
    }
    case 'credential-unflagged':
      return [{ ...place, what: 'flag-lifted', at: event.data.effectiveAt, text: en('The remark no longer applies.') }];
    case 'credential-revoked': {
      const { effectiveAt, reasonCode } = event.data;
      return [
        { ...place, what: 'revoked', at: effectiveAt, reason: reasonCode, text: en(`Revoked: ${words(reasonCode)}.`) },
      ];
    }
    case 'credential-suspended': {
      const { effectiveAt, reasonCode } = event.data;
      const text = en(`Suspended: ${words(reasonCode)}.`);
      return [{ ...place, what: 'suspended', at: effectiveAt, reason: reasonCode, text }];
    }
    case 'credential-reinstated':
      return [{ ...place, what: 'reinstated', at: event.data.effectiveAt, text: en('That suspension is over.') }];
    case 'credential-expired':
      return [{ ...place, what: 'expired', at: event.data.validUntil, text: en('Its term ended.') }];
    case 'credential-issuance-barred':
      return []; // never together with an issuance
    default:
      return event satisfies never;
  }
}
