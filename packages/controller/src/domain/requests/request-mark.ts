// How does a change record in its own transaction that it was made, and by whom (see requests.ts, events/deed.ts)?
import { DeisError } from '@deis/types'
import type { Tx } from '../../store/open.ts'
import type { Core } from '../core.ts'
import { type Deed, noteDeed } from '../events/deed.ts'

/** A change with a request id, which is unique among those of its user. */
export type Named = {
  readonly userId: number
  readonly id: string
  /** The controller that does it. Another one may have taken it over since; only the one that has it may update it. */
  readonly instance: string
}

/** A change that somebody asked for. */
export type Change = {
  /** Absent: the client gave it no id. */
  readonly named?: Named
  /** Absent: nobody asked for it. */
  readonly deed?: Deed
}

export type Mark = {
  /** False when it is undone. */
  readonly stored: boolean
  /** Of the release it made. */
  readonly version?: number
  readonly appUuid?: string
  /** The body that success is answered with, where that is known already; null: none. */
  readonly answer?: object | null
}

/** Longer answers are not stored; the outcome can be looked up in other ways. */
const longestAnswer = 64 * 1024

export function sealedAnswer({ vault }: Pick<Core, 'vault'>, text: string): string | null {
  return text.length > longestAnswer ? null : vault.seal('answer', text)
}

/**
 * Call it in the transaction that stores, or undoes, the change. Work that nobody asked for has nothing to mark.
 * @throws 503 when another controller has it by now: the transaction is undone then
 */
export async function mark(
  core: Pick<Core, 'vault'>,
  tx: Tx,
  change: Change | undefined,
  { answer, ...data }: Mark,
): Promise<void> {
  await noteDeed(tx, change?.deed, data.stored)
  const request = change?.named
  if (!request) return
  const promised = data.stored && answer !== undefined ? sealedAnswer(core, JSON.stringify(answer)) : null
  const { count } = await tx.request.updateMany({
    where: { ...request },
    data: { ...data, answer: promised, updatedAt: new Date() },
  })
  if (count > 0) return
  const { userId, id } = request
  // Old requests are deleted, even while they run.
  if ((await tx.request.count({ where: { userId, id } })) > 0)
    throw new DeisError('unavailable', 'Another controller has taken over this request, so nothing was changed here.')
}

/** A change that is one transaction, and the mark in it. `answer`: of what `work` returns. */
export async function marked<T>(
  core: Pick<Core, 'db' | 'vault'>,
  change: Change | undefined,
  work: (tx: Tx) => Promise<T>,
  answer: (result: T) => Pick<Mark, 'answer' | 'appUuid'> = () => ({ answer: null }),
): Promise<T> {
  return core.db.$transaction(async (tx) => {
    const result = await work(tx)
    await mark(core, tx, change, { stored: true, ...answer(result) })
    return result
  })
}

/** Takes back what `marked` stored. */
export async function unmarked(
  core: Pick<Core, 'db' | 'vault'>,
  change: Change | undefined,
  work: (tx: Tx) => Promise<unknown>,
): Promise<void> {
  await core.db.$transaction(async (tx) => {
    await work(tx)
    await mark(core, tx, change, { stored: false })
  })
}
