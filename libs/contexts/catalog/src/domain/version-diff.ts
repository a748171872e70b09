// What one version of a pathway changes against another, in plain English.
import { diffInWords, type Names } from '@cairn/rules';
import type { PublishedPathway } from '../contracts/catalog.events.js';

const MODES: Record<PublishedPathway['enrollment'], string> = {
  automatic: 'automatic',
  'on-request': 'on request',
  closed: 'closed',
};
const returning = (days: number | undefined): string =>
  days === undefined ? 'keeps the version, however long the pause' : `keeps the version within ${days} days`;

/** A sentence for each change, those of the pathway as a whole first; empty: both say the same. */
export function versionDiff(before: PublishedPathway, after: PublishedPathway, names: Names): readonly string[] {
  const texts = (text: PublishedPathway['title']): string => Object.values(text).join(' / ');
  const repinned = after.rules.awards.flatMap(({ id, template }) => {
    const [old, now] = [before.templateVersions[id], after.templateVersions[id]];
    const same = before.rules.awards.some((award) => award.id === id && award.template === template);
    return same && old !== now
      ? [`Award ${names.credential?.(template) ?? id} issues version ${now} of its template instead of ${old}.`]
      : [];
  });
  return [
    ...(texts(before.title) === texts(after.title) ? [] : [`It was called "${texts(before.title)}" before.`]),
    ...(before.enrollment === after.enrollment
      ? []
      : [`Enrollment is ${MODES[after.enrollment]}, not ${MODES[before.enrollment]}.`]),
    ...(before.returnWithinDays === after.returnWithinDays
      ? []
      : [`Whoever returns ${returning(after.returnWithinDays)}; before, ${returning(before.returnWithinDays)}.`]),
    ...diffInWords(before.rules, after.rules, names),
    ...repinned,
  ];
}
