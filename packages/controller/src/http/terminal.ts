// How does a WebSocket serve a session (types/src/terminal.ts)?
import { DeisError, errors, openTerminal, type ServerMessage, sessionPingMs, sessionSilenceMs } from '@deis/types'
import type { FastifyInstance } from 'fastify'
import type { WebSocket } from 'ws'
import type { Core } from '../domain/core.ts'
import { recheckPermission } from '../domain/accounts/access.ts'
import { endDeed } from '../domain/events/deed.ts'
import { openSession } from '../domain/live/terminal.ts'
import { stillAdmitted } from './live.ts'
import { createSlots, type SlotLimits } from './slots.ts'
import { serveSocket } from './serve.ts'
import { relay, type RelayOptions } from './terminal-messages.ts'

export type Limits = SlotLimits & {
  readonly startMs: number
  readonly pingMs: number
  readonly silenceMs: number
  /** How often the user's permission is checked again. */
  readonly checkMs: number
}

const usual: Limits = {
  perUser: 20,
  perController: 100,
  startMs: 30_000,
  pingMs: sessionPingMs,
  silenceMs: sessionSilenceMs,
  checkMs: 15_000,
}

/** How long the commands of open sessions may take to end when the server closes. */
const endMs = 5_000

const closeCodes = { done: 1000, refused: 1008, failed: 1011, restart: 1012, full: 1013 } as const

export type SessionOptions = {
  /** Opens the session that the start message asks for. */
  readonly open: RelayOptions['open']
  /** Checked again and again: tokens can be revoked, and permissions too. */
  readonly isAllowed: () => Promise<boolean>
  readonly shutdown: AbortSignal
  readonly failed: (error: unknown) => void
}

/** Sends the final message and closes the connection, once. */
function createFinish(socket: WebSocket): (message: ServerMessage, code: number) => void {
  let isFinished = false
  return (message, code) => {
    if (isFinished) return
    isFinished = true
    if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(message))
    socket.close(code)
  }
}

function errorMessage(error: unknown): ServerMessage & { type: 'error' } {
  const known = error instanceof DeisError && error.code !== 'internal' ? error : null
  return { type: 'error', status: known ? errors[known.code].http : 500, detail: known?.message ?? 'Server Error' }
}

/** Ends with the client or the command; resolves when both have ended. */
export async function runSession(
  socket: WebSocket,
  { open, isAllowed, shutdown, failed }: SessionOptions,
  limits: Limits,
): Promise<void> {
  const over = new AbortController()
  const finish = createFinish(socket)
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  let lastReceived = Date.now()
  const onReceived = (): void => {
    lastReceived = Date.now()
  }
  socket.on('message', onReceived).on('pong', onReceived).on('ping', onReceived)
  const ping = setInterval(() => {
    if (Date.now() - lastReceived > limits.silenceMs) socket.terminate()
    else socket.ping()
  }, limits.pingMs)
  const stopChecking = recheckPermission(
    isAllowed,
    limits.checkMs,
    () => over.abort(new DeisError('forbidden', 'You may no longer use this session.')),
    failed,
  )
  socket.once('close', () => over.abort(new Error('the client disconnected')))
  // Sent at once: the command may take a while to end.
  over.signal.addEventListener('abort', () => {
    if (over.signal.reason instanceof DeisError)
      finish(errorMessage(over.signal.reason), shutdown.aborted ? closeCodes.restart : closeCodes.refused)
  })
  // A signal of its own: many listeners on one signal cause a warning about a leak.
  const stopping = AbortSignal.any([shutdown])
  const stop = (): void => over.abort(shutdown.reason)
  stopping.addEventListener('abort', stop, { once: true })
  if (stopping.aborted) stop()
  try {
    const code = await relay(socket, { open, over, startMs: limits.startMs, failed })
    finish({ type: 'exit', code }, closeCodes.done)
  } catch (error) {
    const message = errorMessage(error)
    if (message.status === 500 && !over.signal.aborted) failed(error)
    const code = message.status >= 500 ? closeCodes.failed : closeCodes.refused
    finish(message, shutdown.aborted ? closeCodes.restart : code)
  } finally {
    await closed
    clearInterval(ping)
    stopChecking()
    stopping.removeEventListener('abort', stop)
  }
}

export function serveTerminal(server: FastifyInstance, core: Core, limits = usual): void {
  const slots = createSlots('sessions', limits)
  const running = new Set<Promise<void>>()
  serveSocket(server, core, openTerminal, async (socket, { caller, app, request, deed }) => {
    let release = (): void => {}
    try {
      release = slots.take(caller.username)
    } catch (error) {
      createFinish(socket)(errorMessage(error), closeCodes.full)
      return
    }
    const session = runSession(
      socket,
      {
        async open(start, io) {
          // The command may contain secrets.
          deed.target = start.pod ?? null
          await endDeed(core, deed, 'ok', null)
          return openSession(core, caller.username, app, start, io)
        },
        isAllowed: stillAdmitted(core, request, app),
        shutdown: core.shutdown,
        failed: (error) => core.log.error({ app: app.id, err: error }, 'a session failed'),
      },
      limits,
    )
    running.add(session)
    await session.finally(() => {
      running.delete(session)
      release()
    })
  })
  // Commands end before the scheduler that runs them.
  server.addHook('onClose', async () => {
    const timeout = new Promise<void>((resolve) => {
      setTimeout(resolve, endMs).unref()
    })
    await Promise.race([Promise.allSettled(running), timeout])
  })
}
