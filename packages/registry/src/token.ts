// Which Authorization header does a registry require for a repository?
import type { Challenge } from './challenge.ts'
import { readBody, readErrorText } from './body.ts'
import { failureOf, RegistryFailure } from './failure.ts'
import type { Credentials } from '@deis/ports/registry'
import type { Rules, Wire } from './wire.ts'

const tokenLimit = 256 * 1024
const idleMs = 20_000
/** The specification's default. */
const defaultSeconds = 60
/** A token is not used in its last moments. */
const marginSeconds = 5

export type Token = { readonly header: string; readonly expires: number }

export const basic = ({ username, password }: Credentials): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`

/** Gets a token from the server that the registry named, with the registry's credentials. */
export async function fetchToken(
  wire: Wire,
  challenge: Extract<Challenge, { scheme: 'bearer' }>,
  scopes: readonly string[],
  credentials: Credentials | null,
  rules: Rules,
  host: string,
  signal: AbortSignal,
): Promise<Token> {
  if (!URL.canParse(challenge.realm)) throw new RegistryFailure(400, '', host, 'it does not name a valid token server')
  const url = new URL(challenge.realm)
  if (challenge.service !== '') url.searchParams.set('service', challenge.service)
  url.searchParams.delete('scope')
  for (const scope of scopes) url.searchParams.append('scope', scope)
  const answer = await wire({
    method: 'GET',
    url,
    headers: { accept: 'application/json', ...(credentials ? { authorization: basic(credentials) } : {}) },
    rules,
    idleMs,
    signal,
  })
  const status = answer.statusCode ?? 0
  if (status !== 200) throw failureOf(host, status, await readErrorText(answer), answer.headers['retry-after'])
  const unusable = new RegistryFailure(400, '', host, `its token server ${url.host} gives no token`)
  const body = await readBody(answer, tokenLimit, 'a token')
  let said: { token?: unknown; access_token?: unknown; expires_in?: unknown }
  try {
    said = JSON.parse(body.toString('utf8')) as typeof said
  } catch {
    throw unusable
  }
  const token = said.token ?? said.access_token
  // A header cannot hold anything else.
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token)) throw unusable
  const seconds = typeof said.expires_in === 'number' && said.expires_in > 0 ? said.expires_in : defaultSeconds
  return { header: `Bearer ${token}`, expires: Date.now() + Math.max(0, seconds - marginSeconds) * 1000 }
}
