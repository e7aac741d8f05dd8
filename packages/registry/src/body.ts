// How is an answer read within a limit of memory?
import type { IncomingMessage } from 'node:http'
import { BadContent } from './failure.ts'

/** The whole body. @throws BadContent beyond the limit, ECONNRESET when it ended early. */
export async function readBody(answer: IncomingMessage, limit: number, what: string): Promise<Buffer> {
  const tooLarge = (): BadContent => new BadContent(`${what} has more than ${limit} bytes`)
  if (Number(answer.headers['content-length'] ?? 0) > limit) {
    answer.destroy()
    throw tooLarge()
  }
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length
    // Leaving the loop ends the connection.
    if (size > limit) throw tooLarge()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

const longestError = 64 * 1024

/** The text of an error answer; empty if it cannot be read. */
export async function readErrorText(answer: IncomingMessage): Promise<string> {
  try {
    return (await readBody(answer, longestError, 'an error')).toString('utf8')
  } catch {
    return ''
  }
}
