// Does a pod pass its probes (in Kubernetes' terms, docs/contract/api.md §2.5), and when is it ready or must be restarted, where the backend itself asks it?
import { setTimeout as sleep } from 'node:timers/promises'
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect, type Socket } from 'node:net'
import { within } from '@deis/lib/within'
import type { Probe } from './scheduler.ts'

export type Endpoint = {
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
  endpoints(port: number): readonly Endpoint[]
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
export async function openEndpoint(endpoints: readonly Endpoint[], signal: AbortSignal): Promise<Endpoint | null> {
  for (const endpoint of endpoints) {
    const socket = connect({ host: endpoint.host, port: endpoint.port })
    try {
      await once(socket, 'connect', { signal })
      if (!endpoint.proxied || (await stays(socket, signal))) return endpoint
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
  const endpoint = await openEndpoint(target.endpoints(port), signal)
  if (!endpoint) return refused(port)
  const secure = get.scheme?.toUpperCase() === 'HTTPS'
  const path = get.path?.startsWith('/') ? get.path : `/${get.path ?? ''}`
  const request = (secure ? httpsRequest : httpRequest)({
    host: endpoint.host,
    port: endpoint.port,
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
      return (await openEndpoint(target.endpoints(port), limit)) ? null : refused(port)
    })
  } catch (error) {
    signal.throwIfAborted()
    return (error as Error).message
  }
}

export type Health = {
  readonly target: Target
  /** It takes requests: to be ready it must listen on its port. */
  readonly routable: boolean
  readonly readiness: Probe | undefined
  readonly liveness: Probe | undefined
  /** Asked before it is ready for the first time: its end may not be known yet. */
  readonly runs?: () => Promise<boolean>
  /** The address while ready, if routable; null and the reason when it is not ready (any more). */
  readonly ready: (address: string | null) => void
  readonly unready: (reason: string) => void
  /** The liveness probe failed too often. */
  readonly broken: (reason: string) => void
}

const staysUpMs = 1000
const connectMs = 1000

const ms = (seconds: number | undefined, otherwise: number): number => (seconds ?? otherwise) * 1000
const addressOf = ({ host, port }: Endpoint): string => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)

async function listens({ target, unready }: Health, signal: AbortSignal): Promise<string> {
  // A small program listens within a twentieth of a second. Later it is seen late by a twentieth of the time so far.
  for (let pause = 5; ; pause = Math.min(pause * 1.05, 500)) {
    const endpoint = await within(signal, connectMs, (limit) =>
      openEndpoint(target.endpoints(target.port), limit),
    ).catch(() => null)
    if (endpoint && !(await target.isForeign?.(target.port))) return addressOf(endpoint)
    signal.throwIfAborted()
    unready(`it does not listen on PORT (${target.port})`)
    await sleep(pause, undefined, { signal })
  }
}

/** Until the first success a probe runs at least every second, so that a long period does not delay readiness. */
async function passes(probe: Probe, health: Health, since: number, signal: AbortSignal): Promise<void> {
  const delay = ms(probe.initialDelaySeconds, 0) - (Date.now() - since)
  if (delay > 0) await sleep(delay, undefined, { signal })
  for (let successes = 0; ;) {
    const reason = await tryProbe(probe, health.target, signal)
    successes = reason === null ? successes + 1 : 0
    if (successes >= (probe.successThreshold ?? 1)) return
    if (reason !== null) health.unready(`its readiness probe fails: ${reason}`)
    await sleep(Math.min(ms(probe.periodSeconds, 10), 1000), undefined, { signal })
  }
}

async function watchReadiness(health: Health, alreadyReady: string | null, since: number, signal: AbortSignal) {
  const { readiness: probe, routable } = health
  let address = alreadyReady
  if (routable && address === null) address = await listens(health, signal)
  if (alreadyReady === null) {
    if (probe) await passes(probe, health, since, signal)
    else if (!routable) await sleep(staysUpMs - (Date.now() - since), undefined, { signal })
    if (health.runs && !(await health.runs())) return
    signal.throwIfAborted()
  }
  health.ready(address)
  if (!probe) return
  for (let failures = 0, successes = 0; ;) {
    await sleep(ms(probe.periodSeconds, 10), undefined, { signal })
    const reason = await tryProbe(probe, health.target, signal)
    failures = reason === null ? 0 : failures + 1
    successes = reason === null ? successes + 1 : 0
    if (failures === (probe.failureThreshold ?? 3)) health.unready(`its readiness probe fails: ${reason}`)
    if (successes === (probe.successThreshold ?? 1)) health.ready(address)
  }
}

async function watchLiveness({ liveness: probe, target, broken }: Health, since: number, signal: AbortSignal) {
  if (!probe) return
  await sleep(Math.max(0, ms(probe.initialDelaySeconds, 0) - (Date.now() - since)), undefined, { signal })
  for (let failures = 0; ;) {
    const reason = await tryProbe(probe, target, signal)
    failures = reason === null ? 0 : failures + 1
    if (failures >= (probe.failureThreshold ?? 3)) return broken(`liveness probe failed: ${reason}`)
    await sleep(ms(probe.periodSeconds, 10), undefined, { signal })
  }
}

/**
 * Watches until the signal is aborted. `address` is where a process that was ready before took requests; `since` when it
 * was started.
 */
export async function watchHealth(
  health: Health,
  address: string | null,
  since: Date,
  signal: AbortSignal,
): Promise<void> {
  try {
    const start = since.getTime()
    await Promise.all([watchReadiness(health, address, start, signal), watchLiveness(health, start, signal)])
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
