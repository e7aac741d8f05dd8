// Which drains does this controller send to, and where do their lines come from?
import { setTimeout as sleep } from 'node:timers/promises'
import { untilAborted } from '@deis/lib/wait'
import type * as Row from '../../store/generated/sqlite/client.ts'
import type { StoredLine } from '../live/logs.ts'
import type { Core } from '../core.ts'
import { readTarget } from './address.ts'
import { senderOf } from './drains.ts'
import { createPump, type Pump, type PumpOptions } from './pump.ts'
import type { Line } from './message.ts'

/** Another controller may have changed them, and so may an app that was destroyed. */
const lookEveryMs = 10_000
const firstRetryMs = 1_000
const lastRetryMs = 60_000

type Drained = Pick<Row.Drain, 'uuid' | 'url'> & { readonly app: { readonly id: string } }
type Followed = { readonly pumps: Map<string, Pump>; readonly stop: () => void }

/** Lines of processes and of the platform, from now on, until the signal. */
async function follow(core: Core, app: string, take: (line: Line) => void, signal: AbortSignal): Promise<void> {
  const over = new AbortController()
  const until = AbortSignal.any([signal, over.signal])
  const onLine = ({ time, text }: StoredLine): void => take({ time, source: null, text })
  try {
    await Promise.all([
      core.logs.follow(app, 0, { onLine, removed: () => over.abort() }, until),
      core.scheduler.follow(app, { lines: 0 }, ({ time, source, text }) => take({ time, source, text }), until),
    ])
    await untilAborted(until)
  } finally {
    over.abort()
  }
}

/** One controller sends the lines of an app; another one takes over when it ends. */
async function followAlone(core: Core, app: string, take: (line: Line) => void, signal: AbortSignal): Promise<void> {
  for (let delay = firstRetryMs; !signal.aborted; delay = Math.min(delay * 2, lastRetryMs)) {
    try {
      const held = await core.peers.lock(`drains/${app}`, signal)
      try {
        await follow(core, app, take, AbortSignal.any([signal, held.signal]))
        delay = firstRetryMs
      } finally {
        await held.release()
      }
    } catch (error) {
      if (signal.aborted) return
      core.log.warn({ app, err: error }, 'the log of an app cannot be followed for its drains')
    }
    await sleep(delay, undefined, { signal }).catch(() => undefined)
  }
}

/** Returns the function that ends it. `bounds`: for tests. */
export function keepDrains(core: Core, bounds: PumpOptions['bounds'] = {}): () => void {
  const over = new AbortController()
  const followed = new Map<string, Followed>()
  const shared = { bytes: 0 }

  const begin = (app: string): Followed => {
    const stop = new AbortController()
    const pumps = new Map<string, Pump>()
    const take = (line: Line): void => {
      for (const pump of pumps.values()) pump.add(line)
    }
    void followAlone(core, app, take, AbortSignal.any([stop.signal, over.signal]))
    const one = { pumps, stop: () => stop.abort() }
    followed.set(app, one)
    return one
  }
  const end = (uuid: string, pumps: Map<string, Pump>): void => {
    pumps.get(uuid)?.close()
    pumps.delete(uuid)
    core.here.drains.delete(uuid)
  }
  const open = (row: Drained): Pump => {
    const { kind } = readTarget(core.vault.open('drain', row.url))
    const form = kind === 'https' ? 'logplex' : 'syslog'
    return createPump({
      sender: senderOf(core, row),
      hostname: row.app.id,
      form,
      bounds,
      shared,
      count: core.measures.drained,
    })
  }
  const apply = (rows: readonly Drained[]): void => {
    const wanted = new Map(rows.map((row) => [row.uuid, row]))
    for (const [app, { pumps, stop }] of followed) {
      // A renamed app has other logs.
      for (const uuid of pumps.keys()) if (wanted.get(uuid)?.app.id !== app) end(uuid, pumps)
      if (pumps.size > 0) continue
      stop()
      followed.delete(app)
    }
    for (const row of wanted.values()) {
      const { pumps } = followed.get(row.app.id) ?? begin(row.app.id)
      if (pumps.has(row.uuid)) continue
      const pump = open(row)
      pumps.set(row.uuid, pump)
      core.here.drains.set(row.uuid, pump)
    }
  }
  let looking = Promise.resolve()
  const look = (): void => {
    looking = looking
      .then(async () => {
        if (over.signal.aborted) return
        const rows = await core.db.drain.findMany({
          where: { app: { destroying: false } },
          select: { uuid: true, url: true, app: { select: { id: true } } },
        })
        if (!over.signal.aborted) apply(rows)
      })
      .catch((error: unknown) => core.log.warn({ err: error }, 'drains could not be read'))
  }
  const timer = setInterval(look, lookEveryMs)
  timer.unref()
  core.here.drainsChanged = look
  look()
  return () => {
    over.abort()
    clearInterval(timer)
    core.here.drainsChanged = () => {}
    for (const { pumps } of followed.values()) for (const uuid of pumps.keys()) end(uuid, pumps)
  }
}
