// How do a router and its controller know each other, and each other's words, without showing the key that they share?
//
// The router asks for an upgrade to `routesProtocol` and sends a nonce; the controller answers with one of its own. From
// then on both send lines, each with a code that only whoever has the key can make, over its place in the order of lines
// and both nonces. The first line of the controller proves it to the router, which has said nothing until then; the first
// line of the router proves that to the controller, which has told nothing of any route. So nobody who answers at the
// controller's address learns the key or gives out routes, and nothing that was overheard can be said again.
//
// It hides nothing: whoever is between the two reads along, private keys of certificates included. TLS prevents that.
// Arithmetic, no IO: both ends must do the same.
// oxlint-disable-next-line no-restricted-imports
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

export const routesProtocol = 'deis-routes'
export const routesPath = '/v2/router/routes/'
export const nonceHeader = 'x-deis-nonce'
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

export type Side = 'router' | 'controller'

export type Session = {
  readonly key: string
  /** The name that the router gave itself. */
  readonly router: string
  readonly routerNonce: string
  readonly controllerNonce: string
}

export type Channel = {
  /** The text as a line for the other side, without the end of the line. */
  seal(text: string): string
  /** The text of a line of the other side. @throws when it is not the next thing that the other side said. */
  open(line: string): string
}

/** The one who speaks has not got the key, or the line is not the next one. */
export class NotAuthentic extends Error {}

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
      const said = Buffer.from(line.slice(0, codeLength + 1))
      const expected = Buffer.from(`${theirs(text)} `)
      if (said.length !== expected.length || !timingSafeEqual(said, expected))
        throw new NotAuthentic('it does not prove that it has the router key (DEIS_ROUTER_KEY)')
      return text
    },
  }
}
