// How does a test wait for something that comes to be true by itself?
import { setTimeout as sleep } from 'node:timers/promises'

export type Patience = { readonly what: string; readonly seconds?: number }

/** Asks until the answer is neither null nor false. @throws with the last answer's error, when that is what was wrong. */
export async function until<T>(
  { what, seconds = 60 }: Patience,
  ask: () => T | Promise<T>,
): Promise<NonNullable<Exclude<T, false>>> {
  const deadline = Date.now() + seconds * 1000
  let trouble: unknown
  for (;;) {
    try {
      const answer = await ask()
      if (answer !== null && answer !== undefined && answer !== false) return answer as NonNullable<Exclude<T, false>>
      trouble = undefined
    } catch (error) {
      trouble = error
    }
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s: ${what}`, { cause: trouble })
    await sleep(25)
  }
}
