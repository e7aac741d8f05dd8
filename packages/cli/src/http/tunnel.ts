// How does a WebSocket connection pass the proxy of the environment?
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Socket } from 'node:net'
import { DeisError } from '@deis/types'
import { isThisMachine } from './trust.ts'

type Env = Readonly<Record<string, string | undefined>>

const connectMs = 30_000

function exempts(rule: string, hostname: string, port: string): boolean {
  const [, host = '', only = ''] = /^(.*?)(?::(\d+))?$/.exec(rule) ?? []
  if (host === '' || (only !== '' && only !== port)) return false
  if (host === '*') return true
  const suffix = host.replace(/^\*/, '')
  return suffix.startsWith('.') ? hostname.endsWith(suffix) : hostname === suffix
}

/** The proxy for requests to this origin, as axios chooses it; null: none. */
export function proxyFor(origin: string, env: Env): URL | null {
  const { protocol, hostname, port } = new URL(origin)
  if (isThisMachine(hostname)) return null
  const named = (name: string): string => env[name] || env[name.toUpperCase()] || ''
  const effectivePort = port || (protocol === 'https:' ? '443' : '80')
  const rules = named('no_proxy')
    .toLowerCase()
    .split(/[\s,]+/)
  if (rules.some((rule) => exempts(rule, hostname, effectivePort))) return null
  const found = named(`${protocol.slice(0, -1)}_proxy`) || named('all_proxy')
  if (found === '') return null
  const url = found.includes('://') ? found : `http://${found}`
  if (!URL.canParse(url))
    throw new DeisError('usage', `The proxy ${JSON.stringify(found)} of the environment is not a URL.`, {
      hint: 'Check HTTP_PROXY, HTTPS_PROXY and ALL_PROXY.',
    })
  return new URL(url)
}

/** A connection through the proxy to the host and port of the origin. */
export function openTunnel(proxy: URL, origin: string, signal: AbortSignal): Promise<Socket> {
  const { protocol, hostname, port } = new URL(origin)
  const target = `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`
  const account = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`
  const request = (proxy.protocol === 'https:' ? httpsRequest : httpRequest)({
    method: 'CONNECT',
    host: proxy.hostname.replace(/^\[|\]$/g, ''),
    port: proxy.port || (proxy.protocol === 'https:' ? 443 : 80),
    path: target,
    headers: {
      host: target,
      ...(account === ':' ? {} : { 'proxy-authorization': `Basic ${Buffer.from(account).toString('base64')}` }),
    },
    timeout: connectMs,
    signal,
  })
  return new Promise((resolve, reject) => {
    request.once('connect', ({ statusCode }, socket) => {
      if (statusCode === 200) return resolve(socket)
      socket.destroy()
      reject(
        new DeisError(
          'unreachable',
          `The proxy ${proxy.host} refused a connection to ${target} with status ${statusCode}.`,
          {
            hint: 'Sessions need a proxy that allows CONNECT, or none: NO_PROXY names hosts that need no proxy.',
          },
        ),
      )
    })
    request.once('response', (response) => {
      response.destroy()
      reject(new DeisError('unreachable', `The proxy ${proxy.host} does not allow CONNECT.`))
    })
    request.once('timeout', () =>
      request.destroy(Object.assign(new Error('no answer of the proxy'), { code: 'ETIMEDOUT' })),
    )
    request.once('error', reject)
    request.end()
  })
}
