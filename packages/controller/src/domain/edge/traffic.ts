// Which requests did each app have in the last hour, as the routers tell?
import { type AppTraffic, durationBounds, time, type Traffic } from '@deis/types'

const stepMs = 60_000
const minutes = 60
/** Of each minute: its number, and then counts by class and by duration. */
const classes = 6
const width = 1 + classes + durationBounds.length + 1
/** About 5 kB each. */
const mostApps = 10_000

export type TrafficTable = {
  /** What a router counted since it reported before. */
  record(traffic: readonly Traffic[]): void
  of(app: string): AppTraffic
  /** Another app may get the name. */
  forget(app: string): void
}

/** Milliseconds that this part of the requests did not take longer than, between the two bounds around it. */
export function quantile(durations: readonly number[], part: number): number | null {
  const total = durations.reduce((sum, count) => sum + count, 0)
  if (total === 0) return null
  let left = total * part
  for (const [index, count] of durations.entries()) {
    if (left > count) {
      left -= count
      continue
    }
    const from = durationBounds[index - 1] ?? 0
    const to = durationBounds[index] ?? from
    return Math.round((from + (to - from) * (count === 0 ? 1 : left / count)) * 10_000) / 10
  }
  return durationBounds[durationBounds.length - 1]! * 1000
}

/** In memory only: an hour is soon there again. */
export function createTraffic(now: () => number = Date.now): TrafficTable {
  const started = now()
  const apps = new Map<string, Float64Array>()
  const minuteOf = (at: number): number => Math.floor(at / stepMs)

  /** The place of this minute; what was there an hour ago is forgotten. */
  const placeOf = (rows: Float64Array, minute: number): number => {
    const place = (minute % minutes) * width
    if (rows[place] !== minute) rows.fill(0, place, place + width).fill(minute, place, place + 1)
    return place
  }
  const rowsOf = (app: string): Float64Array => {
    const known = apps.get(app)
    const rows = known ?? new Float64Array(minutes * width)
    // The apps that had requests last are at the end.
    apps.delete(app)
    apps.set(app, rows)
    const [oldest] = apps.keys()
    if (apps.size > mostApps && oldest !== undefined) apps.delete(oldest)
    return rows
  }
  return {
    forget: (app) => void apps.delete(app),
    record(traffic) {
      const minute = minuteOf(now())
      for (const one of traffic) {
        const rows = rowsOf(one.app)
        const place = placeOf(rows, minute)
        for (const [index, count] of [...one.classes, ...one.durations].entries()) rows[place + 1 + index]! += count
      }
    },
    of(app) {
      const last = minuteOf(now())
      const rows = apps.get(app)
      const parts = Array.from({ length: minutes }, (_, index): readonly number[] => {
        const minute = last - minutes + 1 + index
        const place = (minute % minutes) * width
        return rows?.[place] === minute ? [...rows.subarray(place + 1, place + width)] : []
      })
      const sum = (part: readonly number[]): number => part.slice(0, classes).reduce((all, count) => all + count, 0)
      return {
        step: stepMs / 1000,
        until: time(new Date((last + 1) * stepMs)),
        since: time(new Date(Math.max(started, (last + 1 - minutes) * stepMs))),
        requests: parts.map(sum),
        client_errors: parts.map((part) => part[4] ?? 0),
        server_errors: parts.map((part) => part[5] ?? 0),
        p50: parts.map((part) => quantile(part.slice(classes), 0.5)),
        p95: parts.map((part) => quantile(part.slice(classes), 0.95)),
      }
    },
  }
}
