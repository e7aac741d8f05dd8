// How is a CA asked for a certificate (RFC 8555)? The only user of acme-client, which is loaded when it is first needed.
import type * as AcmeClientModule from 'acme-client'
import type { Client } from 'acme-client'
import { AcmeProblem, detailOf, problemOf, retryAfterOf } from './problem.ts'
import type { Window } from './schedule.ts'

const requestMs = 30_000
const mostBytes = 1024 * 1024
/** CAs may refuse any nonce; the library's five tries are few where one does so often. */
const nonceTries = 25

type Acme = typeof AcmeClientModule
export type Account = { readonly directory: string; readonly key: string; readonly url: string | null }
export type Contact = {
  readonly email: string | null
  readonly eab: { readonly kid: string; readonly hmacKey: string } | null
}

export type Order = {
  readonly url: string
  readonly status: 'pending' | 'ready' | 'processing' | 'valid' | 'invalid'
  readonly error: { readonly type: string; readonly detail: string } | null
}
export type Proof = {
  readonly kind: 'http-01' | 'dns-01'
  readonly token: string
  /** What the CA looks for: a response, or the value of a TXT record. */
  readonly value: string
}
export type Authorization = {
  readonly status: string
  readonly error: { readonly type: string; readonly detail: string } | null
  /** How it can be proven, in the CA's order. */
  readonly proofs: readonly Proof[]
  /** Tells the CA to look. */
  ready(proof: Proof): Promise<void>
}

export type Ca = {
  /** What CAA records call it (RFC 8659). Empty: it does not say. */
  issuers(): Promise<readonly string[]>
  order(host: string, replaces: string | null): Promise<Order>
  look(url: string): Promise<Order>
  authorizations(url: string): Promise<Authorization[]>
  /** With the key that the certificate is for. */
  finalize(url: string, host: string, key: string): Promise<void>
  download(url: string): Promise<string>
  /** When the CA suggests to renew; null: it does not say. */
  renewal(
    certId: string,
  ): Promise<{ readonly window: Window; readonly againMs: number | null; readonly page: string | null } | null>
}

let loading: Promise<Acme> | null = null

/** Its own retries would wait for minutes, and hide what the CA says. */
async function load(): Promise<Acme> {
  const module = (await import('acme-client')) as Acme & { default?: Acme }
  const acme = module.default ?? module
  const { axios } = acme
  axios.interceptors.request.clear()
  axios.interceptors.response.clear()
  Object.assign(axios.defaults, { timeout: requestMs, maxContentLength: mostBytes, maxRedirects: 5 })
  axios.interceptors.response.use(
    (response) => {
      const { status, headers } = response
      const data: unknown = response.data
      // That one is tried again with a new nonce.
      if (status < 400 || detailOf(data).type === 'badNonce') return response
      throw problemOf(status, headers as Record<string, string>, data)
    },
    (error: Error & { code?: string }) => {
      throw new AcmeProblem('unreachable', `${error.code ?? ''} ${error.message}`.trim(), null, { cause: error })
    },
  )
  return acme
}

/** The library has no option for it. */
function patient(client: Client): Client {
  Object.assign((client as unknown as { http: object }).http, { maxBadNonceRetries: nonceTries })
  return client
}

const loaded = (): Promise<Acme> => (loading ??= load())

/** A P-256 key in PEM. */
export async function newKey(): Promise<string> {
  return (await (await loaded()).crypto.createPrivateEcdsaKey('P-256')).toString()
}

/** Registers the account if its key is not known to the CA. @returns its URL. @throws AcmeProblem */
export async function registerAccount({ directory, key }: Account, { email, eab }: Contact): Promise<string> {
  const { Client: AcmeClient } = await loaded()
  const client = patient(
    new AcmeClient({
      directoryUrl: directory,
      accountKey: key,
      ...(eab ? { externalAccountBinding: { kid: eab.kid, hmacKey: eab.hmacKey } } : {}),
    }),
  )
  await client.createAccount({
    termsOfServiceAgreed: true,
    ...(email === null ? {} : { contact: [`mailto:${email}`] }),
  })
  return client.getAccountUrl()
}

type RawOrder = Awaited<ReturnType<Client['createOrder']>>
type RawChallenge = Awaited<ReturnType<Client['getAuthorizations']>>[number]['challenges'][number]

const errorOf = (document: unknown): { type: string; detail: string } | null =>
  document === undefined || document === null ? null : detailOf(document)

const toOrder = (raw: RawOrder): Order => ({
  url: raw.url,
  status: raw.status,
  error: errorOf((raw as { error?: unknown }).error),
})

/** @throws AcmeProblem by all its functions */
export async function openCa(account: Account & { readonly url: string }): Promise<Ca> {
  const acme = await loaded()
  const client = patient(
    new acme.Client({ directoryUrl: account.directory, accountKey: account.key, accountUrl: account.url }),
  )
  const raw = (url: string): Promise<RawOrder> => client.getOrder({ url } as RawOrder)
  const proofOf = async (challenge: RawChallenge): Promise<Proof[]> => {
    const { type: kind, token } = challenge
    if (kind !== 'http-01' && kind !== 'dns-01') return []
    return [{ kind, token, value: await client.getChallengeKeyAuthorization(challenge) }]
  }
  const directory = async (): Promise<Record<string, unknown>> =>
    (await acme.axios.get<Record<string, unknown>>(account.directory)).data
  return {
    async issuers() {
      const { caaIdentities } = ((await directory())['meta'] ?? {}) as { caaIdentities?: unknown }
      const names = Array.isArray(caaIdentities) ? (caaIdentities as unknown[]) : []
      return names.filter((name) => typeof name === 'string').map((name) => name.toLowerCase())
    },
    async order(host, replaces) {
      // The library sends what it is given; it does not know that field.
      const wanted = {
        identifiers: [{ type: 'dns' as const, value: host }],
        ...(replaces === null ? {} : { replaces }),
      }
      return toOrder(await client.createOrder(wanted))
    },
    look: async (url) => toOrder(await raw(url)),
    async authorizations(url) {
      const found = await client.getAuthorizations(await raw(url))
      return Promise.all(
        found.map(async ({ status, challenges }) => ({
          status,
          error:
            challenges.map((one) => errorOf((one as { error?: unknown }).error)).find((one) => one !== null) ?? null,
          proofs: (await Promise.all(challenges.map(proofOf))).flat(),
          async ready({ kind }: Proof) {
            const challenge = challenges.find(({ type }) => type === kind)
            if (challenge && challenge.status === 'pending') await client.completeChallenge(challenge)
          },
        })),
      )
    },
    async finalize(url, host, key) {
      const [, csr] = await acme.crypto.createCsr({ altNames: [host] }, key)
      await client.finalizeOrder(await raw(url), csr)
    },
    async download(url) {
      return client.getCertificate(await raw(url))
    },
    async renewal(certId) {
      const { renewalInfo } = await directory()
      if (typeof renewalInfo !== 'string') return null
      const { data, headers } = await acme.axios.get<{
        suggestedWindow?: { start?: string; end?: string }
        explanationURL?: unknown
      }>(`${renewalInfo.replace(/(?<!\/)\/$/, '')}/${certId}`)
      const start = new Date(data.suggestedWindow?.start ?? '')
      const end = new Date(data.suggestedWindow?.end ?? '')
      if (Number.isNaN(start.getTime()) || Number.isNaN(end.getTime())) return null
      const page = typeof data.explanationURL === 'string' ? data.explanationURL.slice(0, 500) : null
      return { window: { start, end }, againMs: retryAfterOf(headers['retry-after'] as string | undefined), page }
    },
  }
}
