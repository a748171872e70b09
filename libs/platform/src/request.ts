// The request as controllers see it, and what they read from it.
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { bareId, uuidv5, type IdPrefix, type TenantId } from '@cairn/kernel';
import type { Principal } from './principal.js';
import { ProblemException } from './problems.js';

export type CairnRequest = FastifyRequest & {
  principal?: Principal;
  /** W3C trace id: taken from traceparent, else new. */
  traceId?: string;
  /** Of the command that the request sent. */
  correlationId?: string;
};

/** W3C Trace Context §3.2: versions may come that append to it; ids of zeros and version ff are invalid. */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?=$|-)/;

/** The caller's trace: its `traceparent` header, as far as this version knows it, and its id. Undefined if invalid. */
export function traceOf(
  header: string | string[] | undefined,
): { readonly parent: string; readonly id: string } | undefined {
  const match = typeof header === 'string' ? TRACEPARENT.exec(header) : null;
  if (!match || (match[1] === '00' && match[0] !== header)) return undefined;
  return { parent: `00${match[0].slice(2)}`, id: match[2] as string };
}

/** A caller with a key: its tenant, actor and scopes. */
export type TenantCaller = Extract<Principal, { kind: 'key' }>;

/** Parameter decorator: the caller of a route whose policy names a scope. */
export const Caller = createParamDecorator((_data: unknown, context: ExecutionContext): TenantCaller => {
  const { principal } = context.switchToHttp().getRequest<CairnRequest>();
  if (principal?.kind !== 'key') throw new TypeError('@Caller() needs a route with @RequireScope()');
  return principal;
});

/** The bare id behind a public one in a path; anything else is not found. */
export function idFromPath<T extends string>(prefix: IdPrefix, text: string): T {
  const id = bareId(prefix, text);
  if (id === undefined) throw new ProblemException('not-found', `"${text.slice(0, 80)}" is not an id of this kind.`);
  return id as T;
}

const SLUG_KINDS = { mod: 'module', tpl: 'template', pwy: 'pathway' } as const;

/** Modules, templates and pathways answer to their public id and to their slug, whose id derives from it. */
export function idOrSlug<T extends string>(prefix: keyof typeof SLUG_KINDS, tenant: TenantId, text: string): T {
  return (bareId(prefix, text) ?? uuidv5(tenant, SLUG_KINDS[prefix], text)) as T;
}
