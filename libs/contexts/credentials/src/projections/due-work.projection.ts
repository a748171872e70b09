import { defineProjection, type DueItem } from '@cairn/kernel';
import { stackComponentCredited, stackComponentWithdrawn } from '@cairn/contexts/progress';

type Definition = typeof stackComponentCredited | typeof stackComponentWithdrawn;

/** A component's term ends: of an own credential, or of one recognised from outside. */
export type ComponentExpiry = DueItem & {
  readonly kind: 'component-expiry';
  readonly learnerId: string;
  /** Of the term that ends: what the record noted it by. */
  readonly ref: string;
  readonly origin: 'own' | 'recognised';
};

/**
 * What falls due, made and closed by events alone: `_id` = `<t>:<kind>:<subject>`. A later term of the same subject is
 * the same document with the next serial and another due time, so that an event can close it without knowing either.
 */
export const dueWorkProjection = defineProjection<ComponentExpiry, Definition>({
  name: 'due_work',
  version: 1,
  events: [stackComponentCredited, stackComponentWithdrawn],
  keys: (event) => [`${event.meta.tenant}:component-expiry:${event.data.componentId}`],
  evolve: (document, event) => {
    const { learnerId, componentId, ref } = event.data;
    if (event.type === 'stack-component-withdrawn') return document && { ...document, state: 'done' };
    const { origin, validUntil } = event.data;
    if (validUntil === undefined) return document && { ...document, state: 'done' };
    return {
      tenant: event.meta.tenant,
      kind: 'component-expiry',
      subject: componentId,
      serial: (document?.serial ?? 0) + 1,
      dueAt: validUntil,
      state: 'open',
      learnerId,
      ref,
      origin,
    };
  },
  indexes: [
    {
      name: 'tenant-state-due',
      fields: [
        ['tenant', 1],
        ['state', 1],
        ['dueAt', 1],
      ],
    },
  ],
});
