// What does a call do when no answer comes? It asks again for what it reads; of a change, it asks how that ended.
import { setTimeout as sleep } from 'node:timers/promises'
import { DeisError, notFound, type RequestRecord } from '@deis/types'
import type { Answer } from './client.ts'

const usualSeconds = 300
const longestSeconds = 24 * 3600
const againAfterMs = [250, 500, 1_000]
const firstDelayMs = 250
const lastDelayMs = 2_000

/** What a proxy says for a controller that is not there, and a controller that stops. */
const lostStatuses = new Set([502, 503, 504])
const neverSent = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN'])
/** They also end connections in use: only while connecting nothing was sent. */
const noWay = new Set(['EHOSTUNREACH', 'ENETUNREACH', 'ENETDOWN'])
const lostCodes = new Set([
  ...neverSent,
  ...noWay,
  'ECONNRESET',
  'ECONNABORTED',
  'ETIMEDOUT',
  'EPIPE',
  'ERR_BAD_RESPONSE',
])

type Send = () => Promise<Answer>

type Try = {
  /** Whether another try may have another result. */
  readonly isLost: boolean
  readonly wasSent: boolean
  /** Something answered that it is too busy. */
  readonly isRefused: boolean
  /** @throws when there was none */
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
    const wasSent = !neverSent.has(code) && !(noWay.has(code) && syscall === 'connect')
    const result = (): never => {
      throw error
    }
    return { isLost: true, wasSent, isRefused: false, result }
  }
}

/** Tries a few times as long as it is as bad as `isBad` says. */
async function again(send: Send, isBad: (last: Try) => boolean, signal: AbortSignal): Promise<Try> {
  let last = await tried(send)
  for (const delay of againAfterMs) {
    if (!isBad(last)) break
    await sleep(delay, undefined, { signal })
    last = await tried(send)
  }
  return last
}

export async function readAgain(send: Send, signal: AbortSignal): Promise<Answer> {
  return (await again(send, ({ isLost }) => isLost, signal)).result()
}

/** `DEIS_WAIT_SECONDS`. @throws when that is no number of seconds */
export function waitSeconds(env: Readonly<Record<string, string | undefined>>): number {
  const text = env['DEIS_WAIT_SECONDS']
  if (text === undefined || text === '') return usualSeconds
  const seconds = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (seconds <= longestSeconds) return seconds
  throw new DeisError(
    'usage',
    `DEIS_WAIT_SECONDS is ${JSON.stringify(text)}, not a number from 0 to ${longestSeconds}.`,
  )
}

export type Change = {
  /** Carries a name, so that it can be sent again without being done twice. */
  readonly send: Send
  /** Asks how what has that name ended. */
  readonly ask: Send
  readonly origin: string
  /** How long to ask; 0: not at all. */
  readonly seconds: number
  readonly waits: (text: string) => void
  readonly signal: AbortSignal
}

/** `never`: nothing was begun, or nothing changed; `silent`: this controller knows no such question. */
type End = Answer | 'never' | 'silent' | 'running'

function endIn({ status, version, text }: Answer): End {
  if (status === 404) return text === JSON.stringify(notFound('Request').message) ? 'never' : 'silent'
  if (status === 429 || status >= 500) return 'running'
  if (status !== 200) return 'silent'
  let record: Partial<RequestRecord> | null
  try {
    record = JSON.parse(text) as typeof record
  } catch {
    // Another server's page.
    return 'silent'
  }
  if (record?.state === 'interrupted') return 'never'
  if (record?.state === 'unclear')
    throw new DeisError(
      'unavailable',
      'The controller went away at work on this, and cannot tell whether it was done.',
      {
        hint: 'Look before you try again.',
      },
    )
  if (record?.state === 'running') return 'running'
  if (record?.state !== 'ended' || typeof record.status !== 'number') return 'silent'
  return { status: record.status, version, text: record.answer ?? '' }
}

/** Asks until it is known. @throws when that takes too long */
async function howItEnded({ ask, waits, origin, seconds, signal }: Change, deadline: number): Promise<End> {
  let said = ''
  const say = (text: string): void => {
    if (said !== text) waits(text)
    said = text
  }
  for (let delay = firstDelayMs; ; delay = Math.min(delay * 1.5, lastDelayMs)) {
    const last = await tried(ask)
    const end = last.isLost ? 'running' : endIn(last.result())
    if (end !== 'running') return end
    if (Date.now() + delay > deadline)
      throw new DeisError(
        'unreachable',
        `The controller at ${origin} did not tell within ${seconds} s how this ended.`,
        {
          hint: 'It may have done the work, or still do: look with `deis releases` and `deis ps` before you try again.',
        },
      )
    say(
      last.isLost
        ? `The controller does not answer: waiting up to ${seconds} s to hear how this ended...`
        : 'The connection was lost, and the controller is still at work on this: waiting for it to end...',
    )
    await sleep(delay, undefined, { signal })
  }
}

/** What would have been answered, whatever becomes of connection and controller meanwhile. */
export async function insist(change: Change): Promise<Answer> {
  const { send, seconds, signal, origin } = change
  // What reached nobody is sent again: nothing can have come of it.
  let last = await again(send, ({ isLost, wasSent }) => isLost && !wasSent, signal)
  if (!last.isLost || !last.wasSent || seconds === 0) return last.result()
  const deadline = Date.now() + seconds * 1_000
  for (let isAgain = false; ; isAgain = true) {
    const end = await howItEnded(change, deadline)
    if (typeof end === 'object') return end
    if (end !== 'never') return last.result()
    // It was there, and has its reason to do nothing now.
    if (isAgain && last.isRefused) return last.result()
    if (isAgain)
      throw new DeisError('unreachable', `The controller at ${origin} went away twice before this was done.`, {
        hint: 'Run the same command again.',
      })
    last = await tried(send)
    if (!last.isLost) return last.result()
  }
}
