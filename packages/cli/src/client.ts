// How is the controller called (contract/cli.md §4.1)?
import { type Body, fillPath, DeisError, type Query, type Response, type Route } from '@deis/types'
import { originOf } from './address.ts'
import { refusal, strangeAnswer, unreachable } from './failure.ts'
import { clientVersion } from './version.ts'

export type Connection = { readonly controller: string; readonly sslVerify: boolean; readonly token?: string }

/** What all calls share, whichever controller they go to. */
export type Wire = {
  readonly signal: AbortSignal
  readonly env: Readonly<Record<string, string | undefined>>
  /** Gets one line per answer; never a header or a body. */
  readonly trace: (line: string) => void
  /** Gets the API version that each success announces. */
  readonly heardVersion: (announced: string | undefined) => void
}

/** The `:name` places of a route's path. */
type Places<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? Name | Places<Rest>
  : Path extends `${string}:${infer Name}`
    ? Name
    : never
type Needed<R extends Route> = [Places<R['path']>] extends [never]
  ? { readonly params?: undefined }
  : { readonly params: Readonly<Record<Places<R['path']>, string>> }
export type CallArguments<R extends Route> = Needed<R> & { readonly query?: Query<R>; readonly body?: Body<R> }

type Request = {
  readonly method: string
  readonly path: string
  readonly query?: Readonly<Record<string, string | undefined>>
  readonly headers: Readonly<Record<string, string>>
  readonly body?: unknown
  /** Milliseconds. Absent for calls that end when the work is done: the controller sets their limit (contract/cli.md §5.9). */
  readonly deadline?: number
}
export type Answer = { readonly status: number; readonly version: string | undefined; readonly text: string }

const probeDeadline = 30_000

async function send(wire: Wire, connection: Connection, request: Request): Promise<Answer> {
  // Loaded with the first request: they are most of the start-up time of commands that need none.
  const [{ default: axios }, { agentsFor }] = await Promise.all([import('axios'), import('./trust.ts')])
  const origin = originOf(connection.controller)
  const given = Object.entries(request.query ?? {}).filter((pair): pair is [string, string] => pair[1] !== undefined)
  const url = `${origin}${request.path}${given.length > 0 ? `?${new URLSearchParams(given)}` : ''}`
  try {
    const { status, headers, data } = await axios.request<string>({
      method: request.method,
      url,
      headers: { 'User-Agent': `Deis Client ${clientVersion}`, Accept: '*/*', ...request.headers },
      ...(request.body === undefined ? {} : { data: JSON.stringify(request.body) }),
      ...(await agentsFor(origin, connection.sslVerify, wire.env)),
      signal: wire.signal,
      timeout: request.deadline ?? 0,
      // A redirected write would lose its body and a redirected token its safety; refusal() tells where to log in.
      maxRedirects: 0,
      validateStatus: () => true,
      responseType: 'text',
      transformRequest: (body: unknown) => body,
      transformResponse: (body: unknown) => body,
    })
    wire.trace(`${request.method} ${url} ${status}`)
    const announced: unknown = headers['deis_api_version']
    const location: unknown = headers['location']
    if (status >= 300 && status < 400 && typeof location === 'string')
      throw new DeisError('unreachable', `The controller at ${origin} answers with a redirect to ${location}.`, {
        hint: `If it moved there: \`deis login ${new URL(location, url).origin}\`.`,
      })
    return {
      status,
      version: typeof announced === 'string' && announced !== '' ? announced : undefined,
      text: data ?? '',
    }
  } catch (error) {
    if (error instanceof DeisError || wire.signal.aborted) throw error
    wire.trace(`${request.method} ${url} failed`)
    throw unreachable(error, origin)
  }
}

function parse(route: Route, text: string, origin: string): unknown {
  const schema = route.response as { type?: string; properties?: { results?: unknown } }
  if (schema.type === 'string') return text
  if (schema.type === 'null') return null
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw strangeAnswer(origin, route, text, error)
  }
  if (schema.type === 'object' && (typeof value !== 'object' || value === null))
    throw strangeAnswer(origin, route, text)
  if (schema.properties?.results && !Array.isArray((value as { results?: unknown }).results))
    throw strangeAnswer(origin, route, text)
  return value
}

/** A name that would climb in the URL instead of naming something. */
export function checkPlaces(params: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(params))
    if (value === '' || value === '.' || value === '..')
      throw new DeisError('usage', `${JSON.stringify(value)} cannot be the ${name} of anything.`)
}

/** Calls a route of the contract; anything but success is thrown as a DeisError. */
export async function call<const R extends Route>(
  wire: Wire,
  connection: Connection,
  route: R,
  given: CallArguments<R>,
): Promise<Response<R>> {
  const params: Readonly<Record<string, string>> = given.params ?? {}
  checkPlaces(params)
  const answer = await send(wire, connection, {
    method: route.method,
    path: fillPath(route.path, params),
    query: given.query as Record<string, string | undefined> | undefined,
    headers: {
      'Content-Type': 'application/json',
      ...(connection.token ? { Authorization: `token ${connection.token}` } : {}),
    },
    body: given.body,
  })
  if (answer.status >= 400) throw refusal(answer, route, connection.controller)
  wire.heardVersion(answer.version)
  return parse(route, answer.text, originOf(connection.controller)) as Response<R>
}

/** Is there a controller? It refuses `/v2/` without a token and says which API it speaks (contract/api.md §1.2). */
export async function checkConnection(wire: Wire, connection: Connection): Promise<void> {
  const answer = await send(wire, connection, { method: 'GET', path: '/v2/', headers: {}, deadline: probeDeadline })
  if (answer.status !== 401 || answer.version === undefined)
    throw new DeisError('unreachable', `${connection.controller} is not the address of a Deis controller.`, {
      hint: `GET ${originOf(connection.controller)}/v2/ answered ${answer.status}; a controller answers 401 and names its API version. Check host and port.`,
    })
  wire.heardVersion(answer.version)
}

/** The API version of a controller, without being logged in. */
export async function controllerVersion(wire: Wire, connection: Connection): Promise<string | undefined> {
  const answer = await send(wire, connection, { method: 'GET', path: '/healthz', headers: {}, deadline: probeDeadline })
  return answer.version
}
