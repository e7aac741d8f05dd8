// How does a session attach to a command in a container: its input, its output and the size of its terminal?
import type { Readable } from 'node:stream'
import type { TerminalSize } from '@deis/types'
import { hasStatus, type KubeError } from '../../client/error.ts'
import { channels, type KubeSocket, type Outcome, type Take } from '../../client/socket.ts'
import { type SessionIo, SessionRefused } from '@deis/ports/scheduler'
import { createHandshake, type Markers, performHandshake, sizeFrame } from './handshake.ts'
import { openOutput } from './output.ts'
import { requests } from './script.ts'

export type Attachment = {
  /** Begins to pass on output and input. */
  begin(): void
  /** Resolves when all output was passed on. Null: the connection was lost. */
  readonly ended: Promise<Outcome | null>
  resize(size: TerminalSize): void
  /** Closes the connection; the command runs on. */
  detach(): void
}

export type AttachOptions = {
  readonly io: SessionIo
  readonly markers: Markers
  dial(take: Take, signal: AbortSignal): Promise<KubeSocket>
  /** Whether the end marker follows the command's output. */
  readonly marksEnd: boolean
  /** Opens a second connection for the input, which closes to end the input where the protocol cannot; null: impossible. */
  readonly dialInput: ((take: Take, signal: AbortSignal) => Promise<KubeSocket>) | null
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
const noShell = /executable file not found|no such file or directory/

function startError(outcome: Outcome | null): Error {
  if (outcome !== null && noShell.test(outcome.message))
    return new SessionRefused(
      'The image of this pod has neither bash nor sh, so no command can be started in it. Add a shell to the image and deploy it.',
    )
  return new Error(
    `the command could not be started: ${outcome?.message || 'the connection to its container was lost'}`,
  )
}

function forbidden(cause: KubeError): SessionRefused {
  return new SessionRefused(
    `The platform's ClusterRole does not allow sessions (${cause.message}). Ask the platform's admin to update it.`,
    { cause },
  )
}

/** Reads no faster than it can send. Returns a function that stops it. */
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
export async function attachSession({ io, markers, marksEnd, dial, dialInput }: AttachOptions): Promise<Attachment> {
  const { terminal, input, signal } = io
  const connection = new AbortController()
  const disconnect = (): void => connection.abort(signal.reason)
  const handshake = createHandshake(markers)
  const early: Buffer[] = []
  let begin = (): void => {}
  const begun = new Promise<void>((resolve) => {
    begin = resolve
  })
  const output = openOutput(io, begun, marksEnd ? markers.end : null)
  const take: Take = async (channel, chunk) => {
    const from = channel === channels.stderr ? 'stderr' : 'stdout'
    if (handshake.isDone()) return output.write(from, chunk)
    if (from === 'stderr') return void early.push(chunk)
    const rest = handshake.feed(chunk)
    if (!handshake.isDone()) return
    await output.write('stderr', Buffer.concat(early))
    await output.write('stdout', rest)
  }

  signal.addEventListener('abort', disconnect)
  try {
    signal.throwIfAborted()
    const socket = await dial(take, connection.signal)
    const lost = new AbortController()
    void socket.closed.then((outcome) => lost.abort(startError(outcome)))
    const needsEnd = input !== null && terminal === null && !socket.endsInput
    if (needsEnd && dialInput === null) {
      await socket.send(channels.input, Buffer.from(`${requests.no}\n`))
      throw new SessionRefused(
        'This version of Kubernetes cannot end the input of a command in a running pod. Use a terminal (-t), or run the command in a pod of its own (deis run).',
      )
    }
    const second = needsEnd && dialInput ? await dialInput(async () => {}, connection.signal) : null
    const inputSocket = second ?? socket
    await performHandshake(socket, handshake, terminal, AbortSignal.any([signal, lost.signal]))

    let stop = (): void => {}
    let timer: NodeJS.Timeout | undefined
    let complete = false
    const endInput = (): void => {
      complete = true
      if (terminal) void socket.send(channels.input, endOfTransmission)
      else inputSocket.endInput()
    }
    void second?.closed.then(() => {
      // A command must not see a lost connection as the end of its input.
      if (!complete && !connection.signal.aborted) timer = setTimeout(disconnect, lostMs)
    })
    // The code of an attached command is not the command's: the server reports only whether it could attach.
    const closed = socket.closed.then((outcome) => outcome && { ...outcome, code: marksEnd ? null : outcome.code })
    const ended = Promise.race([output.ended, closed]).finally(() => {
      clearTimeout(timer)
      stop()
      second?.destroy()
    })
    return {
      begin() {
        begin()
        if (input) stop = pump(input, (chunk) => inputSocket.send(channels.input, chunk), endInput)
        else if (terminal) endInput()
      },
      ended,
      resize(size) {
        if (terminal) void socket.send(channels.size, sizeFrame(size))
      },
      detach() {
        begin()
        disconnect()
      },
    }
  } catch (error) {
    begin()
    disconnect()
    throw hasStatus(error, 403) ? forbidden(error as KubeError) : error
  } finally {
    signal.removeEventListener('abort', disconnect)
  }
}
