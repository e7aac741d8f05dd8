// How does an image of the engine come to a registry?
import type { Credentials } from '@deis/ports/registry'
import { authKey, parseReference } from '@deis/registry/reference'
import { Type } from 'typebox'
import { Check } from 'typebox/value'
import type { Client } from './client.ts'
import { EngineError, hasStatus } from './error.ts'
import { errorOf, insisting, saidBy } from './pull.ts'
import { authHeader } from './registry-auth.ts'

/** A registry that did not take an image; `message` names it and says why, `hint` is what you can do. */
export class PushFailure extends Error {
  readonly hint: string
  constructor(message: string, hint: string) {
    super(message)
    this.name = 'PushFailure'
    this.hint = hint
  }
}

const causes: readonly (readonly [RegExp, string])[] = [
  [
    /unauthorized|denied|forbidden|authentication|no basic auth/i,
    'Have an administrator check DEIS_REGISTRY_USERNAME and DEIS_REGISTRY_PASSWORD, and what that user may do.',
  ],
  [
    /http: server gave HTTP response/i,
    'Have an administrator add it to "insecure-registries" of the Docker Engine, or give it TLS.',
  ],
  [/x509|certificate/i, 'Have an administrator make the Docker Engine trust its certificate.'],
]

const Said = Type.Object({ status: Type.String() })

/** Pure. */
function pushFailure(host: string, why: string): PushFailure {
  const hint = causes.find(([pattern]) => pattern.test(why))?.[1] ?? 'Try again; deis doctor shows how the registry is.'
  return new PushFailure(
    `The image could not be pushed to the registry ${host}: ${why.trim().replace(/\.$/, '')}`,
    hint,
  )
}

/**
 * The last line of a push that succeeded. Only engines with a store of images of their own, not containerd's, say it as an object, too.
 * Pure; null: `line` says something else.
 */
export function digestIn(line: string, tag: string): string | null {
  try {
    const said: unknown = JSON.parse(line)
    if (!Check(Said, said)) return null
    const [, name, digest = null] = /^([\w.-]{1,128}): digest: (sha256:[0-9a-f]{64}) size: \d+$/.exec(said.status) ?? []
    return name === tag ? digest : null
  } catch {
    return null
  }
}

type Name = { readonly repository: string; readonly tag: string }

/** @returns the digest that the registry has it by. */
async function push(
  engine: Client,
  { repository, tag }: Name,
  credentials: Credentials | null,
  signal: AbortSignal,
): Promise<string> {
  const { host } = parseReference(repository)
  const what = `pushing ${repository}:${tag}`
  const path = `/images/${encodeURIComponent(repository)}/push`
  // An engine refuses a push without this header.
  const headers = { 'x-registry-auth': authHeader({ ...credentials, serveraddress: authKey(host) }) }
  const stream = await engine.stream(what, { method: 'POST', path, query: { tag }, headers }, signal)
  const stalled = (seconds: number): Error => pushFailure(host, `nothing more came of it for ${seconds} seconds`)
  let digest: string | null = null
  try {
    for await (const line of saidBy(stream, stalled)) {
      const message = errorOf(line)
      if (message !== null) throw pushFailure(host, message)
      digest = digestIn(line, tag) ?? digest
    }
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof PushFailure) throw error
    throw new EngineError(`${what}: ${(error as Error).message}`, 0, { cause: error })
  }
  if (digest === null) throw new EngineError(`${what}: the Docker Engine did not say which digest it has`, 0)
  return digest
}

/**
 * The engine has the name only until it ends.
 * @returns the image by its digest there. @throws PushFailure, EngineError, the signal's reason
 */
export async function pushImage(
  engine: Client,
  id: string,
  name: Name,
  credentials: Credentials | null,
  signal: AbortSignal,
): Promise<string> {
  const { repository, tag } = name
  const naming = { method: 'POST', path: `/images/${id}/tag`, query: { repo: repository, tag } } as const
  await engine.send('naming an image', naming, signal)
  try {
    const isOfRegistry = (error: unknown): error is PushFailure => error instanceof PushFailure
    return `${repository}@${await insisting(signal, isOfRegistry, () => push(engine, name, credentials, signal))}`
  } finally {
    const call = { method: 'DELETE', path: `/images/${encodeURIComponent(`${repository}:${tag}`)}` } as const
    await engine.send('taking back the name of an image', call, AbortSignal.timeout(60_000)).catch((error: unknown) => {
      if (!hasStatus(error, 404)) throw error
    })
  }
}
