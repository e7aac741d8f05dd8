// Which probe do the arguments of `healthchecks:set` describe?
import { DeisError } from '@deis/types'
import type { Probe, probeTypes } from './shape.ts'

export type ProbeType = (typeof probeTypes)[number]
export type ProbeOptions = {
  readonly path: string
  readonly headers?: string
  readonly initialDelayTimeout: number
  readonly timeoutSeconds: number
  readonly periodSeconds: number
  readonly successThreshold: number
  readonly failureThreshold: number
}

function port(words: readonly string[], kind: ProbeType): number {
  const [word = '', ...more] = words
  const value = Number(word)
  if (more.length > 0) throw new DeisError('usage', `${kind} takes only a port, not "${words.join(' ')}".`)
  if (/^\d{1,5}$/.test(word) && value >= 1 && value <= 65_535) return value
  throw new DeisError('usage', `${JSON.stringify(word)} is not a port.`, {
    hint: 'A port is a number from 1 to 65535.',
  })
}

/** `A:b,C:d`; the value begins after the first colon. */
function headersOf(text: string): { name: string; value: string }[] {
  return text.split(',').map((word) => {
    const [, name, value] = /^\s*([^:\s]+)\s*:(.*)$/s.exec(word) ?? []
    if (name !== undefined && value !== undefined) return { name, value: value.trim() }
    throw new DeisError('usage', `${JSON.stringify(word)} is not a header.`, {
      hint: 'A header looks like Host:example.com.',
    })
  })
}

export function probe(kind: ProbeType, words: readonly string[], options: ProbeOptions): Probe {
  const numbers = {
    initialDelaySeconds: options.initialDelayTimeout,
    timeoutSeconds: options.timeoutSeconds,
    periodSeconds: options.periodSeconds,
    successThreshold: options.successThreshold,
    failureThreshold: options.failureThreshold,
  }
  if (kind === 'exec') return { ...numbers, exec: { command: words } }
  if (kind === 'tcpSocket') return { ...numbers, tcpSocket: { port: port(words, kind) } }
  const httpHeaders = options.headers === undefined ? {} : { httpHeaders: headersOf(options.headers) }
  return { ...numbers, httpGet: { path: options.path, port: port(words, kind), ...httpHeaders } }
}
