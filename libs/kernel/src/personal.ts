// Personal data in events (invariant D11): readable only by asking, storable only by the cipher.
import type { Json, JsonObject } from './json.js';
import type { TenantId } from './ids.js';

/** Whose data it is. Destroying the subject's key erases every value sealed for it. */
export type Subject = { readonly tenant: TenantId; readonly learner: string };

/** Seals and opens personal values. `field` is authenticated with the value: `<event type>.<field>`. */
export type Cipher = {
  /** Throws if the subject's key was destroyed: nothing new may be written about an erased person. */
  readonly seal: (subject: Subject, field: string, value: Json) => JsonObject;
  /** Undefined once the subject's key is destroyed. */
  readonly open: (subject: Subject, field: string, sealed: JsonObject) => Json | undefined;
  /**
   * Gets the keys of people to hand, `create`: also makes those that never were. Left out where keys always are at hand.
   * Whoever folds events that carry personal values, or seals some, awaits it first.
   */
  readonly fetchKeys?: (subjects: readonly Subject[], options?: { readonly create?: boolean }) => Promise<void>;
};

/**
 * A personal value. It cannot leak by accident: it has no enumerable content, and JSON, logs and string
 * conversion show a placeholder.
 */
export class Personal<T extends Json = Json> {
  readonly #reveal: () => T | undefined;

  private constructor(reveal: () => T | undefined) {
    this.#reveal = reveal;
  }

  static of<T extends Json>(value: T): Personal<T> {
    return new Personal(() => value);
  }

  static sealed<T extends Json>(open: () => Json | undefined): Personal<T> {
    return new Personal(open as () => T | undefined);
  }

  /** The value, or undefined if the person was erased. */
  reveal(): T | undefined {
    return this.#reveal();
  }

  toJSON(): string {
    return '[personal]';
  }

  toString(): string {
    return '[personal]';
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '[personal]';
  }
}
