// How is something read that goes on, line by line, also when the connection does not hold?
import { once } from 'node:events'
import { StringDecoder } from 'node:string_decoder'
import { setTimeout as sleep } from 'node:timers/promises'
import { DeisError, messageOf } from '@deis/types'
import type { Live } from './client.ts'
import type { Context } from '../profile/context.ts'
import { note } from '../terminal/output.ts'
import { interrupted } from '../terminal/report.ts'

const firstDelayMs = 500
const lastDelayMs = 10_000

/** Each with its end; the last one may have none, unless the connection broke in it. */
export async function* linesOf(body: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  for await (const chunk of body) {
    const lines = (rest + decoder.write(chunk)).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) yield `${line}\n`
  }
  rest += decoder.end()
  if (rest !== '') yield rest
}

export type Following = {
  /** @throws as `call` does. `isAgain`: it was open before. */
  open(isAgain: boolean): Promise<Live>
  /** Gets each line; the text to print, or null for none. */
  take(line: string): string | null
  /** After an end in good order: whether that was all. */
  isOver(): Promise<boolean>
  /** The controller does not know how to go on: what it had was taken. @throws when that was not all */
  cannot(): void | Promise<void>
}

/** Failures of which nothing is left a moment later. */
function isPassing(error: unknown): boolean {
  return error instanceof DeisError && (error.code === 'unreachable' || error.code === 'unavailable')
}

/** Prints until it is over, opening it again as often as it breaks off. @throws what does not pass */
async function readOn({ io }: Context, following: Following, signal: AbortSignal): Promise<void> {
  let delay = firstDelayMs
  let live: Live | null = await following.open(false)
  for (;;) {
    let broke = 'it was closed'
    let isDone = false
    try {
      for await (const line of linesOf(live.body)) {
        const text = following.take(line)
        if (text === null) continue
        delay = firstDelayMs
        if (!io.stdout.write(text)) await once(io.stdout, 'drain', { signal })
      }
      isDone = !live.isFollowed || (await following.isOver())
    } catch (error) {
      if (signal.aborted || (error instanceof DeisError && !isPassing(error))) throw error
      broke = messageOf(error)
    } finally {
      live.end()
    }
    if (isDone) return live.isFollowed ? undefined : following.cannot()
    note(io, `The connection to the controller was lost (${broke}); connecting again...`)
    for (live = null; live === null; delay = Math.min(delay * 2, lastDelayMs)) {
      await sleep(delay, undefined, { signal })
      live = await following.open(true).catch((error: unknown) => {
        if (isPassing(error) && !signal.aborted) return null
        throw error
      })
    }
    note(io, 'Connected again.')
  }
}

/** Ends quietly, with the code that shells know, at Ctrl-C; and when nobody reads any more. */
export async function follow(context: Context, following: Following): Promise<void> {
  const { io } = context
  const unread = new AbortController()
  const stop = (): void => unread.abort()
  io.stdout.on('error', stop).on('close', stop)
  const opened = new Set<Live>()
  const open: Following['open'] = async (isAgain) => {
    const live = await following.open(isAgain)
    opened.add(live)
    if (unread.signal.aborted) live.end()
    return live
  }
  unread.signal.addEventListener('abort', () => opened.forEach((live) => live.end()))
  const signal = AbortSignal.any([io.signal, unread.signal])
  try {
    await readOn(context, { ...following, open }, signal)
  } catch (error) {
    if (!signal.aborted) throw error
    if (io.signal.aborted) context.exitCode = interrupted(io.signal.reason)
  } finally {
    io.stdout.off('error', stop).off('close', stop)
  }
}
