// How is a response written to its client?
//
// On the socket itself. Node's own response needs a copy of each part of a large body, which is a fifth to a third of its
// processor time.
import type { Socket } from 'node:net'
import type { ResponseHead } from '../upstream/response.ts'
import { usualTiming } from '../timing.ts'

type Head = Pick<ResponseHead, 'status' | 'message' | 'lines' | 'sized' | 'dated'>

/** What a response has to know of its request. */
type Asked = {
  readonly method: string
  /** The client speaks HTTP/1.1. */
  readonly modern: boolean
  /** It sends further requests on the connection if it may. */
  readonly keepAlive: boolean
}

type Owner = {
  /** The head is on its way. */
  begun(): void
  /** All of it has been sent; `keeps`: the connection is not to be closed. */
  sent(keeps: boolean): void
}

export type Reply = {
  /** Another response begins, in the place of the one before it. */
  answers(asked: Asked): void
  /** Of the response; 0 as long as there is none. */
  readonly status: number
  /** Sent together with what follows. `closes`: the connection is closed after it. */
  head(head: Head, closes: boolean): void
  /** Nothing follows at once. */
  flush(): void
  /** False: the chunk is in use until `onTaken`. */
  body(chunk: Buffer): boolean
  /** The last of the body. False: the chunk remains in use. */
  end(chunk: Buffer | null): boolean
  onTaken: (() => void) | null
}

// Up to this size a copy costs less than a second piece.
const smallBody = 8_192
const keepAlive = `Connection: keep-alive\r\nKeep-Alive: timeout=${usualTiming.idleClient / 1000}\r\n\r\n`

/** The time in seconds, written once for all responses of a second. */
let second = 0
let dateLine = ''

function dateOf(now: number): string {
  const current = Math.floor(now / 1000)
  if (current !== second) {
    second = current
    dateLine = `Date: ${new Date(now).toUTCString()}\r\n`
  }
  return dateLine
}

/** A client that takes nothing of the end of a response for `untaken` ms loses its connection. */
export function createReply(client: Socket, untaken: number, owner: Owner): Reply {
  let method = ''
  let modern = false
  let mayKeep = false
  /** What has not been sent of the head. */
  let text = ''
  let framing: 'none' | 'chunked' | 'plain' = 'plain'
  let keeps = false
  let isTimed = false
  let waiting = false

  const taken = (error?: Error | null): void => {
    // A connection that fails is closed, and its response with it.
    if (error || !waiting || client.writableLength > 0) return
    waiting = false
    reply.onTaken?.()
  }
  const sent = (error?: Error | null): void => {
    if (error || client.destroyed) return
    if (isTimed) client.setTimeout(0)
    isTimed = false
    owner.sent(keeps)
  }
  const begin = (): string => {
    if (text !== '') owner.begun()
    const first = text
    text = ''
    return first
  }
  const send = (chunk: Buffer, after: string, then: (error?: Error | null) => void): boolean => {
    const before = framing === 'chunked' ? `${begin()}${chunk.length.toString(16)}\r\n` : begin()
    if (before === '' && after === '') client.write(chunk, then)
    else {
      client.cork()
      if (before !== '') client.write(before, 'latin1')
      client.write(chunk, after === '' ? then : undefined)
      if (after !== '') client.write(after, 'latin1', then)
      client.uncork()
    }
    return client.writableLength === 0
  }

  // Only when something is left: nearly every response is taken at once.
  const limitRest = (): void => {
    if (client.writableLength === 0) return
    isTimed = true
    client.setTimeout(untaken)
  }

  const reply: Reply & { status: number } = {
    status: 0,
    onTaken: null,
    answers(asked) {
      method = asked.method
      modern = asked.modern
      mayKeep = asked.keepAlive
      reply.status = 0
      waiting = false
    },
    head({ status, message, lines, sized, dated }, closes) {
      text = `HTTP/1.1 ${status} ${message}\r\n${lines}`
      if (!dated) text += dateOf(Date.now())
      framing = 'plain'
      if (method === 'HEAD' || status === 204 || status === 304) framing = 'none'
      else if (!sized && modern) {
        framing = 'chunked'
        text += 'Transfer-Encoding: chunked\r\n'
      }
      keeps = !closes && mayKeep && (sized || modern)
      text += keeps ? keepAlive : 'Connection: close\r\n\r\n'
      reply.status = status
    },
    flush() {
      if (text !== '') client.write(begin(), 'latin1')
    },
    body(chunk) {
      if (framing === 'none' || chunk.length === 0) return true
      waiting = !send(chunk, framing === 'chunked' ? '\r\n' : '', taken)
      return !waiting
    },
    end(chunk) {
      const rest = framing === 'none' || chunk === null ? '' : chunk
      if (rest.length > smallBody) {
        const isTaken = send(chunk!, framing === 'chunked' ? '\r\n0\r\n\r\n' : '', sent)
        limitRest()
        return isTaken
      }
      let last = begin() + (framing === 'chunked' && rest.length > 0 ? `${rest.length.toString(16)}\r\n` : '')
      if (rest !== '') last += `${rest.toString('latin1')}${framing === 'chunked' ? '\r\n' : ''}`
      client.write(framing === 'chunked' ? `${last}0\r\n\r\n` : last, 'latin1', sent)
      limitRest()
      return true
    },
  }
  return reply
}
