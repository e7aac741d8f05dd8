// How do a router and its controller authenticate each other, and their messages, without sending the key that they share?
//
// The router requests an upgrade to `routesProtocol` with a nonce; the controller answers with its own nonce. Then both send
// lines, each with a code over the text, its number and both nonces, which needs the key. The first line of the controller
// authenticates it to the router, which has sent nothing before; the first line of the router authenticates it to the
// controller, which has not sent any route before. So another server at the controller's address cannot learn the key or
// send routes, and recorded lines cannot be replayed.
//
// Nothing is encrypted: an eavesdropper reads everything, including private keys of certificates. TLS prevents that.
// Only computation, no I/O: both sides must compute the same.
// oxlint-disable-next-line no-restricted-imports
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

export const routesProtocol = 'deis-routes'
export const routesPath = '/v2/router/routes/'
export const nonceHeader = 'x-deis-nonce'
/** In requests for the API that a router forwards: it proves that the router has the key, so its X-Forwarded headers count. */
export const proofHeader = 'x-deis-router'
/** The first line of the controller. */
export const greeting = 'hello'

const nonceForm = /^[0-9a-f]{64}$/
const codeLength = 64

export function newNonce(): string {
  return randomBytes(32).toString('hex')
}

export function isNonce(value: unknown): value is string {
  return typeof value === 'string' && nonceForm.test(value)
}

/** The value of `proofHeader`. It is sent to the API only, whose address the controller itself names. */
export function proofOf(key: string): string {
  return createHmac('sha256', key).update('deis requests 1').digest('hex')
}

export type Side = 'router' | 'controller'

export type Session = {
  readonly key: string
  /** The name that the router chose. */
  readonly router: string
  readonly routerNonce: string
  readonly controllerNonce: string
}

export type Channel = {
  /** The text as a line for the other side, without the line end. */
  seal(text: string): string
  /** The text of a line of the other side. @throws when it is not the next line of the other side */
  open(line: string): string
}

/** The other side does not have the key, or the line is not the next one. */
class NotAuthentic extends Error {}

export function channelOf(side: Side, session: Session): Channel {
  const keyOf = (from: Side): Buffer =>
    createHmac('sha256', session.key)
      .update(`deis routes 1\n${from}\n${session.router}\n${session.routerNonce}\n${session.controllerNonce}`)
      .digest()
  const codes = (from: Side): ((text: string) => string) => {
    const key = keyOf(from)
    let count = 0
    return (text) => createHmac('sha256', key).update(`${count++}\n${text}`).digest('hex')
  }
  const ours = codes(side)
  const theirs = codes(side === 'router' ? 'controller' : 'router')
  return {
    seal: (text) => `${ours(text)} ${text}`,
    open(line) {
      const text = line.slice(codeLength + 1)
      const received = Buffer.from(line.slice(0, codeLength + 1))
      const expected = Buffer.from(`${theirs(text)} `)
      if (received.length !== expected.length || !timingSafeEqual(received, expected))
        throw new NotAuthentic('it does not prove that it has the router key (DEIS_ROUTER_KEY)')
      return text
    },
  }
}
