// What a published rule names, and where its nodes are: for saying it in words.
import { withIds, type PathwayRules, type Requirement } from '@cairn/rules';

const partsOf = (node: Requirement): readonly Requirement[] => {
  if (typeof node === 'string') return [];
  if ('all' in node) return node.all;
  if ('any' in node) return node.any;
  if ('of' in node) return node.of;
  return [];
};

/** Every node of a version's trees, parents first. */
function* nodesOf(rules: PathwayRules): Generator<Requirement> {
  const trees = [
    ...rules.awards.map(({ when }) => when),
    ...rules.steps.map(({ need }) => need),
    ...rules.entryPoints.flatMap(({ recognise = [] }) => recognise.map(({ when }) => when)),
  ];
  for (const stack = [...trees]; stack.length > 0;) {
    const node = stack.pop() as Requirement;
    yield node;
    stack.push(...partsOf(node));
  }
}

/** A renewal's requirement as rules: what names and words rules, names and words it too. */
export function asRules(requirement: Requirement, zone: string): PathwayRules {
  const need = withIds(requirement, 'renewal');
  return { zone, order: 'advisory', entryPoints: [], steps: [{ id: 'renewal', need }], awards: [] };
}

/** The node that has an id; published versions give one to every node. */
export function requirementOf(rules: PathwayRules, requirementId: string): Requirement | undefined {
  for (const node of nodesOf(rules)) if (typeof node !== 'string' && node.id === requirementId) return node;
  return undefined;
}

/** Ids of the modules and templates that a version names. A list of `credits` may hold either. */
export function namedIn(rules: PathwayRules): {
  readonly modules: readonly string[];
  readonly templates: readonly string[];
} {
  const modules = new Set<string>();
  const templates = new Set<string>(rules.awards.map(({ template }) => template));
  for (const node of nodesOf(rules)) {
    if (typeof node === 'string') continue;
    if ('module' in node) modules.add(node.module);
    else if ('credential' in node) templates.add(node.credential);
    else if ('credits' in node)
      for (const selector of [node.from, ...(node.cap ?? []).map(({ from }) => from)])
        if (Array.isArray(selector))
          for (const id of selector as readonly string[]) {
            modules.add(id);
            templates.add(id);
          }
  }
  return { modules: [...modules], templates: [...templates] };
}
