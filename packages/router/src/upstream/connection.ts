// How does one connection to an upstream carry one request after another?
//
// Node's own client and undici were measured first: per request they take 1.5 to 2 times the processor time of this, and
// neither lets the router say which requests may go over a used connection and which need a fresh one.
import { connect as connectSocket, type Socket } from 'node:net'
import { type Chunked, createChunked } from './chunked.ts'
import { keepReading } from './early-answer.ts'
import { parseHead, type ResponseHead } from './response.ts'
import type { Timing } from '../timing.ts'

export type Failure = {
  readonly error: Error
  /** The connection was open, so the request may have reached the app. */
  readonly sent: boolean
  /** Bytes of a response had arrived. */
  readonly began: boolean
  readonly timedOut: boolean
}

/** Callbacks: any number of interim heads, then one head, then the body; or at any moment the failure. */
export type Answer = {
  interim(head: ResponseHead): void
  /** `more`: bytes of the body follow at once. */
  head(head: ResponseHead, more: boolean): void
  /** False: the chunk is in use, so nothing more is read until `resume`; true: it was lent for this call only. */
  body(chunk: Buffer | null, last: boolean): boolean
  failed(failure: Failure): void
}

export type Connection = {
  readonly socket: Socket
  /** When it was asked for. */
  readonly since: number
  /** It has served a request before, so the app may have closed it meanwhile. */
  readonly used: boolean
  /** Sends a head; the body, if there is one, is written to the socket, and `sent` called at its end. */
  ask(method: string, head: string, complete: boolean, answer: Answer): void
  sent(): void
  /** Takes more of the response. */
  resume(): void
  /** Gives up: no more callbacks are called. */
  abort(): void
  /** Called when the socket takes more of the request body. */
  onDrain: (() => void) | null
  /** Called when the app accepts no more of it. */
  onBodyRejected: (() => void) | null
}

export type Owner = {
  /** The request is over, one way or another; `reusable`: another may follow. */
  settled(connection: Connection, reusable: boolean): void
  /** It ended while no request ran. */
  lost(connection: Connection): void
}

type Target = { readonly host: string; readonly port: number; readonly tunnel: boolean; readonly timing: Timing }

const blankLine = Buffer.from('\r\n\r\n')
const longestHead = 65_536
/** Only what a read fills of it takes memory. */
const readSize = 65_536

/** With `tunnel`, 101 is a head like any other, and the end of the response leaves the other direction open. */
export function openConnection(target: Target, owner: Owner): Connection {
  let answer: Answer | null = null
  let method = ''
  let isOpen = false
  let began = false
  let complete = false
  let bodyRejected = false
  let ended = false
  let used = false
  /** For all reads one after the other, but for a response whose end its client has yet to take. */
  let buffer: Buffer | null = null
  let inUse = false
  let partial: Buffer | null = null
  let head: ResponseHead | null = null
  let left = 0
  let chunked: Chunked | null = null

  const settle = (reusable: boolean): void => {
    answer = null
    head = null
    chunked = null
    partial = null
    self.onDrain = null
    self.onBodyRejected = null
    used = true
    if (!reusable) socket.destroy()
    owner.settled(self, reusable)
  }

  const drop = (): void => {
    socket.destroy()
    owner.lost(self)
  }

  const fail = (error: Error, timedOut = false): void => {
    const failed = answer
    if (failed === null) return
    const failure = { error, sent: isOpen, began, timedOut }
    settle(false)
    failed.failed(failure)
  }

  const finish = (last: Buffer | null, clean: boolean): boolean => {
    const finished = answer!
    settle(clean && complete && !bodyRejected && head!.keepAlive && !target.tunnel)
    // The next request must not read into it.
    if (!finished.body(last, true) || inUse) buffer = null
    return true
  }

  const give = (bytes: Buffer): boolean => {
    if (bytes.length > 0 && !answer!.body(bytes, false)) inUse = true
    return !inUse
  }

  const readChunked = (bytes: Buffer): boolean => {
    const current = answer!
    const end = chunked!.feed(bytes, (data) => {
      if (answer === current) give(data)
    })
    if (answer !== current) return false
    return end < 0 ? !inUse : finish(null, end === bytes.length)
  }

  const readBody = (bytes: Buffer): boolean => {
    if (chunked !== null) return readChunked(bytes)
    if (head!.body === 'close') return give(bytes)
    if (bytes.length >= left) {
      const last = bytes.length === left ? bytes : bytes.subarray(0, left)
      return finish(last.length === 0 ? null : last, bytes.length === left)
    }
    left -= bytes.length
    return give(bytes)
  }

  const readHead = (read: Buffer): boolean => {
    let bytes = partial === null ? read : Buffer.concat([partial, read])
    // A head that comes in many pieces is not read again with each of them.
    const whole = partial === null || bytes.includes(blankLine, Math.max(0, partial.length - 3))
    partial = null
    for (;;) {
      const next = whole ? parseHead(bytes, method) : null
      if ((next?.size ?? bytes.length) > longestHead) throw new Error('the headers of the response are too long')
      if (next === null) {
        partial = Buffer.from(bytes)
        return true
      }
      bytes = bytes.subarray(next.size)
      if (next.status === 101 && !target.tunnel) throw new Error('the app switched protocols without being asked')
      if (next.status < 200 && next.status !== 101) {
        answer!.interim(next)
        if (answer === null) return false
        continue
      }
      head = next.status === 101 ? { ...next, body: 'close' } : next
      left = next.length
      chunked = next.body === 'chunked' ? createChunked() : null
      answer!.head(head, bytes.length > 0 || (head.body === 'length' && left === 0))
      return answer !== null && readBody(bytes)
    }
  }

  const read = (count: number): boolean => {
    // No request is running: the rest of a response that was longer than declared, or a final message of the app.
    if (answer === null) {
      drop()
      return false
    }
    began = true
    inUse = false
    const bytes = buffer!.subarray(0, count)
    try {
      return head === null ? readHead(bytes) : readBody(bytes)
    } catch (error) {
      fail(error as Error)
      return false
    }
  }

  const socket = connectSocket({
    host: target.host,
    port: target.port,
    noDelay: true,
    allowHalfOpen: target.tunnel,
    onread: { buffer: () => (buffer ??= Buffer.allocUnsafeSlow(readSize)), callback: read },
  })
  keepReading(
    socket,
    () => answer !== null && !complete,
    () => {
      bodyRejected = true
      self.onBodyRejected?.()
    },
  )
  socket.setTimeout(target.timing.connect)
  socket.on('connect', () => {
    isOpen = true
    socket.setTimeout(target.timing.idle)
  })
  socket.on('timeout', () => {
    const what = isOpen ? `nothing came or went for ${target.timing.idle / 1000} s` : 'the connection took too long'
    fail(new Error(what), true)
    socket.destroy()
  })
  socket.on('drain', () => self.onDrain?.())
  socket.on('end', () => {
    ended = true
    if (answer === null) drop()
    else if (head?.body !== 'close') fail(new Error('the app closed the connection before its response was complete'))
    else if (target.tunnel && head.status === 101) answer.body(null, true)
    else finish(null, false)
  })
  socket.on('error', fail)
  socket.on('close', () => {
    if (answer === null) owner.lost(self)
    else if (target.tunnel && ended) settle(false)
    else fail(new Error('the connection to the app was cut'))
  })

  const self: Connection = {
    socket,
    since: Date.now(),
    get used() {
      return used
    },
    ask(asked, headText, whole, to) {
      method = asked
      answer = to
      complete = whole
      began = false
      socket.write(headText, 'latin1')
    },
    sent() {
      complete = true
    },
    resume() {
      socket.resume()
    },
    abort() {
      if (answer !== null) settle(false)
    },
    onDrain: null,
    onBodyRejected: null,
  }
  return self
}
