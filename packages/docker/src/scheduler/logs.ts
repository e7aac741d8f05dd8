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

/** The engine cuts a longer line into parts of this size. */
const partBytes = 16 * 1024
const lineEnd = Buffer.from('\n')

type Part = { readonly stamp: string; readonly decoder: StringDecoder; text: string; isFirst: boolean }

/** Parts of lines become lines. All parts of one have its time; of the last one some engines leave out the end of the line. */
export function createJoiner() {
  const open = new Map<Frame['from'], Part>()
  const entryOf = ({ stamp, text }: Part): Entry => ({ stamp, text: text.replaceAll('\r', '').replace(/\n$/, '') })
  return {
    /** `payload`: what was printed, without its time. */
    push({ from, bytes }: Frame): { entries: Entry[]; payload: Buffer; stamp: string } | null {
      const space = bytes.subarray(0, 40).indexOf(0x20)
      const stamp = space < 0 ? null : stampOf(bytes.toString('latin1', 0, space))
      if (stamp === null) return null
      const payload = bytes.subarray(space + 1)
      const before = open.get(from)
      const isNext = before !== undefined && before.stamp !== stamp
      const entries = isNext && before.text !== '' ? [entryOf(before)] : []
      const part = before && !isNext ? before : { stamp, decoder: new StringDecoder('utf8'), text: '', isFirst: true }
      part.text += part.decoder.write(payload)
      const isWhole = part.text.endsWith('\n')
      // A long line does not wait for its end.
      if (isWhole || payload.length < partBytes || part.text.length >= maxLine) {
        const entry = entryOf(part)
        if (part.isFirst || entry.text !== '') entries.push(entry)
        Object.assign(part, { text: '', isFirst: false })
      }
      if (isWhole) open.delete(from)
      else open.set(from, part)
      return { entries, payload: isNext ? Buffer.concat([lineEnd, payload]) : payload, stamp }
    },
    flush(): Entry[] {
      const rest = [...open.values()].map((part) => entryOf({ ...part, text: part.text + part.decoder.end() }))
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
    // Within one stream times repeat, in the parts of a line, and go back, from one output to the other.
    const stored = last
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
        if (!found || found.stamp <= stored) continue
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
