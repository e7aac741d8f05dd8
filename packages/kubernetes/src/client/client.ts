// How are objects of a cluster read and changed: with deadlines, cancellation and retries?
import { setMaxListeners } from 'node:events'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { errorOf, hasStatus, isNotFound, isPassing, KubeError, neverReached } from './error.ts'
import { type KubeObject, type ListOf, pathOfObject } from './objects.ts'
import { type KubeSocket, openSocket, type Take } from './socket.ts'
import type { Transport } from './transport.ts'

export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>
type Options = { readonly signal?: AbortSignal | undefined }

/** Every call ends within a minute, or with its signal's reason. All but `create` are retried while the server is away. */
export type Kube = {
  /** @throws KubeError, 404 included. */
  get<T>(path: string, options?: Options & { readonly query?: Query }): Promise<T>
  /** Undefined if it does not exist. */
  find<T>(path: string, options?: Options): Promise<T | undefined>
  /** Reads all pages. */
  list<T>(path: string, options?: Options & { readonly query?: Query }): Promise<ListOf<T>>
  create<T>(path: string, body: object, options?: Options): Promise<T>
  /** Server-side apply: the manager owns exactly the fields given, taken over from others if necessary; other fields stay. */
  apply<T>(object: T & KubeObject, options?: Options & { readonly manager?: string }): Promise<T>
  patch<T>(path: string, body: object, options?: Options & { readonly kind?: 'merge' | 'json' }): Promise<T>
  /** Deletes it; does nothing if it does not exist. */
  remove(
    path: string,
    options?: Options & { readonly graceSeconds?: number; readonly background?: boolean; readonly query?: Query },
  ): Promise<void>
  /** Opens a streamed body: followed logs, watches. Ends with the signal. @throws KubeError when refused. */
  stream(path: string, query: Query, signal: AbortSignal): Promise<Readable>
  /** Connects to a container's `attach` or `exec`, without retries. Ends with the signal. @throws KubeError when refused. */
  connect(path: string, query: Query, take: Take, signal: AbortSignal): Promise<KubeSocket>
  close(): void
}

const fieldManager = 'deis'

const firstDelayMs = 100
const lastDelayMs = 5_000

function withQuery(path: string, query: Query = {}): string {
  const pairs = Object.entries(query).flatMap(([key, value]) =>
    value === undefined ? [] : [value].flat().map((one) => [key, String(one)] satisfies [string, string]),
  )
  return pairs.length === 0 ? path : `${path}?${new URLSearchParams(pairs).toString()}`
}

/** @throws if the body is not JSON: then it is not the API's. */
function parsed(body: string, method: string, path: string): unknown {
  try {
    return JSON.parse(body)
  } catch (error) {
    const start = body.slice(0, 200).trim()
    throw new Error(`the answer to ${method} ${path} is not from the Kubernetes API: ${start}`, { cause: error })
  }
}

/** `callMs`: for one attempt; `wholeMs`: the last attempt begins within this time. */
export function createKube(transport: Transport, { callMs = 20_000, wholeMs = 60_000 } = {}): Kube {
  const open = async (
    method: string,
    path: string,
    signal: AbortSignal,
    body?: object,
    contentType = 'application/json',
    endless = false,
  ): Promise<Readable> => {
    const answer = await transport.send({
      method,
      path,
      signal,
      endless,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': contentType } }),
    })
    const status = answer.statusCode ?? 0
    if (status >= 200 && status < 300) return answer
    throw errorOf(status, await text(answer), answer.headers['retry-after'])
  }

  /** Retries with increasing delays while `isRetryable` says so. */
  const call = async <T>(
    method: string,
    path: string,
    options: Options,
    isRetryable: (error: unknown) => boolean,
    body?: object,
    contentType?: string,
  ): Promise<T> => {
    const deadline = Date.now() + wholeMs
    for (let delay = firstDelayMs; ; delay = Math.min(delay * 2, lastDelayMs)) {
      const late = AbortSignal.timeout(callMs)
      const signal = options.signal ? AbortSignal.any([options.signal, late]) : late
      try {
        return parsed(await text(await open(method, path, signal, body, contentType)), method, path) as T
      } catch (caught) {
        options.signal?.throwIfAborted()
        const slow = `the Kubernetes API did not answer ${method} ${path} within ${callMs / 1000} s`
        // Not the signal's own error: its name, TimeoutError, stands for limits of the user's elsewhere.
        const error = late.aborted ? Object.assign(new Error(slow, { cause: caught }), { code: 'ETIMEDOUT' }) : caught
        const wait = error instanceof KubeError && error.retryAfter !== null ? error.retryAfter * 1000 : delay
        if (!isRetryable(error) || Date.now() + wait > deadline) throw error
        await sleep(wait + Math.random() * delay, undefined, options.signal ? { signal: options.signal } : {}).catch(
          () => options.signal?.throwIfAborted(),
        )
      }
    }
  }

  const get = <T>(path: string, options: Options & { readonly query?: Query } = {}): Promise<T> =>
    call<T>('GET', withQuery(path, options.query), options, isPassing)

  return {
    get,
    async find<T>(path: string, options: Options = {}) {
      try {
        return await get<T>(path, options)
      } catch (error) {
        if (isNotFound(error)) return undefined
        throw error
      }
    },
    async list<T>(path: string, { query, ...options }: Options & { readonly query?: Query } = {}) {
      const items: T[] = []
      let next: string | undefined
      try {
        for (;;) {
          const page = await get<ListOf<T>>(path, { ...options, query: { limit: 500, ...query, continue: next } })
          items.push(...page.items)
          next = page.metadata.continue
          if (next === undefined || next === '') return { metadata: page.metadata, items }
        }
      } catch (error) {
        if (next === undefined || !hasStatus(error, 410)) throw error
        // The snapshot behind the further pages was compacted: everything is read in one page.
        return get<ListOf<T>>(path, { ...options, query: { ...query, limit: undefined } })
      }
    },
    create: (path, body, options = {}) => call('POST', path, options, neverReached, body),
    apply<T>(
      object: T & KubeObject,
      { manager = fieldManager, ...options }: Options & { readonly manager?: string } = {},
    ) {
      const path = withQuery(pathOfObject(object), { fieldManager: manager, force: true })
      // JSON is YAML.
      return call<T>('PATCH', path, options, isPassing, object, 'application/apply-patch+yaml')
    },
    patch: (path, body, { kind = 'merge', ...options } = {}) =>
      call(
        'PATCH',
        withQuery(path, { fieldManager }),
        options,
        isPassing,
        body,
        kind === 'merge' ? 'application/merge-patch+json' : 'application/json-patch+json',
      ),
    async remove(path, { graceSeconds, background = true, query, ...options } = {}) {
      try {
        await call('DELETE', withQuery(path, query), options, isPassing, {
          kind: 'DeleteOptions',
          apiVersion: 'v1',
          propagationPolicy: background ? 'Background' : 'Foreground',
          ...(graceSeconds === undefined ? {} : { gracePeriodSeconds: graceSeconds }),
        })
      } catch (error) {
        if (!isNotFound(error)) throw error
      }
    },
    stream(path, query, signal) {
      // Hundreds of listeners on one signal are not a leak here.
      setMaxListeners(0, signal)
      return open('GET', withQuery(path, query), signal, undefined, undefined, true)
    },
    connect: async (path, query, take, signal) =>
      openSocket(await transport.dial(withQuery(path, query)), take, signal),
    close: () => transport.close(),
  }
}
