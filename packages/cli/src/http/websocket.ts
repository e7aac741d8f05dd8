// How is a WebSocket to the controller opened, and what does a refusal mean?
import type { IncomingMessage } from 'node:http'
import { connect as connectTls } from 'node:tls'
import { DeisError, fillPath, openTerminal, sessionMessageBytes } from '@deis/types'
import type { ClientOptions, WebSocket } from 'ws'
import { originOf } from '../parse/address.ts'
import { checkParams, type Connection, type Wire } from './client.ts'
import { refusal, unexpectedAnswer, unreachable } from './failure.ts'
import { trustOf } from './trust.ts'
import { openTunnel, proxyFor } from './tunnel.ts'
import { clientVersion } from './version.ts'

const handshakeMs = 30_000
const mostExplanation = 64 * 1024

/** The transport: trusted certificates, and proxy. */
async function transportOf(wire: Wire, origin: string, sslVerify: boolean): Promise<ClientOptions> {
  const { protocol, hostname } = new URL(origin)
  const trust = protocol === 'https:' ? await trustOf(sslVerify, wire.env) : {}
  const proxy = proxyFor(origin, wire.env)
  if (!proxy) return trust
  const tunnel = await openTunnel(proxy, origin, wire.signal)
  const servername = /^[\d.]+$|^\[/.test(hostname) ? {} : { servername: hostname }
  const socket = protocol === 'https:' ? connectTls({ socket: tunnel, ...servername, ...trust }) : tunnel
  return { createConnection: () => socket }
}

async function explanation(response: IncomingMessage): Promise<string> {
  let text = ''
  response.setEncoding('utf8')
  for await (const part of response) {
    text += String(part)
    if (text.length > mostExplanation) break
  }
  return text
}

/** The controller answered, but not with a WebSocket. */
async function refused(response: IncomingMessage, controller: string): Promise<DeisError> {
  const status = response.statusCode ?? 0
  const origin = originOf(controller)
  const text = await explanation(response).catch(() => '')
  const isUnknown = status === 405 || status === 426 || (status === 404 && !text.includes('No App'))
  if (isUnknown)
    return new DeisError('unavailable', `The controller at ${origin} does not support sessions.`, {
      hint:
        status === 426
          ? 'A proxy in front of it may block WebSockets. Use `deis run` without -i and -t.'
          : 'It is older than this client, or another implementation. Use `deis run` without -i and -t.',
    })
  if (status < 400) return unexpectedAnswer(origin, openTerminal, text)
  return refusal({ status, text }, openTerminal, controller)
}

/** Resolves when the connection is open. */
export async function connectTerminal(wire: Wire, connection: Connection, app: string): Promise<WebSocket> {
  checkParams({ id: app })
  const origin = originOf(connection.controller)
  const path = fillPath(openTerminal.path, { id: app })
  const { WebSocket } = await import('ws')
  try {
    const socket = new WebSocket(`${origin.replace(/^http/, 'ws')}${path}`, {
      headers: {
        'User-Agent': `Deis Client ${clientVersion}`,
        ...(connection.token ? { Authorization: `token ${connection.token}` } : {}),
      },
      ...(await transportOf(wire, origin, connection.sslVerify)),
      handshakeTimeout: handshakeMs,
      maxPayload: sessionMessageBytes,
      perMessageDeflate: false,
      followRedirects: false,
    })
    const stop = (): void => socket.terminate()
    wire.signal.addEventListener('abort', stop)
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once('open', resolve)
        socket.once('error', reject)
        socket.once('unexpected-response', (_, response: IncomingMessage) => {
          wire.trace(`GET ${origin}${path} ${response.statusCode}`)
          refused(response, connection.controller).then((error) => {
            reject(error)
            socket.terminate()
          }, reject)
        })
      })
    } finally {
      wire.signal.removeEventListener('abort', stop)
    }
    wire.trace(`GET ${origin}${path} 101`)
    return socket
  } catch (error) {
    if (error instanceof DeisError || wire.signal.aborted) throw error
    wire.trace(`GET ${origin}${path} failed`)
    throw unreachable(error, origin)
  }
}
