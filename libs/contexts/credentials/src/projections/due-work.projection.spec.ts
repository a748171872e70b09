import type { Decided } from '@cairn/kernel';
import type { RecordEvent } from '@cairn/contexts/progress';
import { at, recorded, TENANT } from '@cairn/testing';
import { componentExpiryClock } from '../timekeepers/expiry-clock.timekeeper.js';
import { learnerId, templateId } from '../domain/samples-spec.js';
import { dueWorkProjection, type ComponentExpiry } from './due-work.projection.js';

type StackEvent = Extract<RecordEvent, { type: 'stack-component-credited' | 'stack-component-withdrawn' }>;
type Origin = 'own' | 'recognised';

const componentId = '6a7b8c9d-0e1f-5a2b-8c3d-4e5f60718293';
const id = `${TENANT}:component-expiry:${componentId}`;
const credited = (until?: string, ref = 'urn:x', origin: Origin = 'recognised'): Decided<StackEvent> => ({
  type: 'stack-component-credited',
  data: {
    learnerId,
    componentId,
    origin,
    templateId,
    validFrom: at('2024-01-01'),
    ...(until === undefined ? {} : { validUntil: at(until) }),
    ref,
    enrollments: [],
  },
});
const withdrawn = (cause: 'expired' | 'revoked'): Decided<StackEvent> => ({
  type: 'stack-component-withdrawn',
  data: { learnerId, componentId, cause, effectiveAt: at('2025-01-01'), ref: 'urn:x', enrollments: [] },
});
const due = (...events: readonly Decided<StackEvent>[]): ComponentExpiry | null =>
  events
    .map((event, revision) => recorded(event, { revision }))
    .reduce<ComponentExpiry | null>((document, event) => {
      expect(dueWorkProjection.keys(event)).toEqual([id]);
      return dueWorkProjection.evolve(document, event, id);
    }, null);

describe('the end of a term', () => {
  it('is due then', () =>
    expect(due(credited('2025-01-01'))).toEqual({
      tenant: TENANT,
      kind: 'component-expiry',
      subject: componentId,
      serial: 1,
      dueAt: at('2025-01-01'),
      state: 'open',
      learnerId,
      ref: 'urn:x',
      origin: 'recognised',
    }));

  it('is not due if there is none', () => {
    expect(due(credited())).toBeNull();
    expect(due(credited('2025-01-01'), credited(undefined, 'urn:for-life'))).toMatchObject({ state: 'done' });
  });

  it.each(['expired', 'revoked'] as const)('is done with once it is noted as %s', (cause) => {
    expect(due(credited('2025-01-01'), withdrawn(cause))).toMatchObject({ state: 'done', serial: 1 });
    expect(due(withdrawn(cause))).toBeNull();
  });

  it('moves with the next term, also after an end', () => {
    const next = { serial: 2, dueAt: at('2026-01-01'), state: 'open', ref: 'urn:y' };
    expect(due(credited('2025-01-01'), credited('2026-01-01', 'urn:y'))).toMatchObject(next);
    expect(due(credited('2025-01-01'), withdrawn('expired'), credited('2026-01-01', 'urn:y'))).toMatchObject(next);
  });

  it.each<[Origin, string]>([
    ['recognised', 'urn:x'],
    ['own', 'urn:x:until'],
  ])('of one %s is noted in the record at its own instant', (origin, ref) =>
    expect(componentExpiryClock.command(due(credited('2025-01-01', 'urn:x', origin)) as ComponentExpiry)).toEqual({
      type: 'WithdrawStackComponent',
      data: { learnerId, componentId, cause: 'expired', effectiveAt: at('2025-01-01'), ref },
    }),
  );
});
