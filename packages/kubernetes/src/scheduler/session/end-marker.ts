// Where in a command's output is the word that all of it has been said?
import { randomBytes } from 'node:crypto'

const start = '\u001e'

/** Nothing else can have said it, and it begins with what hardly any output has. */
export const newLastWord = (): string => `${start}${randomBytes(12).toString('hex')}-`

/** For those who only read: what a line of a command's output says itself; null: nothing. */
export function withoutLastWord(line: string): string | null {
  const at = line.lastIndexOf(start)
  if (at < 0 || !/^[0-9a-f]{24}-\d+;$/.test(line.slice(at + 1))) return line
  return at === 0 ? null : line.slice(0, at)
}

export type Ending = {
  /** What of this, and of what was kept back, is the command's own. */
  feed(chunk: Buffer): Buffer
  /** The beginning of a last word, or not: nothing has come since. */
  release(): Buffer
  keeps(): boolean
  /** The exit code that the last word brought; null: it has not come. */
  code(): number | null
}

const none: Buffer = Buffer.alloc(0)

/** How many bytes at the end of this may be the beginning of the mark. */
function startedAtEnd(said: Buffer, mark: Buffer): number {
  for (let length = Math.min(mark.length - 1, said.length); length > 0; length--)
    if (said.subarray(said.length - length).equals(mark.subarray(0, length))) return length
  return 0
}

/** The last word is the mark, the exit code and a semicolon. What was released too early is recognised all the same. */
export function createEnding(text: string): Ending {
  const mark = Buffer.from(text)
  let recent = none
  /** Of these, not yet handed on. */
  let kept = 0
  let rest: string | null = null
  let code: number | null = null

  const take = (digits: string): void => {
    rest = digits
    const [, found] = /^(\d+);/.exec(rest) ?? []
    if (found !== undefined) code = Number(found)
  }
  return {
    feed(chunk) {
      if (rest !== null) {
        if (code === null) take(rest + chunk.toString('latin1'))
        return none
      }
      const all = Buffer.concat([recent, chunk])
      const from = recent.length - kept
      const at = all.indexOf(mark)
      if (at >= 0) {
        kept = 0
        take(all.toString('latin1', at + mark.length))
        return all.subarray(from, Math.max(from, at))
      }
      kept = Math.min(startedAtEnd(all, mark), kept + chunk.length)
      recent = Buffer.from(all.subarray(Math.max(0, all.length - mark.length)))
      return all.subarray(from, all.length - kept)
    },
    release() {
      const found = recent.subarray(recent.length - kept)
      kept = 0
      return found
    },
    keeps: () => kept > 0,
    code: () => code,
  }
}
