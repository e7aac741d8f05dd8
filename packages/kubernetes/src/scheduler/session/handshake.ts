// How do we know that a command's input and output have reached us before it begins?
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TerminalSize } from '@deis/types'
import { channels, type KubeSocket } from '../../client/socket.ts'
import { createNotifier } from '@deis/lib/wait'
import { newLastWord } from './end-marker.ts'
import { words } from './script.ts'

/** What the gate says to `ask` and `go`, and what is said when the command has ended: nothing else can have said it. */
export type Answers = { readonly ask: string; readonly go: string; readonly end: string }

export type Gate = {
  /** What comes after the gate's last word; nothing until then. */
  feed(chunk: Buffer): Buffer
  isOpen(): boolean
  /** What came after the answer to `ask`, or null when it does not come in time. */
  answer(ms: number, signal: AbortSignal): Promise<string | null>
  opened(ms: number, signal: AbortSignal): Promise<boolean>
}

const answerMs = 2_000
const wholeMs = 30_000
/** For a terminal to take on its size. */
const sizeMs = 3_000
const againMs = 50

const newWord = (): string => randomBytes(12).toString('hex')

export const newAnswers = (): Answers => ({ ask: `${newWord()}-`, go: newWord(), end: newLastWord() })

/** Who sits at which command. */
export type Sitting = { readonly session: string; readonly answers: Answers }

export const newSitting = (): Sitting => ({ session: randomBytes(16).toString('hex'), answers: newAnswers() })

export const sizeFrame = ({ columns, rows }: TerminalSize): Buffer =>
  Buffer.from(JSON.stringify({ Width: columns, Height: rows }))

export function createGate({ ask, go }: Pick<Answers, 'ask' | 'go'>): Gate {
  let heard: Buffer = Buffer.alloc(0)
  let open = false
  const notifier = createNotifier()

  const until = async <T>(look: () => T | null, ms: number, signal: AbortSignal): Promise<T | null> => {
    const deadline = Date.now() + ms
    for (;;) {
      signal.throwIfAborted()
      const found = look()
      if (found !== null || Date.now() >= deadline) return found
      await notifier.wait(deadline - Date.now(), signal)
    }
  }

  return {
    feed(chunk) {
      heard = Buffer.concat([heard, chunk])
      const at = heard.indexOf(go)
      const rest = at < 0 ? Buffer.alloc(0) : heard.subarray(at + go.length)
      open = at >= 0
      notifier.notify()
      return rest
    },
    isOpen: () => open,
    async answer(ms, signal) {
      const look = (): string | null => {
        const [, after = null] = new RegExp(`${ask}([\\d ]*);`).exec(heard.toString('latin1')) ?? []
        return after
      }
      const found = await until(look, ms, signal)
      heard = Buffer.alloc(0)
      return found
    },
    opened: async (ms, signal) => (await until(() => open || null, ms, signal)) ?? false,
  }
}

/** Resolves when the command begins. @throws when nobody answers. */
export async function passGate(
  socket: KubeSocket,
  gate: Gate,
  size: TerminalSize | null,
  signal: AbortSignal,
): Promise<void> {
  const say = (word: string): Promise<void> => socket.send(channels.input, Buffer.from(`${word}\n`))
  const wanted = size ? `${size.rows} ${size.columns}` : ''
  const deadline = Date.now() + wholeMs
  const sized = Date.now() + sizeMs
  if (size) await socket.send(channels.size, sizeFrame(size))
  for (;;) {
    await say(words.ask)
    const said = await gate.answer(answerMs, signal)
    // An image without `stty` does not know.
    if (said === wanted || said === '' || (said !== null && Date.now() > sized)) break
    if (Date.now() > deadline) throw new Error(`the container did not answer within ${wholeMs / 1000} s`)
    if (said !== null) await sleep(againMs, undefined, { signal }).catch(() => signal.throwIfAborted())
  }
  await say(words.go)
  if (!(await gate.opened(wholeMs, signal))) throw new Error(`the command did not begin within ${wholeMs / 1000} s`)
}
