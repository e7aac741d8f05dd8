// What are the times of log lines that a container runtime gives?

/** One line, or a part of one. */
export type Entry = {
  /** In UTC with nine digits, so that they compare as texts. */
  readonly stamp: string
  readonly text: string
}

const time = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/

/** Null: not a time. Nodes may have another time zone, and runtimes may leave out zeros. */
export function stampOf(text: string): string | null {
  const [, seconds, fraction = '', zone = ''] = time.exec(text) ?? []
  if (seconds === undefined) return null
  const utc = new Date(`${seconds}${zone}`)
  if (Number.isNaN(utc.getTime())) return null
  return `${utc.toISOString().slice(0, 19)}.${fraction.padEnd(9, '0')}Z`
}
