// How does the original client send a request, and what does it receive (docs/contract/api.md §1.7, docs/contract/cli.md §4.1)?
import { type IncomingHttpHeaders, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { checkReply } from './answers.ts'

export type Sent = {
  readonly method: string
  /** Sent as it is written here, percent signs, double slashes and all. */
  readonly path: string
  /** Text is sent as it is, all else as JSON; absent: no body at all. */
  readonly body?: unknown
  readonly headers: Readonly<Record<string, string>>
}

export type Reply = {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** Null when the body is not JSON. */
  readonly json: unknown
}

/** The connection check and the health check send this and nothing else. */
export const bareHeaders = { 'User-Agent': 'Deis Client v2.18.0', 'Accept-Encoding': 'gzip', Connection: 'close' }

/** One connection for one request, as the Go client does it. */
export function exchange(api: string, { method, path, body, headers }: Sent): Promise<Reply> {
  const content = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body)
  const { hostname, port } = new URL(api)
  // Go says the length of every body, also on DELETE, and of the empty body of a POST.
  const length = content !== '' || method === 'POST' ? { 'Content-Length': String(Buffer.byteLength(content)) } : {}
  return new Promise((resolve, reject) => {
    const call = request({ hostname, port, path, method, agent: false, headers: { ...headers, ...length } })
    call.once('response', (answer) => {
      const { statusCode: status = 0, headers: given } = answer
      text(answer).then((said) => {
        const json = given['content-type']?.startsWith('application/json') === true && said !== ''
        resolve({ status, headers: given, text: said, json: json ? (JSON.parse(said) as unknown) : null })
      }, reject)
    })
    call.setTimeout(150_000, () => call.destroy(new Error(`no answer to ${method} ${path} within 150 s`)))
    call.once('error', reject)
    call.end(content)
  })
}

/** A client with or without a token. Every answer is compared with what the contract says of all answers. */
export type Speaker = {
  get(path: string): Promise<Reply>
  /** Without a body: an empty one. */
  post(path: string, body?: unknown): Promise<Reply>
  remove(path: string, body?: unknown): Promise<Reply>
  send(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Reply>
}

export function speaker(api: string, credentials: Readonly<Record<string, string>>): Speaker {
  const send: Speaker['send'] = async (method, path, body, more = {}) => {
    // The JSON type is said always, also where nothing is sent.
    const headers = { ...bareHeaders, 'Content-Type': 'application/json', ...credentials, ...more }
    const sent = { method, path, headers, ...(body === undefined ? {} : { body }) }
    const reply = await exchange(api, sent)
    checkReply(sent, reply)
    return reply
  }
  return {
    send,
    get: (path) => send('GET', path),
    post: (path, body) => send('POST', path, body),
    remove: (path, body) => send('DELETE', path, body),
  }
}

export function withToken(api: string, token: string): Speaker {
  return speaker(api, { Authorization: `token ${token}` })
}
