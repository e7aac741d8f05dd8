// How does an interactive session with a command on the platform run (types/src/terminal.ts)?
import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { pump } from '@deis/lib/pump'
import {
  type ClientMessage,
  DeisError,
  openTerminal,
  outputOf,
  readWindow,
  sendWindow,
  type ServerMessage,
  sessionPingMs,
  sessionSilenceMs,
  type TerminalStart,
} from '@deis/types'
import type { WebSocket } from 'ws'
import { refusal } from '../http/failure.ts'
import type { Io } from './io.ts'

/** The exit codes of shells for a program ended by INT, and by a closed pipe. */
const interrupted = 130
const brokenPipe = 141

const mostInFrame = 64 * 1024

export type Session = {
  readonly io: Io
  readonly start: TerminalStart
  /** For error texts. */
  readonly controller: string
}

function write(stream: Writable, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(bytes, (error) => (error ? reject(error) : resolve()))
  })
}

function lost(controller: string): DeisError {
  return new DeisError('unreachable', `The connection to the controller at ${controller} was lost.`, {
    hint: 'The controller stops the command. Check with `deis ps` and `deis logs` before you start it again.',
  })
}

/** Sends `stdin`, no faster than the command reads it; the returned function ends that. */
function forwardInput({ stdin }: Io, send: (chunk: Buffer) => Promise<void>, end: () => void): () => void {
  const stop = pump(stdin, send, end)
  return () => {
    stop()
    // The rest of stdin is not read; the program must not wait for it.
    if ('unref' in stdin && typeof stdin.unref === 'function') stdin.unref()
  }
}

/** Runs until the command or the connection ends. Resolves with the exit code. */
export async function runSession(socket: WebSocket, { io, start, controller }: Session): Promise<number> {
  const send = (message: ClientMessage): void => {
    if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(message))
  }
  const inputs = sendWindow()
  const outputs = readWindow((bytes) => send({ type: 'read', bytes }))
  const undo: (() => void)[] = [() => inputs.release()]
  const sendInput = async (chunk: Buffer): Promise<void> => {
    for (let at = 0; at < chunk.length;) {
      const part = chunk.subarray(at, at + Math.min(await inputs.available(), mostInFrame))
      if (socket.readyState !== socket.OPEN) return
      inputs.sent(part.length)
      socket.send(part)
      at += part.length
    }
  }
  try {
    return await new Promise<number>((resolve, reject) => {
      let interrupts = 0
      const interrupt = (): void => {
        interrupts += 1
        if (interrupts > 1) resolve(interrupted)
        else send({ type: 'signal', name: 'INT' })
      }
      let hasBegun = false
      // The output of a fast command may arrive before `started`.
      const begin = (): void => {
        if (hasBegun) return
        hasBegun = true
        const { tty } = io
        if (start.terminal && tty) {
          const sendSize = (): void => {
            const size = tty.size()
            if (size) send({ type: 'resize', ...size })
          }
          undo.push(tty.onResize(sendSize))
          // It may have changed while the command was starting.
          sendSize()
          if (start.stdin) undo.push(tty.raw())
        }
        undo.push(io.takeInterrupts(interrupt))
        if (start.stdin) undo.push(forwardInput(io, sendInput, () => send({ type: 'eof' })))
      }
      let written = Promise.resolve()
      const print = (bytes: Buffer): void => {
        begin()
        // A command that draws on the terminal needs every byte.
        const { stdout, stderr } = start.terminal ? io.bytes : io
        const stream = bytes[0] === outputOf.stderr ? stderr : stdout
        const content = bytes.subarray(1)
        outputs.got(content.length)
        written = written.then(() => write(stream, content)).then(() => outputs.used(content.length))
        written.catch((error: NodeJS.ErrnoException) => (error.code === 'EPIPE' ? resolve(brokenPipe) : reject(error)))
      }
      const onMessage = (message: ServerMessage): void => {
        if (message.type === 'started') begin()
        if (message.type === 'read') inputs.read(message.bytes)
        if (message.type === 'exit') written.then(() => resolve(message.code), reject)
        if (message.type === 'error') {
          const { status, detail } = message
          const error = refusal({ status, text: JSON.stringify({ detail }) }, openTerminal, controller)
          written.then(() => reject(error), reject)
        }
      }
      let lastReceived = Date.now()
      const received = (): void => {
        lastReceived = Date.now()
      }
      socket.on('ping', received).on('message', (data, isBinary) => {
        received()
        try {
          if (isBinary) print(data as Buffer)
          else onMessage(JSON.parse((data as Buffer).toString()) as ServerMessage)
        } catch (error) {
          reject(error)
        }
      })
      const watch = setInterval(() => {
        if (Date.now() - lastReceived > sessionSilenceMs) socket.terminate()
      }, sessionPingMs)
      undo.push(() => clearInterval(watch))
      // After the last message this has no effect.
      socket.once('close', () => void written.then(() => reject(lost(controller)), reject))
      socket.on('error', () => {})
      const stop = (): void => reject(new DeisError('unreachable', `interrupted by ${String(io.signal.reason)}`))
      io.signal.addEventListener('abort', stop, { once: true })
      undo.push(() => io.signal.removeEventListener('abort', stop))
      if (io.signal.aborted) stop()
      send(start)
    })
  } finally {
    for (const restore of undo.toReversed()) restore()
    await closeSocket(socket)
  }
}

/** Closes the connection in order, or after a second without. */
async function closeSocket(socket: WebSocket): Promise<void> {
  if (socket.readyState === socket.CLOSED) return
  const closed = once(socket, 'close', { signal: AbortSignal.timeout(1_000) }).catch(() => {})
  socket.close()
  await closed
  socket.terminate()
}
