// `audit` (t:event): one small document for each event of the log, found by learner, credential, actor, correlation.
// It holds no payload: the trail reads the events themselves from their streams.
import { defineProjection, type Document, type EventDefinition, type Recorded } from '@cairn/kernel';

export type AuditEntry = Document & {
  readonly tenant: string;
  readonly stream: string;
  readonly revision: number;
  readonly actor: string;
  readonly correlation: string;
  readonly learner?: string;
  readonly credential?: string;
  /** The log's position: trails are in its order. */
  readonly position: string;
};

/** Every event has these two ids, if at all, under these names. */
type Ids = { readonly learnerId?: string; readonly credentialId?: string };

/** `definitions`: every event of the installation; an audit trail with gaps is none. */
export const auditProjection = (definitions: readonly EventDefinition[]) =>
  defineProjection<AuditEntry, EventDefinition>({
    name: 'audit',
    version: 2,
    events: definitions,
    keys: (event) => [`${event.meta.tenant}:${event.id}`],
    evolve: (_entry, event) => entryOf(event as Recorded),
    indexes: [
      {
        name: 'by_learner',
        fields: [
          ['tenant', 1],
          ['learner', 1],
          ['position', 1],
        ],
      },
      {
        name: 'by_credential',
        fields: [
          ['tenant', 1],
          ['credential', 1],
          ['position', 1],
        ],
      },
      {
        name: 'by_actor',
        fields: [
          ['tenant', 1],
          ['actor', 1],
          ['position', 1],
        ],
      },
      {
        name: 'by_correlation',
        fields: [
          ['tenant', 1],
          ['correlation', 1],
          ['position', 1],
        ],
      },
    ],
  });

function entryOf(event: Recorded): AuditEntry {
  const { learnerId, credentialId } = event.data as Ids;
  return {
    tenant: event.meta.tenant,
    stream: event.stream,
    revision: event.revision,
    actor: event.meta.actor,
    correlation: event.meta.$correlationId,
    ...(learnerId === undefined ? {} : { learner: learnerId }),
    ...(credentialId === undefined ? {} : { credential: credentialId }),
    position: event.position,
  };
}
