// A map whose old versions stay as they were: a changed copy shares all but one of its shards.

const SHARDS = 256;

/** Immutable map with text keys; a change copies about 1/256 of the entries. */
export type PersistentMap<V> = {
  readonly size: number;
  readonly shards: readonly (ReadonlyMap<string, V> | undefined)[];
};

export const EMPTY_MAP: PersistentMap<never> = { size: 0, shards: [] };

function shardOf(key: string): number {
  let hash = 0x811c9dc5; // FNV-1a
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return (hash ^ (hash >>> 13)) & (SHARDS - 1);
}

export function mapGet<V>(map: PersistentMap<V>, key: string): V | undefined {
  return map.size === 0 ? undefined : map.shards[shardOf(key)]?.get(key);
}

/** A version with `value` at `key`; `undefined` removes the key. */
export function mapSet<V>(map: PersistentMap<V>, key: string, value: V | undefined): PersistentMap<V> {
  const index = shardOf(key);
  const shard = new Map(map.shards[index]);
  const before = shard.size;
  if (value === undefined) shard.delete(key);
  else shard.set(key, value);
  const shards = map.shards.slice();
  shards[index] = shard;
  return { size: map.size + shard.size - before, shards };
}

export function* mapValues<V>(map: PersistentMap<V>): Iterable<V> {
  for (const shard of map.shards) if (shard) yield* shard.values();
}

export function* mapEntries<V>(map: PersistentMap<V>): Iterable<readonly [string, V]> {
  for (const shard of map.shards) if (shard) yield* shard;
}

/** Builds a map in one go, without the copies. */
export function mapOf<V>(source: ReadonlyMap<string, V>): PersistentMap<V> {
  const shards: (Map<string, V> | undefined)[] = [];
  for (const [key, value] of source) (shards[shardOf(key)] ??= new Map<string, V>()).set(key, value);
  return { size: source.size, shards };
}
