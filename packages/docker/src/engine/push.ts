// How does an image of the engine come to a registry?
import type { Credentials } from '@deis/ports/registry'
import { authKey, parseReference } from '@deis/registry/reference'
import type { Client } from './client.ts'
import { EngineError, hasStatus } from './error.ts'
import { errorOf, saidBy } from './pull.ts'
import { authHeader } from './registry-auth.ts'

async function push(
  engine: Client,
  name: { readonly repository: string; readonly tag: string },
  auth: object,
  signal: AbortSignal,
): Promise<void> {
  const { repository, tag } = name
  const what = `pushing ${repository}:${tag}`
  const failed = (why: string): Error => new EngineError(`${what}: ${why}`, 0)
  const path = `/images/${encodeURIComponent(repository)}/push`
  // An engine refuses a push without this header.
  const headers = { 'x-registry-auth': authHeader(auth) }
  const stream = await engine.stream(what, { method: 'POST', path, query: { tag }, headers }, signal)
  for await (const line of saidBy(stream, (seconds) => failed(`nothing more was said for ${seconds} seconds`))) {
    const message = errorOf(line)
    if (message !== null) throw failed(message)
  }
}

/** The engine has the name only until it ends. @throws EngineError, the signal's reason */
export async function pushImage(
  engine: Client,
  id: string,
  repository: string,
  tag: string,
  credentials: Credentials | null,
  signal: AbortSignal,
): Promise<void> {
  const naming = { method: 'POST', path: `/images/${id}/tag`, query: { repo: repository, tag } } as const
  await engine.send('naming an image', naming, signal)
  try {
    const { host } = parseReference(repository)
    await push(engine, { repository, tag }, { ...credentials, serveraddress: authKey(host) }, signal)
  } finally {
    const call = { method: 'DELETE', path: `/images/${encodeURIComponent(`${repository}:${tag}`)}` } as const
    await engine.send('taking back the name of an image', call, AbortSignal.timeout(60_000)).catch((error: unknown) => {
      if (!hasStatus(error, 404)) throw error
    })
  }
}
