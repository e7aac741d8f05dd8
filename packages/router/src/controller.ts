// How does the router speak to its controller?
import { type IncomingMessage, type OutgoingHttpHeaders, request as plainRequest } from 'node:http'
import { once } from 'node:events'
import { routerAuthHeader } from '@deis/types'

export type Controller = { readonly url: string; readonly key: string }

type Call = {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly status: number
  readonly signal: AbortSignal
}

function hintOf(status: number | undefined): string {
  return status === 401 || status === 403 ? '; DEIS_ROUTER_KEY differs from the key of the controller' : ''
}

/** The answer, its body unread. @throws for any other status, and when there is no controller. */
export async function callController(controller: Controller, call: Call): Promise<IncomingMessage> {
  const url = new URL(`${controller.url.replace(/\/$/, '')}${call.path}`)
  for (const [name, value] of Object.entries(call.query ?? {})) url.searchParams.set(name, value)
  // TLS takes memory and start time that a controller on the same machine does not need.
  const send = url.protocol === 'https:' ? (await import('node:https')).request : plainRequest
  const payload = call.body === undefined ? undefined : JSON.stringify(call.body)
  const headers: OutgoingHttpHeaders = { [routerAuthHeader]: controller.key }
  if (payload !== undefined) {
    headers['content-type'] = 'application/json'
    headers['content-length'] = Buffer.byteLength(payload)
  }
  const request = send(url, { method: call.method, headers, signal: call.signal })
  request.end(payload)
  const [answer] = (await once(request, 'response')) as [IncomingMessage]
  if (answer.statusCode === call.status) return answer
  answer.resume()
  throw new Error(
    `the controller answered ${call.method} ${call.path} with ${answer.statusCode}${hintOf(answer.statusCode)}`,
  )
}
