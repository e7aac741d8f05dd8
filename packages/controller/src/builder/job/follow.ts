// How does the output of a container in a build's pod reach the push, line by line and only once?
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Kube } from '../../kube/client.ts'
import { pathOf } from '../../kube/objects.ts'
import { splitLines } from '../native/text.ts'

export type Place = { readonly namespace: string; readonly pod: string; readonly container: string }

const pauseMs = 300

/** `2026-01-02T03:04:05.6Z text`: times as the log has them are as long as they must be, which does not compare. */
function parse(line: string): { time: string; text: string } {
  const space = line.indexOf(' ')
  const [whole = '', fraction = ''] = line.slice(0, space).replace('Z', '').split('.')
  return { time: `${whole}.${fraction.padEnd(9, '0')}Z`, text: line.slice(space + 1) }
}

/**
 * Hands over each line until the log ends. A connection that breaks is made again while `running` says so; lines that were
 * seen already are not handed over again.
 */
export async function followLog(
  kube: Kube,
  { namespace, pod, container }: Place,
  each: (line: string) => void,
  running: () => boolean,
  signal: AbortSignal,
): Promise<void> {
  let last = ''
  const path = pathOf('v1/Pod', namespace, pod, 'log')
  const take = (line: string): void => {
    const { time, text } = parse(line)
    if (time <= last) return
    last = time
    each(text)
  }
  for (;;) {
    // Before the last look at the log, so that what the container says while it ends is seen.
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
    await sleep(pauseMs, undefined, { signal })
  }
}

/** The last lines of a container that has ended. */
export async function lastLines(
  kube: Kube,
  { namespace, pod, container }: Place,
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
