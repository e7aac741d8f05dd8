// How is the output of a build's container passed on, line by line and only once?
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Kube } from '../client/client.ts'
import { pathOf } from '../client/objects.ts'
import { splitLines } from '@deis/buildpacks/text'

export type ContainerRef = { readonly namespace: string; readonly pod: string; readonly container: string }

const retryMs = 300

const stamp = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z /

/**
 * Splits `2026-01-02T03:04:05.6Z text`. The log leaves out zeros, so times are padded to compare as texts. Null: the node's
 * own messages, and the rest of a line that was too long for it, have no time.
 */
function parse(line: string): { time: string | null; text: string } {
  const [head, whole, fraction = ''] = stamp.exec(line) ?? []
  if (head === undefined) return { time: null, text: line }
  return { time: `${whole}.${fraction.padEnd(9, '0')}Z`, text: line.slice(head.length) }
}

/**
 * Passes on each line until the log ends. A connection that breaks is opened again while `running` returns true; lines that
 * were passed on already are skipped.
 */
export async function followLog(
  kube: Kube,
  { namespace, pod, container }: ContainerRef,
  each: (line: string) => void,
  running: () => boolean,
  signal: AbortSignal,
): Promise<void> {
  let last = ''
  /** Whether the present line came before the connection broke. */
  let isSeen = false
  const path = pathOf('v1/Pod', namespace, pod, 'log')
  const take = (line: string): void => {
    const { time, text } = parse(line)
    if (time !== null) {
      isSeen = time <= last
      if (!isSeen) last = time
    }
    if (!isSeen) each(text)
  }
  for (;;) {
    // Asked before the log is read, so that output printed at the very end is not missed.
    const wasRunning = running()
    let body: Readable | undefined
    try {
      const since = last === '' ? undefined : last
      body = await kube.stream(path, { container, follow: true, timestamps: true, sinceTime: since }, signal)
      const lines = splitLines(take)
      for await (const chunk of body) lines.write(chunk as Buffer)
      lines.end()
      if (!wasRunning || !running()) return
    } catch (error) {
      body?.destroy()
      signal.throwIfAborted()
      if (!wasRunning) throw error
    }
    await sleep(retryMs, undefined, { signal })
  }
}

/** The last lines of a container that has ended. */
export async function lastLines(
  kube: Kube,
  { namespace, pod, container }: ContainerRef,
  lines: number,
  signal: AbortSignal,
): Promise<string[]> {
  const body = await kube.stream(
    pathOf('v1/Pod', namespace, pod, 'log'),
    { container, tailLines: lines, limitBytes: 65_536 },
    signal,
  )
  const found: string[] = []
  const split = splitLines((line) => found.push(line))
  for await (const chunk of body) split.write(chunk as Buffer)
  split.end()
  return found
}
