// How many sessions or followed logs may one user, and all users together, keep open at this controller?
import { DeisError } from '@deis/types'

export type Slots = {
  /** @returns the function that gives the slot back, idempotent. @throws DeisError `throttled` when there is none. */
  take(username: string): () => void
}

export type SlotLimits = {
  readonly perUser: number
  readonly perController: number
  /** Who has a slot already gets another one only while fewer than these are held: the rest is for others. Default: all. */
  readonly shared?: number
}

/** @param what as the error message names them: `sessions` */
export function createSlots(what: string, { perUser, perController, shared = perController }: SlotLimits): Slots {
  const held = new Map<symbol, string>()
  return {
    take(username) {
      const own = [...held.values()].filter((name) => name === username).length
      const who = own >= perUser ? `"${username}" has ${own}` : `This controller has ${held.size}`
      if (own >= perUser || held.size >= (own === 0 ? perController : shared))
        throw new DeisError('throttled', `${who} ${what} open, the maximum. End one first.`)
      const slot = Symbol(username)
      held.set(slot, username)
      return () => void held.delete(slot)
    },
  }
}
