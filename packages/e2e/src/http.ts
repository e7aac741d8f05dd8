// How does the world ask apps and the API?
import { pidOutside } from './processes.ts'
import { type Agent, request } from 'node:http'
import { text } from 'node:stream/consumers'
import type { Platform } from './platform.ts'
import { until } from './until.ts'

export type Answer = {
  readonly status: number
  readonly body: string
  /** Where it sends the client instead. */
  readonly location?: string | undefined
}

type Ask = {
  readonly path?: string
  readonly method?: string
  readonly body?: string
  readonly agent?: Agent
  readonly headers?: Readonly<Record<string, string>>
}

/** Through the router, under the app's own name. */
export function ask({ routerPort }: Pick<Platform, 'routerPort'>, app: string, options: Ask = {}): Promise<Answer> {
  const { path = '/', method = 'GET', body, agent, headers } = options
  return new Promise((resolve, reject) => {
    const call = request(
      { host: '127.0.0.1', port: routerPort, path, method, agent, headers: { host: `${app}.localhost`, ...headers } },
      (response) => {
        const { statusCode: status = 0, headers: given } = response
        text(response).then((content) => resolve({ status, body: content, location: given.location }), reject)
      },
    )
    call.setTimeout(30_000, () => call.destroy(new Error('no answer within 30 s')))
    call.once('error', reject)
    call.end(body)
  })
}

/** What the plain app says of itself. */
export type Self = {
  readonly message: string
  readonly greeting: string | null
  readonly release: string
  /** On this machine, whatever number it has for itself. */
  readonly pid: number
  readonly pod: string
  readonly uid: number
}

export async function self(platform: Pick<Platform, 'routerPort'>, app: string): Promise<Self> {
  const { status, body } = await ask(platform, app)
  if (status !== 200) throw new Error(`${app} answers ${status}: ${body}`)
  const found = JSON.parse(body) as Self
  return { ...found, pid: await pidOutside('DEIS_POD', found.pod, found.pid) }
}

/** Waits until the app answers so: the router has a change a moment after the client that made it. */
export async function serving(
  platform: Pick<Platform, 'routerPort'>,
  app: string,
  expected: Partial<Self>,
): Promise<Self> {
  return until({ what: `${app} answers ${JSON.stringify(expected)}` }, async () => {
    const found = await self(platform, app)
    if (Object.entries(expected).every(([key, value]) => found[key as keyof Self] === value)) return found
    throw new Error(`it answers ${JSON.stringify(found)}`)
  })
}

/** One process answers after the other; asked until `count` different ones have. */
export async function pidsOf(platform: Pick<Platform, 'routerPort'>, app: string, count: number): Promise<number[]> {
  const pids = new Set<number>()
  for (let tries = 0; tries < count * 20 && pids.size < count; tries++) pids.add((await self(platform, app)).pid)
  return [...pids].toSorted((left, right) => left - right)
}

export async function callApi(
  { api }: Pick<Platform, 'api'>,
  token: string | null,
  method: string,
  path: string,
  body?: unknown,
): Promise<Answer> {
  const response = await fetch(`${api}${path}`, {
    method,
    headers: {
      ...(token === null ? {} : { authorization: `token ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(120_000),
  })
  return { status: response.status, body: await response.text() }
}
