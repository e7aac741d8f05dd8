// When is a certificate asked for, and when is it renewed?

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

/** As Let's Encrypt advises: a few tries soon, then once a day. It limits failures to 5 an hour for each name. */
const delays = [minute, 10 * minute, 100 * minute]
/** A name that does not lead here yet costs the CA nothing, so it is looked at more often. */
const blockedDelays = [5 * minute, 10 * minute, 20 * minute, hour]
/** A renewal is suggested by the CA (RFC 9773), and the suggestion may change. */
export const suggestionMs = 6 * hour
/** A CA that answers "later" without a time. */
const limitedMs = hour
const longestWaitMs = 7 * day

const jittered = (ms: number, random: () => number): number => Math.round(ms * (0.9 + random() * 0.2))

/**
 * How long to wait after the try of that number. `retryAfterMs` is what the CA said; null: nothing. `leftMs`: how long the
 * certificate that is there still serves; null: there is none.
 */
export function retryDelay(
  { attempts, isBlocked, isLimited, retryAfterMs, leftMs }: Failed,
  random: () => number = Math.random,
): number {
  const list = isBlocked ? blockedDelays : delays
  const soon = leftMs === null ? Infinity : Math.max(leftMs / 2, hour)
  const usual = Math.min(list[attempts - 1] ?? (isBlocked ? hour : day), soon)
  const least = Math.max(retryAfterMs ?? 0, isLimited && retryAfterMs === null ? limitedMs : 0)
  return Math.min(Math.max(jittered(usual, random), least), longestWaitMs)
}

export type Failed = {
  readonly attempts: number
  readonly isBlocked: boolean
  readonly isLimited: boolean
  readonly retryAfterMs: number | null
  readonly leftMs: number | null
}

export type Validity = { readonly starts: Date; readonly expires: Date }

const lifetime = ({ starts, expires }: Validity): number => Math.max(0, expires.getTime() - starts.getTime())

/** With a third of the lifetime left; with half of it where that is less than ten days. A little earlier each, so that not all come at once. */
export function renewalTime(validity: Validity, random: () => number = Math.random): Date {
  const whole = lifetime(validity)
  const left = whole < 10 * day ? whole / 2 : whole / 3
  return new Date(validity.expires.getTime() - left - random() * Math.min(whole / 50, day))
}

export type Window = { readonly start: Date; readonly end: Date }

/** From then on it is late: less than a sixth of the lifetime is left. */
const lateAt = (validity: Validity): number => validity.expires.getTime() - lifetime(validity) / 6

/** One moment of the window that the CA suggests, chosen once; a window that comes too late is not waited for. */
export function momentIn({ start, end }: Window, validity: Validity, random: () => number = Math.random): Date {
  const moment = start.getTime() + random() * Math.max(0, end.getTime() - start.getTime())
  return new Date(Math.min(moment, lateAt(validity)))
}

/** Renewal has failed for long. */
export function isLate(validity: Validity, now: Date): boolean {
  return now.getTime() > lateAt(validity)
}
