// How does the page ask the API, with the same routes as the command line?
import { type Body, fillPath, type Params, type Query, type Response as Answer, type Route } from '@deis/types'

/** Answers that are not a success; `status` 0: no answer. */
export class ApiError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.name = 'ApiError'
    this.status = status
  }
}

type Given<R extends Route> = {
  readonly params?: Params<R>
  readonly query?: Query<R>
  readonly body?: Body<R>
  readonly signal?: AbortSignal
}

/** The same, without the types of a route. */
type Sent = {
  readonly params?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly signal?: AbortSignal
}

/** Deploys answer when they serve; anything that takes longer than this is looked up again. */
const deadlineMs = 30 * 60_000
const longestMessage = 2_000

/** The text of an error: a sentence, a list of them, or texts by field. */
export function errorText(status: number, body: unknown): string {
  const texts = (value: unknown): string[] => {
    if (typeof value === 'string') return [value]
    if (Array.isArray(value)) return value.flatMap(texts)
    return typeof value === 'object' && value !== null ? Object.values(value).flatMap(texts) : []
  }
  const text = texts(body).join(' ').trim().slice(0, longestMessage)
  return text === '' ? `The platform answered with status ${status}.` : text
}

async function refusal(response: Response): Promise<ApiError> {
  const text = await response.text().catch(() => '')
  let body: unknown = null
  try {
    body = JSON.parse(text)
  } catch {
    // A proxy's page says nothing that helps.
  }
  return new ApiError(response.status, errorText(response.status, body))
}

export type Client = {
  call<R extends Route>(route: R, given?: Given<R>): Promise<Answer<R>>
  /** The text of a route that continues until it ends or `signal` aborts. */
  follow<R extends Route>(route: R, given: Given<R>, text: (part: string) => void): Promise<void>
}

/** `signedOut` is called when the token is no longer valid. */
export function createClient(token: string | null, signedOut: () => void): Client {
  async function send(route: Route, given: Sent, deadline: AbortSignal | null): Promise<Response> {
    const { params = {}, query = {}, body, signal } = given
    const search = new URLSearchParams(query).toString()
    const signals = [signal, deadline].filter((one) => one instanceof AbortSignal)
    const response = await fetch(fillPath(route.path, params) + (search === '' ? '' : `?${search}`), {
      method: route.method,
      headers: {
        ...(token === null ? {} : { authorization: `token ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      credentials: 'omit',
      redirect: 'error',
      signal: AbortSignal.any(signals),
    }).catch((error: unknown) => {
      if (signal?.aborted) throw error
      throw new ApiError(0, 'The platform does not answer. Check your connection, and try again.')
    })
    if (response.ok) return response
    if (response.status === 401 && token !== null) signedOut()
    throw await refusal(response)
  }
  return {
    async call(route, given = {}) {
      const response = await send(route, given as Sent, AbortSignal.timeout(deadlineMs))
      const text = await response.text()
      const isText = !(response.headers.get('content-type') ?? '').startsWith('application/json')
      return (text === '' || isText ? text : JSON.parse(text)) as Answer<typeof route>
    },
    async follow(route, given, text) {
      const { body } = await send(route, given as Sent, null)
      if (body === null) return
      const reader = body.pipeThrough(new TextDecoderStream()).getReader()
      for (;;) {
        const { done, value } = await reader.read()
        if (done) return
        text(value)
      }
    },
  }
}
