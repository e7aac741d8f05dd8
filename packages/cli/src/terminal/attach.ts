// How does a person, or a pipe, sit at a command on the platform (types/src/terminal.ts)?
import { once } from 'node:events'
import type { Writable } from 'node:stream'
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

/** As shells count a program ended by INT, and by a pipe that nobody reads. */
const interrupted = 130
const unread = 141

const mostInFrame = 64 * 1024

export type Attendance = {
  readonly io: Io
  readonly start: TerminalStart
  /** For the words of failures. */
  readonly controller: string
}

function write(stream: Writable, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(bytes, (error) => (error ? reject(error) : resolve()))
  })
}

function lost(controller: string): DeisError {
  return new DeisError('unreachable', `The connection to the controller at ${controller} was lost.`, {
    hint: 'The controller ends the command with it. Look with `deis ps` and `deis logs` before you start it again.',
  })
}

/** Sends what `stdin` gives, no faster than the command reads it; returns what ends that. */
function passInput(io: Io, send: (chunk: Buffer) => Promise<void>, end: () => void): () => void {
  const { stdin } = io
  let isOver = false
  let sent = Promise.resolve()
  const pass = (chunk: Buffer | string): void => {
    stdin.pause()
    sent = send(Buffer.from(chunk)).then(() => {
      if (!isOver) stdin.resume()
    })
  }
  // The end may be told while the last part is still waiting for room.
  const finish = (): void => void sent.then(end)
  // A terminal that is gone fails instead of ending.
  stdin.on('data', pass).once('end', finish).on('error', finish)
  stdin.resume()
  return () => {
    isOver = true
    stdin.off('data', pass).off('end', finish)
    stdin.pause()
    // What stdin still has is for nobody; the program must not wait for more of it.
    if ('unref' in stdin && typeof stdin.unref === 'function') stdin.unref()
  }
}

/** Talks until the command or the connection ends. Resolves with the exit code. */
export async function attend(socket: WebSocket, { io, start, controller }: Attendance): Promise<number> {
  const say = (message: ClientMessage): void => {
    if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(message))
  }
  const inputs = sendWindow()
  const outputs = readWindow((bytes) => say({ type: 'read', bytes }))
  const undo: (() => void)[] = [() => inputs.release()]
  const sendInput = async (chunk: Buffer): Promise<void> => {
    for (let at = 0; at < chunk.length;) {
      const part = chunk.subarray(at, at + Math.min(await inputs.room(), mostInFrame))
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
        else say({ type: 'signal', name: 'INT' })
      }
      let hasBegun = false
      // What a quick command says may come before the word that it runs.
      const begin = (): void => {
        if (hasBegun) return
        hasBegun = true
        const { tty } = io
        if (start.terminal && tty) {
          const tellSize = (): void => {
            const size = tty.size()
            if (size) say({ type: 'resize', ...size })
          }
          undo.push(tty.onResize(tellSize))
          // It may have changed while the command was being started.
          tellSize()
          if (start.stdin) undo.push(tty.raw())
        }
        undo.push(io.takeInterrupts(interrupt))
        if (start.stdin) undo.push(passInput(io, sendInput, () => say({ type: 'eof' })))
      }
      let written = Promise.resolve()
      const print = (bytes: Buffer): void => {
        begin()
        // What draws on a terminal needs all of it.
        const { stdout, stderr } = start.terminal ? io.bytes : io
        const stream = bytes[0] === outputOf.stderr ? stderr : stdout
        const content = bytes.subarray(1)
        outputs.got(content.length)
        written = written.then(() => write(stream, content)).then(() => outputs.used(content.length))
        written.catch((error: NodeJS.ErrnoException) => (error.code === 'EPIPE' ? resolve(unread) : reject(error)))
      }
      const hear = (message: ServerMessage): void => {
        if (message.type === 'started') begin()
        if (message.type === 'read') inputs.read(message.bytes)
        if (message.type === 'exit') written.then(() => resolve(message.code), reject)
        if (message.type === 'error') {
          const { status, detail } = message
          const error = refusal({ status, text: JSON.stringify({ detail }) }, openTerminal, controller)
          written.then(() => reject(error), reject)
        }
      }
      let heard = Date.now()
      const note = (): void => {
        heard = Date.now()
      }
      socket.on('ping', note).on('message', (data, isBinary) => {
        note()
        try {
          if (isBinary) print(data as Buffer)
          else hear(JSON.parse((data as Buffer).toString()) as ServerMessage)
        } catch (error) {
          reject(error)
        }
      })
      const watch = setInterval(() => {
        if (Date.now() - heard > sessionSilenceMs) socket.terminate()
      }, sessionPingMs)
      undo.push(() => clearInterval(watch))
      // After the last message this changes nothing any more.
      socket.once('close', () => void written.then(() => reject(lost(controller)), reject))
      socket.on('error', () => {})
      const stop = (): void => reject(new DeisError('unreachable', `interrupted by ${String(io.signal.reason)}`))
      io.signal.addEventListener('abort', stop, { once: true })
      undo.push(() => io.signal.removeEventListener('abort', stop))
      if (io.signal.aborted) stop()
      say(start)
    })
  } finally {
    for (const put of undo.toReversed()) put()
    await goodbye(socket)
  }
}

/** A connection that is closed in order, if that does not take long. */
async function goodbye(socket: WebSocket): Promise<void> {
  if (socket.readyState === socket.CLOSED) return
  const closed = once(socket, 'close', { signal: AbortSignal.timeout(1_000) }).catch(() => {})
  socket.close()
  await closed
  socket.terminate()
}
