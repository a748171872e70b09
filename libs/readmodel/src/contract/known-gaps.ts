// What servers of MongoDB's protocol that are not MongoDB answer differently. Such cases are skipped by name, with the
// reason in their title; each was held against MongoDB's documentation and its own tests first, and is right as it
// stands in the suite.

export type Gap = {
  /** The case's title, with the values of its `$names` in place. */
  readonly title: RegExp;
  readonly because: string;
};

const TEXT = 'orders text by UTF-16 units, MongoDB by bytes (reference: BSON type comparison order, strings)';
const BELOW_LISTS =
  'takes scalars in a list for objects without fields; MongoDB looks into objects only (jstests: null_query_semantics.js)';
const LISTS_IN_LISTS =
  'does not compare a list in a list as a value (tutorial: query an array; reference: sort, arrays)';

/** mongo-java-server 1.47.0-25-ge09dcfb7, as of 24 November 2026. */
export const MONGO_JAVA_SERVER: readonly Gap[] = [
  { title: /^scans everything in the order of ids, by code points/, because: TEXT },
  { title: /text by code point, not by UTF-16 unit/, because: TEXT },
  { title: /^meets every document once.*\bk,|^does so where values.*: [ns],/, because: TEXT },
  { title: /^(find|match): values: null below a field/, because: BELOW_LISTS },
  { title: /null under a list: some object lacks it/, because: BELOW_LISTS },
  { title: /not \$exists below a list/, because: BELOW_LISTS },
  { title: /\$elemMatch (null$|not \$exists|with \$or)/, because: BELOW_LISTS },
  { title: /a list as a whole, or inside another|values: a list in a list/, because: LISTS_IN_LISTS },
  { title: /^find: values: types in order/, because: `${TEXT}; ${LISTS_IN_LISTS}` },
  {
    title: /different items may meet the two sides/,
    because: 'wants one item to meet all conditions; MongoDB only within $elemMatch (tutorial: query an array)',
  },
  {
    title: /a sum of fractions keeps its rounding error/,
    because: 'adds up plainly; MongoDB keeps the rounding error',
  },
  { title: /push leaves out the missing, keeps null/, because: 'leaves out null, too' },
  { title: /comparisons tell missing from null/, because: 'takes a missing field for null in expressions' },
  { title: /a path through a list gives a list/, because: 'closes the connection on a path through a list of scalars' },
  { title: /groups by objects and lists/, because: 'takes different lists for one group' },
  { title: /groups by an object of one field/, because: 'keeps missing and null apart (jstests: groupMissing.js)' },
  {
    title: /^that do not exist/,
    because: 'knows no code 26: lists indexes of, and drops, what does not exist otherwise',
  },
];

/** Jest's `it`, but cases with a gap are skipped, with the reason in their title. */
export function itWithout(gaps: readonly Gap[]): typeof it {
  const gapOf = (title: string): Gap | undefined => gaps.find((gap) => gap.title.test(title));
  const skip = (title: string, { because }: Gap): void => it.skip(`${title} (the server ${because})`, () => {});
  const one = (title: string, test: () => Promise<void>): void => {
    const gap = gapOf(title);
    if (gap) skip(title, gap);
    else it(title, test);
  };
  const each = (cases: readonly unknown[]) => (title: string, test: (one: unknown) => Promise<void>) => {
    const titled = cases.map((value) => ({
      value,
      title: title.replace(/\$(\w+)/g, (whole, key: string) =>
        typeof value === 'object' && value !== null && key in value
          ? String((value as Readonly<Record<string, unknown>>)[key])
          : whole,
      ),
    }));
    const able = titled.filter((one) => !gapOf(one.title));
    if (able.length > 0) it.each(able.map(({ value }) => value))(title, test);
    for (const { title: full } of titled) {
      const gap = gapOf(full);
      if (gap) skip(full, gap);
    }
  };
  return gaps.length === 0 ? it : (Object.assign(one, { each }) as unknown as typeof it);
}
