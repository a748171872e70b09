// What messages say, in each language. Plain text: nothing to load, nothing to click by accident, read by everything.
import { daysBetween, localDay } from '@cairn/rules';
import type { Instant } from '@cairn/kernel';
import type { MessageKind } from '../contracts/message.events.js';

export type TextFacts = {
  readonly kind: MessageKind;
  /** Of the learner, if known. */
  readonly name?: string;
  /** Of the credential, by language. */
  readonly title: { readonly [language: string]: string };
  readonly issuer: string;
  /** Of the issuer: days are those of its walls. */
  readonly zone: string;
  readonly url: string;
  /** End of the term; left out: there is none. */
  readonly validUntil?: Instant;
  readonly now: Instant;
  /** A sandbox's messages say so. */
  readonly sandbox: boolean;
};

type Words = {
  readonly greeting: (name: string | undefined) => string;
  readonly subject: Readonly<Record<MessageKind, (title: string, day: string) => string>>;
  readonly body: Readonly<Record<MessageKind, (title: string, issuer: string, day: string, left: string) => string>>;
  readonly days: Readonly<Partial<Record<Intl.LDMLPluralRule, string>>> & { readonly other: string };
  readonly valid: (day: string) => string;
  readonly link: string;
  readonly why: (issuer: string) => string;
  readonly sandbox: string;
};

const WORDS: Readonly<Record<string, Words>> = {
  en: {
    greeting: (name) => (name === undefined ? 'Hello,' : `Hello ${name},`),
    subject: {
      issued: (title) => `Your credential: ${title}`,
      renewed: (title) => `Renewed: ${title}`,
      reminder: (title, day) => `${title} is valid until ${day}`,
    },
    body: {
      issued: (title, issuer) => `${issuer} has issued “${title}” to you.`,
      renewed: (title, issuer) => `${issuer} has renewed your credential “${title}”.`,
      reminder: (title, _issuer, day, left) =>
        `your credential “${title}” is valid until ${day}: ${left}. To keep it, meet the conditions for its renewal before then.`,
    },
    days: { one: 'one more day', other: '{n} more days' },
    valid: (day) => `It is valid until ${day}, that day included.`,
    link: 'See it, and show it to others, here:',
    why: (issuer) => `You get this message because ${issuer} has you on record for this credential.`,
    sandbox: 'Test',
  },
  de: {
    greeting: (name) => (name === undefined ? 'Guten Tag,' : `Guten Tag ${name},`),
    subject: {
      issued: (title) => `Ihr Nachweis: ${title}`,
      renewed: (title) => `Verlängert: ${title}`,
      reminder: (title, day) => `${title} gilt bis ${day}`,
    },
    body: {
      issued: (title, issuer) => `${issuer} hat Ihnen „${title}“ ausgestellt.`,
      renewed: (title, issuer) => `${issuer} hat Ihren Nachweis „${title}“ verlängert.`,
      reminder: (title, _issuer, day, left) =>
        `Ihr Nachweis „${title}“ gilt bis ${day}: ${left}. Damit er weiter gilt, erfüllen Sie bitte vorher die Bedingungen der Verlängerung.`,
    },
    days: { one: 'noch ein Tag', other: 'noch {n} Tage' },
    valid: (day) => `Er gilt bis einschließlich ${day}.`,
    link: 'Hier können Sie ihn ansehen und anderen zeigen:',
    why: (issuer) => `Sie erhalten diese Nachricht, weil ${issuer} diesen Nachweis für Sie führt.`,
    sandbox: 'Test',
  },
  fr: {
    greeting: (name) => (name === undefined ? 'Bonjour,' : `Bonjour ${name},`),
    subject: {
      issued: (title) => `Votre attestation : ${title}`,
      renewed: (title) => `Renouvelée : ${title}`,
      reminder: (title, day) => `${title} est valable jusqu’au ${day}`,
    },
    body: {
      issued: (title, issuer) => `${issuer} vous a délivré « ${title} ».`,
      renewed: (title, issuer) => `${issuer} a renouvelé votre attestation « ${title} ».`,
      reminder: (title, _issuer, day, left) =>
        `votre attestation « ${title} » est valable jusqu’au ${day} : ${left}. Pour la garder, remplissez avant cette date les conditions de son renouvellement.`,
    },
    days: { one: 'encore {n} jour', many: 'encore {n} jours', other: 'encore {n} jours' },
    valid: (day) => `Elle est valable jusqu’au ${day} inclus.`,
    link: 'Pour la voir et la montrer à d’autres :',
    why: (issuer) => `Vous recevez ce message parce que ${issuer} tient cette attestation à votre nom.`,
    sandbox: 'Test',
  },
};

export const LANGUAGES: readonly string[] = Object.keys(WORDS);

/** The first of the wishes that there are texts in, `de-AT` being served by `de`; English if none is. */
export function languageOf(...wishes: readonly (string | undefined)[]): string {
  for (const wish of wishes) {
    const base = wish?.toLowerCase().split('-', 1)[0];
    if (base !== undefined && LANGUAGES.includes(base)) return base;
  }
  return 'en';
}

/**
 * Subject and text in a language of {@link LANGUAGES}. Texts by others come without line breaks, control characters and
 * changes of writing direction, so that none can pass for a line or a header of ours.
 */
export function compose(language: string, facts: TextFacts): { readonly subject: string; readonly text: string } {
  const words = WORDS[language] as Words;
  const { kind, zone, validUntil, now } = facts;
  const titles = facts.title;
  const title = oneLine(titles[language] ?? titles['en'] ?? (Object.values(titles)[0] as string));
  const issuer = oneLine(facts.issuer);
  const name = facts.name === undefined ? undefined : oneLine(facts.name) || undefined;
  // `validUntil` is the first instant of no validity: people are told the last day.
  const last = validUntil && localDay(new Date(Date.parse(validUntil) - 1).toISOString() as Instant, zone);
  const day = last === undefined ? '' : inWords(last, language);
  const left = last === undefined ? '' : daysLeft(daysBetween(localDay(now, zone), last), language, words);
  const lines = [
    words.greeting(name),
    '',
    words.body[kind](title, issuer, day, left),
    ...(kind !== 'reminder' && day !== '' ? [words.valid(day)] : []),
    '',
    words.link,
    facts.url,
    '',
    issuer,
    '',
    '-- ',
    words.why(issuer),
  ];
  const subject = words.subject[kind](title, day);
  return { subject: facts.sandbox ? `[${words.sandbox}] ${subject}` : subject, text: `${lines.join('\n')}\n` };
}

const inWords = (day: string, language: string): string =>
  // A local day has no zone of its own any more.
  new Intl.DateTimeFormat(language, { dateStyle: 'long', timeZone: 'UTC' }).format(new Date(`${day}T12:00:00Z`));

function daysLeft(days: number, language: string, { days: forms }: Words): string {
  const form = forms[new Intl.PluralRules(language).select(days)] ?? forms.other;
  return form.replace('{n}', new Intl.NumberFormat(language).format(days));
}

export const oneLine = (text: string): string =>
  text
    .replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')
    .replace(/[\u202a-\u202e\u2066-\u2069]/g, '')
    .trim();
