// What is the client of a session in the tests of the scheduler contract?
import { PassThrough } from 'node:stream'
import type { SessionIo } from '../scheduler.ts'
import { until } from './contract-steps.ts'

export type Client = {
  readonly io: SessionIo
  readonly input: PassThrough
  /** Cancels the session. */
  readonly cancel: AbortController
  stdout(): Buffer
  stderr(): Buffer
  /** Waits until stdout has this text, and returns all of it. */
  shows(text: string): Promise<string>
}

export const screen = { columns: 91, rows: 27, name: 'xterm-256color' } as const

/** `slowMs`: how long each chunk of output takes to be passed on. */
export function openClient(
  options: { terminal?: boolean; input?: boolean; slowMs?: number; patience?: number } = {},
): Client {
  const { terminal = false, input: reads = true, slowMs = 0, patience = 1 } = options
  const input = new PassThrough()
  const cancel = new AbortController()
  const chunks: { readonly stdout: Buffer[]; readonly stderr: Buffer[] } = { stdout: [], stderr: [] }
  let isBusy = false
  const stdout = (): Buffer => Buffer.concat(chunks.stdout)
  return {
    io: {
      terminal: terminal ? screen : null,
      input: reads ? input : null,
      async output(from, chunk) {
        if (slowMs > 0) {
          if (isBusy) throw new Error('more output came before the last was passed on')
          isBusy = true
          await new Promise((resolve) => setTimeout(resolve, slowMs))
          isBusy = false
        }
        // A copy: the caller may reuse the chunk when this resolves.
        chunks[from].push(Buffer.from(chunk))
      },
      signal: cancel.signal,
    },
    input,
    cancel,
    stdout,
    stderr: () => Buffer.concat(chunks.stderr),
    shows: (text) =>
      until(
        `it shows ${JSON.stringify(text)}`,
        async () => {
          const all = stdout().toString()
          return all.includes(text) && all
        },
        20 * patience,
      ),
  }
}
