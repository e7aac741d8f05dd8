// How is a container created, so that none is left that nobody knows?
import type { Static } from 'typebox'
import type { Client } from './client.ts'
import { Created } from './objects.ts'
import { removeContainer } from './remove.ts'

const never = new AbortController().signal

/**
 * Its answer is waited for also when the signal is aborted, since the engine makes the container in any case: it is deleted then.
 * @throws EngineError, the signal's reason
 */
export async function createContainer(
  engine: Client,
  what: string,
  name: string,
  body: object,
  signal: AbortSignal,
): Promise<Static<typeof Created>> {
  signal.throwIfAborted()
  const call = { method: 'POST', path: '/containers/create', query: { name }, body } as const
  const created = await engine.read(what, Created, call, never)
  if (!signal.aborted) return created
  await removeContainer(engine, created.Id)
  throw signal.reason as Error
}
