// How is a response followed line by line, even if the connection is lost?
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

/** Each with its line end; the last line may have none. */
async function* linesOf(body: AsyncIterable<Buffer>): AsyncGenerator<string> {
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
  /** @throws as `call` does. `isAgain`: it has been open before. */
  open(isAgain: boolean): Promise<Live>
  /** Gets each line; returns the text to print, or null for none. */
  take(line: string): string | null
  /** After an orderly end: whether the output is complete. */
  isOver(): Promise<boolean>
  /** The controller cannot follow, and sent what it had. @throws when that was not all */
  cannot(): void | Promise<void>
}

/** Failures that may be over a moment later. */
function isTemporary(error: unknown): boolean {
  return error instanceof DeisError && (error.code === 'unreachable' || error.code === 'unavailable')
}

/** Prints until the end, and reconnects when the connection is lost. @throws other failures */
async function readOn({ io }: Context, following: Following, signal: AbortSignal): Promise<void> {
  let delay = firstDelayMs
  let live: Live | null = await following.open(false)
  for (;;) {
    let reason = 'closed by the controller'
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
      if (signal.aborted || (error instanceof DeisError && !isTemporary(error))) throw error
      reason = messageOf(error)
    } finally {
      live.end()
    }
    if (isDone) return live.isFollowed ? undefined : following.cannot()
    note(io, `The connection to the controller was lost (${reason}); reconnecting...`)
    for (live = null; live === null; delay = Math.min(delay * 2, lastDelayMs)) {
      await sleep(delay, undefined, { signal })
      live = await following.open(true).catch((error: unknown) => {
        if (isTemporary(error) && !signal.aborted) return null
        throw error
      })
    }
    note(io, 'Reconnected.')
  }
}

/** Ctrl-C, or a closed stdout, ends it without an error; the exit code is that of the signal. */
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
