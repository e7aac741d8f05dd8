// How do lines wait for a drain, in order and within bounds, and what happens when it fails?
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '@deis/types'
import type { Measures } from '../measures.ts'
import { type Line, lossNotice, messagesOf } from './message.ts'
import { newBatchId, Refused, type Sender } from './send.ts'

export type DrainState = { state: 'idle' | 'sending' | 'failing'; error: string | null; dropped: number }

export type Pump = {
  readonly state: Readonly<DrainState>
  add(line: Line): void
  /** What waits is lost. */
  close(): void
}

/** `lines`: how many it stands for: one, or for a notice those that it says are missing. */
type Waiting = {
  readonly messages: readonly string[]
  readonly bytes: number
  readonly lines: number
  readonly isNotice: boolean
}

export type PumpOptions = {
  readonly sender: Sender
  readonly hostname: string
  readonly form: 'syslog' | 'logplex'
  readonly bounds?: Partial<typeof usualBounds>
  /** Waiting at all drains that share it. */
  readonly shared?: { bytes: number }
  readonly count?: Measures['drained']
}

/** What a line takes in memory besides its text, about. */
const bytesOfLine = 256

export const usualBounds = {
  /** Waiting at once. */
  lines: 10_000,
  bytes: 2 * 1024 * 1024,
  /** At all drains; beyond it each has its first bytes, so that those of others that fail do not silence it. */
  sharedBytes: 64 * 1024 * 1024,
  firstBytes: 64 * 1024,
  batchLines: 1_000,
  batchBytes: 100 * 1024,
  /** For more lines of one batch. */
  gatherMs: 1_000,
  firstDelayMs: 1_000,
  lastDelayMs: 300_000,
}

export function createPump({
  sender,
  hostname,
  form,
  bounds = {},
  shared = { bytes: 0 },
  count = () => {},
}: PumpOptions): Pump {
  const limits = { ...usualBounds, ...bounds }
  const over = new AbortController()
  const state: DrainState = { state: 'idle', error: null, dropped: 0 }
  const waiting: Waiting[] = []
  let bytes = 0
  let missing = { count: 0, since: new Date() }
  let wake = (): void => {}
  /** After a batch that was refused; the next one probably is as well. */
  let pause = limits.firstDelayMs

  const wait = async (ms: number): Promise<void> => {
    await sleep(ms * (0.75 + Math.random() / 2), undefined, { signal: over.signal }).catch(() => undefined)
  }
  const put = (line: Line, lines: number): void => {
    const messages = messagesOf(line, hostname, form)
    const size = messages.reduce((sum, one) => sum + Buffer.byteLength(one), bytesOfLine)
    waiting.push({ messages, bytes: size, lines, isNotice: line.isNotice === true })
    bytes += size
    shared.bytes += size
    wake()
  }
  const isFull = (): boolean =>
    waiting.length >= limits.lines ||
    bytes >= limits.bytes ||
    (bytes >= limits.firstBytes && shared.bytes >= limits.sharedBytes)
  const lose = (lines: number, isKnown = false): void => {
    if (missing.count === 0) missing = { count: 0, since: new Date() }
    missing.count += lines
    if (isKnown) return
    state.dropped += lines
    count('lost', lines)
  }
  /** The notice stands where the lines are missing. */
  const tellLoss = (): void => {
    if (missing.count === 0) return
    const { count: lost, since } = missing
    missing = { count: 0, since: new Date() }
    put(lossNotice(lost, since, new Date()), lost)
  }
  const take = (): Waiting[] => {
    const batch: Waiting[] = []
    let size = 0
    while (waiting.length > 0 && batch.length < limits.batchLines) {
      const [next] = waiting as [Waiting]
      if (batch.length > 0 && size + next.bytes > limits.batchBytes) break
      waiting.shift()
      batch.push(next)
      size += next.bytes
    }
    bytes -= size
    shared.bytes -= size
    return batch
  }
  const deliver = async (batch: readonly Waiting[]): Promise<void> => {
    const messages = batch.flatMap((one) => one.messages)
    const id = newBatchId()
    for (let delay = limits.firstDelayMs; !over.signal.aborted; delay = Math.min(delay * 2, limits.lastDelayMs)) {
      try {
        await sender.send(messages, id, over.signal)
        Object.assign(state, { state: 'sending', error: null })
        pause = limits.firstDelayMs
        for (const { lines, isNotice } of batch) if (!isNotice) count('sent', lines)
        return
      } catch (error) {
        if (over.signal.aborted) return
        Object.assign(state, { state: 'failing', error: messageOf(error) })
        if (error instanceof Refused) {
          for (const { lines, isNotice } of batch) lose(lines, isNotice)
          await wait(pause)
          pause = Math.min(pause * 2, limits.lastDelayMs)
          return
        }
        await wait(delay)
      }
    }
  }
  const run = async (): Promise<void> => {
    while (!over.signal.aborted) {
      if (waiting.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
        wake = () => {}
        // More of them often follow at once.
        await wait(limits.gatherMs)
        continue
      }
      await deliver(take())
      if (waiting.length === 0 && !over.signal.aborted) tellLoss()
    }
  }
  void run()

  return {
    state,
    add(line) {
      if (over.signal.aborted) return
      if (isFull()) return lose(1)
      tellLoss()
      put(line, 1)
    },
    close() {
      if (over.signal.aborted) return
      over.abort()
      shared.bytes -= bytes
      wake()
      sender.close()
    },
  }
}
