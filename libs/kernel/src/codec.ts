// The event registry: stored JSON to typed events (upcast, check, unseal) and back.
import type { DomainEvent, EventDefinition, EventMeta, NewEvent, Recorded, StoredEvent } from './events.js';
import { parseStream } from './streams.js';
import type { JsonObject } from './json.js';
import { Personal, type Cipher, type Subject } from './personal.js';
import { faultsOf } from './schema.js';
import type { TenantId } from './ids.js';

export type DecodeErrorCode = 'event-type-unknown' | 'schema-version-unknown' | 'event-corrupt' | 'tenant-mismatch';

/** A stored event that this program cannot read: never skipped, always parked or reported. */
export class DecodeError extends Error {
  constructor(
    readonly code: DecodeErrorCode,
    readonly event: Pick<StoredEvent, 'id' | 'stream' | 'revision' | 'type'>,
    detail: string,
  ) {
    super(`${code}: ${event.type} at ${event.stream}@${event.revision} (event ${event.id}): ${detail}`);
    this.name = 'DecodeError';
  }
}

export type Codec = {
  readonly definitions: ReadonlyMap<string, EventDefinition>;
  /** Checks, seals personal members and returns the stored form. Throws a TypeError for an event off its schema. */
  readonly encode: (event: DomainEvent & { id: string }, meta: Omit<EventMeta, 'schemaVersion'>) => NewEvent;
  /** Throws {@link DecodeError}. Personal values are opened when they are asked for, see `fetchKeys`. */
  readonly decode: (stored: StoredEvent) => Recorded;
  /** Whose personal values events carry, as decoded or decided; each person once. */
  readonly subjectsOf: (events: readonly Pick<DomainEvent, 'type' | 'data'>[], tenant: TenantId) => readonly Subject[];
  /** {@link Cipher.fetchKeys}; left out where keys always are at hand. */
  readonly fetchKeys?: NonNullable<Cipher['fetchKeys']>;
};

/** Throws a RangeError if two definitions share a type, or an upcaster or golden sample is missing. */
export function createCodec(definitions: readonly EventDefinition[], cipher: Cipher): Codec {
  const byType = new Map<string, EventDefinition>();
  for (const definition of definitions) {
    if (byType.has(definition.type)) throw new RangeError(`two event definitions for "${definition.type}"`);
    for (let version = 1; version <= definition.version; version++) {
      if (version < definition.version && !definition.upcasters?.[version])
        throw new RangeError(`"${definition.type}" has no upcaster from version ${version}`);
      if (!definition.samples[version]?.length)
        throw new RangeError(`"${definition.type}" has no golden sample of version ${version}`);
    }
    byType.set(definition.type, definition);
  }

  const encode: Codec['encode'] = (event, meta) => {
    const definition = byType.get(event.type);
    if (!definition) throw new TypeError(`event type "${event.type}" is not registered`);
    let data = event.data as JsonObject;
    const faults = faultsOf(definition.schema, data);
    if (faults.length > 0) throw new TypeError(`${event.type} is off its schema: ${describe(faults)}`);
    for (const field of definition.personal ?? []) {
      const value = (data as Record<string, unknown>)[field];
      if (value === undefined) continue;
      const revealed = value instanceof Personal ? value.reveal() : undefined;
      if (revealed === undefined) throw new TypeError(`${event.type}.${field} must be a readable Personal value`);
      const subject = { tenant: meta.tenant, learner: data['learnerId'] as string };
      data = { ...data, [field]: cipher.seal(subject, `${event.type}.${field}`, revealed) };
    }
    const flat: Record<string, string> = {};
    for (const [key, value] of Object.entries(meta)) if (value !== undefined) flat[key] = value;
    flat['schemaVersion'] = String(definition.version);
    return { id: event.id, type: event.type, data, meta: flat };
  };

  const decode: Codec['decode'] = (stored) => {
    const definition = byType.get(stored.type);
    if (!definition) throw new DecodeError('event-type-unknown', stored, 'this program has no definition of it');
    const version = Number(stored.meta['schemaVersion']);
    if (!Number.isInteger(version) || version < 1 || version > definition.version)
      throw new DecodeError(
        'schema-version-unknown',
        stored,
        `schema version ${stored.meta['schemaVersion']}; this program knows 1 to ${definition.version}. Upgrade it first`,
      );
    if (stored.meta['tenant'] !== parseStream(stored.stream).tenant)
      throw new DecodeError('tenant-mismatch', stored, 'its tenant is not the tenant of its stream (D10)');
    let data = stored.data;
    for (let from = version; from < definition.version; from++)
      data = (definition.upcasters as NonNullable<EventDefinition['upcasters']>)[from]!(data);
    const faults = faultsOf(definition.schema, data);
    if (faults.length > 0) throw new DecodeError('event-corrupt', stored, describe(faults));
    for (const field of definition.personal ?? []) {
      const sealed = data[field];
      if (sealed === undefined) continue;
      const subject = { tenant: stored.meta['tenant'] as TenantId, learner: data['learnerId'] as string };
      const name = `${stored.type}.${field}`;
      const opened = Personal.sealed(() => cipher.open(subject, name, sealed as JsonObject));
      data = { ...data, [field]: opened as unknown as JsonObject };
    }
    return { ...stored, data, meta: stored.meta as unknown as EventMeta };
  };

  const subjectsOf: Codec['subjectsOf'] = (events, tenant) => {
    const learners = new Set<string>();
    for (const { type, data } of events)
      if (byType.get(type)?.personal?.some((field) => (data as JsonObject)[field] !== undefined))
        learners.add((data as JsonObject)['learnerId'] as string);
    return [...learners].map((learner) => ({ tenant, learner }));
  };

  const { fetchKeys } = cipher;
  return { definitions: byType, encode, decode, subjectsOf, ...(fetchKeys ? { fetchKeys } : {}) };
}

function describe(faults: readonly { pointer: string; message: string }[]): string {
  return faults.map((fault) => `${fault.pointer || '/'} ${fault.message}`).join('; ');
}
