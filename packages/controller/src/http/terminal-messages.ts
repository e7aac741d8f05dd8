// What do the messages of a session do (types/src/terminal.ts)?
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
import { rejectsWhenAborted } from '@deis/lib/wait'
import type { SessionIo } from '@deis/ports/scheduler'
import { createInput } from './terminal-input.ts'

const mostInFrame = 64 * 1024

export type Conversation = {
  readonly open: (start: TerminalStart, io: SessionIo) => Promise<OpenSession>
  /** Ends the command, or hears that the client misbehaves. */
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
    throw new DeisError('invalid', 'a text message of a session is JSON', { cause: error })
  }
  if (!Check(ClientMessage, message))
    throw new DeisError(
      'invalid',
      'a message that no session has: see the contract for start, resize, signal, eof and read',
    )
  return message
}

/** Resolves with the exit code when all output is on its way. @throws DeisError for whatever else comes. */
export async function converse(socket: WebSocket, { open, over, startMs, failed }: Conversation): Promise<number> {
  const say = (message: ServerMessage): void => {
    if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(message))
  }
  const outputs = sendWindow()
  const inputs = readWindow((bytes) => say({ type: 'read', bytes }))
  const input = createInput(inputs.used)
  let hasInput = false
  let asked: ((start: TerminalStart) => void) | null = null
  let session: OpenSession | null = null
  const early: { size: TerminalSize | null; signals: Set<SessionSignal> } = { size: null, signals: new Set() }
  const kill = (to: OpenSession, name: SessionSignal): void => {
    to.kill(name).catch(failed)
  }

  const take = (message: ClientMessage): void => {
    if (message.type === 'start') {
      if (!asked) throw new DeisError('invalid', 'a session starts once')
      hasInput = message.stdin
      asked(message)
      asked = null
      return
    }
    if (asked) throw new DeisError('invalid', 'the first message of a session is start')
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
  const takeInput = (chunk: Buffer): void => {
    if (!hasInput) throw new DeisError('invalid', 'input for a session that has none, or whose input has ended')
    if (!inputs.got(chunk.length))
      throw new DeisError('invalid', 'more input than the session has said it has room for')
    if (chunk.length > 0) input.add(chunk)
  }

  const aborted = rejectsWhenAborted(over.signal)
  aborted.catch(() => {})
  const started = new Promise<TerminalStart>((resolve) => (asked = resolve))
  socket.on('message', (data, isBinary) => {
    if (over.signal.aborted) return
    try {
      if (isBinary) takeInput(bufferOf(data))
      else take(read(bufferOf(data).toString()))
    } catch (error) {
      over.abort(error)
    }
  })
  over.signal.addEventListener('abort', () => outputs.release(), { once: true })

  const late = setTimeout(
    () => over.abort(new DeisError('invalid', `no start message came within ${startMs / 1000} s`)),
    startMs,
  )
  const start = await Promise.race([started, aborted]).finally(() => clearTimeout(late))
  const opened = await open(start, {
    terminal: start.terminal,
    input: start.stdin ? input.stream : null,
    signal: over.signal,
    async output(from, chunk) {
      for (let at = 0; at < chunk.length;) {
        const part = chunk.subarray(at, at + Math.min(await outputs.room(), mostInFrame))
        if (socket.readyState !== socket.OPEN) return
        outputs.sent(part.length)
        socket.send(Buffer.concat([Buffer.of(outputOf[from]), part]))
        at += part.length
      }
    },
  })
  say({ type: 'started', pod: opened.pod, release: opened.release })
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
