// Which objects of a kind are in the cluster now, and when do they change?
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Kube, Query } from './client.ts'
import { errorOf, hasStatus } from './error.ts'
import type { KubeObject } from './objects.ts'

export type Watched<T> = {
  /** All objects, in no particular order. */
  all(): readonly T[]
  /** The objects of one namespace. */
  of(namespace: string): readonly T[]
  get(namespace: string, name: string): T | undefined
  /** Calls back with the object after each change; if `gone`, with its last state. Errors go to `trouble`. Returns the function that ends it. */
  onChange(listener: (object: T, gone: boolean) => void): () => void
  close(): Promise<void>
}

export type WatchOptions = {
  readonly query?: Query
  /** Called with every error that is retried. */
  readonly trouble: (error: unknown) => void
  /** How long a server may take to begin its answer to a watch. */
  readonly headMs?: number
}

const minuteMs = 60_000
/** The server ends a watch after about this long by itself; a connection without data for longer counts as dead. */
const watchSeconds = 240
const firstDelayMs = 200
const lastDelayMs = 5_000

type Event = { readonly type?: string; readonly object?: KubeObject & { code?: number; message?: string } }

/** Not readline, which would hide the error of a broken connection. */
async function* linesOf(body: Readable): AsyncGenerator<string> {
  let rest = ''
  body.setEncoding('utf8')
  for await (const chunk of body) {
    const lines = `${rest}${chunk as string}`.split('\n')
    rest = lines.pop() ?? ''
    yield* lines.filter((line) => line !== '')
  }
}

const keyOf = (object: KubeObject): string => `${object.metadata?.namespace ?? ''}/${object.metadata?.name ?? ''}`

/** Lists, then follows changes until it is closed; survives 410 Gone, broken connections and an absent server. Resolves after the first list. */
export async function watchAll<T extends KubeObject>(
  kube: Kube,
  path: string,
  { query = {}, trouble, headMs = 20_000 }: WatchOptions,
): Promise<Watched<T>> {
  const over = new AbortController()
  const byNamespace = new Map<string, Map<string, T>>()
  const listeners = new Set<(object: T, gone: boolean) => void>()
  let version: string | undefined

  const notify = (object: T, gone: boolean): void => {
    for (const listener of listeners)
      try {
        listener(object, gone)
      } catch (error) {
        // The other listeners are called all the same.
        trouble(error)
      }
  }
  const put = (object: T): void => {
    const space = object.metadata?.namespace ?? ''
    const known = byNamespace.get(space) ?? new Map<string, T>()
    byNamespace.set(space, known)
    const before = known.get(keyOf(object))
    known.set(keyOf(object), object)
    if (before?.metadata?.resourceVersion !== object.metadata?.resourceVersion) notify(object, false)
  }
  const drop = (object: T): void => {
    const space = object.metadata?.namespace ?? ''
    const known = byNamespace.get(space)
    if (!known?.delete(keyOf(object))) return
    if (known.size === 0) byNamespace.delete(space)
    notify(object, true)
  }
  const all = (): T[] => [...byNamespace.values()].flatMap((known) => [...known.values()])
  const relist = async (): Promise<void> => {
    const found = await kube.list<T>(path, { query, signal: over.signal })
    const present = new Set(found.items.map(keyOf))
    for (const object of all()) if (!present.has(keyOf(object))) drop(object)
    for (const object of found.items) put(object)
    version = found.metadata.resourceVersion
  }
  const take = (event: Event): void => {
    const { type, object } = event
    if (type === 'ERROR') throw errorOf(object?.code ?? 500, JSON.stringify(object ?? {}), undefined)
    if (!object || type === undefined) return
    version = object.metadata?.resourceVersion ?? version
    if (type === 'ADDED' || type === 'MODIFIED') put(object as T)
    else if (type === 'DELETED') drop(object as T)
  }
  const follow = async (): Promise<void> => {
    // A half-open connection never ends by itself.
    const late = new AbortController()
    const giveUp = (ms: number, what: string) => setTimeout(() => late.abort(new Error(what)), ms).unref()
    let timer = giveUp(headMs, `the Kubernetes API did not begin to answer the watch of ${path}`)
    try {
      const body = await kube.stream(
        path,
        { ...query, watch: true, allowWatchBookmarks: true, timeoutSeconds: watchSeconds, resourceVersion: version },
        AbortSignal.any([over.signal, late.signal]),
      )
      clearTimeout(timer)
      timer = giveUp((watchSeconds + 30) * 1000, `the watch of ${path} did not end by itself`)
      try {
        for await (const line of linesOf(body)) take(JSON.parse(line) as Event)
      } finally {
        body.destroy()
      }
    } catch (error) {
      late.signal.throwIfAborted()
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  await relist()
  const running = (async () => {
    let delay = firstDelayMs
    while (!over.signal.aborted) {
      const started = Date.now()
      try {
        if (version === undefined) await relist()
        await follow()
        delay = firstDelayMs
        // A server that closes at once must not cause a busy loop.
        if (Date.now() - started < 1000) await sleep(firstDelayMs, undefined, { signal: over.signal })
      } catch (error) {
        if (over.signal.aborted) return
        if (hasStatus(error, 410)) version = undefined
        trouble(error)
        if (Date.now() - started > minuteMs) delay = firstDelayMs
        await sleep(delay * (0.5 + Math.random()), undefined, { signal: over.signal }).catch(() => {})
        delay = Math.min(delay * 2, lastDelayMs)
      }
    }
  })().catch(() => {})

  return {
    all,
    of: (namespace) => [...(byNamespace.get(namespace)?.values() ?? [])],
    get: (namespace, name) => byNamespace.get(namespace)?.get(`${namespace}/${name}`),
    onChange(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    async close() {
      over.abort(new Error('the watch is closed'))
      await running
    },
  }
}
