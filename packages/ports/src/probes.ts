// Does a pod pass its probe (in Kubernetes' terms, docs/contract/api.md §2.5), where the backend itself asks it?
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { within } from '@deis/lib/within'
import type { Probe } from './scheduler.ts'

export type Place = {
  readonly host: string
  readonly port: number
  /** A proxy takes every connection, and closes it at once when nobody listens behind it. */
  readonly proxied?: boolean
}

/** How long a proxy may take to find that nobody listens. */
const proxyMs = 100

/** How a pod is reached by probes. */
export type Target = {
  /** Where it has to listen, in its own numbers. */
  readonly port: number
  /** PORT as the release sets it: probes with this number mean the port above. */
  readonly declaredPort: string
  /** Where one of its ports can be reached from here, to be tried in this order; none: nowhere. */
  places(port: number): readonly Place[]
  /** Runs a probe's command where the pod runs. Null: it exited with 0. */
  exec(command: readonly string[], signal: AbortSignal): Promise<string | null>
  /** Whether another app has that port: requests must not go to whoever was faster. */
  readonly isForeign?: (port: number) => Promise<boolean>
}

/** Whether a connection is not closed at once. What it brings is read, for its end to be seen. */
async function stays(socket: Socket, signal: AbortSignal): Promise<boolean> {
  const over = new AbortController()
  const closed = once(socket.resume(), 'close', { signal: over.signal }).then(() => false)
  try {
    return await Promise.race([closed, sleep(proxyMs, true, { signal })])
  } finally {
    closed.catch(() => {})
    over.abort()
  }
}

/** Which of these accepts connections; null: none. */
export async function openPlace(places: readonly Place[], signal: AbortSignal): Promise<Place | null> {
  for (const place of places) {
    const socket = connect({ host: place.host, port: place.port })
    try {
      await once(socket, 'connect', { signal })
      if (!place.proxied || (await stays(socket, signal))) return place
    } catch {
      // Refused, or out of time: not this one.
    } finally {
      socket.destroy()
    }
  }
  return null
}

const refused = (port: number): string => `nothing accepts connections on port ${port}`

async function tryHttp(
  get: NonNullable<Probe['httpGet']>,
  port: number,
  target: Target,
  signal: AbortSignal,
): Promise<string | null> {
  const place = await openPlace(target.places(port), signal)
  if (!place) return refused(port)
  const secure = get.scheme?.toUpperCase() === 'HTTPS'
  const path = get.path?.startsWith('/') ? get.path : `/${get.path ?? ''}`
  const request = (secure ? httpsRequest : httpRequest)({
    host: place.host,
    port: place.port,
    path,
    // A probe checks that it works, not who it is; the certificate is for another name anyway.
    rejectUnauthorized: false,
    agent: false,
    headers: Object.fromEntries((get.httpHeaders ?? []).map(({ name, value }) => [name, value])),
    signal,
  })
  // Errors after the response, or after the time limit, do not matter.
  request.on('error', () => {})
  try {
    request.end()
    const [response] = await once(request, 'response')
    const status = Number(response.statusCode)
    return status >= 200 && status < 400 ? null : `GET ${path} answered ${status}`
  } finally {
    request.destroy()
  }
}

/** Null: passed. Otherwise why not. Ends within the probe's own time limit. */
export async function tryProbe(probe: Probe, target: Target, signal: AbortSignal): Promise<string | null> {
  const seconds = probe.timeoutSeconds ?? 1
  // A probe without a port means PORT as well.
  const own = (port: number | undefined): number =>
    port === undefined || String(port) === target.declaredPort ? target.port : port
  const { exec, httpGet, tcpSocket } = probe
  try {
    return await within(signal, seconds * 1000, async (limit) => {
      if (exec) return await target.exec(exec.command, limit)
      if (httpGet) return await tryHttp(httpGet, own(httpGet.port), target, limit)
      if (!tcpSocket) return null
      const port = own(tcpSocket.port)
      return (await openPlace(target.places(port), limit)) ? null : refused(port)
    })
  } catch (error) {
    signal.throwIfAborted()
    return (error as Error).message
  }
}
