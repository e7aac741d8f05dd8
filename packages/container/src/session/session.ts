// How does one session go, from its first connection to the exit code of its command?
//
//   connecting ──▶ handshake ──▶ ready ──▶ running ──▶ over
//        └─────────────┴───────────┴───────────────────▲
//
// connecting: the container is dialled, and once more for the input where the protocol cannot end it otherwise.
// handshake:  a program in the container answers until its output comes and its terminal has the right size (handshake.ts).
// ready:      the command has begun and the caller has its handle; output is held back, input is not read.
// running:    output and input are passed on, until the end marker comes or the server reports the end.
// over:       the exit code is known, or why there is none: refused, lost, deleted, cancelled.
import { pump } from '@deis/lib/pump'
import { unlessAborted } from '@deis/lib/wait'
import { type SessionIo, SessionRefused } from '@deis/ports/scheduler'
import type { Started } from '@deis/ports/started'
import { createHandshake, performHandshake, requests, sizeFrame, type SessionTokens } from './handshake.ts'
import { openOutput, type Output } from './output.ts'
import { type SessionTarget, signalSession } from './signal.ts'
import { channels, type Outcome, type SessionSocket, type Take } from './socket.ts'

type State = 'connecting' | 'handshake' | 'ready' | 'running' | 'over'

type Dial = (take: Take, signal: AbortSignal) => Promise<SessionSocket>

/** What differs between a pod of the session's own and one that is up, and between backends. */
export type Wiring = {
  readonly target: SessionTarget
  readonly markers: SessionTokens['markers']
  readonly dial: Dial
  /** Opens a second connection, which closes to end the input where the protocol cannot; null: impossible. */
  readonly dialInput: Dial | null
  /** Whether the end marker follows the command's output. */
  readonly marksEnd: boolean
  /** Rejects if the pod is deleted: the connection may stay. */
  readonly podEnd: Promise<unknown>
  /** `outcome`: null if the connection was lost. @throws when there is no exit code. */
  exitCode(outcome: Outcome | null): Promise<number>
  /** What an error of the connection says, in the words of who asks. */
  explain(error: unknown): unknown
  /** Ends a command that may still run. `ended` resolves when its output has ended. */
  abandon(ended: Promise<unknown>): Promise<void>
}

type Connections = {
  readonly socket: SessionSocket
  /** Of the input alone; null: it goes through the first. */
  readonly second: SessionSocket | null
}

export const withSignal = (io: SessionIo, signal: AbortSignal): SessionIo => ({
  terminal: io.terminal,
  input: io.input,
  output: (from, chunk) => io.output(from, chunk),
  signal,
})

/** Ctrl-D, which ends the input of a terminal. */
const endOfTransmission = Buffer.from([4])
/** How long the first connection of a command may outlast the second. */
const lostMs = 5_000
const noShell = /executable file not found|no such file or directory/i

function startError(outcome: Outcome | null): Error {
  if (outcome !== null && noShell.test(outcome.message))
    return new SessionRefused(
      'The image of this pod has neither bash nor sh, so no command can be started in it. Add a shell to the image and deploy it.',
    )
  return new Error(
    `the command could not be started: ${outcome?.message || 'the connection to its container was lost'}`,
  )
}

async function connect(
  { dial, dialInput }: Wiring,
  { terminal, input }: SessionIo,
  take: Take,
  signal: AbortSignal,
): Promise<Connections> {
  const socket = await dial(take, signal)
  if (input === null || terminal !== null || socket.endsInput) return { socket, second: null }
  if (dialInput) return { socket, second: await dialInput(async () => {}, signal) }
  await socket.send(channels.input, Buffer.from(`${requests.no}\n`))
  throw new SessionRefused(
    'This version of Kubernetes cannot end the input of a command in a running pod. Use a terminal (-t), or run the command in a pod of its own (deis run).',
  )
}

/** Passes on the input until it ends. Returns a function that stops it. */
function passInput({ terminal, input }: SessionIo, { socket, second }: Connections, lost: () => void): () => void {
  const inputSocket = second ?? socket
  let timer: NodeJS.Timeout | undefined
  let isComplete = false
  const end = (): void => {
    isComplete = true
    if (terminal) void socket.send(channels.input, endOfTransmission)
    else inputSocket.endInput()
  }
  void second?.closed.then(() => {
    // A command must not see a lost connection as the end of its input.
    if (!isComplete) timer = setTimeout(lost, lostMs)
  })
  let stop = (): void => {}
  if (input) stop = pump(input, (chunk) => inputSocket.send(channels.input, chunk), end)
  else if (terminal) end()
  return () => {
    isComplete = true
    clearTimeout(timer)
    stop()
  }
}

/** Passes on what follows the handshake. What comes on stderr before its end is kept for after it. */
function takeAfter(handshake: ReturnType<typeof createHandshake>, output: Output): Take {
  const early: Buffer[] = []
  return async (channel, chunk) => {
    const from = channel === channels.stderr ? 'stderr' : 'stdout'
    if (handshake.isDone()) return output.write(from, chunk)
    if (from === 'stderr') return void early.push(chunk)
    const rest = handshake.feed(chunk)
    if (!handshake.isDone()) return
    await output.write('stderr', Buffer.concat(early))
    await output.write('stdout', rest)
  }
}

/**
 * Resolves when the command has ended; calls `started` when it begins.
 * @throws SessionRefused, the signal's reason, what `dial`, `explain` and `exitCode` throw.
 */
export async function runSession(wiring: Wiring, io: SessionIo, started: (session: Started) => void): Promise<number> {
  const { target, markers, marksEnd } = wiring
  const { terminal, signal } = io
  let state: State = 'connecting'
  const connection = new AbortController()
  const disconnect = (): void => connection.abort(signal.reason)
  const handshake = createHandshake(markers)
  const output = openOutput(io, marksEnd ? markers.end : null)
  let connections: Connections
  signal.addEventListener('abort', disconnect)
  try {
    signal.throwIfAborted()
    connections = await connect(wiring, io, takeAfter(handshake, output), connection.signal)
    state = 'handshake'
    const lost = new AbortController()
    void connections.socket.closed.then((outcome) => lost.abort(startError(outcome)))
    await performHandshake(connections.socket, handshake, terminal, AbortSignal.any([signal, lost.signal]))
  } catch (error) {
    state = 'over'
    output.begin()
    disconnect()
    throw wiring.explain(error)
  } finally {
    signal.removeEventListener('abort', disconnect)
  }

  state = 'ready'
  const { socket, second } = connections
  // The code of an attached command is not the command's: the server reports only whether it could attach.
  const closed = socket.closed.then((outcome) => outcome && { ...outcome, code: marksEnd ? null : outcome.code })
  let stopInput = (): void => {}
  const ended = Promise.race([output.ended, closed]).finally(() => stopInput())
  const begin = (): void => {
    if (state !== 'ready') return
    state = 'running'
    output.begin()
    stopInput = passInput(io, connections, disconnect)
  }
  const finish = (): void => {
    state = 'over'
    stopInput()
    output.begin()
  }
  try {
    started({
      pod: target.pod,
      resize(size) {
        if (terminal) void socket.send(channels.size, sizeFrame(size))
      },
      async kill(name) {
        if (state !== 'over') await signalSession(target, name, 'foreground')
      },
    })
    setImmediate(begin)
    const outcome = await unlessAborted(Promise.race([ended, wiring.podEnd.then(() => ended)]), signal)
    signal.throwIfAborted()
    return await wiring.exitCode(outcome ?? null)
  } catch (error) {
    finish()
    await wiring.abandon(ended)
    throw error
  } finally {
    finish()
    second?.destroy()
    disconnect()
  }
}
