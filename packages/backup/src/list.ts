// Which backups does a target have, and can they be relied on?
import { longestRecord, isProven, readRecord, type Record } from './format/record.ts'
import { recordName, timeOfName } from './format/names.ts'
import { isAhead } from './format/retention.ts'
import { sizeText } from './format/size.ts'
import type { Target } from './targets/target.ts'

export type StoredBackup = {
  readonly name: string
  readonly at: Date
  readonly bytes: number
  readonly record: Record | null
  readonly proven: boolean
}

/** Newest first. */
export async function storedBackups(target: Target): Promise<StoredBackup[]> {
  const found: StoredBackup[] = []
  for (const { name, bytes } of await target.list()) {
    const at = timeOfName(name)
    if (at === null) continue
    const text = await target.readText(recordName(name), longestRecord)
    const record = text === null ? null : readRecord(text)
    // A file that is not as long as the one that was proven is another one.
    found.push({ name, at, bytes, record, proven: isProven(record) && record?.bytes === bytes })
  }
  return found.toSorted((a, b) => b.at.getTime() - a.at.getTime())
}

/** Why it is not proven, in a few words. */
function reasonOf({ record, bytes, proven }: Pick<StoredBackup, 'record' | 'bytes' | 'proven'>): string | null {
  if (proven) return null
  if (record === null) return 'nothing is known of it: its record is missing'
  if (record.bytes !== bytes) return `it has ${bytes} bytes, and had ${record.bytes} when it was made`
  if (record.proof === null) return 'its proof did not end'
  return record.proof.failed
}

const twoDigits = (value: number): string => String(value).padStart(2, '0')

/** Of the proof, in the time of the machine that asks. */
function timeText(at: Date): string {
  return `${twoDigits(at.getHours())}:${twoDigits(at.getMinutes())}`
}

/** `2026-11-29 03:10`. */
function dateText(at: Date): string {
  return `${at.getFullYear()}-${twoDigits(at.getMonth() + 1)}-${twoDigits(at.getDate())} ${timeText(at)}`
}

export function listText(backups: readonly StoredBackup[], red: (text: string) => string): string[] {
  const width = Math.max(0, ...backups.map(({ name }) => name.length))
  return backups.map((backup) => {
    const { name, at, bytes, record } = backup
    const reason = reasonOf(backup)
    const state =
      reason === null ? `proven ${timeText(new Date(record?.proof?.at ?? at))}` : red(`not proven: ${reason}`)
    const apps = record === null ? '' : `${record.apps} app(s)`
    return `${name.padEnd(width)}  ${dateText(at)}  ${sizeText(bytes).padStart(7)}  ${apps.padEnd(10)}  ${state}`
  })
}

/** What is wrong with the backups as a whole; null: the newest is proven, and not too old. `everyHours` 0: no age is too old. */
export function concernOf(
  backups: readonly StoredBackup[],
  { now, everyHours }: { readonly now: Date; readonly everyHours: number },
): string | null {
  const newest = backups.find(({ at }) => !isAhead(at, now))
  if (newest === undefined)
    return backups.length === 0
      ? 'There is no backup.'
      : 'Every backup is from a time that is yet to come: look at the clock, and make one.'
  const reason = reasonOf(newest)
  if (reason !== null) return `The newest backup is not proven: ${reason}.`
  const hours = (now.getTime() - newest.at.getTime()) / 3_600_000
  if (everyHours > 0 && hours > 2 * everyHours)
    return `The newest proven backup is ${Math.floor(hours)} hours old; one is made every ${everyHours} hours.`
  return null
}
