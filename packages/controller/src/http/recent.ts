// What was kept under a key lately, with bounded memory whatever the keys are?
import { createHash } from 'node:crypto'

export type Recent<T> = {
  get(key: string): T | undefined
  /** Keeps it as the newest. The one that was kept longest ago is deleted when there are too many. */
  keep(key: string, value: T): void
  delete(key: string): void
}

/** Deleted this long after it was kept. */
const keptMs = 15 * 60_000
const maxKeys = 10_000

/** Of one size, whatever the key. */
export function keyHash(key: string): string {
  return createHash('sha256').update(key).digest('base64url').slice(0, 24)
}

export function createRecent<T>(now: () => number): Recent<T> {
  const all = new Map<string, { readonly value: T; readonly at: number }>()
  return {
    get(key) {
      const found = all.get(keyHash(key))
      return found && found.at > now() - keptMs ? found.value : undefined
    },
    keep(key, value) {
      const hash = keyHash(key)
      all.delete(hash)
      all.set(hash, { value, at: now() })
      const [oldest] = all.keys()
      if (all.size > maxKeys && oldest !== undefined) all.delete(oldest)
    },
    delete: (key) => void all.delete(keyHash(key)),
  }
}
