import type { Requirement } from '@cairn/rules';

/** A node of a requirement tree with its JSON Pointer. */
export type PlacedNode = { readonly node: Requirement; readonly pointer: string };

/** All nodes of a tree, parents first. */
export function nodesOf(node: Requirement, pointer: string): readonly PlacedNode[] {
  const below = (parts: readonly Requirement[], member: string): readonly PlacedNode[] =>
    parts.flatMap((part, index) => nodesOf(part, `${pointer}/${member}/${index}`));
  const self = { node, pointer };
  if (typeof node === 'string') return [self];
  if ('all' in node) return [self, ...below(node.all, 'all')];
  if ('any' in node) return [self, ...below(node.any, 'any')];
  if ('of' in node) return [self, ...below(node.of, 'of')];
  return [self];
}
