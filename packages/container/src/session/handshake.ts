// How is a session's input and output connected before its command begins?
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TerminalSize } from '@deis/types'
import { createNotifier } from '@deis/lib/wait'
import { readProfile } from '@deis/machine/profile'
import type { SessionIo } from '@deis/ports/scheduler'
import { newEndMarker } from '../end-marker.ts'
import handshakeProgram from '../programs/session-handshake.sh'
import slugCommand from '../programs/session-slug.sh'
import { channels, type SessionSocket } from './socket.ts'

/** Random texts that the container prints: the answers to `ask` and `go`, and the end marker. Nothing else can print them. */
export type Markers = { readonly ask: string; readonly go: string; readonly end: string }

export type Handshake = {
  /** Takes output of the container. Returns what of it follows the handshake; nothing until that is done. */
  feed(chunk: Buffer): Buffer
  isDone(): boolean
  /** The terminal's size as answered to `ask`; null: no answer in time. */
  answer(ms: number, signal: AbortSignal): Promise<string | null>
  done(ms: number, signal: AbortSignal): Promise<boolean>
}

/** How a command is started: as the pod's own commands are. `either`: the pod does not show it; a slug has its launcher. */
export type Launch = 'slug' | 'cnb' | 'shell' | 'either'

/** What the program in the container understands, one line each. */
export const requests = { ask: 'ask', go: 'go', no: 'no' } as const

const answerMs = 2_000
const wholeMs = 30_000
/** How long a terminal may take to get its size. */
const sizeMs = 3_000
const retryMs = 50

const newMarker = (): string => randomBytes(12).toString('hex')

const newMarkers = (): Markers => ({ ask: `${newMarker()}-`, go: newMarker(), end: newEndMarker() })

/** The random texts of one session: its id and its markers. */
export type SessionTokens = { readonly session: string; readonly markers: Markers }

export const newSessionTokens = (): SessionTokens => ({
  session: randomBytes(16).toString('hex'),
  markers: newMarkers(),
})

/** The arguments of `sh -c` that begin a session. */
export function handshakeArguments(
  { session, markers }: SessionTokens,
  { launch, command }: { readonly launch: Launch; readonly command: string },
  { terminal, input }: Pick<SessionIo, 'terminal' | 'input'>,
): string[] {
  const read = input === null && terminal === null ? 'none' : 'some'
  const forSlugs = launch === 'slug' || launch === 'either' ? [slugCommand, readProfile] : []
  const { ask, go } = markers
  return [handshakeProgram, 'deis', ask, go, session, terminal?.name ?? '', launch, read, command, ...forSlugs]
}

export const sizeFrame = ({ columns, rows }: TerminalSize): Buffer =>
  Buffer.from(JSON.stringify({ Width: columns, Height: rows }))

export function createHandshake({ ask, go }: Pick<Markers, 'ask' | 'go'>): Handshake {
  let received: Buffer = Buffer.alloc(0)
  let isDone = false
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
      received = Buffer.concat([received, chunk])
      const at = received.indexOf(go)
      const rest = at < 0 ? Buffer.alloc(0) : received.subarray(at + go.length)
      isDone = at >= 0
      notifier.notify()
      return rest
    },
    isDone: () => isDone,
    async answer(ms, signal) {
      const look = (): string | null => {
        const [, after = null] = new RegExp(`${ask}([\\d ]*);`).exec(received.toString('latin1')) ?? []
        return after
      }
      const found = await until(look, ms, signal)
      received = Buffer.alloc(0)
      return found
    },
    done: async (ms, signal) => (await until(() => isDone || null, ms, signal)) ?? false,
  }
}

/** Resolves when the command begins. @throws when the container does not answer. */
export async function performHandshake(
  socket: SessionSocket,
  handshake: Handshake,
  size: TerminalSize | null,
  signal: AbortSignal,
): Promise<void> {
  const send = (request: string): Promise<void> => socket.send(channels.input, Buffer.from(`${request}\n`))
  const wanted = size ? `${size.rows} ${size.columns}` : ''
  const deadline = Date.now() + wholeMs
  const sizeDeadline = Date.now() + sizeMs
  if (size) await socket.send(channels.size, sizeFrame(size))
  for (;;) {
    await send(requests.ask)
    const answer = await handshake.answer(answerMs, signal)
    // Empty: the image has no `stty`.
    if (answer === wanted || answer === '' || (answer !== null && Date.now() > sizeDeadline)) break
    if (Date.now() > deadline) throw new Error(`the container did not answer within ${wholeMs / 1000} s`)
    if (answer !== null) await sleep(retryMs, undefined, { signal }).catch(() => signal.throwIfAborted())
  }
  await send(requests.go)
  if (!(await handshake.done(wholeMs, signal))) throw new Error(`the command did not begin within ${wholeMs / 1000} s`)
}
