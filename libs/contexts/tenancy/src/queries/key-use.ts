import { Inject, Injectable } from '@nestjs/common';
import type { Instant, TenantId } from '@cairn/kernel';
import { INSTALLATION, type Installation } from '@cairn/platform';

const COLLECTION = 'api_key_use';
/** Written at most this often for each key: an admin wants the day, not the second. */
const RESOLUTION_MS = 60_000;

/**
 * When each API key was last used. Kept beside the read models, not in the log: it is no decision, and losing it loses
 * nothing. Shown to the minute.
 */
@Injectable()
export class KeyUse {
  readonly #noted = new Map<string, number>();
  #ready: Promise<void> | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(@Inject(INSTALLATION) private readonly installation: Installation) {}

  /** Never delays and never fails the request that used the key. */
  note(tenant: TenantId, keyId: string, now: Instant): void {
    const id = `${tenant}:${keyId}`;
    const at = Date.parse(now);
    if (at - (this.#noted.get(id) ?? -Infinity) < RESOLUTION_MS) return;
    this.#noted.set(id, at);
    const earlier = this.#writing;
    this.#writing = earlier
      .then(() => this.write(id, now))
      .catch(() => {
        this.#noted.delete(id); // the next use is noted instead
      });
  }

  private async write(id: string, now: Instant): Promise<void> {
    const { readModel } = this.installation;
    await this.ready();
    const [stored] = await readModel.load(COLLECTION, [id]);
    // Whoever is faster noted the same minute.
    await readModel.writeGuarded(COLLECTION, [
      { id, expected: stored?._p ?? null, next: { _id: id, _p: now, lastUsedAt: now } },
    ]);
  }

  /** By key id; a key that was never used is left out. */
  async of(tenant: TenantId, keyIds: readonly string[]): Promise<ReadonlyMap<string, string>> {
    await this.#writing;
    await this.ready();
    const found = await this.installation.readModel.load(
      COLLECTION,
      keyIds.map((keyId) => `${tenant}:${keyId}`),
    );
    return new Map(found.map((document) => [document._id.slice(tenant.length + 1), document._p]));
  }

  private ready(): Promise<void> {
    return (this.#ready ??= this.installation.readModel.ensureCollection(COLLECTION, []));
  }
}
