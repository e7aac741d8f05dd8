// How are requests sent to one registry: with credentials, redirects and retries?
import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { readErrorText } from './body.ts'
import { parseChallenge } from './challenge.ts'
import { failureOf, RegistryFailure } from './failure.ts'
import type { Credentials, RegistrySettings } from '@deis/ports/registry'
import { apiHost, canonicalHost } from './reference.ts'
import { retry } from './retry.ts'
import { basic, fetchToken, type Token } from './token.ts'
import type { Body, Rules, Wire } from './wire.ts'

export type Call = {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE'
  /** Below `/v2/`, or a URL that the registry gave. */
  readonly url: string | URL
  /** The scopes of the token: `repository:NAME:pull` … */
  readonly scopes: readonly string[]
  readonly accept?: string
  readonly type?: string
  readonly body?: Body
  /** Statuses besides those of success that are accepted, such as 404. */
  readonly also?: readonly number[]
  /** A transfer may take as long as data moves. Everything else ends within seconds. */
  readonly transfer?: boolean
  /** Not retried here, because the caller retries a larger unit. */
  readonly once?: boolean
  /** Codes of registries that pass for this request alone. */
  readonly passing?: readonly string[]
  readonly signal: AbortSignal
}

export type Answer = { readonly status: number; readonly message: IncomingMessage; readonly url: URL }

export type Connection = {
  readonly host: string
  /** Whether requests carry credentials. */
  readonly known: boolean
  /** How many attempts a call has while the registry is away. */
  readonly tries: number
  /**
   * `consume` gets the answer and reads all of it; it is called once more for each retry.
   * @throws RegistryFailure, or what the network threw
   */
  call<T>(call: Call, consume: (answer: Answer) => Promise<T>): Promise<T>
}

const callMs = 20_000
/** A registry moves an upload to its storage before it answers. */
const transferIdleMs = 120_000
const mostRedirects = 5
const redirects = new Set([301, 302, 303, 307, 308])
/** How many tokens, of users and repositories, are cached. */
const mostTokens = 1000

export type Connect = (host: string, credentials: Credentials | null, tries: number) => Connection

/** The hosts of the settings, with one spelling for Docker Hub. */
function listed(settings: RegistrySettings): { plain: Set<string>; trusted: Set<string> } {
  const plain = new Set(settings.insecure.map(canonicalHost))
  const mirrors = Object.values(settings.mirrors).map((mirror) => mirror.split('/', 1)[0] ?? '')
  return {
    plain,
    trusted: new Set([...plain, ...[...mirrors, ...Object.keys(settings.credentials)].map(canonicalHost)]),
  }
}

export function createConnections(wire: Wire, settings: RegistrySettings): Connect {
  const { plain, trusted } = listed(settings)
  // By host, user and scopes. Registries with Basic have one for all scopes.
  const tokens = new Map<string, Token>()
  const remember = (key: string, token: Token): void => {
    const now = Date.now()
    if (tokens.size >= mostTokens) for (const [one, { expires }] of tokens) if (expires < now) tokens.delete(one)
    if (tokens.size >= mostTokens) tokens.clear()
    tokens.set(key, token)
  }
  return (host, credentials, tries) => {
    const rules: Rules = { plain: plain.has(host), trusted: trusted.has(host) }
    const base = new URL(`${rules.plain ? 'http' : 'https'}://${apiHost(host)}/v2/`)
    const user = credentials ? createHash('sha256').update(basic(credentials)).digest('hex') : ''

    const send = async (call: Call, url: URL, header: string | undefined, signal: AbortSignal): Promise<Answer> => {
      const message = await wire({
        method: call.method,
        url,
        headers: {
          ...(call.accept === undefined ? {} : { accept: call.accept }),
          ...(call.type === undefined ? {} : { 'content-type': call.type }),
          // A POST without a body has a length nevertheless, or some servers wait for one.
          ...(call.method === 'POST' && !call.body ? { 'content-length': '0' } : {}),
          // Storage and upload servers elsewhere are not the registry: its credentials are not for them.
          ...(header === undefined || url.origin !== base.origin ? {} : { authorization: header }),
        },
        body: call.body,
        rules,
        idleMs: call.transfer === true ? transferIdleMs : callMs,
        signal,
      })
      return { status: message.statusCode ?? 0, message, url }
    }

    const follow = async (call: Call, first: URL, header: string | undefined, signal: AbortSignal): Promise<Answer> => {
      let answer = await send(call, first, header, signal)
      for (let hops = 0; redirects.has(answer.status) && /^(GET|HEAD)$/.test(call.method); hops++) {
        const { location = '' } = answer.message.headers
        answer.message.destroy()
        if (hops >= mostRedirects || !URL.canParse(location, answer.url.href))
          throw new RegistryFailure(answer.status, '', host, 'too many redirects')
        answer = await send(call, new URL(location, answer.url), header, signal)
      }
      return answer
    }

    /** Answers a 401 once, with a token for the scopes that the registry names and those of the call. */
    const authorized = async (call: Call, signal: AbortSignal): Promise<Answer> => {
      const url = new URL(call.url, base)
      const key = `${host} ${user} ${call.scopes.join(' ')}`
      const remembered = tokens.get(key)
      const usable = remembered && remembered.expires > Date.now() ? remembered.header : undefined
      const answer = await follow(call, url, usable, signal)
      if (answer.status !== 401 || answer.url.origin !== base.origin) return answer
      const challenge = parseChallenge(answer.message.headers['www-authenticate'] ?? '')
      if (!challenge || (challenge.scheme === 'basic' && (!credentials || usable !== undefined))) return answer
      answer.message.resume()
      let token: Token
      if (challenge.scheme === 'basic') token = { header: basic(credentials as Credentials), expires: Infinity }
      else {
        const scopes = [...new Set([...call.scopes, ...challenge.scope.split(' ').filter(Boolean)])]
        token = await fetchToken(wire, challenge, scopes, credentials, rules, host, signal)
      }
      remember(key, token)
      return follow(call, url, token.header, signal)
    }

    return {
      host,
      known: credentials !== null,
      tries,
      call: (call, consume) =>
        retry(
          async () => {
            const late = AbortSignal.timeout(callMs)
            const signal = call.transfer === true ? call.signal : AbortSignal.any([call.signal, late])
            try {
              const answer = await authorized(call, signal)
              if ((answer.status >= 200 && answer.status < 300) || call.also?.includes(answer.status) === true)
                return await consume(answer)
              const retryAfter = answer.message.headers['retry-after']
              throw failureOf(host, answer.status, await readErrorText(answer.message), retryAfter)
            } catch (error) {
              if (!late.aborted || call.transfer === true || error instanceof RegistryFailure) throw error
              throw Object.assign(new Error(`no answer within ${callMs / 1000} seconds`), { code: 'ETIMEDOUT' })
            }
          },
          call.signal,
          call.once === true ? 1 : tries,
          call.passing,
        ),
    }
  }
}
