// How do the lines that pods print come to us and stay, also when the pods have gone?
import type { Kube } from '../../kube/client.ts'
import type { Pod } from '../../kube/objects.ts'
import type { LogLine } from '../port.ts'

export type PodLogsOptions = {
  readonly kube: Kube
  /** Bounded files, one pair for each app. */
  readonly folder: string
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields: Readonly<Record<string, unknown>>) => void
}

export type PodLogs = {
  /** To be called with every pod there is, and again on each of its changes. Others than pods of apps are ignored. */
  seen(pod: Pod): void
  /** To be called when a pod is no longer there: what is under way is read to its end. */
  gone(pod: Pod): void
  /** The newest lines of all pods of the app, also of those that have gone, oldest first. */
  tail(app: string, lines: number): Promise<LogLine[]>
  /** Calls back with each line as it comes, until the signal. */
  follow(app: string, onLine: (line: LogLine) => void, signal: AbortSignal): void
  /** What a container has said last, for evidence; nothing where there is nothing (any more). */
  lastLines(namespace: string, pod: string, container: string, lines: number, previous: boolean): Promise<string[]>
  /** Forgets the app and what its present pods go on to say. */
  remove(app: string): Promise<void>
  close(): Promise<void>
}

export function openPodLogs(options: PodLogsOptions): PodLogs {
  throw new Error(`not written yet: ${options.folder}`)
}
