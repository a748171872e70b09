// Stream grammar: `<category>-<tenant>.<id>`. The category has no dash, the tenant no dot.
import type { TenantId } from './ids.js';

export type StreamParts = { readonly category: string; readonly tenant: TenantId; readonly id: string };

export function streamName(category: string, tenant: TenantId, id: string): string {
  return `${category}-${tenant}.${id}`;
}

/** Throws a RangeError for a name outside the grammar: such a name is a broken program, not bad input. */
export function parseStream(stream: string): StreamParts {
  const match = /^([a-z]+)-([^.]+)\.(.+)$/.exec(stream);
  if (!match) throw new RangeError(`"${stream}" is not a stream name: expected <category>-<tenant>.<id>`);
  return { category: match[1] as string, tenant: match[2] as TenantId, id: match[3] as string };
}

export function categoryOf(stream: string): string {
  return stream.slice(0, stream.indexOf('-'));
}
