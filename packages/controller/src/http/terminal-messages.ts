// How are the messages of a session relayed to its command and back (types/src/terminal.ts)?
import {
  ClientMessage,
  DeisError,
  outputOf,
  readWindow,
  sendWindow,
  type ServerMessage,
  type SessionSignal,
  type TerminalSize,
  type TerminalStart,
} from '@deis/types'
import { Check } from 'typebox/value'
import type { RawData, WebSocket } from 'ws'
import { parseJson } from '../domain/apps/json.ts'
import type { OpenSession } from '../domain/live/terminal.ts'
import { orAborted } from '@deis/lib/wait'
import type { SessionIo } from '@deis/ports/scheduler'
import { createInput } from './terminal-input.ts'

const mostInFrame = 64 * 1024

export type RelayOptions = {
  readonly open: (start: TerminalStart, io: SessionIo) => Promise<OpenSession>
  /** Aborted to end the command, also when the client breaks the protocol. */
  readonly over: AbortController
  readonly startMs: number
  readonly failed: (error: unknown) => void
}

function bufferOf(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data)
}

function read(text: string): ClientMessage {
  let message: unknown
  try {
    message = parseJson(text)
  } catch (error) {
    throw new DeisError('invalid', 'A text message of a session must be JSON.', { cause: error })
  }
  if (!Check(ClientMessage, message))
    throw new DeisError('invalid', 'Unknown session message. Known are start, resize, signal, eof and read.')
  return message
}

/** Resolves with the exit code when all output was sent. @throws DeisError when the session ends in any other way. */
export async function relay(socket: WebSocket, { open, over, startMs, failed }: RelayOptions): Promise<number> {
  const send = (message: ServerMessage): void => {
    if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(message))
  }
  const outputs = sendWindow()
  const inputs = readWindow((bytes) => send({ type: 'read', bytes }))
  const input = createInput(inputs.used)
  let hasInput = false
  let onStart: ((start: TerminalStart) => void) | null = null
  let session: OpenSession | null = null
  const early: { size: TerminalSize | null; signals: Set<SessionSignal> } = { size: null, signals: new Set() }
  const kill = (to: OpenSession, name: SessionSignal): void => {
    to.kill(name).catch(failed)
  }

  const handle = (message: ClientMessage): void => {
    if (message.type === 'start') {
      if (!onStart) throw new DeisError('invalid', 'A session can be started only once.')
      hasInput = message.stdin
      onStart(message)
      onStart = null
      return
    }
    if (onStart) throw new DeisError('invalid', 'The first message of a session must be start.')
    if (message.type === 'read') outputs.read(message.bytes)
    if (message.type === 'eof' && hasInput) {
      hasInput = false
      input.end()
    }
    if (message.type === 'resize') {
      if (session) session.resize(message)
      else early.size = message
    }
    if (message.type === 'signal') {
      if (session) kill(session, message.name)
      else early.signals.add(message.name)
    }
  }
  const handleInput = (chunk: Buffer): void => {
    if (!hasInput) throw new DeisError('invalid', 'This session takes no input, or its input has ended.')
    if (!inputs.got(chunk.length)) throw new DeisError('invalid', 'More input was sent than the session had asked for.')
    if (chunk.length > 0) input.add(chunk)
  }

  const started = new Promise<TerminalStart>((resolve) => (onStart = resolve))
  socket.on('message', (data, isBinary) => {
    if (over.signal.aborted) return
    try {
      if (isBinary) handleInput(bufferOf(data))
      else handle(read(bufferOf(data).toString()))
    } catch (error) {
      over.abort(error)
    }
  })
  over.signal.addEventListener('abort', () => outputs.release(), { once: true })

  const late = setTimeout(
    () => over.abort(new DeisError('invalid', `No start message was received within ${startMs / 1000} s.`)),
    startMs,
  )
  const start = await orAborted(started, over.signal).finally(() => clearTimeout(late))
  const opened = await open(start, {
    terminal: start.terminal,
    input: start.stdin ? input.stream : null,
    signal: over.signal,
    async output(from, chunk) {
      for (let at = 0; at < chunk.length;) {
        const part = chunk.subarray(at, at + Math.min(await outputs.available(), mostInFrame))
        if (socket.readyState !== socket.OPEN) return
        outputs.sent(part.length)
        socket.send(Buffer.concat([Buffer.of(outputOf[from]), part]))
        at += part.length
      }
    },
  })
  send({ type: 'started', pod: opened.pod, release: opened.release })
  session = opened
  if (early.size) opened.resize(early.size)
  for (const name of early.signals) kill(opened, name)
  try {
    return await opened.exited
  } finally {
    session = null
    input.stream.destroy()
  }
}
