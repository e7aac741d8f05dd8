// How is the controller called (docs/contract/cli.md §4.1)?
import { randomUUID } from 'node:crypto'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import {
  type Body,
  fillPath,
  DeisError,
  followHeader,
  getRequest,
  type Query,
  requestIdHeader,
  type Response,
  type Route,
  warningHeader,
} from '@deis/types'
import { originOf } from '../parse/address.ts'
import { refusal, unexpectedAnswer, unreachable } from './failure.ts'
import { retryChange, retryRead, waitSeconds } from './retry.ts'
import { refuseOtherApi, type Versions, versionsIn } from './skew.ts'
import { clientVersion } from './version.ts'

export type Connection = { readonly controller: string; readonly sslVerify: boolean; readonly token?: string }

/** What all calls share, whatever the controller. */
export type Wire = {
  readonly signal: AbortSignal
  readonly env: Readonly<Record<string, string | undefined>>
  /** Gets one line per response; never a header or a body. */
  readonly trace: (line: string) => void
  /** Gets the versions that each response announces. */
  readonly onVersions: (announced: Versions, origin: string) => void
  /** Gets the reason while a call waits for its result. */
  readonly onWait: (text: string) => void
  /** Gets warnings of the controller. */
  readonly onWarning: (text: string) => void
}

/** The names of the `:name` parameters of a path. */
type Params<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? Name | Params<Rest>
  : Path extends `${string}:${infer Name}`
    ? Name
    : never
type Needed<R extends Route> = [Params<R['path']>] extends [never]
  ? { readonly params?: undefined }
  : { readonly params: Readonly<Record<Params<R['path']>, string>> }
export type CallArguments<R extends Route> = Needed<R> & {
  readonly query?: Query<R>
  readonly body?: Body<R>
  /** The Deis-Request-Id. */
  readonly requestId?: string
}

export type Request = {
  readonly method: string
  readonly path: string
  readonly query?: Readonly<Record<string, string | undefined>>
  readonly headers: Readonly<Record<string, string>>
  readonly body?: unknown
  /** A body that is sent as it comes. */
  readonly content?: Readable
  /** Milliseconds. Absent for calls that end when the work is done: the controller sets their limit (docs/contract/cli.md §5.9). */
  readonly deadline?: number
}
export type Answer = { readonly status: number; readonly versions: Versions; readonly text: string }

const probeDeadline = 30_000
const askDeadline = 10_000

type Raw<T> = { readonly status: number; readonly headers: Readonly<Record<string, unknown>>; readonly data: T }

/** Sends one request. `signal` aborts it at any time. */
export async function perform<T>(
  wire: Wire,
  connection: Connection,
  request: Request,
  responseType: 'text' | 'stream',
  signal: AbortSignal = wire.signal,
): Promise<Raw<T>> {
  // Loaded at the first request: they are most of the start-up time of commands without one.
  const [{ default: axios }, { agentsFor }] = await Promise.all([import('axios'), import('./trust.ts')])
  const origin = originOf(connection.controller)
  const given = Object.entries(request.query ?? {}).filter((pair): pair is [string, string] => pair[1] !== undefined)
  const url = `${origin}${request.path}${given.length > 0 ? `?${new URLSearchParams(given)}` : ''}`
  try {
    const { status, headers, data } = await axios.request<T>({
      method: request.method,
      url,
      headers: { 'User-Agent': `Deis Client ${clientVersion}`, Accept: '*/*', ...request.headers },
      ...(request.body === undefined ? {} : { data: JSON.stringify(request.body) }),
      ...(request.content === undefined ? {} : { data: request.content, maxBodyLength: Infinity }),
      ...(await agentsFor(origin, connection.sslVerify, wire.env)),
      signal,
      timeout: request.deadline ?? 0,
      // A redirected change would lose its body, and a redirect could leak the token.
      maxRedirects: 0,
      validateStatus: () => true,
      responseType,
      transformRequest: (body: unknown) => body,
      transformResponse: (body: unknown) => body,
    })
    wire.trace(`${request.method} ${url} ${status}`)
    const versions = versionsIn(headers)
    refuseOtherApi(versions, origin, request.method !== 'GET' && status < 400)
    const warning: unknown = headers[warningHeader]
    if (typeof warning === 'string') wire.onWarning(warning)
    const location: unknown = headers['location']
    if (status >= 300 && status < 400 && typeof location === 'string')
      throw new DeisError(
        'unreachable',
        `The controller at ${origin} redirects to ${location}; the client does not follow redirects.`,
        {
          hint: `If the controller has moved: \`deis login ${new URL(location, url).origin}\`.`,
        },
      )
    // An error without a version may be that of a proxy.
    if (status < 400 || versions.api !== undefined) wire.onVersions(versions, origin)
    return { status, headers, data }
  } catch (error) {
    if (error instanceof DeisError || wire.signal.aborted) throw error
    wire.trace(`${request.method} ${url} failed`)
    throw unreachable(error, origin)
  }
}

async function send(wire: Wire, connection: Connection, request: Request): Promise<Answer> {
  const { status, headers, data } = await perform<string | undefined>(wire, connection, request, 'text')
  return { status, versions: versionsIn(headers), text: data ?? '' }
}

export function parse(route: Route, text: string, origin: string): unknown {
  const schema = route.response as { type?: string; properties?: { results?: unknown } }
  if (schema.type === 'string') return text
  if (schema.type === 'null') return null
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw unexpectedAnswer(origin, route, text, error)
  }
  if (schema.type === 'object' && (typeof value !== 'object' || value === null))
    throw unexpectedAnswer(origin, route, text)
  if (schema.properties?.results && !Array.isArray((value as { results?: unknown }).results))
    throw unexpectedAnswer(origin, route, text)
  return value
}

/** Refuses a name that would change the path of the URL. */
export function checkParams(params: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(params))
    if (value === '' || value === '.' || value === '..')
      throw new DeisError('usage', `${JSON.stringify(value)} is not a valid ${name}.`)
}

export function requestOf<const R extends Route>(connection: Connection, route: R, given: CallArguments<R>): Request {
  const params: Readonly<Record<string, string>> = given.params ?? {}
  checkParams(params)
  return {
    method: route.method,
    path: fillPath(route.path, params),
    query: given.query as Record<string, string | undefined> | undefined,
    headers: {
      'Content-Type': 'application/json',
      ...(connection.token ? { Authorization: `token ${connection.token}` } : {}),
      ...(given.requestId === undefined ? {} : { [requestIdHeader]: given.requestId }),
    },
    body: given.body,
  }
}

/** The answer, even if the connection is lost: reads are sent again, and a change with a request id is looked up. */
async function answerTo<const R extends Route>(
  wire: Wire,
  connection: Connection,
  route: R,
  given: CallArguments<R>,
): Promise<Answer> {
  const { signal, onWait } = wire
  if (route.method === 'GET') {
    const request = requestOf(connection, route, given)
    return retryRead(() => send(wire, connection, request), signal)
  }
  const id = given.requestId ?? randomUUID()
  const request = requestOf(connection, route, route.recorded ? { ...given, requestId: id } : given)
  if (!route.recorded) return send(wire, connection, request)
  const question = { ...requestOf(connection, getRequest, { params: { id } }), deadline: askDeadline }
  return retryChange({
    send: () => send(wire, connection, request),
    ask: () => send(wire, connection, question),
    origin: originOf(connection.controller),
    seconds: waitSeconds(wire.env),
    onWait,
    signal,
  })
}

/** Calls a route of the contract; anything but success is thrown as a DeisError. */
export async function call<const R extends Route>(
  wire: Wire,
  connection: Connection,
  route: R,
  given: CallArguments<R>,
): Promise<Response<R>> {
  const answer = await answerTo(wire, connection, route, given)
  if (answer.status >= 400) throw refusal(answer, route, connection.controller)
  return parse(route, answer.text, originOf(connection.controller)) as Response<R>
}

/** A text response that may continue. `body` throws when the connection is lost or silent for too long. */
export type Live = {
  /** Whether the controller follows; one that cannot sends what it has. */
  readonly isFollowed: boolean
  /** When it began, by the clock of the controller, in whole seconds. */
  readonly began: Date
  readonly body: AsyncIterable<Buffer>
  /** Closes the connection. */
  end(): void
}

/** The controller sends something every 25 s. */
const silenceMs = 75_000

async function* watched(stream: Readable, silence: AbortController): AsyncGenerator<Buffer> {
  const late = setTimeout(() => silence.abort(new Error(`no data for ${silenceMs / 1000} s`)), silenceMs)
  try {
    for await (const chunk of stream) {
      late.refresh()
      yield chunk as Buffer
    }
  } finally {
    clearTimeout(late)
    silence.abort()
  }
}

/** As `call`, for a response that continues: data is passed on as it arrives. */
export async function live<const R extends Route>(
  wire: Wire,
  connection: Connection,
  route: R,
  given: CallArguments<R>,
): Promise<Live> {
  const over = new AbortController()
  const signal = AbortSignal.any([wire.signal, over.signal])
  const request = requestOf(connection, route, given)
  const late = setTimeout(() => over.abort(), silenceMs)
  try {
    const { status, headers, data } = await perform<Readable>(wire, connection, request, 'stream', signal)
    if (status >= 400)
      throw refusal({ status, versions: versionsIn(headers), text: await text(data) }, route, connection.controller)
    return {
      isFollowed: headers[followHeader] !== undefined,
      began: new Date(Date.parse(String(headers['date'])) || Date.now()),
      body: watched(data, over),
      end: () => over.abort(),
    }
  } catch (error) {
    over.abort()
    throw error
  } finally {
    clearTimeout(late)
  }
}

/** Checks that there is a controller: it refuses `/v2/` without a token and announces its API version (docs/contract/api.md §1.2). */
export async function checkConnection(wire: Wire, connection: Connection): Promise<void> {
  const answer = await send(wire, connection, { method: 'GET', path: '/v2/', headers: {}, deadline: probeDeadline })
  if (answer.status !== 401 || answer.versions.api === undefined)
    throw new DeisError('unreachable', `${connection.controller} is not a Deis controller.`, {
      hint: `GET ${originOf(connection.controller)}/v2/ answered ${answer.status}; a controller answers 401 and announces its API version. Check host and port.`,
    })
}

/** Which versions a controller has; needs no login. */
export async function controllerVersions(wire: Wire, connection: Connection): Promise<Versions> {
  const answer = await send(wire, connection, { method: 'GET', path: '/healthz', headers: {}, deadline: probeDeadline })
  return answer.versions
}
