// What would follow from a change of one credential, level by level, by the reactors and deciders of ever (D9: it ends).
import { eventIdOf, publicId, uuidv5, type CredentialId, type Issued, type Recorded } from '@cairn/kernel';
import type { CredentialCommand } from '../contracts/credential.commands.js';
import type { CredentialEvent } from '../contracts/credential.events.js';
import type { RecordThen } from '../contracts/record-preview.js';
import { credentialDecider } from '../commands/signing-desks.js';
import type { CredentialState } from '../domain/credential.decider.js';
import { applyPolicy } from '../reactors/apply-policy.reactor.js';

/** One effect beyond the act itself. */
export type CascadeEffect = {
  readonly effect: 'revoked' | 'suspended' | 'reinstated' | 'flagged' | 'unflagged' | 'earned' | 'step-reopened';
  readonly credential?: string;
  readonly template?: string;
  readonly enrollment?: string;
  readonly step?: string;
  /** The cause, as the policy names it. */
  readonly because?: string;
};

const EFFECTS = {
  'credential-revoked': 'revoked',
  'credential-issuance-barred': 'revoked',
  'credential-suspended': 'suspended',
  'credential-reinstated': 'reinstated',
  'credential-flagged': 'flagged',
  'credential-unflagged': 'unflagged',
} as const;

const NO_LOOKUPS = { find: () => Promise.resolve([]), waitFor: () => Promise.resolve() };

export async function cascadeOf(
  first: Recorded<CredentialEvent>,
  record: RecordThen,
  stateOf: (id: CredentialId) => Promise<CredentialState>,
): Promise<readonly CascadeEffect[]> {
  const states = new Map<CredentialId, CredentialState>();
  const found: CascadeEffect[] = [];
  const queue = [first];
  for (let event = queue.shift(); event; event = queue.shift()) {
    for (const heard of await record.hear(event)) {
      if (heard.type === 'credential-earned')
        found.push({
          effect: 'earned',
          credential: publicId('crd', heard.data.credentialId),
          template: publicId('tpl', heard.data.templateId),
        });
      if (heard.type === 'step-reopened')
        found.push({
          effect: 'step-reopened',
          enrollment: publicId('enr', heard.data.enrollment.enrollmentId),
          step: heard.data.stepId,
        });
      if (heard.type !== 'component-policy-applied') continue;
      for (const [index, { command }] of (await applyPolicy.react(heard, NO_LOOKUPS)).entries()) {
        const { credentialId, templateId, cause } = heard.data;
        const issued = {
          ...command,
          tenant: heard.meta.tenant,
          commandId: uuidv5(heard.id, applyPolicy.name, index),
          idSource: 'derived',
          actor: `reactor:${applyPolicy.name}`,
          correlationId: heard.meta.$correlationId,
          now: first.meta.recordedAt,
        } as Issued<CredentialCommand>;
        const before = states.get(credentialId) ?? (await stateOf(credentialId));
        const decision = credentialDecider.decide(issued, before, undefined);
        if (!decision.accepted) continue;
        let state = before;
        for (const [place, decided] of decision.events.entries()) {
          const recorded: Recorded<CredentialEvent> = {
            ...decided,
            id: eventIdOf(issued.commandId, place),
            stream: '',
            revision: -1,
            position: first.position,
            meta: { ...first.meta, occurredAt: decided.occurredAt ?? issued.now },
          };
          state = credentialDecider.evolve(state, recorded);
          queue.push(recorded);
          const effect = EFFECTS[decided.type as keyof typeof EFFECTS];
          found.push({
            effect,
            credential: publicId('crd', credentialId),
            template: publicId('tpl', templateId),
            because: cause,
          });
        }
        states.set(credentialId, state);
      }
    }
  }
  return found;
}
