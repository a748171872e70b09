import fc from 'fast-check';

/** Plans for `withFaults`: how often each fault of a store strikes, by a seed. */
export const faultPlans = ({ earlyCheckpoints = true }: { readonly earlyCheckpoints?: boolean } = {}) =>
  fc.record({
    seed: fc.nat(),
    answerLost: fc.constantFrom(0, 0.2),
    appendLost: fc.constantFrom(0, 0.1),
    appendLate: fc.constantFrom(0, 0.2),
    refused: fc.constantFrom(0, 0.1),
    readFails: fc.constantFrom(0, 0.1),
    slow: fc.constantFrom(0, 0.2),
    feedRepeats: fc.constantFrom(0, 0.2),
    feedDrops: fc.constantFrom(0, 0.1),
    earlyCheckpoints: earlyCheckpoints ? fc.constantFrom(0, 0.3) : fc.constant(0),
  });
