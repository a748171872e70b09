// What a message has to know of its credential when it is sent, from the credential's own stream.
import type { Fold, Instant, IssuerId, TemplateId } from '@cairn/kernel';
import type { CredentialEvent } from '@cairn/contexts/credentials';

export type CredentialNow = {
  readonly issued?: {
    readonly templateId: TemplateId;
    readonly templateVersion: number;
    readonly issuerId: IssuerId;
  };
  /** The last term. */
  readonly serial: number;
  readonly validUntil?: Instant;
  readonly ended?: 'credential-revoked' | 'credential-superseded';
};

export const credentialNowFold: Fold<CredentialNow, CredentialEvent> = {
  category: 'credential',
  initial: { serial: 0 },
  evolve: (state, { type, data }) => {
    switch (type) {
      case 'credential-issued':
      case 'credential-renewed': {
        const { validUntil: _, ...rest } = state;
        return {
          ...rest,
          ...(type === 'credential-issued'
            ? {
                issued: {
                  templateId: data.templateId,
                  templateVersion: data.templateVersion,
                  issuerId: data.issuerId,
                },
              }
            : {}),
          serial: data.serial,
          ...(data.validUntil === undefined ? {} : { validUntil: data.validUntil }),
        };
      }
      case 'credential-revoked':
      case 'credential-superseded':
        return { ...state, ended: type };
      default:
        return state;
    }
  },
};
