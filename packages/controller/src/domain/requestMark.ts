// How does a change leave in its own transaction that it was made, for a client that may ask (see requests.ts)?
import type { Tx } from '../store/open.ts'

/** What a client calls a change it asks for: unique among those of its user. */
export type Named = { readonly userId: number; readonly id: string }

export type Mark = {
  /** False when it is undone. */
  readonly stored: boolean
  /** Of the release it made. */
  readonly version?: number
  readonly appUuid?: string
}

/** Call it in the transaction that stores, or undoes, the change. Without a name there is nothing to mark. */
export async function mark(tx: Tx, request: Named | undefined, data: Mark): Promise<void> {
  if (request) await tx.request.updateMany({ where: { ...request }, data: { ...data, updatedAt: new Date() } })
}
