// When is a running pod ready, and when must it be restarted, where the backend itself asks it?
import { setTimeout as sleep } from 'node:timers/promises'
import { within } from '@deis/lib/within'
import { openPlace, type Place, type Target, tryProbe } from './probes.ts'
import type { Probe } from './scheduler.ts'

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
const addressOf = ({ host, port }: Place): string => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)

async function listens({ target, unready }: Health, signal: AbortSignal): Promise<string> {
  // A small program listens within a twentieth of a second.
  for (let pause = 5; ; pause = Math.min(pause * 1.1, 500)) {
    const place = await within(signal, connectMs, (limit) => openPlace(target.places(target.port), limit)).catch(
      () => null,
    )
    if (place && !(await target.isForeign?.(target.port))) return addressOf(place)
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
