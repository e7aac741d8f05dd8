// Which requests did each app have since the controller was told last?
import type { Traffic } from '@deis/types'
import { bounds, classes, offsets, protocols } from './counts.ts'
import type { Collected } from './collect.ts'

/** How many there are of each class of status, and of each duration. */
function summed(numbers: readonly number[]): Pick<Traffic, 'classes' | 'durations'> {
  return {
    classes: classes.map((_, kind) => {
      const first = offsets.requests + kind * protocols.length
      return numbers.slice(first, first + protocols.length).reduce((sum, value) => sum + value, 0)
    }),
    durations: numbers.slice(offsets.durations, offsets.durations + bounds.length + 1),
  }
}

const less = (now: readonly number[], before: readonly number[]): number[] =>
  // An app that was destroyed and created again begins at zero.
  now.map((value, index) => Math.max(0, value - (before[index] ?? 0)))

/** Returns what was added to each app since the last call. Apps that are counted together are left out: `_other`, `_none`. */
export function createDifference(): (collected: Pick<Collected, 'apps'>) => Traffic[] {
  let before = new Map<string, Pick<Traffic, 'classes' | 'durations'>>()
  return ({ apps }) => {
    const now = new Map(
      [...apps].filter(([app]) => !app.startsWith('_')).map(([app, numbers]) => [app, summed(numbers)]),
    )
    const added = [...now].map(([app, { classes, durations }]) => ({
      app,
      classes: less(classes, before.get(app)?.classes ?? []),
      durations: less(durations, before.get(app)?.durations ?? []),
    }))
    before = now
    return added.filter(({ classes }) => classes.some((count) => count > 0))
  }
}
