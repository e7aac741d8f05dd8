// How does the router connect to its controller, and how does it verify that it is the controller?
import { type IncomingMessage, request as plainRequest } from 'node:http'
import type { Socket } from 'node:net'
import { addAbortSignal } from 'node:stream'
import { channelOf, greeting, isNonce, newNonce, nonceHeader, routesPath, routesProtocol } from '@deis/types/channel'
import { linesOf } from '@deis/types/lines'

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
export class WrongAnswer extends Error {}

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
export async function callController(
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
