// Verifying what somebody presents (credentials.md §6). Nothing is fetched: keys and life cycle come from the caller.
// Order matters to readers of the code only: the verdict follows from all checks (report.ts).
import type { JsonObject } from '@cairn/kernel';
import { compactVerify, errors, importJWK, type CryptoKey, type JWK } from 'jose';
import {
  asList,
  contextsArePinned,
  endorsementFaults,
  hasType,
  isUri,
  statusEntryFaults,
  structureFaults,
  undefinedTerms,
} from './check.js';
import { MalformedError } from './json-text.js';
import { parseCompact, readHeader, type CompactJws, type SigningHeader } from './jws.js';
import { jwkOfMultikey, keyFault, publicMembersOf, sameKey, thumbprintOf, type PublicJwk } from './keys.js';
import { readPresented, type PresentedForm } from './read.js';
import { createReport, type ReportBuilder, type VerificationReport } from './report.js';
import { isDateTime, isObject, type Members } from './shape.js';
import type { Fault } from './types.js';
import { CLR_CONTEXT_PATTERN, OB_CONTEXT_PATTERN, VC_V1, VC_V2 } from './vocabulary.js';

/** The keys that an issuer's document lists for assertions; undefined if nobody here trusts that issuer. */
export type TrustedKeys = readonly PublicJwk[] | undefined | 'unreachable';

/** What the credential's own stream says, for our own issuers; `unknown` if it cannot be read. */
export type LifeCycle = 'active' | 'revoked' | 'superseded' | 'suspended' | 'unknown';

export type VerifyOptions = {
  readonly trustedKeys: (issuerId: string) => TrustedKeys | Promise<TrustedKeys>;
  /** The instant of judgement, RFC 3339. */
  readonly now: string;
  /** Check 9, instead of the status list; undefined if the credential is not one of ours. */
  readonly lifeCycle?: (
    credentialId: string,
    issuerId: string,
  ) => LifeCycle | undefined | Promise<LifeCycle | undefined>;
};

/** Forms that the standard allows and we never write: they change no meaning, so a verifier only mentions them. */
const TOLERATED = new Set(['single-for-set', 'date-form', 'empty-list', 'status-index-form']);

const ES256_SIGNATURE_BYTES = 64;

const list = (faults: readonly Fault[]): string =>
  faults
    .slice(0, 5)
    .map((fault) => `${fault.pointer || '/'} ${fault.message}`)
    .join('; ');

/** The parts of a readable credential that the later checks go by. */
type Subject = {
  readonly credential: JsonObject;
  readonly members: Members;
  readonly id: unknown;
  readonly issuerId: string;
  readonly from: string;
  readonly until: string | undefined;
};

const idOf = (value: unknown): unknown => (isObject(value) ? value['id'] : value);

/** VCDM 1.1: its own names of things, and no Open Badges schema (§6, 3). */
function v1Faults(credential: Members): Fault[] {
  const faults: Fault[] = [];
  const expect = (good: boolean, pointer: string, message: string): void => {
    if (!good) faults.push({ pointer, code: 'vcdm-1.1', message });
  };
  const until = credential['expirationDate'];
  expect(hasType(credential, 'VerifiableCredential'), '/type', 'expected VerifiableCredential');
  expect(isUri(idOf(credential['issuer'])), '/issuer', 'expected the id of the issuer');
  expect(isDateTime(credential['issuanceDate']), '/issuanceDate', 'expected a date with time and zone');
  expect(until === undefined || isDateTime(until), '/expirationDate', 'expected a date with time and zone');
  expect(isObject(credential['credentialSubject']), '/credentialSubject', 'expected an object');
  return faults;
}

/** Check 3 and 4. Undefined if the credential is not one whose further checks would make sense. */
function checkContent(credential: JsonObject, report: ReportBuilder): Subject | undefined {
  const members: Members = credential;
  const contexts = asList(members['@context']);
  const published = contexts.some(
    (each) => typeof each === 'string' && (OB_CONTEXT_PATTERN.test(each) || CLR_CONTEXT_PATTERN.test(each)),
  );
  if (!published || (contexts[0] !== VC_V2 && contexts[0] !== VC_V1)) {
    const reason = 'the contexts are not those of Verifiable Credentials and a published Open Badges or CLR version';
    report.add('structure', 'fail', 'contexts', reason);
    return undefined;
  }
  const isV1 = contexts[0] === VC_V1;
  const isClr = hasType(members, 'ClrCredential');
  const isEndorsement = hasType(members, 'EndorsementCredential');
  const faults = isV1
    ? v1Faults(members)
    : isEndorsement
      ? endorsementFaults(members)
      : isClr
        ? []
        : structureFaults(members);
  const fatal = faults.filter((fault) => !TOLERATED.has(fault.code));
  for (const { code, pointer, message } of faults) if (TOLERATED.has(code)) report.warn(code, `${pointer} ${message}`);
  if (fatal[0]) {
    report.add('structure', 'fail', fatal[0].code, list(fatal));
    return undefined;
  }
  const from = members[isV1 ? 'issuanceDate' : 'validFrom'];
  const until = members[isV1 ? 'expirationDate' : 'validUntil'];
  const issuerId = idOf(members['issuer']);
  if (!isDateTime(from) || (until !== undefined && !isDateTime(until)) || typeof issuerId !== 'string') {
    report.add('structure', 'fail', 'schema', 'issuer or dates are missing or not what they should be');
    return undefined;
  }
  if (isClr)
    report.add('structure', 'unknown', 'clr', 'a comprehensive learner record: its structure is not checked here');
  else report.add('structure', 'pass', 'structure', isV1 ? 'data model 1.1, basic rules' : 'schema and rules hold');
  checkTermsOf(credential, isV1, report);
  return { credential, members, id: members['id'], issuerId, from, until };
}

function checkTermsOf(credential: JsonObject, isV1: boolean, report: ReportBuilder): void {
  if (isV1) {
    report.warn('vcdm-1.1', 'an older data model: ask the issuer for a current copy');
    report.add('terms', 'unknown', 'context-not-pinned', 'the terms of data model 1.1 are not known here');
  } else if (!contextsArePinned(credential))
    report.add('terms', 'unknown', 'context-not-pinned', 'a context is used whose content is not pinned here');
  else {
    const faults = undefinedTerms(credential);
    if (faults[0]) report.add('terms', 'fail', 'undefined-term', list(faults));
    else report.add('terms', 'pass', 'terms', 'every term is defined by the pinned contexts');
  }
}

/** Checks 9 to 11 and 13. */
async function checkState(subject: Subject, options: VerifyOptions, report: ReportBuilder): Promise<void> {
  const { members, id, issuerId, from, until } = subject;
  const now = Date.parse(options.now);
  if (now < Date.parse(from)) report.add('validity', 'fail', 'not-yet-valid', `valid from ${from}`);
  else if (until !== undefined && now >= Date.parse(until))
    report.add('validity', 'fail', 'expired', `valid until ${until}`);
  else report.add('validity', 'pass', 'in-term', until === undefined ? `since ${from}` : `from ${from} until ${until}`);

  const own = typeof id === 'string' ? await options.lifeCycle?.(id, issuerId) : undefined;
  if (own === 'unknown') report.add('life-cycle', 'unknown', 'life-cycle-unreadable', 'its history cannot be read now');
  else if (own === 'active') report.add('life-cycle', 'pass', 'active', 'its history has no end');
  else if (own !== undefined) report.add('life-cycle', 'fail', own, `its history says ${own}`);

  const entry = members['credentialStatus'];
  if (own !== undefined) report.add('status', 'skipped', 'own-history', 'its own history answers instead of a list');
  else if (entry === undefined) report.add('status', 'skipped', 'no-status', 'the issuer publishes no status for it');
  else {
    const faults = statusEntryFaults(members).filter((fault) => !TOLERATED.has(fault.code));
    if (faults[0]) report.add('status', 'unknown', 'status-entry', list(faults));
    else if (!hasType(entry, 'BitstringStatusListEntry'))
      report.add('status', 'unknown', 'status-type', 'a kind of status that is not known here');
    else report.add('status', 'unknown', 'status-not-looked-up', 'whether it was revoked was not looked up');
  }
  if (JSON.stringify(members).includes('"endorsement"'))
    report.add('endorsements', 'unknown', 'suite-not-built', 'endorsements are not verified here: show none of them');
}

const NOBODY = 'nobody here vouches for this issuer: a key inside a credential proves integrity, not identity';
const UNREACHABLE = 'the issuer’s keys cannot be read now';

const imported = new WeakMap<PublicJwk, Promise<CryptoKey | Uint8Array>>();

function importKey(jwk: PublicJwk, alg: string): Promise<CryptoKey | Uint8Array> {
  let key = imported.get(jwk);
  if (!key) imported.set(jwk, (key = importJWK(publicMembersOf(jwk) as JWK, alg)));
  return key;
}

/** Check 6 for the key of a JWT: the issuer's list has it. Gives the key to check the signature with, if there is one. */
function checkIssuerKey(header: SigningHeader, keys: TrustedKeys, report: ReportBuilder): PublicJwk | undefined {
  const { jwk, kid, alg } = header;
  if (keys === 'unreachable') report.add('issuer-key', 'unknown', 'issuer-unreachable', UNREACHABLE);
  else if (keys === undefined) report.add('issuer-key', 'fail', 'issuer-not-trusted', NOBODY);
  else {
    const listed = keys.filter((key) => keyFault(key, alg) === undefined);
    const named = kid === undefined ? undefined : listed.find((key) => key['kid'] === kid);
    const own = jwk && listed.find((key) => sameKey(key, jwk));
    if (named && jwk && named !== own) report.add('secured', 'fail', 'kid-jwk', 'kid and jwk name different keys');
    const key = jwk ? own : named;
    if (key) report.add('issuer-key', 'pass', 'issuer-key', 'the issuer lists the key for assertions');
    else report.add('issuer-key', 'fail', 'key-not-listed', 'the issuer does not list this key for assertions');
    return key ?? jwk;
  }
  return jwk;
}

/** Check 5. The JWS is verified alone: libraries that also judge `exp` would hide why. */
async function checkSignature(
  text: string,
  { alg }: SigningHeader,
  signature: Buffer,
  key: PublicJwk | undefined,
  report: ReportBuilder,
): Promise<void> {
  if (!key) {
    report.add('signature', 'unknown', 'key-not-available', 'the key that kid names is not available');
    return;
  }
  if (alg === 'ES256' && signature.length !== ES256_SIGNATURE_BYTES) {
    const reason = `an ES256 signature has ${ES256_SIGNATURE_BYTES} bytes (r and s), this one ${signature.length}`;
    report.add('signature', 'fail', 'signature-length', reason);
    return;
  }
  let cryptoKey: CryptoKey | Uint8Array;
  try {
    cryptoKey = await importKey(key, alg);
  } catch {
    report.add('secured', 'fail', 'jwk-invalid', 'the header’s jwk is not a key, e.g. a point off its curve');
    return;
  }
  try {
    await compactVerify(text, cryptoKey, { algorithms: [alg] });
    report.add('signature', 'pass', 'signature', `${alg} by the key that the header names`);
  } catch (error) {
    if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
    report.add('signature', 'fail', 'signature-mismatch', 'content or signature was changed, or another key signed');
  }
}

const CLAIMS = ['iss', 'sub', 'jti', 'nbf', 'exp', 'iat', 'aud'];

/** Check 7: the claims say what the properties say, in seconds where they are times. */
function checkClaims(payload: JsonObject, subject: Subject, report: ReportBuilder): void {
  const faults: (readonly [code: string, reason: string])[] = [];
  const text = (claim: string, property: string, expected: unknown): void => {
    if (payload[claim] !== expected)
      faults.push([`claim-${claim}`, `the claim ${claim} differs from ${property}, or one of them is missing`]);
  };
  const time = (claim: 'nbf' | 'exp', property: string, expected: string | undefined): void => {
    const value = payload[claim];
    if (value !== undefined && (typeof value !== 'number' || !Number.isFinite(value)))
      faults.push([`claim-${claim}`, `the claim ${claim} is not a number of seconds`]);
    else if (
      value === undefined ? expected !== undefined : expected === undefined || value * 1000 !== Date.parse(expected)
    )
      faults.push([
        `claim-${claim}`,
        `the claim ${claim} is another instant than ${property}, or one of them is missing`,
      ]);
  };
  text('iss', 'issuer.id', subject.issuerId);
  text('jti', 'id', subject.id);
  time('nbf', 'validFrom', subject.from);
  time('exp', 'validUntil', subject.until);
  const subjectId = idOf(subject.members['credentialSubject']);
  if (payload['sub'] === undefined && subjectId !== undefined)
    report.warn('no-sub', 'the claim sub is missing: some readers ask for it');
  else text('sub', 'credentialSubject.id', subjectId);
  for (const extra of ['aud', 'iat'])
    if (payload[extra] !== undefined) report.warn('extra-claim', `the claim ${extra} is not part of the profile`);
  if (faults[0]) report.add('claims', 'fail', faults[0][0], faults.map(([, reason]) => reason).join('; '));
  else report.add('claims', 'pass', 'claims', 'the claims repeat the properties');
}

/** The credential in a payload; data model 1.1 wraps it in `vc`. */
function unwrap(payload: JsonObject): JsonObject {
  const { vc } = payload;
  if (vc === undefined) return Object.fromEntries(Object.entries(payload).filter(([name]) => !CLAIMS.includes(name)));
  const beside = Object.keys(payload).find((name) => name !== 'vc' && !CLAIMS.includes(name));
  if (!isObject(vc) || beside !== undefined)
    throw new MalformedError('vc-wrapper', 'vc is not an object, or the payload says something beside it');
  return vc;
}

function checkNow(now: string): void {
  if (!isDateTime(now)) throw new RangeError(`now is not an instant: ${String(now)}`);
}

/**
 * Verifies a VC-JWT of the Open Badges profile. Bad input never throws: it is the answer. Throws a RangeError if `now`
 * is no instant, and whatever `trustedKeys` or `lifeCycle` throw.
 */
export async function verifyVcJwt(
  text: string,
  options: VerifyOptions,
  form: PresentedForm = 'vc-jwt',
): Promise<VerificationReport> {
  checkNow(options.now);
  const report = createReport();
  let jws: CompactJws;
  let credential: JsonObject;
  let header: SigningHeader;
  try {
    jws = parseCompact(text);
    credential = unwrap(jws.payload);
    report.add('read', 'pass', 'read', 'one compact JWS with JSON inside');
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    report.add('read', 'fail', error.code, error.message);
    return report.report({ form });
  }
  try {
    header = readHeader(jws.header);
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    report.add('secured', 'fail', error.code, error.message);
    return report.report({ form });
  }
  const subject = checkContent(credential, report);
  if (!subject) {
    report.add('secured', 'pass', 'secured', 'signed, with a header of the profile');
    return report.report({ form });
  }
  checkClaims(jws.payload, subject, report);
  const key = checkIssuerKey(header, await options.trustedKeys(subject.issuerId), report);
  await checkSignature(text, header, jws.signature, key, report);
  await checkState(subject, options, report);
  report.add('secured', 'pass', 'secured', 'signed, with a header of the profile');
  const keyThumbprint = key && { keyThumbprint: thumbprintOf(key) };
  return report.report({ form, credential, issuerId: subject.issuerId, ...keyThumbprint });
}

/** Check 2 for embedded proofs; what is wrong with a proof, or undefined. */
function proofFault(proof: unknown, now: string): readonly [code: string, reason: string] | undefined {
  if (!isObject(proof) || typeof proof['type'] !== 'string')
    return ['proof-form', 'a proof is not an object with a type'];
  if (proof['proofPurpose'] !== 'assertionMethod')
    return ['proof-purpose', 'the purpose of a proof is not assertionMethod: it was made for something else'];
  const { created, verificationMethod } = proof;
  if (created !== undefined && !isDateTime(created)) return ['proof-created', 'the time of a proof is not an instant'];
  if (created !== undefined && Date.parse(created) > Date.parse(now))
    return ['proof-created', 'a proof was made in the future'];
  if (typeof verificationMethod !== 'string' || !isUri(verificationMethod))
    return ['proof-method', 'a proof names no verification method'];
  return undefined;
}

/** Check 6 for an embedded proof: the method belongs to the issuer and is a key that it lists. */
function methodFault(
  method: string,
  issuerId: string,
  keys: readonly PublicJwk[] | undefined,
): readonly [string, string] | undefined {
  const [controller, ...fragment] = method.split('#');
  if (controller !== issuerId) return ['controller', 'the key of the proof is controlled by another than the issuer'];
  const jwk = jwkOfMultikey(fragment.join('#'));
  if (!jwk) return ['not-a-key', 'the fragment of the verification method is no Ed25519 key'];
  if (!keys) return ['issuer-not-trusted', NOBODY];
  if (!keys.some((key) => sameKey(key, jwk)))
    return ['key-not-listed', 'the issuer does not list this key for assertions'];
  return undefined;
}

async function verifyJson(
  document: JsonObject,
  form: PresentedForm,
  options: VerifyOptions,
): Promise<VerificationReport> {
  const report = createReport();
  report.add('read', 'pass', 'read', 'JSON that reads one way only');
  const proofs = asList(document['proof']);
  const faults = proofs.map((proof) => proofFault(proof, options.now));
  const [fault] = faults.filter((each) => each !== undefined);
  if (proofs.length === 0) report.add('secured', 'fail', 'unsecured', 'there is no proof and no signature');
  else if (fault) report.add('secured', 'fail', ...fault);
  else report.add('secured', 'pass', 'secured', 'it has a proof made for assertions');
  const subject = checkContent(document, report);
  if (proofs.length === 0 || fault || !subject) return report.report({ form });

  // Several proofs: one good one suffices, so the last key fault counts only if every proof has one.
  report.add('signature', 'unknown', 'suite-not-built', 'embedded proofs are not verified here');
  const keys = await options.trustedKeys(subject.issuerId);
  const methods = proofs.map((proof) => (proof as Members)['verificationMethod'] as string);
  const trusted = keys === 'unreachable' ? undefined : keys;
  const methodFaults = methods.map((method) => methodFault(method, subject.issuerId, trusted));
  const worst = methodFaults.every((each) => each !== undefined) ? methodFaults[0] : undefined;
  if (!worst) report.add('issuer-key', 'pass', 'issuer-key', 'the issuer lists the key for assertions');
  else if (keys === 'unreachable' && worst[0] === 'issuer-not-trusted')
    report.add('issuer-key', 'unknown', 'issuer-unreachable', UNREACHABLE);
  else report.add('issuer-key', 'fail', ...worst);
  await checkState(subject, options, report);
  return report.report({ form, credential: document, issuerId: subject.issuerId });
}

/** Verifies a file: a JWT, JSON, or a PNG or SVG with either baked in. Bad input never throws. */
export async function verifyPresented(bytes: Uint8Array, options: VerifyOptions): Promise<VerificationReport> {
  checkNow(options.now);
  const presented = readPresented(bytes);
  if ('malformed' in presented) {
    const report = createReport();
    report.add('read', 'fail', presented.malformed.code, presented.malformed.reason);
    return report.report({});
  }
  return 'jwt' in presented
    ? verifyVcJwt(presented.jwt, options, presented.form)
    : verifyJson(presented.json, presented.form, options);
}
