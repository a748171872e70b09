import { given, issued } from '@cairn/testing';
import { parkedWorkDiscarded, parkedWorkRetried, readModelsRebuilt } from '../contracts/governance.events.js';
import { governanceDecider } from './governance.decider.js';

const [data] = parkedWorkDiscarded.samples[1] as never[];
const discard = { type: 'DiscardParkedWork', data: data as never } as const;
const discarded = { type: 'parked-work-discarded', data: data as never } as const;

describe('DiscardParkedWork', () => {
  it('is recorded as it was done', () => given(governanceDecider).when(discard, undefined).then(discarded));
  it('is recorded again when it is done again', () =>
    given(governanceDecider, discarded).when(discard, undefined).then(discarded));
  it('goes to the stream of its month', () =>
    expect(governanceDecider.streamOf(issued(discard))).toMatch(/^governance-[0-9a-f-]{36}\.\d{6}$/));
});

describe.each([
  ['RetryParkedWork', parkedWorkRetried],
  ['RebuildReadModels', readModelsRebuilt],
] as const)('%s', (type, { type: recorded, samples }) => {
  it.each(samples[1] as never[])('is recorded as it was done: %j', (sample) => {
    const data = sample as never;
    return given(governanceDecider).when({ type, data }, undefined).then({ type: recorded, data });
  });
});
