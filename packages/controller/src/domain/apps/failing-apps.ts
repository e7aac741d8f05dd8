// Which apps do not run as it is stored for them, and why?
import type { Check } from '@deis/types'
import type { Unready } from '@deis/ports/resume'

export type FailingApps = {
  /** `unready`: the processes that are not ready, if the others run. False when the reason is already known. */
  set(app: string, why: string, unready?: readonly Unready[]): boolean
  clear(app: string): void
  /** Null also when nothing has failed, but some processes are not ready yet. */
  why(app: string): string | null
  /** Apps of which only some processes are not ready. */
  unready(): readonly string[]
  check(names: boolean): Check
}

type Entry = { readonly why: string; readonly unready: readonly Unready[] }

/** More are counted, not listed. */
const listed = 5

/** `worker does not run: process exited with code 1 (shop-worker-1234567890-abcde)`, one for each type. */
export function unreadyText(unready: readonly Unready[]): string {
  const types = [...new Set(unready.map(({ type }) => type))]
  const lines = types.flatMap((type) => {
    const all = unready.filter((one) => one.type === type)
    const first = all.find(({ failed }) => failed) ?? all[0]
    if (!first) return []
    const more = all.length > 1 ? ` and ${all.length - 1} more` : ''
    return `${type} ${first.failed ? 'does not run' : 'is not ready yet'}: ${first.cause} (${first.pod}${more})`
  })
  return lines.join('; ')
}

export function createFailingApps(): FailingApps {
  const apps = new Map<string, Entry>()
  return {
    set(app, why, unready = []) {
      const isKnown = apps.get(app)?.why === why
      apps.set(app, { why, unready })
      return !isKnown
    },
    clear: (app) => void apps.delete(app),
    why(app) {
      const found = apps.get(app)
      return found && (found.unready.length === 0 || found.unready.some(({ failed }) => failed)) ? found.why : null
    },
    unready: () => [...apps].filter(([, { unready }]) => unready.length > 0).map(([app]) => app),
    check(names) {
      if (apps.size === 0) return { name: 'apps', status: 'ok', detail: 'every app runs as configured' }
      const some = [...apps].slice(0, listed).map(([app, { why }]) => `${app} (${why.split('\n')[0]?.slice(0, 200)})`)
      const list = names ? `: ${some.join('; ')}${apps.size > listed ? '; …' : ''}` : ''
      const detail = `${apps.size} ${apps.size === 1 ? 'app does' : 'apps do'} not run as configured${list}`
      return { name: 'apps', status: 'limited', detail, concern: 'broken' }
    },
  }
}
