// What happens when the connection is lost during a call? Reads are sent again; the result of a change is requested.
import { setTimeout as sleep } from 'node:timers/promises'
import { DeisError, notFound, type RequestRecord } from '@deis/types'
import type { Answer } from './client.ts'

const usualSeconds = 300
const longestSeconds = 24 * 3600
const againAfterMs = [250, 500, 1_000]
const firstDelayMs = 250
const lastDelayMs = 2_000

/** From a proxy without a controller behind it, and from a controller that stops. */
const lostStatuses = new Set([502, 503, 504])
const neverSent = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN'])
/** They may also end open connections; only during connect was nothing sent. */
const unroutable = new Set(['EHOSTUNREACH', 'ENETUNREACH', 'ENETDOWN'])
const lostCodes = new Set([
  ...neverSent,
  ...unroutable,
  'ECONNRESET',
  'ECONNABORTED',
  'ETIMEDOUT',
  'EPIPE',
  'ERR_BAD_RESPONSE',
])

type Send = () => Promise<Answer>

type Try = {
  /** Whether another attempt may have another result. */
  readonly isLost: boolean
  readonly wasSent: boolean
  /** The answer was 503. */
  readonly isRefused: boolean
  /** @throws when there was no answer */
  result(): Answer
}

async function tried(send: Send): Promise<Try> {
  try {
    const answer = await send()
    return {
      isLost: lostStatuses.has(answer.status),
      wasSent: true,
      isRefused: answer.status === 503,
      result: () => answer,
    }
  } catch (error) {
    const cause = error instanceof DeisError ? (error.cause as NodeJS.ErrnoException | undefined) : undefined
    const code = cause?.code
    if (code === undefined || !lostCodes.has(code)) throw error
    const syscall = cause?.syscall ?? (cause?.cause as NodeJS.ErrnoException | undefined)?.syscall
    const wasSent = !neverSent.has(code) && !(unroutable.has(code) && syscall === 'connect')
    const result = (): never => {
      throw error
    }
    return { isLost: true, wasSent, isRefused: false, result }
  }
}

/** Tries a few times while `shouldRetry` says so. */
async function again(send: Send, shouldRetry: (last: Try) => boolean, signal: AbortSignal): Promise<Try> {
  let last = await tried(send)
  for (const delay of againAfterMs) {
    if (!shouldRetry(last)) break
    await sleep(delay, undefined, { signal })
    last = await tried(send)
  }
  return last
}

export async function retryRead(send: Send, signal: AbortSignal): Promise<Answer> {
  return (await again(send, ({ isLost }) => isLost, signal)).result()
}

/** `DEIS_WAIT_SECONDS`. @throws when it is not a number of seconds */
export function waitSeconds(env: Readonly<Record<string, string | undefined>>): number {
  const text = env['DEIS_WAIT_SECONDS']
  if (text === undefined || text === '') return usualSeconds
  const seconds = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (seconds <= longestSeconds) return seconds
  throw new DeisError(
    'usage',
    `DEIS_WAIT_SECONDS is ${JSON.stringify(text)}; it must be a number from 0 to ${longestSeconds}.`,
  )
}

export type Change = {
  /** Has a request id, so that it can be sent again without being done twice. */
  readonly send: Send
  /** Requests the result of the change with this id. */
  readonly ask: Send
  readonly origin: string
  /** How long to ask for the result; 0: not at all. */
  readonly seconds: number
  readonly onWait: (text: string) => void
  readonly signal: AbortSignal
}

/** `never`: nothing was begun, or nothing changed; `unsupported`: the controller cannot tell. */
type End = Answer | 'never' | 'unsupported' | 'running'

function endIn({ status, versions, text }: Answer): End {
  if (status === 404) return text === JSON.stringify(notFound('Request').message) ? 'never' : 'unsupported'
  if (status === 429 || status >= 500) return 'running'
  if (status !== 200) return 'unsupported'
  let record: Partial<RequestRecord> | null
  try {
    record = JSON.parse(text) as typeof record
  } catch {
    // The page of another server.
    return 'unsupported'
  }
  if (record?.state === 'interrupted') return 'never'
  if (record?.state === 'unclear')
    throw new DeisError(
      'unavailable',
      'The controller stopped during this change, and does not know whether it was done.',
      {
        hint: 'Check with `deis releases` and `deis ps` before you try again.',
      },
    )
  if (record?.state === 'running') return 'running'
  if (record?.state !== 'ended' || typeof record.status !== 'number') return 'unsupported'
  return { status: record.status, versions, text: record.answer ?? '' }
}

/** Asks until the result is known. @throws when that takes too long */
async function resultOf({ ask, onWait, origin, seconds, signal }: Change, deadline: number): Promise<End> {
  let shown = ''
  const show = (text: string): void => {
    if (shown !== text) onWait(text)
    shown = text
  }
  for (let delay = firstDelayMs; ; delay = Math.min(delay * 1.5, lastDelayMs)) {
    const last = await tried(ask)
    const end = last.isLost ? 'running' : endIn(last.result())
    if (end !== 'running') return end
    if (Date.now() + delay > deadline)
      throw new DeisError('unreachable', `The controller at ${origin} did not report the result within ${seconds} s.`, {
        hint: 'The change may be done, or still running: check with `deis releases` and `deis ps` before you try again.',
      })
    show(
      last.isLost
        ? `The controller does not answer; waiting up to ${seconds} s for the result...`
        : 'The connection was lost, but the change is still running; waiting for the result...',
    )
    await sleep(delay, undefined, { signal })
  }
}

/** The answer to a change, even if the connection is lost or the controller restarts. */
export async function retryChange(change: Change): Promise<Answer> {
  const { send, seconds, signal, origin } = change
  // A request that never arrived is sent again: it cannot have changed anything.
  let last = await again(send, ({ isLost, wasSent }) => isLost && !wasSent, signal)
  if (!last.isLost || !last.wasSent || seconds === 0) return last.result()
  const deadline = Date.now() + seconds * 1_000
  for (let isAgain = false; ; isAgain = true) {
    const end = await resultOf(change, deadline)
    if (typeof end === 'object') return end
    if (end !== 'never') return last.result()
    // The controller answered, and refuses for now.
    if (isAgain && last.isRefused) return last.result()
    if (isAgain)
      throw new DeisError(
        'unreachable',
        `The connection to the controller at ${origin} was lost twice before this was done.`,
        {
          hint: 'Run the same command again.',
        },
      )
    last = await tried(send)
    if (!last.isLost) return last.result()
  }
}
