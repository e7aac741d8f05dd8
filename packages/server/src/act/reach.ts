// Does the API answer at an address of this machine?
import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '@deis/types'

const onceMs = 5_000
const againMs = 250

/** Null: a controller answers there. Otherwise what does. (Routers answer some paths themselves: a status says too little.) */
export function missedBy(url: string, host: string | undefined, signal: AbortSignal): Promise<string | null> {
  return new Promise((resolve) => {
    const options = {
      headers: { connection: 'close', ...(host === undefined ? {} : { host }) },
      timeout: onceMs,
      signal,
    }
    const asked = request(url, options, (response) => {
      response.resume()
      const { statusCode: status = 0, headers } = response
      const problem =
        headers.deis_api_version === undefined ? 'which is not an answer of the API' : 'so it is not ready'
      resolve(status < 500 && headers.deis_api_version !== undefined ? null : `status ${status}, ${problem}`)
    })
    asked.on('timeout', () => asked.destroy(new Error(`no answer within ${onceMs / 1000} s`)))
    asked.on('error', (error) => resolve(messageOf(error)))
    asked.end()
  })
}

/** Null: it does, in time. Otherwise what happened last. */
export async function reach(
  url: string,
  host: string | undefined,
  seconds: number,
  signal: AbortSignal,
): Promise<string | null> {
  const deadline = Date.now() + seconds * 1000
  for (;;) {
    signal.throwIfAborted()
    const missed = await missedBy(url, host, signal)
    if (missed === null || Date.now() > deadline) return missed
    await sleep(againMs, undefined, { signal })
  }
}
