// Verifying what somebody presents: an id, the address of a page, or a signed copy (credentials.md §6).
import { Body, Controller, HttpCode, Inject, Injectable, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { bareId, type CredentialId, type IssuerId, type TenantId } from '@cairn/kernel';
import { issuerFold, issuerStream } from '@cairn/contexts/tenancy';
import {
  verifyPresented,
  type LifeCycle,
  type PublicJwk,
  type TrustedKeys,
  type VerificationReport,
} from '@cairn/openbadges';
import { INSTALLATION, InstantField, ListOf, Public, Text, type Installation } from '@cairn/platform';
import { isInfrastructure } from '@cairn/runtime';
import type { CredentialStatus, VerificationAnswer } from '../contracts/verification-answer.js';
import type { AsOf } from './credential-reader.js';
import { CredentialReading } from './credential-reading.js';
import { axesOf } from './verify-credential.js';

/** What is said about something presented. `answer` is there if it is one of ours, and goes before the file's own words. */
export type PresentedAnswer = {
  /** Authenticity first (`malformed`, `tampered`, `unknown-issuer`), then state. */
  readonly verdict: VerificationReport['verdict'] | 'not-found';
  readonly reason: string;
  readonly checks?: VerificationReport['checks'];
  readonly warnings?: VerificationReport['warnings'];
  readonly answer?: VerificationAnswer;
};

const LIFE_CYCLES: Readonly<Record<CredentialStatus, LifeCycle>> = {
  revoked: 'revoked',
  superseded: 'superseded',
  suspended: 'suspended',
  unknown: 'unknown',
  // The dates are judged by the copy itself.
  expired: 'active',
  'not-yet-valid': 'active',
  valid: 'active',
};

@Injectable()
export class PresentedVerifier {
  constructor(
    private readonly reading: CredentialReading,
    @Inject(INSTALLATION) private readonly installation: Installation,
  ) {}

  /** `presented`: an id `crd_…`, an address that ends in one, or the text of a signed copy. Bad input never throws. */
  async verify(presented: string | Uint8Array, at: AsOf = {}): Promise<PresentedAnswer> {
    const id = typeof presented === 'string' ? credentialIn(presented) : undefined;
    if (id !== undefined) {
      const answer = await this.reading.verify(id, at);
      if (!answer) return { verdict: 'not-found', reason: 'no such credential is known here' };
      return { verdict: answer.status, reason: answer.text['en'] ?? answer.status, answer };
    }
    let answer: VerificationAnswer | undefined;
    const bytes = typeof presented === 'string' ? Buffer.from(presented) : presented;
    const report = await verifyPresented(bytes, {
      now: at.asOf ?? this.installation.clock.now(),
      trustedKeys: (did) => this.trustedKeys(did),
      lifeCycle: async (url) => {
        const own = credentialIn(url);
        answer = own && (await this.reading.verify(own, at));
        // Signed with a key that we vouch for, but not in the log: nothing that we ever issued (a blob without event).
        return answer ? LIFE_CYCLES[answer.status] : 'unknown';
      },
    });
    const { verdict, reason, checks, warnings } = report;
    return { verdict, reason, checks, warnings, ...(answer ? { answer } : {}) };
  }

  /** The published keys of an issuer of this installation; compromised ones are not among them. */
  private async trustedKeys(did: string): Promise<TrustedKeys> {
    try {
      const [known] = await this.installation.views.find('issuers', { did }, { limit: 1 });
      if (!known) return undefined;
      const stream = issuerStream(known['tenant'] as TenantId, known['issuerId'] as IssuerId);
      const { keys } = await this.installation.executor.loader.fold(issuerFold, stream);
      return keys
        .filter(({ retired }) => retired?.reasonCode !== 'compromised')
        .map(({ publicJwk }) => publicJwk as PublicJwk);
    } catch (error) {
      if (isInfrastructure(error)) return 'unreachable';
      throw error;
    }
  }
}

/** The credential that an id or an address names. */
function credentialIn(text: string): CredentialId | undefined {
  const match = /(?:^|\/c\/)(crd_[0-9a-z]{26})(?:\.[a-z]+|\/refresh)?$/.exec(text.trim());
  return match ? (bareId('crd', match[1] as string) as CredentialId | undefined) : undefined;
}

class PresentedBody {
  @Text({ max: 60_000, description: 'Id, address of the page, or the signed copy itself.', example: 'crd_…' })
  credential!: string;
  @InstantField({ optional: true, description: 'Effective time asked about; now if left out.' }) asOf?: string;
  @InstantField({ optional: true, description: 'How much of the log is used, by recorded time; all if left out.' })
  knownAt?: string;
}
class PresentedBatchBody {
  @ListOf(() => PresentedBody, { min: 1, max: 1000 }) items!: readonly PresentedBody[];
}

/** Verified at the same time; enough to keep the store busy, few enough to leave room for others. */
const AT_ONCE = 16;

@ApiTags('verification')
@Public()
@Controller('api/verifications')
export class PresentedRoute {
  constructor(private readonly verifier: PresentedVerifier) {}

  @Post()
  @HttpCode(200)
  @ApiOperation({ summary: 'Verifies an id, an address or a signed copy' })
  verify(@Body() body: PresentedBody): Promise<PresentedAnswer> {
    return this.verifier.verify(body.credential, axesOf(body));
  }

  @Post('batch')
  @HttpCode(200)
  @ApiOperation({ summary: 'Verifies up to 1,000 of them, one outcome for each, in order' })
  async batch(@Body() { items }: PresentedBatchBody) {
    const outcomes: PresentedAnswer[] = [];
    for (let from = 0; from < items.length; from += AT_ONCE)
      outcomes.push(...(await Promise.all(items.slice(from, from + AT_ONCE).map((item) => this.verify(item)))));
    return { items: outcomes };
  }
}
