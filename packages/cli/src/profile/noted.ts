// When was a note about a controller shown last? Some are shown once a day.
import { join } from 'node:path'
import type { ProfileFile } from './settings.ts'
import { readTextIfAny, writePrivately } from './files.ts'

const dayMs = 24 * 3_600_000
/** Of controllers; the oldest are dropped. */
const most = 50

/** Milliseconds by origin. Anything else is as good as nothing. */
function timesIn(text: string | null): [origin: string, at: number][] {
  try {
    const value: unknown = JSON.parse(text ?? '{}')
    if (typeof value !== 'object' || value === null) return []
    return Object.entries(value).filter((pair): pair is [string, number] => typeof pair[1] === 'number')
  } catch {
    return []
  }
}

/** Whether the note is due, which is then remembered. Where that is not possible it is not shown: it would be every time. */
export async function isDue({ home }: Pick<ProfileFile, 'home'>, origin: string, now: number): Promise<boolean> {
  // Not `.json`, which are profiles.
  const path = join(home, '.deis', 'noted')
  try {
    const times = timesIn(readTextIfAny(path))
    const last = times.find(([known]) => known === origin)?.[1]
    if (last !== undefined && last <= now && now - last < dayMs) return false
    const others = times.filter(([known]) => known !== origin).toSorted(([, a], [, b]) => b - a)
    await writePrivately(path, JSON.stringify(Object.fromEntries([[origin, now], ...others.slice(0, most - 1)])))
    return true
  } catch {
    return false
  }
}
