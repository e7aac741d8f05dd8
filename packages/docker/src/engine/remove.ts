// How is a container deleted, whatever it does?
import type { Client } from './client.ts'
import { hasStatus } from './error.ts'

const never = new AbortController().signal

/** With its anonymous volumes, also while it runs; it may be gone already. */
export async function removeContainer(engine: Client, id: string, signal: AbortSignal = never): Promise<void> {
  const call = { method: 'DELETE', path: `/containers/${id}`, query: { force: true, v: true } } as const
  await engine.send('deleting a container', call, signal).catch((error: unknown) => {
    // 409: it is being deleted already.
    if (!hasStatus(error, 404, 409)) throw error
  })
}
