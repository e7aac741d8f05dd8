// How does a user log in with a browser, here or on another machine (docs/contract/cli.md §2.2)?
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { beginDeviceLogin, collectDeviceLogin, DeisError } from '@deis/types'
import { openInBrowser } from '../terminal/browser.ts'
import { call, type Connection } from '../http/client.ts'
import type { Context } from './context.ts'
import { note, print } from '../terminal/output.ts'

const longestWaitMs = 3_600_000
const longestIntervalMs = 60_000
/** As RFC 8628 wants it. */
const slowerMs = 5_000

/** It is passed on a command line, and comes from the controller. */
function checkedPage(address: string): string {
  if (address.length <= 500 && /^https?:\/\/[\w.:[\]-]+\/[\w./?=&-]*$/.test(address)) return address
  throw new DeisError('internal', `${JSON.stringify(address.slice(0, 500))} is not an address that a browser can open.`)
}

const between = (ms: number, least: number, most: number): number => Math.min(Math.max(ms || least, least), most)

/** The reason why there is no token yet; null: this error ends it. */
function reasonIn(error: unknown): string | null {
  if (!(error instanceof DeisError)) return null
  // The network, a proxy or the controller is away for a moment.
  if (error.code === 'unreachable' || error.code === 'unavailable') return 'authorization_pending'
  if (error.code === 'throttled') return 'slow_down'
  return error.fields?.['error']?.[0] ?? null
}

const again = { hint: 'Run `deis login --browser` again.' }

/** Shows the page, and waits until its user has logged in there. */
export async function logInByBrowser(
  context: Context,
  connection: Connection,
): Promise<{ readonly token: string; readonly username: string }> {
  const { io, wire } = context
  const begun = await call(wire, connection, beginDeviceLogin, { body: { name: hostname().slice(0, 100) } })
  const page = checkedPage(begun.verification_uri_complete)
  print(io, `Log in on this page, which must show the code ${begun.user_code}:`)
  print(io, `  ${page}`)
  // Over SSH, say, there is none; the page can be opened anywhere.
  if (io.isTty.stdout && (await openInBrowser(io, page)) !== null)
    note(io, 'Open it in a browser, also on another machine.')
  print(io, 'Waiting for the login...')
  const until = Date.now() + between(begun.expires_in * 1000, 0, longestWaitMs)
  let interval = between(begun.interval * 1000, 1_000, longestIntervalMs)
  while (Date.now() < until) {
    await sleep(interval, undefined, { signal: io.signal })
    try {
      return await call(wire, connection, collectDeviceLogin, { body: { device_code: begun.device_code } })
    } catch (error) {
      const reason = reasonIn(error)
      if (reason === 'slow_down') interval = Math.min(interval + slowerMs, longestIntervalMs)
      else if (reason === 'access_denied')
        throw new DeisError('forbidden', 'The login was denied, so nothing was changed.', again)
      else if (reason === 'expired_token') break
      else if (reason !== 'authorization_pending') throw error
    }
  }
  throw new DeisError('unauthenticated', 'The code has expired before a login, so nothing was changed.', again)
}
