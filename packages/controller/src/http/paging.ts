// How does a slice of a list become a page with links (docs/contract/api.md §1.10)?
import type { FastifyRequest } from 'fastify'
import { schemeOf } from './origin.ts'
import { type PageRequest, pageRequest, type Slice } from '../domain/apps/page.ts'

export type PageAnswer<T> = { count: number; next: string | null; previous: string | null; results: T[] }

/** The address that was asked for. */
function addressOf(request: FastifyRequest): URL {
  const base = `${schemeOf(request)}://${request.host}`
  return new URL(request.url, URL.canParse(base) ? base : 'http://localhost')
}

/** Absolute links keep the request's other parameters; `previous` drops an offset of 0. */
function links(
  request: FastifyRequest,
  page: PageRequest,
  count: number,
): { next: string | null; previous: string | null } {
  const at = (offset: number): string => {
    const link = addressOf(request)
    link.searchParams.set('limit', String(page.limit))
    if (offset > 0) link.searchParams.set('offset', String(offset))
    else link.searchParams.delete('offset')
    return link.href
  }
  return {
    next: page.offset + page.limit < count ? at(page.offset + page.limit) : null,
    previous: page.offset > 0 ? at(Math.max(0, page.offset - page.limit)) : null,
  }
}

export async function pageOf<T>(
  request: FastifyRequest,
  query: { readonly limit?: string; readonly offset?: string },
  read: (page: PageRequest) => Promise<Slice<T>>,
): Promise<PageAnswer<T>> {
  const page = pageRequest(query)
  const { count, results } = await read(page)
  return { count, ...links(request, page, count), results }
}
