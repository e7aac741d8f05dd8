// How does somebody sit at a command in a container: its input, its output, and the size of the terminal?
import type { Readable } from 'node:stream'
import type { TerminalSize } from '@deis/types'
import { hasStatus, type KubeError } from '../../client/error.ts'
import { channels, type KubeSocket, type Outcome, type Take } from '../../client/socket.ts'
import { type SessionIo, SessionRefused } from '@deis/ports/scheduler'
import { type Answers, createGate, passGate, sizeFrame } from './handshake.ts'
import { openOutput } from './output.ts'
import { words } from './script.ts'

export type Seat = {
  /** Output and input begin to flow. */
  begin(): void
  /** All output was handed over. Null: the connection was lost. */
  readonly ended: Promise<Outcome | null>
  resize(size: TerminalSize): void
  /** Lets go of the command, without ending it. */
  leave(): void
}

export type SeatOptions = {
  readonly io: SessionIo
  readonly answers: Answers
  dial(take: Take, signal: AbortSignal): Promise<KubeSocket>
  /** Whether the command's end is told with its output. */
  readonly tellsEnd: boolean
  /** One more connection, whose end is the end of the input, where nothing else can tell it; null: there is no such. */
  readonly dialInput: ((take: Take, signal: AbortSignal) => Promise<KubeSocket>) | null
}

export const withSignal = (io: SessionIo, signal: AbortSignal): SessionIo => ({
  terminal: io.terminal,
  input: io.input,
  output: (from, chunk) => io.output(from, chunk),
  signal,
})

/** Ctrl-D: what ends the input at a terminal. */
const endOfTransmission = Buffer.from([4])
/** Connections of the same command end one after the other. */
const lostMs = 5_000
const noShell = /executable file not found|no such file or directory/

function neverBegan(outcome: Outcome | null): Error {
  if (outcome !== null && noShell.test(outcome.message))
    return new SessionRefused(
      'The image of this pod has neither bash nor sh, so no command can be started in it. Add a shell to the image and deploy it.',
    )
  return new Error(
    `the command could not be started: ${outcome?.message || 'the connection to its container was lost'}`,
  )
}

function notAllowed(cause: KubeError): SessionRefused {
  return new SessionRefused(
    `Kubernetes does not let the platform do that (${cause.message}). Have its ClusterRole brought up to date.`,
    { cause },
  )
}

/** No more is read than what can be sent. Returns what stops it. */
function pump(input: Readable, send: (chunk: Buffer) => Promise<void>, end: () => void): () => void {
  let last = Promise.resolve()
  let over = false
  const onData = (chunk: Buffer | string): void => {
    input.pause()
    last = send(Buffer.from(chunk as Buffer)).then(() => {
      if (!over) input.resume()
    })
  }
  const stop = (): void => {
    over = true
    input.off('data', onData).off('end', onEnd).off('close', onEnd)
    input.pause()
  }
  const onEnd = (): void => {
    if (over) return
    stop()
    void last.then(end)
  }
  input.on('data', onData).on('end', onEnd).on('close', onEnd)
  if (input.readableEnded || input.destroyed) onEnd()
  return stop
}

/**
 * Resolves when the command begins.
 * @throws KubeError, SessionRefused, the signal's reason.
 */
export async function takeSeat({ io, answers, tellsEnd, dial, dialInput }: SeatOptions): Promise<Seat> {
  const { terminal, input, signal } = io
  const life = new AbortController()
  const leave = (): void => life.abort(signal.reason)
  const gate = createGate(answers)
  const early: Buffer[] = []
  let begin = (): void => {}
  const begun = new Promise<void>((resolve) => {
    begin = resolve
  })
  const output = openOutput(io, begun, tellsEnd ? answers.end : null)
  const take: Take = async (channel, chunk) => {
    const from = channel === channels.stderr ? 'stderr' : 'stdout'
    if (gate.isOpen()) return output.hand(from, chunk)
    if (from === 'stderr') return void early.push(chunk)
    const rest = gate.feed(chunk)
    if (!gate.isOpen()) return
    await output.hand('stderr', Buffer.concat(early))
    await output.hand('stdout', rest)
  }

  signal.addEventListener('abort', leave)
  try {
    signal.throwIfAborted()
    const socket = await dial(take, life.signal)
    const lost = new AbortController()
    void socket.closed.then((outcome) => lost.abort(neverBegan(outcome)))
    const needsEnd = input !== null && terminal === null && !socket.endsInput
    if (needsEnd && dialInput === null) {
      await socket.send(channels.input, Buffer.from(`${words.no}\n`))
      throw new SessionRefused(
        'This version of Kubernetes cannot tell a command in a running pod where its input ends. Use a terminal (-t), or run the command in a pod of its own (deis run).',
      )
    }
    const second = needsEnd && dialInput ? await dialInput(async () => {}, life.signal) : null
    const way = second ?? socket
    await passGate(socket, gate, terminal, AbortSignal.any([signal, lost.signal]))

    let stop = (): void => {}
    let timer: NodeJS.Timeout | undefined
    let complete = false
    const endInput = (): void => {
      complete = true
      if (terminal) void socket.send(channels.input, endOfTransmission)
      else way.endInput()
    }
    void second?.closed.then(() => {
      // A command must not take the loss of its input for the end of it.
      if (!complete && !life.signal.aborted) timer = setTimeout(leave, lostMs)
    })
    // Of an attached command the server says only whether it was attached.
    const closed = socket.closed.then((outcome) => outcome && { ...outcome, code: tellsEnd ? null : outcome.code })
    const ended = Promise.race([output.ended, closed]).finally(() => {
      clearTimeout(timer)
      stop()
      second?.destroy()
    })
    return {
      begin() {
        begin()
        if (input) stop = pump(input, (chunk) => way.send(channels.input, chunk), endInput)
        else if (terminal) endInput()
      },
      ended,
      resize(size) {
        if (terminal) void socket.send(channels.size, sizeFrame(size))
      },
      leave() {
        begin()
        leave()
      },
    }
  } catch (error) {
    begin()
    leave()
    throw hasStatus(error, 403) ? notAllowed(error as KubeError) : error
  } finally {
    signal.removeEventListener('abort', leave)
  }
}
