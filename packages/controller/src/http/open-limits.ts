// How much may one user, and may all users together, keep open at this controller?
import { DeisError } from '@deis/types'

export type Places = {
  /** @returns what gives the place back; more than once does no harm. @throws DeisError `throttled` when there is none. */
  take(username: string): () => void
}

export type PlaceLimits = { readonly perUser: number; readonly perController: number }

/** @param what in the words of the refusal: `sessions` */
export function createPlaces(what: string, { perUser, perController }: PlaceLimits): Places {
  const held = new Map<symbol, string>()
  return {
    take(username) {
      const own = [...held.values()].filter((name) => name === username).length
      const who = own >= perUser ? `${username} has ${own}` : `this controller has ${held.size}`
      if (own >= perUser || held.size >= perController)
        throw new DeisError('throttled', `${who} ${what} open, more are not allowed: end one first`)
      const place = Symbol(username)
      held.set(place, username)
      return () => void held.delete(place)
    },
  }
}
