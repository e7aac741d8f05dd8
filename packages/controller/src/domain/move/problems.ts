// What stands against an import? All of it is found, so that one answer names it.
import { DeisError, messageOf } from '@deis/types'

export type Problems = {
  /** The result of a check; a refusal is kept, and gives the other value. */
  check<T>(work: () => Promise<T> | T, otherwise: T): Promise<T>
  add(text: string): void
  /** What can be done about some of them. */
  advise(text: string): void
  /** @throws DeisError invalid, when there are some */
  refuse(): void
}

/** More are not read, and each may have taken a look at the database. */
const mostProblems = 50

export function collectProblems(id: string): Problems {
  const found = new Set<string>()
  const advice = new Set<string>()
  const refuse = (): void => {
    if (found.size === 0) return
    const lines = [...found].map((text) => `  - ${text}`)
    const more = found.size === mostProblems ? ['There may be more.'] : []
    throw invalid([`"${id}" cannot be imported, and nothing was changed:`, ...lines, ...more, ...advice].join('\n'))
  }
  const add = (text: string): void => {
    found.add(text)
    if (found.size === mostProblems) refuse()
  }
  return {
    add,
    advise: (text) => void advice.add(text),
    refuse,
    async check(work, otherwise) {
      try {
        return await work()
      } catch (error) {
        if (!(error instanceof DeisError) || error.code === 'internal') throw error
        add(messageOf(error))
        return otherwise
      }
    },
  }
}

export const invalid = (text: string): DeisError => new DeisError('invalid', text)
