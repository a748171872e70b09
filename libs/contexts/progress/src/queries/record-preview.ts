// A record as of a position, asked what it would decide: by the reactor's commands and the decider of ever.
import { eventIdOf, uuidv5, type CommandContext, type Issued, type Recorded } from '@cairn/kernel';
import type { RecordPreview } from '@cairn/contexts/credentials';
import type { Installation } from '@cairn/platform';
import { mapGet } from '@cairn/rules';
import { inRecord } from '../commands/record-handler.js';
import { recordOwner } from '../contracts/merged-records.js';
import type { RecordCommand } from '../contracts/record.commands.js';
import { recordStream, type RecordEvent } from '../contracts/record.events.js';
import { recordDecider } from '../domain/record.decider.js';
import { loadRecordFacts } from '../domain/record.facts.js';
import { stackOnCredential } from '../reactors/stack-on-credential.reactor.js';

const NO_LOOKUPS = { find: () => Promise.resolve([]), waitFor: () => Promise.resolve() };

export const createRecordPreview =
  ({ executor }: Installation): RecordPreview =>
  async (tenant, learner, { position, asOf }) => {
    const owner = await recordOwner(executor.loader.fold, tenant, learner);
    const stream = recordStream(tenant, owner);
    const history = (await executor.history(stream)) as readonly Recorded<RecordEvent>[];
    const later = history.findIndex((event) => event.position > position);
    const known = later < 0 ? history : history.slice(0, later);
    let state = known.reduce(recordDecider.evolve, recordDecider.initial);
    const decide = async (asked: Issued<RecordCommand>) => {
      const command = inRecord(asked, owner);
      return recordDecider.decide(command, state, await loadRecordFacts(command, state, executor.loader));
    };

    return {
      stream,
      revision: known.length - 1,
      newer: history.slice(known.length),
      held: (template) => {
        const holding = mapGet(state.holdings, template);
        const event = holding && !holding.ended ? known.find(({ id }) => id === holding.ref) : undefined;
        return event?.type === 'credential-earned' || event?.type === 'credential-granted' ? event : undefined;
      },
      renewals: (credential) =>
        known.flatMap((event) =>
          event.type === 'renewal-earned' && event.data.credentialId === credential ? [event] : [],
        ),
      decide,
      hear: async (event) => {
        // A flag is no end: nobody notes it.
        if (!stackOnCredential.events.some(({ type }) => type === event.type)) return [];
        const heard: Recorded<RecordEvent>[] = [];
        for (const { command } of await stackOnCredential.react(event as never, NO_LOOKUPS)) {
          const context: CommandContext = {
            tenant,
            commandId: uuidv5(event.id, stackOnCredential.name, heard.length),
            idSource: 'derived',
            actor: `reactor:${stackOnCredential.name}`,
            correlationId: event.meta.$correlationId,
            now: asOf,
          };
          const issued = { ...command, ...context } as Issued<RecordCommand>;
          const decision = await decide(issued);
          if (!decision.accepted) continue;
          for (const [index, decided] of decision.events.entries()) {
            const recorded: Recorded<RecordEvent> = {
              ...decided,
              id: eventIdOf(context.commandId, index),
              stream,
              revision: -1,
              position,
              meta: { ...event.meta, occurredAt: decided.occurredAt ?? asOf },
            };
            state = recordDecider.evolve(state, recorded);
            heard.push(recorded);
          }
        }
        return heard;
      },
    };
  };
