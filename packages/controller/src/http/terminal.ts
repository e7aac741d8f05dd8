// How is a WebSocket held on to while somebody sits at a command (types/src/terminal.ts)?
import { DeisError, errors, openTerminal, type ServerMessage, sessionPingMs, sessionSilenceMs } from '@deis/types'
import type { FastifyInstance } from 'fastify'
import type { WebSocket } from 'ws'
import type { Core } from '../domain/core.ts'
import { askWhether } from '../domain/accounts/right.ts'
import { openSession } from '../domain/live/terminal.ts'
import { stillAdmitted } from './live.ts'
import { createPlaces, type PlaceLimits } from './open-limits.ts'
import { serveSocket } from './serve.ts'
import { converse, type Conversation } from './terminal-messages.ts'

export type Limits = PlaceLimits & {
  readonly startMs: number
  readonly pingMs: number
  readonly silenceMs: number
  /** How often is asked whether the session may go on. */
  readonly askMs: number
}

const usual: Limits = {
  perUser: 20,
  perController: 100,
  startMs: 30_000,
  pingMs: sessionPingMs,
  silenceMs: sessionSilenceMs,
  askMs: 15_000,
}

/** How long the commands of open sessions may take to end when the server closes. */
const endMs = 5_000

const closeCodes = { done: 1000, refused: 1008, failed: 1011, restart: 1012, full: 1013 } as const

export type Held = {
  /** Which session is asked for, and how it is opened. */
  readonly open: Conversation['open']
  /** Tokens and rights end. */
  readonly mayGoOn: () => Promise<boolean>
  readonly shutdown: AbortSignal
  readonly failed: (error: unknown) => void
}

/** Says the last word, once. */
function createFarewell(socket: WebSocket): (message: ServerMessage, code: number) => void {
  let isSaid = false
  return (message, code) => {
    if (isSaid) return
    isSaid = true
    if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(message))
    socket.close(code)
  }
}

function told(error: unknown): ServerMessage & { type: 'error' } {
  const known = error instanceof DeisError && error.code !== 'internal' ? error : null
  return { type: 'error', status: known ? errors[known.code].http : 500, detail: known?.message ?? 'Server Error' }
}

/** Until the client or the command ends: resolves when both have. */
export async function holdSocket(
  socket: WebSocket,
  { open, mayGoOn, shutdown, failed }: Held,
  limits: Limits,
): Promise<void> {
  const over = new AbortController()
  const farewell = createFarewell(socket)
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  let heard = Date.now()
  const hear = (): void => {
    heard = Date.now()
  }
  socket.on('message', hear).on('pong', hear).on('ping', hear)
  const ping = setInterval(() => {
    if (Date.now() - heard > limits.silenceMs) socket.terminate()
    else socket.ping()
  }, limits.pingMs)
  const stopAsking = askWhether(
    mayGoOn,
    limits.askMs,
    () => over.abort(new DeisError('forbidden', 'The right to this session has ended.')),
    failed,
  )
  socket.once('close', () => over.abort(new Error('the client went away')))
  // Said at once: the command may take a while to end.
  over.signal.addEventListener('abort', () => {
    if (over.signal.reason instanceof DeisError)
      farewell(told(over.signal.reason), shutdown.aborted ? closeCodes.restart : closeCodes.refused)
  })
  // Of its own: on the one signal, many sessions look like a leak.
  const stopping = AbortSignal.any([shutdown])
  const stop = (): void => over.abort(shutdown.reason)
  stopping.addEventListener('abort', stop, { once: true })
  if (stopping.aborted) stop()
  try {
    const code = await converse(socket, { open, over, startMs: limits.startMs, failed })
    farewell({ type: 'exit', code }, closeCodes.done)
  } catch (error) {
    const message = told(error)
    if (message.status === 500 && !over.signal.aborted) failed(error)
    const code = message.status >= 500 ? closeCodes.failed : closeCodes.refused
    farewell(message, shutdown.aborted ? closeCodes.restart : code)
  } finally {
    await closed
    clearInterval(ping)
    stopAsking()
    stopping.removeEventListener('abort', stop)
  }
}

export function serveTerminal(server: FastifyInstance, core: Core, limits = usual): void {
  const places = createPlaces('sessions', limits)
  const held = new Set<Promise<void>>()
  serveSocket(server, core, openTerminal, async (socket, { caller, app, request }) => {
    let leave = (): void => {}
    try {
      leave = places.take(caller.username)
    } catch (error) {
      createFarewell(socket)(told(error), closeCodes.full)
      return
    }
    const holding = holdSocket(
      socket,
      {
        open: (start, io) => openSession(core, caller.username, app, start, io),
        mayGoOn: stillAdmitted(core, request, app),
        shutdown: core.shutdown,
        failed: (error) => core.log.error({ app: app.id, err: error }, 'a session failed'),
      },
      limits,
    )
    held.add(holding)
    await holding.finally(() => {
      held.delete(holding)
      leave()
    })
  })
  // Commands end before the scheduler that runs them.
  server.addHook('onClose', async () => {
    const timeout = new Promise<void>((resolve) => {
      setTimeout(resolve, endMs).unref()
    })
    await Promise.race([Promise.allSettled(held), timeout])
  })
}
