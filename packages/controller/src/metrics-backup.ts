// Which number shows whether the platform could be restored?
import { readProven } from './store/proven.ts'

/** Seconds; null: there is none. A clock that was set back makes none younger than now. */
export async function backupAge(dataDir: string, now = Date.now()): Promise<number | null> {
  const at = await readProven(dataDir)
  return at === null ? null : Math.max(0, (now - at.getTime()) / 1000)
}

type Gauge = (
  name: string,
  help: string,
  labels: string[],
  collect: (set: (labels: Record<string, string>, value: number) => void) => Promise<void>,
) => unknown

/** No backup, no series: `absent(deis_backup_age_seconds)` tells of that. */
export function observeBackups(gauge: Gauge, dataDir: string): void {
  gauge('deis_backup_age_seconds', 'Age of the newest backup that is proven.', [], async (set) => {
    const age = await backupAge(dataDir)
    if (age !== null) set({}, age)
  })
}
