// How does a request pass that is plain enough to be read without Node's HTTP server?
//
// That server takes twice the processor time of everything else that a small request needs. What `readPlain` does not
// match, whenever it comes, goes to that server with its connection for good: so nothing is refused here, and nothing that
// an attacker could shape is decided twice.
import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import type { RouterContext } from '../context.ts'
import { originOf } from './origin.ts'
import { relayInterim } from './parsed.ts'
import { readPlain } from './plain.ts'
import { createForwarder } from './proxy.ts'
import { createReply } from './reply.ts'
import { readParts } from './request.ts'

/** What a client has sent ahead is held up to this size; then nothing more is read from it until its turn. */
const mostHeld = 65_536
/** No method is longer. */
const longestMethod = 32

/** How a request may begin; blank lines before it are allowed. */
const beginning = /^[\r\n]*[A-Z-]*(?:$|(?<=[A-Z-]) )/

export type Direct = {
  take(client: Socket): void
  /** Closes connections without a request, and from now on each one after its request; `silent`: also those that had none yet. */
  end(silent: boolean): void
  /** Closes all. */
  cut(): void
}

type Client = {
  readonly close: () => void
  readonly sweep: (now: number) => void
  readonly endIdle: (silentToo: boolean) => void
}

/** `leave`: Node's server takes a connection; it reads what the socket has from its beginning. */
export function createDirect(context: RouterContext, leave: (client: Socket) => void): Direct {
  const { headCheck, idleClient } = context.timing
  const clients = new Set<Client>()
  let ending = false
  const sweep = setInterval(() => {
    const now = Date.now()
    for (const client of clients) client.sweep(now)
  }, headCheck).unref()

  const take = (client: Socket): void => {
    let busy = false
    let held: Buffer | null = null
    /** When it was accepted, or its last request ended. */
    let since = Date.now()
    let silent = true

    const giveAway = (bytes: Buffer | null): void => {
      clients.delete(self)
      delete (client as Partial<Socket>).push
      client.off('data', onBuffered)
      client.off('end', onEnd)
      client.off('close', onClose)
      client.off('error', onError)
      client.off('timeout', onTimeout)
      client.pause()
      if (bytes !== null) client.unshift(bytes)
      leave(client)
      // At once: later bytes go to the parser without passing the stream.
      if (bytes !== null) client.read()
      client.resume()
    }

    const read = (bytes: Buffer): void => {
      const request = readPlain(bytes)
      if (request === null) return giveAway(bytes)
      const { address, secure, port } = originOf(context, client, request)
      const asked = readParts(request, request.headers, { address, secure, port, newId: randomUUID })
      // Refused.
      if ('reason' in asked) return giveAway(bytes)
      busy = true
      silent = false
      body = request.body
      reply.answers({ method: request.method, modern: true, keepAlive: request.keepAlive })
      forwarder.start(request, asked, false)
    }

    const onBuffered = (bytes: Buffer): void => onData(bytes)
    const onData = (bytes: Buffer): void => {
      if (!busy) {
        // Nothing follows a response that closes the connection.
        if (client.writable) read(bytes)
        return
      }
      // What cannot be read as a request ends the connection.
      if (held === null && !beginning.test(bytes.toString('latin1', 0, longestMethod))) return void client.destroy()
      held = held === null ? bytes : Buffer.concat([held, bytes])
      if (held.length > mostHeld) client.pause()
    }
    // As Node's server does: a client that ends its side gets nothing more.
    const onEnd = (): void => void client.end()
    const onClose = (): void => {
      clients.delete(self)
      if (busy) forwarder.ended()
    }
    const onError = (): void => undefined
    const onTimeout = (): void => void client.destroy()

    let body = ''
    const reply = createReply(client, context.timing.untaken, {
      begun: () => undefined,
      sent(keeps) {
        busy = false
        forwarder.ended()
        if (!keeps || (ending && held === null)) return client.destroySoon()
        since = Date.now()
        if (held === null) return
        const bytes = held
        held = null
        if (client.isPaused()) client.resume()
        read(bytes)
      },
    })
    const forwarder = createForwarder(context, {
      client,
      reply,
      body: () => body,
      sendBody: () => () => undefined,
      interim: (head) => relayInterim(head, client, false),
    })
    const self: Client = {
      close: () => client.destroy(),
      endIdle(silentToo) {
        if (!busy && (silentToo || !silent)) client.destroy()
      },
      sweep(now) {
        if (busy) return
        // One that has been silent from its beginning is told so by Node's server, in time.
        if (silent && now - since >= headCheck) giveAway(null)
        else if (now - since >= idleClient) client.destroy()
      },
    }
    clients.add(self)
    // What arrives is looked at before the stream would queue it, which takes as long as to read a request.
    const push = client.push.bind(client)
    client.push = (bytes: Buffer | null, encoding?: BufferEncoding) => {
      if (bytes === null || client.readableLength > 0 || client.isPaused()) return push(bytes, encoding)
      onData(bytes)
      return true
    }
    client.on('data', onBuffered)
    client.on('end', onEnd)
    client.on('close', onClose)
    client.on('error', onError)
    // Set only while the end of a response waits to be taken; Node's server does the same with its own.
    client.on('timeout', onTimeout)
  }

  return {
    take,
    end(silent) {
      ending = true
      for (const client of clients) client.endIdle(silent)
    },
    cut() {
      clearInterval(sweep)
      for (const client of clients) client.close()
    },
  }
}
