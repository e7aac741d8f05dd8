// How is an HTTP endpoint declared, once for server, client and OpenAPI?
import { type Static, type TObject, type TSchema, Type } from 'typebox'

/**
 * Who may call a route (docs/contract/api.md §1.12). The server refuses a route without an access rule.
 * `app` = owner, collaborator or admin of the app named by `:id`; `app-owner` = owner or admin of it.
 */
export type Access = 'anyone' | 'user' | 'admin' | 'app' | 'app-owner' | 'builder'

/** One endpoint. `path` is written as the original client sends it; the server accepts both slash forms. */
export type Route = {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  /** The last parameter is the rest of the path, slashes included. */
  readonly rest?: boolean
  readonly access: Access
  /** Only for WebSocket upgrades. */
  readonly websocket?: true
  /** A change that a client may give an id (Deis-Request-Id), to request its result or to send it again safely. */
  readonly recorded?: true
  /** One sentence for OpenAPI. */
  readonly summary: string
  readonly params?: TObject
  readonly query?: TObject
  readonly body?: TSchema
  /** The limit of the body, if `usualBodyBytes` are not enough. */
  readonly bodyBytes?: number
  /** What a GET answers with, or another method takes as its body, if that is not JSON. */
  readonly media?: string
  /** Status of success; errors are in error.ts. */
  readonly status: number
  readonly response: TSchema
}

export const usualBodyBytes = 64 * 1024

/** A part of a path or a query, of limited length, as all input. */
export const Word = Type.String({ maxLength: 2_000 })

/** Declares an endpoint; keeps the literal types so that callers are checked against its schemas. */
export function route<const R extends Route>(spec: R): R {
  return spec
}

type StaticOr<S, Otherwise> = S extends TSchema ? Static<S> : Otherwise
export type Params<R extends Route> = StaticOr<R['params'], Record<string, never>>
export type Query<R extends Route> = StaticOr<R['query'], Record<string, never>>
export type Body<R extends Route> = StaticOr<R['body'], undefined>
export type Response<R extends Route> = StaticOr<R['response'], never>

/** Fills the `:name` parameters of a path, each value percent-encoded (docs/contract/cli.md §9 note 6). */
export function fillPath(path: string, params: Record<string, string | number>): string {
  return path.replace(/:([a-z]+)/g, (_, name: string) => {
    const value = params[name]
    if (value === undefined) throw new Error(`path ${path} needs ${name}`)
    return encodeURIComponent(String(value))
  })
}

/** UTC, whole seconds: `2026-01-02T03:04:05Z` (docs/contract/api.md §1.11). */
export const Time = Type.String({ pattern: String.raw`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$` })

/** Formats a moment the way every API answer writes it. */
export function time(moment: Date): string {
  return moment.toISOString().replace(/\.\d+Z$/, 'Z')
}

/** `?limit=&offset=` of every list (docs/contract/api.md §1.10); invalid values fall back to the defaults, so they are strings here. */
export const PageQuery = Type.Object({ limit: Type.Optional(Word), offset: Type.Optional(Word) })

/** A list answer; `count` is the total, not the length of `results`. */
export function Page<S extends TSchema>(item: S) {
  return Type.Object({
    count: Type.Integer(),
    next: Type.Union([Type.String(), Type.Null()]),
    previous: Type.Union([Type.String(), Type.Null()]),
    results: Type.Array(item),
  })
}

/** `/v2/apps/:id/...` */
export const AppParams = Type.Object({ id: Word })

export const Empty = Type.Null()

/** The client's id of a request, by which it can be looked up or stopped, also later. */
export const requestIdHeader = 'deis-request-id'
