import { pathwayIdOf, type PublishedPathway } from '../contracts/catalog.events.js';
import { e2Catalog, e2SecondVersion, TENANT, type PathwayDraft } from '@cairn/testing';
import { versionDiff } from './version-diff.js';

const published = ({ label, ...draft }: PathwayDraft, more: Partial<PublishedPathway> = {}): PublishedPathway => ({
  ...draft,
  pathwayId: pathwayIdOf(TENANT, draft.slug),
  version: 1,
  label,
  templateVersions: Object.fromEntries(draft.rules.awards.map(({ id }) => [id, 1])),
  inner: [],
  hash: 'c'.repeat(64),
  ...more,
});
const first = published(e2Catalog().pathways[0]!);

describe('what a version changes', () => {
  it('is nothing against itself', () => expect(versionDiff(first, first, {})).toEqual([]));

  it('names the rule that changed, and nothing else', () => {
    const [change, ...others] = versionDiff(first, published(e2SecondVersion()), {});
    expect(change).toMatch(/Foundations.*DS-103/);
    expect(others).toEqual([]);
  });

  it('tells the rest of the pathway too', () => {
    const after = { ...first, title: { en: 'Data' }, enrollment: 'automatic', returnWithinDays: 730 } as const;
    expect(versionDiff(first, after, {})).toEqual([
      'It was called "Data skills" before.',
      'Enrollment is automatic, not on request.',
      'Whoever returns keeps the version within 730 days; before, keeps the version, however long the pause.',
    ]);
  });

  it('tells which awards issue another version of their template', () =>
    expect(
      versionDiff(
        first,
        { ...first, templateVersions: { ...first.templateVersions, L3: 2 } },
        { credential: () => 'Level 3' },
      ),
    ).toEqual(['Award Level 3 issues version 2 of its template instead of 1.']));
});
