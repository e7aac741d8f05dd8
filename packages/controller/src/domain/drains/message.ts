// How is a log line written for syslog (RFC 5424), and for HTTPS as Heroku's Logplex writes it?
import { pieces } from '@deis/lib/pieces'

export type Line = {
  readonly time: Date
  /** Of a process, such as `web.v3.x2x4z`; null: of the platform. */
  readonly source: string | null
  readonly text: string
  /** The platform says that lines are missing. */
  readonly isNotice?: true
}

/** local7.info, local5.info and local5.warning, as Heroku has them. */
const priorities = { app: 190, platform: 174, notice: 172 } as const
const longestText = 10_000

/** The form of a time is RFC 3339 with microseconds, which receivers of Heroku expect. */
function stamp(time: Date): string {
  return time.toISOString().replace('Z', '000+00:00')
}

/** Header fields are printable and without blanks. */
const field = (text: string, most: number): string => text.replace(/[^\x21-\x7e]/g, '?').slice(0, most) || '-'

/** `form` logplex has no structured data, not even its `-`. */
export function messagesOf(line: Line, hostname: string, form: 'syslog' | 'logplex'): string[] {
  const { time, source, text, isNotice } = line
  const priority = isNotice ? priorities.notice : source === null ? priorities.platform : priorities.app
  const name = source === null ? 'deis' : 'app'
  const process = isNotice ? 'drain' : (source ?? 'controller')
  const head = `<${priority}>1 ${stamp(time)} ${field(hostname, 255)} ${name} ${field(process, 128)} -`
  // A line end would begin another message for receivers that do not count.
  return pieces(text.replace(/[\r\n]/g, ' '), longestText).map(
    (piece) => `${head}${form === 'syslog' ? ' -' : ''} ${piece}`,
  )
}

/** Octet counting (RFC 6587): the length in bytes, a blank, the message. */
export function framed(message: string): string {
  return `${Buffer.byteLength(message)} ${message}`
}

/** As Heroku says it. */
export function lossNotice(count: number, since: Date, now: Date): Line {
  const from = since.toISOString().replace(/\.\d+Z$/, '+00:00')
  const text = `Error L10 (output buffer overflow): ${count} messages dropped since ${from}.`
  return { time: now, source: null, text, isNotice: true }
}
