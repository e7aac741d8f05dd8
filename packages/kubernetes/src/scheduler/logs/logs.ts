// How are the log lines of pods collected and kept, also when the pods are gone?
import { join } from 'node:path'
import type { Kube } from '../../client/client.ts'
import type { Pod } from '../../client/objects.ts'
import { createLimit } from '@deis/lib/limit'
import { isAppId, logSource } from '@deis/ports/names'
import type { LogLine } from '@deis/ports/scheduler'
import { type Followed, followPod } from './follow.ts'
import { hasHeritage } from '../../cluster/labels.ts'
import { oneOffType, releaseOf, sessionAnnotation } from '../manifests/labels.ts'
import { type AppLog, openAppLog } from '@deis/container/app-log'
import type { Entry } from '@deis/container/stamp'
import { withoutEndMarker } from '@deis/container/end-marker'

export type PodLogsOptions = {
  readonly kube: Kube
  /** Bounded files, one pair for each app. */
  readonly folder: string
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields: Readonly<Record<string, unknown>>) => void
}

export type PodLogs = {
  /** To be called with every pod, and again on each of its changes. Pods that are not an app's are ignored. */
  seen(pod: Pod): void
  /** To be called when a pod is gone: its open streams are read to their end. */
  gone(pod: Pod): void
  /** Resolves when all output of the pod until now is stored, or after a while. To be awaited before the pod is deleted. */
  catchUp(pod: Pod): Promise<void>
  /** The newest lines of all pods of the app that the API has by now, also of pods that are gone, oldest first. */
  tail(app: string, lines: number): Promise<LogLine[]>
  /** The same, and then calls back with each later line, until the signal: none is missing or comes twice in between. */
  follow(app: string, lines: number, onLine: (line: LogLine) => void, signal: AbortSignal): Promise<LogLine[]>
  /** Deletes the app's log. Further output of its present pods is ignored. */
  remove(app: string): Promise<void>
  close(): Promise<void>
}

type Source = {
  readonly app: string
  /** `web.v3.x2x4z` */
  readonly source: string
  readonly isOneOff: boolean
}

type Known = Source & {
  readonly followed: Followed
  /** Its app was removed: its output is ignored. */
  removed: boolean
}

/** How long an answer waits for lines that pods have just written. */
const catchUpMs = 2_000
const catchUpsAtOnce = 20

/** Null: not a pod of an app. Other parts of the platform may have its labels, in namespaces of other names. */
function sourceOf({ metadata }: Pod): Source | null {
  const { app = '', type = '' } = metadata?.labels ?? {}
  const release = releaseOf(metadata?.labels)
  const name = metadata?.name ?? ''
  if (!hasHeritage({ metadata }) || app !== metadata?.namespace || !isAppId(app) || type === '' || release === 0)
    return null
  // The output of a session goes only to its user.
  if (metadata.annotations?.[sessionAnnotation] !== undefined) return null
  return { app, source: logSource({ name, type, release }), isOneOff: type === oneOffType }
}

/** The lines without the end marker, which is meant for the controller only. */
function withoutMarkers(entries: readonly Entry[]): Entry[] {
  return entries.flatMap((entry) => {
    const text = withoutEndMarker(entry.text)
    return text === null ? [] : [{ ...entry, text }]
  })
}

export function openPodLogs({ kube, folder, log }: PodLogsOptions): PodLogs {
  const files = new Map<string, AppLog>()
  const pods = new Map<string, Known>()
  const leaving = new Set<Promise<void>>()
  const limit = createLimit(catchUpsAtOnce)
  let closed = false

  const fileOf = (app: string): AppLog => {
    const file = files.get(app) ?? openAppLog(join(folder, `${app}.log`))
    files.set(app, file)
    return file
  }
  const of = (app: string): Known[] => [...pods.values()].filter((pod) => pod.app === app && !pod.removed)
  const catchUpAll = async (wanted: readonly Known[]): Promise<void> => {
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(), catchUpMs)
    await Promise.all(wanted.map((pod) => limit(late.signal, () => pod.followed.catchUp(late.signal)).catch(() => {})))
    clearTimeout(timer)
  }
  const begin = (pod: Pod, { app, source, isOneOff }: Source): Known => {
    const file = fileOf(app)
    const followed = followPod(pod, {
      kube,
      after: () => file.after(source),
      take: (entries) => file.append(source, isOneOff ? withoutMarkers(entries) : entries),
      trouble: (error) =>
        log('warn', 'the output of a pod cannot be read', { app, pod: pod.metadata?.name, err: error }),
    })
    return { app, source, isOneOff, followed, removed: false }
  }

  return {
    seen(pod) {
      const uid = pod.metadata?.uid
      if (closed || uid === undefined) return
      const known = pods.get(uid)
      if (known) {
        if (!known.removed) known.followed.update(pod)
        return
      }
      const source = sourceOf(pod)
      if (source) pods.set(uid, begin(pod, source))
    },
    gone(pod) {
      const uid = pod.metadata?.uid ?? ''
      const known = pods.get(uid)
      if (!known || closed) return
      // Until its streams have ended, answers wait for it.
      const done = known.followed.gone().then(() => {
        pods.delete(uid)
        leaving.delete(done)
      })
      leaving.add(done)
    },
    async catchUp({ metadata }) {
      const known = pods.get(metadata?.uid ?? '')
      if (known && !known.removed) await catchUpAll([known])
    },
    async tail(app, lines) {
      if (!isAppId(app) || lines <= 0) return []
      await catchUpAll(of(app))
      return fileOf(app).tail(lines)
    },
    async follow(app, lines, onLine, signal) {
      signal.throwIfAborted()
      if (!isAppId(app)) return []
      await catchUpAll(of(app))
      signal.throwIfAborted()
      return fileOf(app).follow(lines, onLine, signal)
    },
    async remove(app) {
      if (!isAppId(app)) return
      const present = of(app)
      for (const pod of present) pod.removed = true
      await Promise.all(present.map((pod) => pod.followed.stop()))
      await fileOf(app).remove()
      files.delete(app)
    },
    async close() {
      closed = true
      await Promise.all([...pods.values()].map((pod) => pod.followed.stop()))
      await Promise.all(leaving)
    },
  }
}
