// How do several processes serve together, with one table and as one router?
import cluster, { type Worker } from 'node:cluster'
import { EventEmitter, once } from 'node:events'
import type { RouteEvent } from '@deis/types'
import type { Measured } from './metrics/merge.ts'
import { ownUse, type Ports, type Progress, type ServeOptions, type Serving } from './serve.ts'
import { applyEvent, snapshotOf, type Table } from './table/table.ts'

/** A worker gets a snapshot of the table first, then its changes in order. */
export type ToWorker = { readonly event: RouteEvent } | { readonly measure: number } | { readonly end: true }
export type FromWorker =
  | { readonly ready: true }
  | { readonly listening: Ports }
  | {
      readonly failed: {
        readonly message: string
        readonly code: string | undefined
        readonly port: number | undefined
      }
    }
  | { readonly progress: Progress }
  | { readonly measured: number; readonly numbers: Measured }

/** Until a worker that ended is started again: at first, and when it ends again and again. */
const firstDelay = 100
const lastDelay = 10_000
/** One that has lived so long begins with the first delay again. */
const healthyAfter = 10_000

/** A worker that is too busy to answer by then is shown as it was before. */
const measureWithin = 1_000

/** Without progress while it does not listen to messages yet. */
type Member = {
  readonly worker: Worker
  progress: Progress | null
  /** What it counted when it was asked last, and by which question. */
  measured: { readonly by: number; readonly numbers: Measured } | null
}

/** What all have applied, and the upstreams that any of them waits for. */
export function progressOf(table: Table, members: readonly Progress[]): Progress {
  const busy = [...new Set(members.flatMap((one) => one.busy))]
  // One that still has the table of a controller before this one has none of the new one.
  const other = members.find(({ epoch }) => epoch !== table.epoch)
  const { epoch, seq } = other ?? table
  return { epoch, seq: other ? seq : Math.min(seq, ...members.map((one) => one.seq)), busy }
}

/** Serves like `startServing`, in `count` processes that accept connections from the same listeners. */
export const serveWith =
  (count: number) =>
  async (options: ServeOptions, first: Table, changed: () => void): Promise<Serving> => {
    // Each worker accepts by itself: what a worker that dies has not accepted, another one does.
    cluster.schedulingPolicy = cluster.SCHED_NONE
    const members = new Set<Member>()
    const timers = new Set<NodeJS.Timeout>()
    let table = first
    let closing = false
    let started = false
    const answers = new EventEmitter()
    let ended: Measured[] = []
    let asked = 0
    // Also when this process is ended without waiting.
    const killAll = (): void => {
      for (const { worker } of members) worker.process.kill('SIGKILL')
    }
    process.once('exit', killAll)

    const launch = (delay: number): Promise<Ports> => {
      const worker = cluster.fork()
      const since = Date.now()
      const member: Member = { worker, progress: null, measured: null }
      members.add(member)
      const listening = new Promise<Ports>((resolve, reject) => {
        worker.on('message', (message: FromWorker) => {
          if ('ready' in message) {
            // It accepts connections when it has this table, so it counts as having it from now on.
            member.progress = { epoch: table.epoch, seq: table.seq, busy: [] }
            send(member, { event: snapshotOf(table) })
            if (closing) send(member, { end: true })
          } else if ('progress' in message) {
            member.progress = message.progress
            changed()
          } else if ('measured' in message) {
            member.measured = { by: message.measured, numbers: message.numbers }
            answers.emit('answer')
          } else if ('listening' in message) resolve(message.listening)
          else reject(Object.assign(new Error(message.failed.message), message.failed))
        })
        worker.once('exit', (code: number | null, signal: string | null) => {
          members.delete(member)
          if (member.measured !== null) ended.push(member.measured.numbers)
          answers.emit('answer')
          changed()
          const how = `ended with ${signal ?? `code ${code}`}`
          reject(new Error(`a worker ${how} before it listened`))
          if (closing || !started) return
          // The last one closes the sockets of systemd; started again, this process gets them again.
          if (members.size === 0 && options.sockets !== undefined && options.sockets.length > 0)
            throw new Error(`all workers of the router have ended, the last one ${how}`)
          const next = Date.now() - since >= healthyAfter ? firstDelay : delay
          options.log(`a worker of the router ${how}; another one is started in ${next} ms`)
          const timer = setTimeout(() => {
            timers.delete(timer)
            launch(Math.min(next * 2, lastDelay)).catch((error: Error) =>
              options.log(`a worker of the router did not start: ${error.message}`),
            )
          }, next)
          timers.add(timer)
        })
      })
      return listening
    }

    let ports: Ports
    try {
      const all = await Promise.all(Array.from({ length: count }, () => launch(firstDelay)))
      ports = all[0]!
      started = true
    } catch (error) {
      killAll()
      throw error
    }
    return {
      ...ports,
      apply(event) {
        table = applyEvent(table, event)
        for (const member of members) send(member, { event })
      },
      progress: () =>
        progressOf(
          table,
          [...members].flatMap(({ progress }) => progress ?? []),
        ),
      async measure() {
        const by = ++asked
        for (const member of members) send(member, { measure: by })
        const late = AbortSignal.timeout(measureWithin)
        const isWaiting = ({ progress, measured }: Member): boolean =>
          progress !== null && (measured === null || measured.by < by)
        while ([...members].some(isWaiting) && !late.aborted)
          await once(answers, 'answer', { signal: late }).catch(() => undefined)
        const live = [...members].flatMap(({ measured }) => measured?.numbers ?? [])
        live.push({ apps: [], releases: [], running: [], connections: { http: 0, https: 0 }, draining: 0, ...ownUse() })
        const gone = ended
        ended = []
        return { live, ended: gone }
      },
      async close() {
        closing = true
        for (const timer of timers) clearTimeout(timer)
        const ended = [...members].map(({ worker }) => once(worker, 'exit'))
        for (const member of members) send(member, { end: true })
        await Promise.all(ended)
        process.removeListener('exit', killAll)
      },
    }
  }

/** One that is about to end reads nothing more, and its end is noticed. One that is not ready gets the newest table then. */
function send({ worker, progress }: Member, message: ToWorker): void {
  if (progress !== null && worker.isConnected()) worker.send(message, () => undefined)
}
