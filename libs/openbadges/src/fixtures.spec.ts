import { jwkOfMultikey, type PublicJwk } from './keys.js';
import { readPresented } from './read.js';
import { SHARED_IS_THERE, sharedFile, withShared } from './test-samples.js';
import { verifyPresented, type TrustedKeys } from './verify.js';

/**
 * The 1EdTech samples. "Trusted" means that the keys which the files name are pinned for the issuers they name.
 * Where our verdict differs from the design's table, the reason is always the same: the suites of embedded proofs are
 * not built, so that a signature which nobody checked is `unknown`, and what would follow from it (`expired`,
 * `tampered`, also for `simple-err-proof-value.json` of an issuer nobody trusts) is not claimed.
 */
type Row = {
  readonly file: string;
  readonly trusted: string;
  readonly untrusted: string;
  readonly code: string;
  /** The design's verdict, where it differs. */
  readonly design?: string;
};
const unbuilt = { trusted: 'unknown', untrusted: 'unknown-issuer', code: 'suite-not-built' };
const rows: readonly Row[] = [
  { file: 'simple-jwt.svg', trusted: 'valid', untrusted: 'unknown-issuer', code: 'valid' },
  { file: 'simple.json', ...unbuilt, design: 'valid' },
  { file: 'simple-json.png', ...unbuilt, design: 'valid' },
  { file: 'endorsement-valid.json', ...unbuilt, design: 'valid' },
  { file: 'clr/simple.json', ...unbuilt, code: 'clr', design: 'valid' },
  { file: 'simple_v1.json', ...unbuilt, code: 'context-not-pinned' },
  { file: 'simple-eddsa-2022.json', ...unbuilt, code: 'context-not-pinned' },
  { file: 'complete.json', ...unbuilt },
  { file: 'credential-status-revoked.json', ...unbuilt, code: 'context-not-pinned' },
  { file: 'simple-err-expired.json', ...unbuilt, design: 'expired' },
  { file: 'simple-err-proof-value.json', ...unbuilt, design: 'tampered' },
  { file: 'simple-err-proof-method.json', trusted: 'unknown-issuer', untrusted: 'unknown-issuer', code: 'not-a-key' },
  { file: 'simple-err-issuer.json', trusted: 'malformed', untrusted: 'malformed', code: 'schema' },
  { file: 'simple-err-context.json', trusted: 'malformed', untrusted: 'malformed', code: 'contexts' },
  { file: 'simple-err-type.json', trusted: 'malformed', untrusted: 'malformed', code: 'schema' },
  { file: 'simple-err-credential-subject-type.json', trusted: 'malformed', untrusted: 'malformed', code: 'schema' },
  { file: 'simple-noproof.json', trusted: 'malformed', untrusted: 'malformed', code: 'unsecured' },
  { file: 'clr/simple-noproof.json', trusted: 'malformed', untrusted: 'malformed', code: 'unsecured' },
  { file: 'simple.jwt', trusted: 'malformed', untrusted: 'malformed', code: 'no-key' },
  { file: 'clr/simple.jwt', trusted: 'malformed', untrusted: 'malformed', code: 'contexts' },
];

/** Pins, for the issuer that is asked for, every key that a file names: what "trusted" means in the table. */
function keysNamedBy(file: string): PublicJwk[] {
  const presented = readPresented(sharedFile(`fixtures/openbadges/${file}`));
  if ('malformed' in presented) return [];
  if ('jwt' in presented) {
    const header = JSON.parse(Buffer.from(presented.jwt.split('.')[0] as string, 'base64url').toString()) as {
      jwk?: PublicJwk;
    };
    return header.jwk ? [header.jwk] : [];
  }
  const methods = JSON.stringify(presented.json).matchAll(/#(z6Mk\w+)/g);
  return [...methods].map((match) => jwkOfMultikey(match[1] as string)).filter((key) => key !== undefined);
}

(SHARED_IS_THERE ? describe : describe.skip)(`the 1EdTech samples${withShared}`, () => {
  const judge = (file: string, trustedKeys: () => TrustedKeys) =>
    verifyPresented(sharedFile(`fixtures/openbadges/${file}`), { trustedKeys, now: '2027-01-01T00:00:00Z' });

  it.each(rows)('$file trusted: $trusted ($code)', async ({ file, trusted, code }) => {
    const report = await judge(file, () => keysNamedBy(file));
    expect({ verdict: report.verdict, code: report.code }).toEqual({ verdict: trusted, code });
  });

  it.each(rows)('$file untrusted: $untrusted', async ({ file, untrusted }) => {
    expect((await judge(file, () => undefined)).verdict).toBe(untrusted);
  });

  it.each(rows.filter((row) => row.design !== undefined))(
    '$file is not judged beyond what was checked',
    async (row) => {
      const report = await judge(row.file, () => keysNamedBy(row.file));
      expect(report.verdict).toBe('unknown');
      expect(report.checks).toContainEqual(
        expect.objectContaining({ check: 'signature', outcome: 'unknown', code: 'suite-not-built' }),
      );
      expect(report.checks).toContainEqual(expect.objectContaining({ check: 'issuer-key', outcome: 'pass' }));
    },
  );

  it('the SVG’s JWT has no sub, but aud and iat: mentioned, not held against it', async () => {
    const report = await judge('simple-jwt.svg', () => keysNamedBy('simple-jwt.svg'));
    expect(report.form).toBe('svg');
    expect(report.warnings.map(({ code }) => code)).toEqual(['no-sub', 'extra-claim', 'extra-claim']);
  });

  it('the expired one says so in its checks, though nobody vouches for its signature', async () => {
    const report = await judge('simple-err-expired.json', () => keysNamedBy('simple-err-expired.json'));
    expect(report.checks).toContainEqual(
      expect.objectContaining({ check: 'validity', outcome: 'fail', code: 'expired' }),
    );
  });

  it('the endorsements of the complete one are not shown', async () => {
    const report = await judge('complete.json', () => keysNamedBy('complete.json'));
    expect(report.checks).toContainEqual(expect.objectContaining({ check: 'endorsements', outcome: 'unknown' }));
    expect(report.checks).toContainEqual(expect.objectContaining({ check: 'terms', outcome: 'pass' }));
  });
});
