// How are passwords kept from being guessed by trying?

export type Throttle = {
  /** Seconds to wait, or 0. */
  wait(key: string): number
  failed(key: string): void
  succeeded(key: string): void
}

const tries = 10
const windowMs = 60_000
const maxKeys = 10_000

/** Ten failures a minute for one key; the oldest keys are forgotten first. */
export function createThrottle(now: () => number = Date.now): Throttle {
  const failures = new Map<string, number[]>()
  const recent = (key: string): number[] => (failures.get(key) ?? []).filter((at) => at > now() - windowMs)
  return {
    wait(key) {
      const list = recent(key)
      const oldest = list[0]
      return list.length < tries || oldest === undefined
        ? 0
        : Math.max(1, Math.ceil((oldest + windowMs - now()) / 1000))
    },
    failed(key) {
      const list = [...recent(key), now()]
      failures.delete(key)
      failures.set(key, list)
      const [oldest] = failures.keys()
      if (failures.size > maxKeys && oldest !== undefined) failures.delete(oldest)
    },
    succeeded(key) {
      failures.delete(key)
    },
  }
}
