// Where in a command's output is the end marker?
import { randomBytes } from 'node:crypto'

/** The exit code of a command that was killed, perhaps for the memory it used. */
export const killedCode = 137

const start = '\u001e'

/** Random, so that nothing else prints it. It begins with a character that output hardly ever has. */
export const newEndMarker = (): string => `${start}${randomBytes(12).toString('hex')}-`

/** A line of a command's output without any end marker; null: the line is only the marker. */
export function withoutEndMarker(line: string): string | null {
  const at = line.lastIndexOf(start)
  if (at < 0 || !/^[0-9a-f]{24}-\d+;$/.test(line.slice(at + 1))) return line
  return at === 0 ? null : line.slice(0, at)
}

export type EndMarkerFilter = {
  /** Returns what is certainly the command's own output, of this chunk and of what was held back. */
  feed(chunk: Buffer): Buffer
  /** Returns what is held back because it may be the beginning of the marker. To be called when nothing follows it. */
  release(): Buffer
  isHolding(): boolean
  /** The exit code behind the marker; null: it has not come. */
  code(): number | null
}

const none: Buffer = Buffer.alloc(0)

/** How many bytes at the end of this may be the beginning of the marker. */
function startedAtEnd(output: Buffer, marker: Buffer): number {
  for (let length = Math.min(marker.length - 1, output.length); length > 0; length--)
    if (output.subarray(output.length - length).equals(marker.subarray(0, length))) return length
  return 0
}

/** The marker is followed by the exit code and a semicolon. It is found even if its beginning was released too early. */
export function createEndMarkerFilter(text: string): EndMarkerFilter {
  const marker = Buffer.from(text)
  let recent = none
  /** How many bytes of these are held back. */
  let held = 0
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
      const from = recent.length - held
      const at = all.indexOf(marker)
      if (at >= 0) {
        held = 0
        take(all.toString('latin1', at + marker.length))
        return all.subarray(from, Math.max(from, at))
      }
      held = Math.min(startedAtEnd(all, marker), held + chunk.length)
      recent = Buffer.from(all.subarray(Math.max(0, all.length - marker.length)))
      return all.subarray(from, all.length - held)
    },
    release() {
      const found = recent.subarray(recent.length - held)
      held = 0
      return found
    },
    isHolding: () => held > 0,
    code: () => code,
  }
}
