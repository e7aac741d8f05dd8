// How are the lines that a container prints stored, each once, also by the next controller?
import { setTimeout as sleep } from 'node:timers/promises'
import { StringDecoder } from 'node:string_decoder'
import type { AppLog } from '@deis/container/app-log'
import { type Entry, stampOf } from '@deis/container/stamp'
import type { Client } from '../engine/client.ts'
import { demux, type Frame } from '../engine/demux.ts'
import { hasStatus } from '../engine/error.ts'
import { Container } from '../engine/objects.ts'

export type Follower = {
  /** Resolves when the container has ended and all of its lines are stored. */
  readonly ended: Promise<void>
  /** The newest lines. */
  last(): readonly string[]
  /** Stops reading; the next follower goes on where this one was. */
  stop(): Promise<void>
}

type Wanted = {
  readonly id: string
  /** `web.v3.x2x4z` */
  readonly source: string
  /** Gets what is printed, as it comes, until it returns false. */
  readonly bytes?: (chunk: Buffer) => boolean
}

type Deps = {
  readonly engine: Client
  readonly log: AppLog
  readonly trouble: (error: unknown) => void
}

const lastLines = 20
/** A longer line is stored in parts. */
const maxLine = 16 * 1024
/** Readers of engines have missed the rotation of a file: a new one does not. */
const silentMs = 300_000
const retryMs = [200, 500, 1000, 2000, 5000] as const
/** So many lines wait to be written before no more are read. */
const maxWaiting = 1000

/** Parts of lines, each with a time of its own, become lines with the first one's. */
export function createJoiner() {
  const open = new Map<Frame['from'], { stamp: string; text: string; decoder: StringDecoder }>()
  const clean = (text: string): string => text.replaceAll('\r', '')
  return {
    /** `payload`: what was printed, without its time. */
    push({ from, bytes }: Frame): { entries: Entry[]; payload: Buffer; stamp: string } | null {
      const space = bytes.subarray(0, 40).indexOf(0x20)
      const stamp = space < 0 ? null : stampOf(bytes.toString('latin1', 0, space))
      if (stamp === null) return null
      const payload = bytes.subarray(space + 1)
      const part = open.get(from) ?? { stamp, text: '', decoder: new StringDecoder('utf8') }
      part.text += part.decoder.write(payload)
      open.set(from, part)
      const entries: Entry[] = []
      // One message is one line, or a part; a long one does not wait for its end.
      if (part.text.endsWith('\n') || part.text.length >= maxLine) {
        entries.push({ stamp: part.stamp, text: clean(part.text.replace(/\n$/, '')) })
        open.delete(from)
      }
      return { entries, payload, stamp }
    },
    flush(): Entry[] {
      const rest = [...open.values()].map(({ stamp, text, decoder }) => ({ stamp, text: clean(text + decoder.end()) }))
      open.clear()
      return rest.filter(({ text }) => text !== '')
    },
  }
}

/** The engine takes seconds with a fraction. */
const sinceOf = (stamp: string): string | undefined =>
  stamp === '' ? undefined : `${Math.floor(Date.parse(`${stamp.slice(0, 19)}Z`) / 1000)}.${stamp.slice(20, 29)}`

export function followContainer({ engine, log, trouble }: Deps, { id, source, bytes }: Wanted): Follower {
  const over = new AbortController()
  const recent: string[] = []
  const waiting: Entry[] = []
  let writing: Promise<void> | null = null
  let last: string | null = null
  let wantsBytes = bytes !== undefined

  const write = async (): Promise<void> => {
    while (waiting.length > 0) await log.append(source, waiting.splice(0))
  }
  const store = async (entries: readonly Entry[]): Promise<void> => {
    recent.push(...entries.map(({ text }) => text))
    recent.splice(0, recent.length - lastLines)
    waiting.push(...entries)
    writing ??= write()
      .catch(trouble)
      .finally(() => {
        writing = null
      })
    if (waiting.length > maxWaiting) await writing
  }

  const readOnce = async (): Promise<void> => {
    last ??= await log.after(source)
    const joiner = createJoiner()
    const query = { follow: true, stdout: true, stderr: true, timestamps: true, since: sinceOf(last) }
    const path = `/containers/${id}/logs`
    const stream = await engine.stream('reading logs', { method: 'GET', path, query }, over.signal)
    const timer = setTimeout(() => stream.destroy(), silentMs)
    try {
      for await (const frame of demux(stream as AsyncIterable<Buffer>)) {
        timer.refresh()
        const found = joiner.push(frame)
        // What was stored before comes once more.
        if (!found || found.stamp <= last) continue
        if (wantsBytes) wantsBytes = bytes?.(found.payload) ?? false
        await store(found.entries)
        const newest = found.entries.at(-1)?.stamp
        if (newest !== undefined && newest > last) last = newest
      }
      await store(joiner.flush())
    } finally {
      clearTimeout(timer)
      stream.destroy()
    }
  }
  const runs = async (): Promise<boolean> => {
    const { State } = await engine.read(
      'looking at a container',
      Container,
      { method: 'GET', path: `/containers/${id}/json` },
      over.signal,
    )
    return State.Running
  }
  const read = async (): Promise<void> => {
    for (let failures = 0; !over.signal.aborted;) {
      try {
        const ran = await runs()
        await readOnce()
        // A stream that began after the end has read everything.
        if (!ran) break
        failures = 0
      } catch (error) {
        if (over.signal.aborted || hasStatus(error, 404, 409)) break
        if (failures === retryMs.length) trouble(error)
        const pause = retryMs[Math.min(failures, retryMs.length - 1)] ?? 5000
        failures++
        await sleep(pause, undefined, { signal: over.signal }).catch(() => {})
      }
    }
    await writing
  }
  const ended = read().catch(trouble)
  return {
    ended,
    last: () => recent,
    async stop() {
      over.abort()
      await ended
    },
  }
}
