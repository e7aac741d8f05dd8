// Does the API answer at an address of this machine?
import { request as httpRequest, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '@deis/types'

const onceMs = 5_000
const againMs = 250

type Answer = { readonly status: number; readonly isApi: boolean; readonly location: string }

function ask(url: string, options: RequestOptions & { servername?: string }): Promise<Answer> {
  const request = url.startsWith('https:') ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    const asked = request(url, { timeout: onceMs, ...options }, (response) => {
      response.resume()
      const { statusCode: status = 0, headers } = response
      resolve({ status, isApi: headers['deis_api_version'] !== undefined, location: headers.location ?? '' })
    })
    asked.on('timeout', () => asked.destroy(new Error(`no answer within ${onceMs / 1000} s`)))
    asked.on('error', reject)
    asked.end()
  })
}

/** Where the router sends a request for `host` to, at the same machine; null: it does not. */
export function encryptedUrl({ status, location }: Pick<Answer, 'status' | 'location'>, host: string): string | null {
  if (![301, 308].includes(status) || !URL.canParse(location)) return null
  const { protocol, hostname, port, pathname } = new URL(location)
  if (protocol !== 'https:' || hostname !== host) return null
  return `https://127.0.0.1:${port === '' ? 443 : port}${pathname}`
}

/** Null: a controller answers there. Otherwise what does. (Routers answer some paths themselves: a status says too little.) */
export async function missedBy(url: string, host: string | undefined, signal: AbortSignal): Promise<string | null> {
  const headers = { connection: 'close', ...(host === undefined ? {} : { host }) }
  try {
    let answer = await ask(url, { headers, signal })
    const encrypted = host === undefined ? null : encryptedUrl(answer, host)
    // Whether others trust the certificate is not asked here: nothing leaves this machine.
    if (encrypted !== null && host !== undefined)
      answer = await ask(encrypted, { headers, signal, servername: host, rejectUnauthorized: false } as RequestOptions)
    const { status, isApi } = answer
    if (status < 500 && isApi) return null
    return `status ${status}, ${isApi ? 'so it is not ready' : 'which is not an answer of the API'}`
  } catch (error) {
    return messageOf(error)
  }
}

/** `slow` gets what happened last, once, when it takes longer than `slowMs`. */
type Wait = { readonly seconds: number; readonly slow: (missed: string) => void; readonly slowMs?: number }

/** Null: it does, in time. Otherwise what happened last. */
export async function reach(
  url: string,
  host: string | undefined,
  { seconds, slow, slowMs = 5_000 }: Wait,
  signal: AbortSignal,
): Promise<string | null> {
  const start = Date.now()
  let isSaid = false
  for (;;) {
    signal.throwIfAborted()
    const missed = await missedBy(url, host, signal)
    const tookMs = Date.now() - start
    if (missed === null || tookMs > seconds * 1000) return missed
    if (!isSaid && tookMs >= slowMs) slow(missed)
    isSaid ||= tookMs >= slowMs
    await sleep(againMs, undefined, { signal })
  }
}
