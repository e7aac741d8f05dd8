// How do messages reach a drain: over one connection that stays, or with a request for each batch?
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { request as httpsRequest } from 'node:https'
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { productVersion } from '@deis/types'
import { addressFor, type Target } from './address.ts'
import { framed } from './message.ts'

/** The receiver does not take this batch, and would not take it later. */
export class Refused extends Error {}

export type Sender = {
  /** @throws Refused, or an Error after which it is worth trying once more. `id`: the same for each try of a batch. */
  send(messages: readonly string[], id: string, signal: AbortSignal): Promise<void>
  close(): void
}

export type SenderOptions = {
  readonly target: Target
  readonly token: string
  /** Networks that are not public, and still allowed. */
  readonly networks: readonly string[]
  /** Certificates that count besides those of the system; null: none. */
  readonly ca: string | null
}

export const newBatchId = (): string => randomBytes(16).toString('hex')

const connectMs = 10_000
const answerMs = 15_000
/** A connection without lines is closed before receivers do it. */
const idleMs = 240_000
const mostOfAnswer = 16 * 1024

const nameOf = (host: string): { servername?: string } => (isIP(host) === 0 ? { servername: host } : {})
const trust = (ca: string | null): { ca?: string } => (ca === null ? {} : { ca })

function syslogSender({ target, networks, ca }: SenderOptions): Sender {
  let open: Socket | null = null
  const connected = async (signal: AbortSignal): Promise<Socket> => {
    if (open !== null && open.writable && !open.destroyed) return open
    const { kind, host, port } = target
    const late = AbortSignal.any([signal, AbortSignal.timeout(connectMs)])
    const to = { host: await addressFor(host, networks, late), port, keepAlive: true, keepAliveInitialDelay: 60_000 }
    // For an address instead of a name, the certificate has to be for that address.
    const isTls = kind === 'syslog+tls'
    const socket = isTls ? connectTls({ ...to, ...nameOf(host), ...trust(ca), minVersion: 'TLSv1.2' }) : connect(to)
    // 'close' follows.
    socket.on('error', () => undefined)
    try {
      await once(socket, isTls ? 'secureConnect' : 'connect', { signal: late })
    } catch (error) {
      socket.destroy()
      throw error
    }
    // Receivers say nothing; one that ends its side has gone.
    socket.resume()
    socket.setTimeout(idleMs, () => socket.destroySoon())
    socket.once('end', () => socket.destroy())
    open = socket
    return socket
  }
  return {
    async send(messages, _, signal) {
      const socket = await connected(signal)
      const late = AbortSignal.any([signal, AbortSignal.timeout(answerMs)])
      await new Promise<void>((resolve, reject) => {
        const failed = (): void => {
          socket.destroy()
          reject(new Error('the receiver does not read, or closed the connection'))
        }
        late.addEventListener('abort', failed, { once: true })
        socket.once('close', failed)
        socket.write(messages.map(framed).join(''), (error) => {
          late.removeEventListener('abort', failed)
          socket.off('close', failed)
          if (error) reject(error)
          else resolve()
        })
      })
    },
    // Also when the receiver never ends its side.
    close: () => open?.destroySoon(),
  }
}

function httpsSender({ target, token, networks, ca }: SenderOptions): Sender {
  const { host, port, path, authorization } = target
  return {
    async send(messages, id, signal) {
      const body = messages.map(framed).join('')
      const late = AbortSignal.any([signal, AbortSignal.timeout(answerMs)])
      const address = await addressFor(host, networks, late)
      const status = await new Promise<number>((resolve, reject) => {
        const request = httpsRequest({
          method: 'POST',
          host: address,
          port,
          path,
          ...nameOf(host),
          ...trust(ca),
          agent: false,
          signal: late,
          headers: {
            host: port === 443 ? host : `${isIP(host) === 6 ? `[${host}]` : host}:${port}`,
            'content-type': 'application/logplex-1',
            'content-length': Buffer.byteLength(body),
            'logplex-msg-count': messages.length,
            'logplex-frame-id': id,
            'logplex-drain-token': token,
            'user-agent': `deis/${productVersion}`,
            ...(authorization === null ? {} : { authorization }),
          },
        })
        request.on('error', reject)
        request.on('response', (response) => {
          let bytes = 0
          response.on('data', (chunk: Buffer) => {
            bytes += chunk.length
            if (bytes > mostOfAnswer) response.destroy()
          })
          response.on('error', () => undefined)
          response.on('close', () => resolve(response.statusCode ?? 0))
        })
        request.end(body)
      })
      if (status >= 200 && status < 300) return
      // Redirects are not followed: they could lead to where a drain may not.
      if (status >= 300 && status < 500 && status !== 429 && status !== 408)
        throw new Refused(`the receiver answered ${status}`)
      throw new Error(`the receiver answered ${status}`)
    },
    close: () => {},
  }
}

export function openSender(options: SenderOptions): Sender {
  return options.target.kind === 'https' ? httpsSender(options) : syslogSender(options)
}
