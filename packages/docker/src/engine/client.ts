// How is the Docker Engine asked? One call with a deadline, a bounded answer, and streams that the caller reads.
// The libraries for this read answers of any size and cannot hold back a stream, which is what matters here.
import {
  Agent as HttpAgent,
  type ClientRequest,
  type IncomingMessage,
  request as httpRequest,
  type RequestOptions,
} from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Duplex, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { within } from '@deis/lib/within'
import { type Static, type TSchema } from 'typebox'
import { Check } from 'typebox/value'
import { EngineError, refusalOf } from './error.ts'

export type Call = {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE'
  readonly path: string
  /** Objects and lists go as JSON, as the engine wants them. */
  readonly query?: Readonly<Record<string, string | number | boolean | object | undefined>>
  /** Sent as JSON. */
  readonly body?: object
  /** A tar. */
  readonly tar?: Readable
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  /** Until the answer begins, and again until all of it is there; default a minute, 0: for ever. */
  readonly ms?: number
}

export type Client = {
  /** @throws EngineError, the signal's reason */
  read<T extends TSchema>(what: string, schema: T, call: Call, signal: AbortSignal): Promise<Static<T>>
  /** For what is only done; 304, which says that it is so already, is a success. */
  send(what: string, call: Call, signal: AbortSignal): Promise<void>
  /** The body of the answer, as it comes; the caller reads or destroys it. */
  stream(what: string, call: Call, signal: AbortSignal): Promise<IncomingMessage>
  /** A connection of its own in both directions. */
  hijack(what: string, call: Call, signal: AbortSignal): Promise<Duplex>
  /** The same engine, spoken to in this version. */
  speaking(api: string): Client
  close(): void
}

export type EngineHost = {
  /** `unix:///path` or `tcp://host:port`. */
  readonly host: string
  /** A folder with ca.pem, cert.pem and key.pem; null: no TLS. */
  readonly certPath: string | null
}

const callMs = 60_000
/** Shorter than programs between here and an engine elsewhere keep a connection that nobody uses. */
const idleMs = 30_000
/** As long as a timer can be. */
const longestMs = 2 ** 31 - 1
const maxAnswer = 64 * 1024 * 1024

/** @throws with what to do. */
function connectionOf({ host, certPath }: EngineHost): { secure: boolean; options: RequestOptions } {
  const url = URL.canParse(host) ? new URL(host) : null
  if (url?.protocol === 'unix:' && url.pathname !== '') return { secure: false, options: { socketPath: url.pathname } }
  if (url?.protocol === 'tcp:' && url.hostname !== '') {
    const port = url.port || (certPath === null ? '2375' : '2376')
    if (certPath === null) return { secure: false, options: { host: url.hostname, port } }
    const [ca, cert, key] = ['ca.pem', 'cert.pem', 'key.pem'].map((file) => readFileSync(join(certPath, file)))
    return { secure: true, options: { host: url.hostname, port, ca, cert, key } as RequestOptions }
  }
  throw new Error(
    `DEIS_DOCKER_HOST must be unix:///path or tcp://host:port, not ${JSON.stringify(host)}. For an engine behind SSH forward its socket: ssh -L /run/deis-docker.sock:/var/run/docker.sock HOST`,
  )
}

const asText = (value: string | number | boolean | object): string =>
  typeof value === 'object' ? JSON.stringify(value) : String(value)

function pathOf({ path, query = {} }: Call, api: string | null): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, asText(value)] as [string, string]],
  )
  const search = new URLSearchParams(pairs).toString()
  return `${api === null ? '' : `/v${api}`}${path}${search === '' ? '' : `?${search}`}`
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxAnswer) throw new Error(`an answer of more than ${maxAnswer} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** Resolves with the head of the answer, or with the connection if it was handed over. */
function begun(request: ClientRequest): Promise<IncomingMessage | Duplex> {
  return new Promise((resolve, reject) => {
    request.once('error', reject)
    request.once('response', resolve)
    request.once('upgrade', (_, socket: Duplex, head: Buffer) => {
      if (head.length > 0) socket.unshift(head)
      // Whoever reads or writes it notices.
      socket.on('error', () => {})
      resolve(socket)
    })
  })
}

/** Whether it met a shared connection that the engine was closing, and may have been done twice. The next one is another connection. */
const isToRepeat = (request: ClientRequest, { method }: Call, { code = '' }: NodeJS.ErrnoException): boolean =>
  request.reusedSocket && ['ECONNRESET', 'EPIPE'].includes(code) && ['GET', 'HEAD', 'DELETE'].includes(method)

const isAnswer = (begun: IncomingMessage | Duplex): begun is IncomingMessage => 'statusCode' in begun

export function createClient(where: EngineHost): Client {
  const { secure, options } = connectionOf(where)
  const agent = new (secure ? HttpsAgent : HttpAgent)({
    keepAlive: true,
    maxSockets: 64,
    timeout: idleMs,
    ...options,
  } as object)

  const speak = (api: string | null): Client => {
    /** The answer's head arrived, with a status that says yes. */
    const ask = async (
      what: string,
      call: Call,
      signal: AbortSignal,
      how: { readonly alone: boolean; readonly hijack?: boolean },
    ): Promise<IncomingMessage | Duplex> => {
      const { method, body, tar, headers = {}, ms = callMs } = call
      const json = body === undefined ? undefined : Buffer.from(JSON.stringify(body))
      const request = (secure ? httpsRequest : httpRequest)({
        ...options,
        method,
        path: pathOf(call, api),
        // A stream would keep others waiting.
        agent: how.alone ? false : agent,
        headers: {
          host: 'docker',
          ...(json ? { 'content-type': 'application/json', 'content-length': json.length } : {}),
          ...(tar ? { 'content-type': 'application/x-tar' } : {}),
          ...(how.hijack ? { connection: 'Upgrade', upgrade: 'tcp' } : {}),
          ...headers,
        },
      })
      // An error that nobody waits for any more.
      request.on('error', () => {})
      try {
        const answer = await within(signal, ms === 0 ? longestMs : ms, async (limit) => {
          limit.addEventListener('abort', () => request.destroy(limit.reason as Error), { once: true })
          const head = begun(request)
          // The engine may refuse before it has read everything: its answer counts, not the broken pipe.
          if (tar) pipeline(tar, request).catch(() => {})
          else request.end(json)
          return head
        })
        // What follows the head is ended by the signal, too; a connection that was handed over is not the request's any more.
        const cancel = (): void => void (isAnswer(answer) ? request : answer).destroy(signal.reason as Error)
        signal.addEventListener('abort', cancel, { once: true })
        answer.once('close', () => signal.removeEventListener('abort', cancel))
        if (isAnswer(answer)) {
          const { statusCode: status = 0 } = answer
          if ((status >= 300 && status !== 304) || status < 200)
            throw new EngineError(`${what}: ${refusalOf(status, await textOf(answer))}`, status)
        }
        return answer
      } catch (error) {
        request.destroy()
        signal.throwIfAborted()
        if (error instanceof EngineError) throw error
        if (isToRepeat(request, call, error as Error)) return ask(what, call, signal, how)
        const { code, message } = error as NodeJS.ErrnoException
        throw new EngineError(`${what}: the Docker Engine does not answer (${code ?? message})`, 0, { cause: error })
      }
    }
    const textAnswer = async (what: string, call: Call, signal: AbortSignal): Promise<string> => {
      const { ms = callMs } = call
      const answer = await ask(what, call, signal, { alone: ms === 0 })
      if (!isAnswer(answer)) throw new EngineError(`${what}: the Docker Engine answered what it should not`, 0)
      try {
        return await within(signal, ms === 0 ? longestMs : ms, () => textOf(answer))
      } catch (error) {
        answer.destroy()
        signal.throwIfAborted()
        throw new EngineError(`${what}: ${(error as Error).message}`, 0, { cause: error })
      }
    }
    return {
      async read(what, schema, call, signal) {
        const text = await textAnswer(what, call, signal)
        let answer: unknown
        try {
          answer = JSON.parse(text)
        } catch {
          // Not JSON is as wrong as the wrong JSON.
        }
        if (!Check(schema, answer)) throw new EngineError(`${what}: the Docker Engine answered what it should not`, 0)
        return answer
      },
      async send(what, call, signal) {
        await textAnswer(what, call, signal)
      },
      async stream(what, call, signal) {
        const answer = await ask(what, call, signal, { alone: true })
        if (isAnswer(answer)) return answer
        answer.destroy()
        throw new EngineError(`${what}: the Docker Engine answered what it should not`, 0)
      },
      async hijack(what, call, signal) {
        const answer = await ask(what, call, signal, { alone: true, hijack: true })
        if (!isAnswer(answer)) return answer
        answer.destroy()
        throw new EngineError(`${what}: the Docker Engine did not hand over the connection`, 0)
      },
      speaking: speak,
      close: () => agent.destroy(),
    }
  }
  return speak(null)
}
