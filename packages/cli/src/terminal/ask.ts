// How does a command get an answer: from a person, or from a pipe?
import { createInterface } from 'node:readline'
import { addAbortSignal } from 'node:stream'
import { text } from 'node:stream/consumers'
import { DeisError } from '@deis/types'
import type { Io } from './io.ts'

/** Asks at the terminal; without one, says which flag to pass instead. */
export async function ask(io: Io, message: string, flag: string): Promise<string> {
  requireTerminal(io, message, flag)
  return io.prompt.text(message)
}

/** The same without showing what is typed. */
export async function askHidden(io: Io, message: string, flag: string): Promise<string> {
  requireTerminal(io, message, flag)
  return io.prompt.secret(message)
}

function requireTerminal(io: Io, message: string, flag: string): void {
  if (io.isTty.stdin) return
  const what = message.replace(/[:\s]+$/, '')
  throw new DeisError('usage', `There is no terminal to ask for the ${what}.`, { hint: `Pass ${flag}.` })
}

/** The next line of stdin, also from a pipe (`echo APP | deis destroy`); null at its end. */
export async function readLine(io: Io): Promise<string | null> {
  const lines = createInterface({ input: io.stdin, crlfDelay: Infinity, signal: io.signal })
  try {
    for await (const line of lines) return line.trim()
    return null
  } finally {
    lines.close()
  }
}

/** All that is piped in. */
export async function readAll(io: Io): Promise<string> {
  return text(addAbortSignal(io.signal, io.stdin))
}
