// Which apps could not be brought to what is stored for them, and why?
import type { Check } from '@deis/types'

export type FailingApps = {
  /** False when the reason is already known. */
  set(app: string, why: string): boolean
  clear(app: string): void
  why(app: string): string | null
  check(names: boolean): Check
}

/** More are counted, not listed. */
const listed = 5

export function createFailingApps(): FailingApps {
  const apps = new Map<string, string>()
  return {
    set(app, why) {
      if (apps.get(app) === why) return false
      apps.set(app, why)
      return true
    },
    clear: (app) => void apps.delete(app),
    why: (app) => apps.get(app) ?? null,
    check(names) {
      if (apps.size === 0) return { name: 'apps', status: 'ok', detail: 'every app runs as configured' }
      const some = [...apps].slice(0, listed).map(([app, why]) => `${app} (${why.split('\n')[0]?.slice(0, 200)})`)
      const list = names ? `: ${some.join('; ')}${apps.size > listed ? '; …' : ''}` : ''
      const detail = `${apps.size} could not be brought to their desired state${list}`
      return { name: 'apps', status: 'limited', detail, concern: 'broken' }
    },
  }
}
