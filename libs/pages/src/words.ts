// Words and dates for people. Chrome is English; texts of institutions come in the languages they have.
import type { Instant } from '@cairn/kernel';

export type Texts = { readonly [language: string]: string };

/** The text in the wanted language, else in English, else in any. */
export const inLanguage = (texts: Texts | undefined, language = 'en'): string =>
  texts?.[language] ?? texts?.['en'] ?? Object.values(texts ?? {})[0] ?? '';

const formats = new Map<string, Intl.DateTimeFormat>();
function format(zone: string, style: 'day' | 'time'): Intl.DateTimeFormat {
  const key = `${zone} ${style}`;
  let found = formats.get(key);
  if (!found) {
    found = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      dateStyle: 'long',
      ...(style === 'time' ? { timeStyle: 'short' as const } : {}),
    });
    formats.set(key, found);
  }
  return found;
}

/** `10 March 2026` in the zone. */
export const day = (instant: Instant | string, zone = 'UTC'): string => format(zone, 'day').format(new Date(instant));
/** `10 March 2026 at 10:00` in the zone. */
export const time = (instant: Instant | string, zone = 'UTC'): string => format(zone, 'time').format(new Date(instant));
/** `10 March 2026` for a local date. */
export const localDate = (date: string): string => format('UTC', 'day').format(new Date(`${date}T12:00:00Z`));

/** `component-revoked` → `component revoked`. */
export const unkebab = (code: string): string => code.replaceAll('-', ' ');
export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** `ext:MicroCredential` → `Micro Credential`. */
export const achievementKind = (type: string): string => type.replace(/^ext:/, '').replace(/(?<=[a-z])(?=[A-Z])/g, ' ');

export const percent = (fraction: number | undefined): string =>
  fraction === undefined ? '–' : `${(fraction * 100).toFixed(1)} %`;

/** `51 days`, `2 days 4 hours`, `12 minutes`: the two largest units; of many days the hours say nothing. */
export function duration(seconds: number | undefined): string {
  if (seconds === undefined) return '–';
  const units = [
    ['day', 86_400],
    ['hour', 3_600],
    ['minute', 60],
    ['second', 1],
  ] as const;
  const parts: string[] = [];
  let rest = Math.round(seconds);
  for (const [name, size] of units) {
    const count = Math.floor(rest / size);
    if (count > 0) parts.push(`${count} ${name}${count === 1 ? '' : 's'}`);
    rest -= count * size;
    if (parts.length === 2 || (name === 'day' && count > 2)) break;
  }
  return parts.length === 0 ? 'at once' : parts.join(' ');
}
