// What do commands do in the memory scheduler?

export type Behaviour = {
  readonly prints: readonly string[]
  /** Ends by itself, with this code. */
  readonly exit: number | null
  /** A process of it never becomes ready. */
  readonly neverReady: boolean
  /** A one-off of it runs until it is stopped. */
  readonly sleeps: boolean
}

/**
 * - `crash`: prints `boom`, exits with 1
 * - `exit N`: exits with N
 * - `never-ready`: runs, but never becomes ready
 * - `echo TEXT`: prints TEXT; as a one-off it then exits with 0
 * - `printenv NAME`: prints the variable's value, or exits with 1 when there is none
 * - `sleep`: runs until it is stopped
 * - anything else, or none: runs and becomes ready; a one-off exits with 0 and prints nothing
 */
export function behaviour(command: string | null, env: Readonly<Record<string, string>>): Behaviour {
  const runs: Behaviour = { prints: [], exit: null, neverReady: false, sleeps: false }
  const [word, rest = ''] = (command ?? '').split(/ (.*)/s)
  switch (word) {
    case 'crash':
      return { ...runs, prints: ['boom'], exit: 1 }
    case 'exit':
      return { ...runs, exit: Number.parseInt(rest, 10) || 0 }
    case 'never-ready':
      return { ...runs, neverReady: true }
    case 'echo':
      return { ...runs, prints: [rest] }
    case 'printenv': {
      const value = env[rest]
      return value === undefined ? { ...runs, exit: 1 } : { ...runs, prints: [value] }
    }
    case 'sleep':
      return { ...runs, sleeps: true }
    default:
      return runs
  }
}
