// Lists: an opaque cursor, a limit, a fixed order, no ceiling (api.md §4).
import type { FastifyReply } from 'fastify';
import type { Document } from '@cairn/kernel';
import type { CairnRequest } from './request.js';
import type { Filter, Sort } from '@cairn/readmodel';
import type { ViewDocument, Views } from '@cairn/runtime';
import { IntegerField, Text } from './dto.js';
import { ProblemException } from './problems.js';

export class PageQuery {
  @IntegerField({ optional: true, min: 1, max: 200, fromQuery: true, description: 'Items a page; 50 if left out.' })
  limit?: number;
  @Text({ optional: true, max: 2000, description: 'From the link to the next page.' })
  cursor?: string;
}

export type Page<T> = { readonly items: readonly T[]; readonly nextCursor?: string };

const pathValue = (document: Document, path: string): unknown =>
  path.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], document);

/** One page of a projection's documents. `sort` is completed by `_id`, so the order is total and a page is never skipped. */
export async function pageOf(
  views: Views,
  projection: string,
  filter: Filter,
  query: PageQuery,
  sort: Sort = [],
): Promise<Page<ViewDocument>> {
  const full: Sort = [...sort, ['_id', 1]];
  const limit = query.limit ?? 50;
  const after = query.cursor === undefined ? undefined : cursorValues(query.cursor, full.length);
  const found = await views.find(projection, filter, { sort: full, limit: limit + 1, ...(after ? { after } : {}) });
  const items = found.slice(0, limit);
  const last = items.at(-1);
  if (found.length <= limit || !last) return { items };
  const values = full.map(([path]) => pathValue(last, path) ?? null);
  return { items, nextCursor: cursorOf(values) };
}

export const cursorOf = (values: readonly unknown[]): string =>
  Buffer.from(JSON.stringify(values)).toString('base64url');

/** Throws `cursor-invalid` for what {@link cursorOf} did not make of so many scalars. */
export function cursorValues(cursor: string, length: number): readonly unknown[] {
  try {
    const values: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    if (Array.isArray(values) && values.length === length && values.every((v) => v === null || typeof v !== 'object'))
      return values;
  } catch {
    // answered below: a cursor is opaque, so why it is unreadable helps nobody
  }
  throw new ProblemException('cursor-invalid', 'The cursor was not handed out for this list.');
}

/** `{items}` of a page, with a link to the next one. */
export function pageAnswer<T extends object>(
  reply: FastifyReply,
  request: CairnRequest,
  page: Page<ViewDocument>,
  show: (document: ViewDocument) => T,
): { readonly items: readonly T[]; readonly nextCursor?: string } {
  const { nextCursor } = page;
  linkNext(reply, request, nextCursor);
  return { items: page.items.map(show), ...(nextCursor === undefined ? {} : { nextCursor }) };
}

/** The link to the page that begins at the cursor, if there is one. */
export function linkNext(reply: FastifyReply, request: CairnRequest, nextCursor: string | undefined): void {
  if (nextCursor === undefined) return;
  const url = new URL(request.url, 'http://localhost');
  url.searchParams.set('cursor', nextCursor);
  void reply.header('Link', `<${url.pathname}${url.search}>; rel="next"`);
}
