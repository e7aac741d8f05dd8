// How does an image come to the engine, by digest, and what is said when it does not?
import type { IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { createSplitter } from '@deis/lib/split'
import type { Credentials } from '@deis/ports/registry'
import { authKey, parseReference } from '@deis/registry/reference'
import type { Client } from './client.ts'
import type { Engine } from './engine.ts'
import { EngineError, hasStatus } from './error.ts'
import { Image } from './objects.ts'
import { authHeader } from './registry-auth.ts'

/** An image that cannot be had; `hint` is what you can do. */
export class PullFailure extends Error {
  readonly hint: string
  constructor(message: string, hint: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'PullFailure'
    this.hint = hint
  }
}

/** Without any progress; the longest silence of an engine that works is that of a large layer on a slow disk. */
const stallMs = 120_000
const maxLine = 64 * 1024

const causes: readonly (readonly [RegExp, string])[] = [
  [/toomanyrequests|rate limit/i, 'Try again later, or log in: deis registry:set username=USER password=PASSWORD'],
  [
    /unauthorized|denied|forbidden|authentication|no basic auth/i,
    'Check the name; for a private image: deis registry:set username=USER password=PASSWORD',
  ],
  [/no space left/i, 'The disk is full: free some space (docker system df), then try again.'],
  [/not found|manifest unknown|no such image|does not exist/i, 'Check that its registry still has it, or push again.'],
  [
    /^(it took longer|nothing more came)/,
    'Try again: what has come is kept. Check the way to its registry; DEIS_DOCKER_PULL_TIMEOUT gives a pull more time.',
  ],
  [/no matching manifest|does not match/i, 'Build it for the architecture of this machine.'],
  [
    /http: server gave HTTP response/i,
    'Add the registry to "insecure-registries" of the Docker Engine, or give it TLS.',
  ],
]

function failureOf(reference: string, message: string, cause: unknown): PullFailure {
  const hint = causes.find(([pattern]) => pattern.test(message))?.[1] ?? 'Try again; deis doctor shows how Docker is.'
  return new PullFailure(`the image ${reference} could not be pulled: ${message}`, hint, { cause })
}

/** What a line of progress says went wrong; null: nothing. The answer was 200 long before. */
export function errorOf(line: string): string | null {
  try {
    const { errorDetail, error } = JSON.parse(line) as { errorDetail?: { message?: unknown }; error?: unknown }
    const told = errorDetail?.message ?? error
    return typeof told === 'string' ? told.replaceAll(/\s+/g, ' ').slice(0, 500) : null
  } catch {
    return null
  }
}

/** Whether the engine has it. */
export async function hasImage(engine: Client, reference: string, signal: AbortSignal): Promise<boolean> {
  try {
    const path = `/images/${encodeURIComponent(reference)}/json`
    await engine.read(`looking for ${reference}`, Image, { method: 'GET', path }, signal)
    return true
  } catch (error) {
    if (hasStatus(error, 404)) return false
    throw error
  }
}

/** What it says, as it comes. @throws what `stalled` makes when nothing comes for too long. */
export async function* saidBy(
  stream: IncomingMessage,
  stalled: (seconds: number) => Error,
  silentMs = stallMs,
): AsyncGenerator<string> {
  const timer = setTimeout(() => stream.destroy(stalled(Math.round(silentMs / 1000))), silentMs)
  const splitter = createSplitter(maxLine)
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      timer.refresh()
      yield* splitter.push(chunk)
    }
    yield* splitter.flush()
  } finally {
    clearTimeout(timer)
  }
}

/** A registry that restarts, or a way to it that breaks for a moment. */
const passing = /connection (?:refused|reset)|unexpected EOF|: EOF$|TLS handshake timeout|i\/o timeout/
const triesPauseMs = [1000, 3000] as const

/** Again, when a registry could not be reached for a moment. */
export async function insisting<T>(
  signal: AbortSignal,
  isOfRegistry: (error: unknown) => error is Error,
  work: () => Promise<T>,
): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await work()
    } catch (error) {
      const pause = triesPauseMs[tries]
      if (pause === undefined || !isOfRegistry(error) || !passing.test(error.message)) throw error
      await sleep(pause, undefined, { signal })
    }
  }
}

/** Has deadlines of its own: however large an image is, it may come as long as it comes. @throws PullFailure, EngineError, the signal's reason */
export const pullImage = (...given: Parameters<typeof pullOnce>): Promise<void> =>
  insisting(
    given[3],
    (error) => error instanceof PullFailure,
    () => pullOnce(...given),
  )

async function pullOnce(
  engine: Pick<Engine, 'stream' | 'pullMs'>,
  reference: string,
  credentials: Credentials | null,
  signal: AbortSignal,
  silentMs = stallMs,
): Promise<void> {
  if (/^sha256:[0-9a-f]{64}$/.test(reference))
    throw new PullFailure(
      `the image ${reference} is no longer in this Docker Engine, and no registry has it`,
      'Push the app again to build it, or build the image again and deploy it with deis pull.',
    )
  const { host, repository, digest, tag } = parseReference(reference)
  const auth = credentials && { ...credentials, serveraddress: authKey(host) }
  const headers = auth && { 'x-registry-auth': authHeader(auth) }
  const late = failureOf(reference, `it took longer than ${Math.round(engine.pullMs / 1000)} seconds`, null)
  const over = new AbortController()
  const timer = setTimeout(() => over.abort(late), engine.pullMs)
  const cancelled = (): void => over.abort(signal.reason)
  if (signal.aborted) cancelled()
  signal.addEventListener('abort', cancelled, { once: true })
  try {
    const stream = await engine.stream(
      `pulling ${reference}`,
      {
        method: 'POST',
        path: '/images/create',
        // Without a tag, all of them would come.
        query: { fromImage: `${host}/${repository}`, tag: digest ?? tag ?? 'latest' },
        ...(headers ? { headers } : {}),
        // The engine asks the registry first.
        ms: silentMs,
      },
      over.signal,
    )
    const stalled = (seconds: number): Error =>
      failureOf(reference, `nothing more came of it for ${seconds} seconds`, null)
    for await (const line of saidBy(stream, stalled, silentMs)) {
      const message = errorOf(line)
      if (message !== null) throw failureOf(reference, message, null)
    }
  } catch (error) {
    over.signal.throwIfAborted()
    if (error instanceof PullFailure || (error instanceof EngineError && error.status === 0)) throw error
    throw failureOf(reference, (error as Error).message, error)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', cancelled)
  }
}
