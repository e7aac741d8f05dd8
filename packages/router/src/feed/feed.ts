// How does the router follow the route table of its controller, which it verifies, and report what it has applied?
import { setTimeout as wait } from 'node:timers/promises'
import { type IncomingMessage, request as plainRequest } from 'node:http'
import type { Socket } from 'node:net'
import { addAbortSignal } from 'node:stream'
import { messageOf, type RouteEvent, type RouterState } from '@deis/types'
import { channelOf, greeting, isNonce, newNonce, nonceHeader, routesPath, routesProtocol } from '@deis/types/channel'
import { linesOf } from '@deis/types/lines'
import { parseEvent } from './events.ts'
import type { Timing } from '../timing.ts'

export type Controller = { readonly url: string; readonly key: string }

export type ControllerConnection = {
  /** The controller's messages, one per line. @throws when it ends, or when a message is not authentic. */
  readonly texts: AsyncIterable<string>
  /** False when the connection is full: wait for `drained`. */
  readonly isWritable: () => boolean
  send(text: string): void
  drained(then: () => void): void
  end(): void
}

/** There was an answer, but not from the controller; an early retry would get the same. */
class WrongAnswer extends Error {}

const longestLine = 128 * 1024 * 1024

type Upgraded = { readonly socket: Socket; readonly response: IncomingMessage; readonly first: Buffer }

/** Over a new connection, to the current address of the name. */
async function upgrade(url: URL, nonce: string, signal: AbortSignal): Promise<Upgraded> {
  // TLS takes memory and start-up time, which a controller on the same machine does not need.
  const send = url.protocol === 'https:' ? (await import('node:https')).request : plainRequest
  return new Promise((resolve, reject) => {
    const headers = { connection: 'Upgrade', upgrade: routesProtocol, [nonceHeader]: nonce }
    const request = send(url, { method: 'GET', headers, agent: false, signal })
    request.on('upgrade', (response, socket, first) => resolve({ socket, response, first }))
    request.on('response', ({ statusCode }) => {
      reject(new WrongAnswer(`it answered ${statusCode} and does not support ${routesProtocol}`))
      request.destroy()
    })
    request.on('error', (error: NodeJS.ErrnoException) =>
      reject(error.code?.startsWith('HPE_') ? new WrongAnswer('its answer is not HTTP', { cause: error }) : error),
    )
    request.end()
  })
}

/** Resolves when the controller has proven that it has the key, without any part of the key being sent. @throws WrongAnswer */
async function callController(
  controller: Controller,
  router: string,
  signal: AbortSignal,
): Promise<ControllerConnection> {
  const url = new URL(`${controller.url.replace(/\/$/, '')}${routesPath}`)
  url.searchParams.set('router', router)
  const routerNonce = newNonce()
  const { socket, response, first } = await upgrade(url, routerNonce, signal)
  // Whatever goes wrong with it ends the reading below.
  socket.on('error', () => undefined)
  addAbortSignal(signal, socket)
  try {
    const controllerNonce = response.headers[nonceHeader]
    if (response.headers.upgrade !== routesProtocol || !isNonce(controllerNonce))
      throw new WrongAnswer(`it does not support ${routesProtocol}`)
    if (first.length > 0) socket.unshift(first)
    const channel = channelOf('router', { key: controller.key, router, routerNonce, controllerNonce })
    const lines = linesOf(socket, longestLine)
    const next = async (): Promise<string | null> => {
      const { value, done } = await lines.next()
      return done ? null : channel.open(value)
    }
    const firstMessage = await next().catch((error: unknown) => {
      signal.throwIfAborted()
      throw new WrongAnswer(`the server there is not the controller: ${(error as Error).message}`, {
        cause: error,
      })
    })
    if (firstMessage !== greeting)
      throw new WrongAnswer('it closed the connection before it had proven to be the controller')
    return {
      texts: {
        async *[Symbol.asyncIterator]() {
          for (let text = await next(); text !== null; text = await next()) yield text
        },
      },
      isWritable: () => !socket.writableNeedDrain,
      send: (text) => void socket.write(`${channel.seal(text)}\n`),
      drained: (then) => void socket.once('drain', then),
      end: () => void socket.destroy(),
    }
  } catch (error) {
    socket.destroy()
    throw error
  }
}

type Feed = {
  readonly controller: Controller
  readonly router: string
  readonly timing: Timing
  readonly log: (line: string) => void
  /** Throws when an event does not fit; the feed then starts over. */
  readonly apply: (event: RouteEvent) => void
  /** Called with the connection to the controller; null: it has ended. */
  readonly connected: (connection: ControllerConnection | null) => void
}

async function readOnce(feed: Feed, signal: AbortSignal, onSnapshot: () => void): Promise<never> {
  const silence = new AbortController()
  const { silence: limit } = feed.timing
  const timer = setTimeout(() => silence.abort(), limit)
  let connection: ControllerConnection | null = null
  try {
    connection = await callController(feed.controller, feed.router, AbortSignal.any([signal, silence.signal]))
    timer.refresh()
    feed.connected(connection)
    let first = true
    for await (const text of connection.texts) {
      timer.refresh()
      const event = parseEvent(text)
      if (first && event.type !== 'snapshot') throw new Error('the feed did not begin with a snapshot')
      feed.apply(event)
      if (first) onSnapshot()
      first = false
    }
  } catch (error) {
    if (silence.signal.aborted) throw new Error(`no data for ${limit / 1000} s`, { cause: error })
    throw error
  } finally {
    clearTimeout(timer)
    feed.connected(null)
    connection?.end()
  }
  throw new Error('the controller ended the feed')
}

/** Runs until `signal` aborts. The table stays as it is while there is no controller. */
export async function followFeed(feed: Feed, signal: AbortSignal): Promise<void> {
  let delay = feed.timing.firstDelay
  let most = feed.timing.lastDelay
  let problem: string | null = null
  while (!signal.aborted) {
    try {
      await readOnce(feed, signal, () => {
        delay = feed.timing.firstDelay
        if (problem !== null) feed.log('the route feed works again')
        problem = null
      })
    } catch (error) {
      if (signal.aborted) return
      const { lastDelay, lastWrongDelay } = feed.timing
      most = error instanceof WrongAnswer ? lastWrongDelay : lastDelay
      // Logged once per outage and cause, not once per attempt.
      const cause = messageOf(error)
      if (cause !== problem)
        feed.log(`the route feed from ${feed.controller.url} failed; routing continues with the last table: ${cause}`)
      problem = cause
    }
    // Jitter, so that several routers do not reconnect at the same time.
    const pause = delay * (0.5 + Math.random() / 2)
    delay = Math.min(delay * 2, most)
    await wait(pause, undefined, { signal }).catch(() => undefined)
  }
}

export type Reporter = {
  /** Something that the controller wants to know has changed, or it asked. */
  changed(): void
  /** The connection to report to; null: none. */
  attach(connection: ControllerConnection | null): void
}

/** A report includes all changes until it is sent. */
export function createReporter(state: () => RouterState): Reporter {
  let connection: ControllerConnection | null = null
  let due = false

  const send = (): void => {
    const to = connection
    if (to === null) {
      due = false
    } else if (to.isWritable()) {
      due = false
      to.send(JSON.stringify(state()))
    } else
      to.drained(() => {
        if (connection === to) send()
      })
  }
  const changed = (): void => {
    if (due || connection === null) return
    due = true
    setImmediate(send)
  }
  return {
    changed,
    attach(to) {
      connection = to
      due = false
      changed()
    },
  }
}
