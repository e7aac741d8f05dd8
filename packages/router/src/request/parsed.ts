// How does a request pass that Node's server has read?
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { sendBody } from './body.ts'
import { countRefused, type RouterContext } from '../context.ts'
import { linesOf } from './head.ts'
import { originOf } from './origin.ts'
import { page } from './pages.ts'
import { answerWith, createForwarder } from './proxy.ts'
import { createReply } from './reply.ts'
import { type Incoming, readRequest } from './request.ts'
import { pairsOf, type ResponseHead } from '../upstream/response.ts'
import { discardRest } from './unread.ts'

/** How much a client may have left untaken when it gets another response before the response. */
const mostUntaken = 65_536

/**
 * Not by Node's own response, which throws for links that others take. Those that a client does not take are left out: an app
 * may send any number of them. `expects`: the client waits for 100.
 */
export function relayInterim({ status, lines }: ResponseHead, client: Socket, expects: boolean): void {
  if (client.writableLength > mostUntaken) return
  if (status === 100 && expects) client.write('HTTP/1.1 100 Continue\r\n\r\n')
  else if (status === 102) client.write('HTTP/1.1 102 Processing\r\n\r\n')
  else if (status === 103) {
    const pairs = pairsOf(lines)
    const links = pairs.flatMap((value, index) =>
      index % 2 === 1 && pairs[index - 1]!.toLowerCase() === 'link' ? ['Link', value] : [],
    )
    if (links.length > 0) client.write(`HTTP/1.1 103 Early Hints\r\n${linesOf(links)}\r\n`, 'latin1')
  }
}

/**
 * The response is written by the router; Node's own still says whose turn it is on a connection, and is told when it has
 * been sent. `expects`: the client waits for 100 before it sends the body.
 */
export function handleRequest(
  context: RouterContext,
  request: IncomingMessage,
  response: ServerResponse & { _headerSent?: boolean },
  expects: boolean,
): void {
  const client = request.socket
  // Field by field: to spread it takes as long as to read the request.
  const incoming = request as IncomingMessage & Incoming
  const { address, secure, port } = originOf(context, client, incoming)
  const asked = readRequest(incoming, { address, secure, port, newId: randomUUID })
  const modern = request.httpVersion === '1.1'
  const reply = createReply(client, context.timing.untaken, {
    begun() {
      // What node says about a request that it cannot read must not get into a response.
      response._headerSent = true
    },
    sent(keeps) {
      response.emit('finish')
      discardRest(request, context.timing)
      if (!keeps) client.destroySoon()
    },
  })
  reply.answers({ method: incoming.method, modern, keepAlive: response.shouldKeepAlive })
  // The bytes after such a request cannot be trusted either.
  if ('reason' in asked) {
    answerWith(reply, page(asked.status, asked.reason), true)
    countRefused(context, secure, asked.status)
    return
  }
  const forwarder = createForwarder(context, {
    client,
    reply,
    body: () => (asked.body === 'none' ? '' : null),
    sendBody: (connection, chunked, silence) => sendBody(request, connection, chunked, silence),
    interim: (head) => {
      if (modern) relayInterim(head, client, expects)
    },
  })
  response.once('close', forwarder.ended)
  forwarder.start(incoming, asked, expects)
}
