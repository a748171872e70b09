// How far each reader of the feed has got: what an undo cannot take back, since others have seen it. Kept beside the read
// models, as something to tell people; what is lost with them is told of no more.
import { Inject, Injectable } from '@nestjs/common';
import { isInfrastructure } from '@cairn/runtime';
import type { Position, TenantId } from '@cairn/kernel';
import type { Installation } from './installation.js';
import { INSTALLATION } from './tokens.js';

const COLLECTION = 'platform_feed_marks';
/** A tenant has few readers; of more the first ones are told. */
const READERS = 1_000;

export type FeedMark = { readonly reader: string; readonly upTo: Position };

@Injectable()
export class FeedMarks {
  #ready: Promise<void> | undefined;

  constructor(@Inject(INSTALLATION) private readonly installation: Installation) {}

  /** Events up to the position were handed to the reader. Never a reason for the feed to fail. */
  async note(tenant: TenantId, reader: string, upTo: Position): Promise<void> {
    try {
      const { readModel } = await this.opened();
      const id = `${tenant}:${reader}`;
      const [known] = await readModel.load(COLLECTION, [id]);
      if (known && known._p >= upTo) return;
      const next = { _id: id, _p: upTo, tenant, reader };
      await readModel.writeGuarded(COLLECTION, [{ id, expected: known?._p ?? null, next }]);
    } catch (error) {
      if (!isInfrastructure(error)) throw error;
    }
  }

  async readers(tenant: TenantId): Promise<readonly FeedMark[]> {
    const { readModel } = await this.opened();
    const found = await readModel.find(COLLECTION, { tenant }, { sort: [['_id', 1]], limit: READERS });
    return found.map((mark) => ({ reader: mark['reader'] as string, upTo: mark._p as Position }));
  }

  private async opened(): Promise<Installation> {
    const { readModel } = this.installation;
    this.#ready ??= readModel.ensureCollection(COLLECTION, [
      {
        name: 'tenant',
        fields: [
          ['tenant', 1],
          ['_id', 1],
        ],
      },
    ]);
    await this.#ready;
    return this.installation;
  }
}
