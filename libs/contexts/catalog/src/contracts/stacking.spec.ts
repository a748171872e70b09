import type { PathwayRules } from '@cairn/rules';
import fc from 'fast-check';
import { e1Catalog, e2Catalog, e5Catalog } from '@cairn/testing';
import { findStackingCycle, joinEdges, stackingEdgesOf, type StackingEdges } from './stacking.js';

const edgesOf = (rules: PathwayRules | undefined) =>
  Object.fromEntries([...stackingEdgesOf(rules!)].map(([template, needed]) => [template, [...needed].toSorted()]));

describe('what an award rests on', () => {
  it('with enforced order: the step awards before it', () =>
    expect(edgesOf(e1Catalog().pathways[0]?.rules)).toEqual({ BLS: [], ADV: ['BLS'], INS: ['ADV', 'BLS'] }));

  it('with order gate: what its steps and those before ask for, not what was awarded for them', () => {
    const listed = ['DS-310', 'DS-311', 'DS-320', 'DS-330']; // a list may name modules, which rest on nothing
    expect(edgesOf(e2Catalog().pathways[0]?.rules)).toEqual({ L1: [], L2: [], L3: listed, L4: listed, STACK: listed });
  });

  it('the credentials that its own tree and its steps name', () =>
    expect(edgesOf(e5Catalog().pathways[1]?.rules)).toEqual({ UC: ['UC'], TECH: ['UC'], BUS: ['UC'] }));

  it('in every construct of the language', () => {
    const need = {
      all: [
        { any: [{ credential: 'A' }, { atLeast: 1, of: [{ credential: 'B' }, { module: 'm' }] }] },
        { credits: 5, from: ['C', 'm'] },
        { credits: 5, from: { area: 'x' } },
        { step: 'late' },
      ],
    };
    const rules: PathwayRules = {
      zone: 'UTC',
      order: 'advisory',
      entryPoints: [{ id: 'start', at: 'first', recognise: [{ step: 'first', when: { credential: 'OUTSIDE' } }] }],
      steps: [
        { id: 'first', need: { credential: 'FIRST' } },
        { id: 'second', after: ['first'], need: { credential: 'SECOND' } },
        { id: 'late', order: 'gate', after: ['second'], need },
      ],
      awards: [{ id: 'T', template: 'T', kind: 'final', when: { all: ['late'] } }],
    };
    expect(edgesOf(rules)).toEqual({ T: ['A', 'B', 'C', 'SECOND', 'm'] });
  });
});

const graph = (edges: Record<string, readonly string[]>): StackingEdges =>
  new Map(Object.entries(edges).map(([template, needed]) => [template, new Set(needed)]));

describe('cycles (D9)', () => {
  it('are found along any way', () =>
    expect(findStackingCycle(graph({ A: ['B'], B: ['D', 'C'], C: ['A'] }))).toEqual(['A', 'B', 'C']));
  it('are found across pathways', () =>
    expect(findStackingCycle(joinEdges([graph({ A: ['B'] }), graph({ B: [] }), graph({ B: ['A'] })]))).toEqual([
      'A',
      'B',
    ]));
  it('are not what merely meets again', () =>
    expect(findStackingCycle(graph({ A: ['B', 'C'], B: ['D'], C: ['D'] }))).toBeUndefined());
  it('are not an award that rests on its own template', () =>
    expect(findStackingCycle(graph({ A: ['A', 'B'], B: ['B'] }))).toBeUndefined());

  it('are found exactly if the templates cannot be put in an order, for all graphs', () => {
    const name = fc.constantFrom('A', 'B', 'C', 'D', 'E');
    fc.assert(
      fc.property(fc.dictionary(name, fc.array(name, { maxLength: 3 })), (edges) => {
        // An independent oracle: take away what rests on nothing that is left, until nothing changes.
        const left = new Set([...Object.keys(edges), ...Object.values(edges).flat()]);
        for (let before = -1; before !== left.size;) {
          before = left.size;
          for (const node of left)
            if (!(edges[node] ?? []).some((needed) => needed !== node && left.has(needed))) left.delete(node);
        }
        const cycle = findStackingCycle(graph(edges));
        expect(cycle !== undefined).toBe(left.size > 0);
        const closed = cycle ? [...cycle, cycle[0] as string] : [];
        for (const [index, node] of (cycle ?? []).entries()) expect(edges[node]).toContain(closed[index + 1]);
      }),
    );
  });
});
