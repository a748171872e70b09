// What must be able to vanish: keys and the bytes sealed with them. Apart from the log, which keeps only ciphertext.
import type { KeyObject } from 'node:crypto';
import type { Subject, TenantId } from '@cairn/kernel';

export type VaultAlgorithm = 'RS256' | 'ES256' | 'Ed25519';

/** The public half of a signing key: the members that make up the key, and no other (RFC 7517). */
export type PublicJwk = { readonly kty: string; readonly [member: string]: unknown };

/** A signing key ready for use; the same object each time, so that importing it is paid once. */
export type VaultSigner = {
  readonly alg: VaultAlgorithm;
  readonly publicJwk: PublicJwk;
  readonly privateKey: KeyObject;
};

/** At once from a vault on this machine, later from one on a server. */
export type Soon<T> = T | Promise<T>;

/**
 * Keys of people, issuers and tenants. `seal` and `open` are synchronous, because reading an event is; where a vault
 * lies on a server they work on the keys that `prepare` or `fetch` brought. What was created is durable when the call
 * is done; what was destroyed is not there any more, and never comes back under that name.
 */
export type KeyVault = {
  /** Creates the keys of many subjects by one commit; those that have one, or had one destroyed, stay as they are. */
  readonly prepare: (subjects: readonly Subject[]) => Soon<void>;
  /** Gets the keys of subjects to hand, where they are not always. */
  readonly fetch?: (subjects: readonly Subject[]) => Promise<void>;
  /**
   * AES-256-GCM by the subject's own key, on this machine created at first use: nonce (12 bytes), ciphertext, tag (16
   * bytes). `purpose` is authenticated with it. Throws {@link KeyDestroyed}.
   */
  readonly seal: (subject: Subject, purpose: string, plaintext: Uint8Array) => Buffer;
  /** Undefined once the key is destroyed. Throws {@link SealBroken} for anything but what `seal` gave, and {@link KeyMissing}. */
  readonly open: (subject: Subject, purpose: string, sealed: Uint8Array) => Buffer | undefined;
  /** Destroys the subject's key for good, or sees to it that there never is one. Harmless when repeated. */
  readonly destroy: (subject: Subject) => Soon<void>;
  readonly isDestroyed: (subject: Subject) => Soon<boolean>;

  /**
   * Creates a signing key and gives its public half; of a key that is there already just that. Throws
   * {@link KeyDestroyed}, and a RangeError if the key is there for another algorithm.
   */
  readonly createSigningKey: (tenant: TenantId, keyId: string, alg: VaultAlgorithm) => Promise<PublicJwk>;
  /** Stays after the private half is destroyed: what it signed is still to be verified. */
  readonly publicJwk: (tenant: TenantId, keyId: string) => Soon<PublicJwk | undefined>;
  /** Undefined if there is no such key, or it was destroyed. */
  readonly signer: (tenant: TenantId, keyId: string) => Soon<VaultSigner | undefined>;
  readonly destroySigningKey: (tenant: TenantId, keyId: string) => Soon<void>;

  /** 32 random bytes under a name, created at first use. Throws {@link KeyDestroyed}. */
  readonly secret: (tenant: TenantId, name: string) => Soon<Buffer>;
  readonly destroySecret: (tenant: TenantId, name: string) => Soon<void>;

  readonly close: () => Soon<void>;
};

/** Signed bytes, named by their SHA-256 and sealed with the key of the person they are about. */
export type BlobVault = {
  /** Gives the SHA-256 of the bytes as lower-case hex, once they are on disk. Rejects with {@link KeyDestroyed}. */
  readonly put: (subject: Subject, bytes: Uint8Array) => Promise<string>;
  /** The very bytes; undefined if they were never put, purged, or the subject's key is destroyed. */
  readonly get: (subject: Subject, hash: string) => Promise<Uint8Array | undefined>;
  /** Removes all of the subject's bytes, and says how many there were. */
  readonly purge: (subject: Subject) => Promise<number>;
  readonly close: () => Promise<void>;
};

/** The key was destroyed: nothing new may be sealed with it. */
export class KeyDestroyed extends Error {
  constructor(readonly key: string) {
    super(`the key of ${key} was destroyed: nothing can be sealed or signed with it any more`);
    this.name = 'KeyDestroyed';
  }
}

/** There is no key, and none was destroyed: the vault is not the one that the data were sealed with. */
export class KeyMissing extends Error {
  constructor(readonly key: string) {
    super(`the vault has no key of ${key}: restore the vault that belongs to this log`);
    this.name = 'KeyMissing';
  }
}

/** Sealed bytes that were changed, or moved to another person, field or name. */
export class SealBroken extends Error {
  constructor(detail: string) {
    super(detail);
    this.name = 'SealBroken';
  }
}

/** The vault cannot be opened or written. */
export class VaultUnavailable extends Error {
  constructor(detail: string, options?: ErrorOptions) {
    super(detail, options);
    this.name = 'VaultUnavailable';
  }
}
