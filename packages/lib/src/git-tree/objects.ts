// How are many objects of a repository read in one pass, within limits, and while everything else goes on?
import { openTurns, type Turns } from '../turns.ts'

export type Found = { readonly id: string; readonly type: string; readonly size: number; readonly content: Buffer }

/** An object is missing, or larger than allowed. */
export class UnusableObject extends Error {}

/** What is done with an object; the next one waits for it. */
type Each = (found: Found) => void | Promise<void>

/** Ids in one text. */
const atOnce = 10_000
const nothing = Buffer.alloc(0)
const header = /^([0-9a-f]{40,64}) (\w+) (\d+)$/

/** Parses the output of `cat-file --batch` (or of `--batch-check`, which has headers only); true: all `count` have come. */
function parser(
  count: number,
  content: boolean,
  largest: number,
  each: Each,
  turns: Turns,
): (chunk: Buffer) => Promise<boolean> {
  let waiting: Buffer[] = []
  let length = 0
  let wanted = 0
  let left = count
  let head: { id: string; type: string; size: number } | null = null
  const take = async (): Promise<boolean> => {
    const all = waiting.length === 1 ? (waiting[0] as Buffer) : Buffer.concat(waiting)
    waiting = [all]
    if (head === null) {
      const end = all.indexOf(10)
      if (end < 0) return false
      const line = all.toString('latin1', 0, end)
      const [, id = '', type = '', size = ''] = header.exec(line) ?? []
      if (id === '') throw new UnusableObject(`git has no object ${line.slice(0, 80)}`)
      head = { id, type, size: Number(size) }
      waiting = [all.subarray(end + 1)]
      length -= end + 1
      if (content && head.size > largest) throw new UnusableObject(`${type} ${id} has ${size} bytes`)
      wanted = content ? head.size + 1 : 0
      if (content) return length >= wanted
    }
    const taken = each({ ...head, content: content ? all.subarray(0, head.size) : nothing })
    if (taken) await taken
    if (content) waiting = [all.subarray(wanted)]
    length -= wanted
    wanted = 0
    head = null
    left--
    return length > 0
  }
  return async (chunk) => {
    waiting.push(chunk)
    length += chunk.length
    // A large object is not concatenated again for every chunk.
    if (length < wanted) return false
    while (await take()) if (turns.over()) await turns.next()
    return left === 0
  }
}

/**
 * Gives `git cat-file MODE` in the repository this input, and passes its output on as it arrives, no faster than `take` takes it,
 * until that resolves with true: all that was asked for has come. One call after the other. @throws Error with git's message; the signal's reason
 */
export type CatFile = (
  mode: '--batch' | '--batch-check',
  input: string,
  take: (chunk: Buffer) => Promise<boolean>,
) => Promise<void>

/**
 * Reads objects in the order given. `largest`: of each one's content; without it only kinds and sizes are read.
 * @throws UnusableObject
 */
export async function readObjects(
  cat: CatFile,
  ids: readonly string[],
  largest: number | null,
  each: Each,
  turns: Turns = openTurns(),
): Promise<void> {
  const mode = largest === null ? '--batch-check' : '--batch'
  for (let from = 0; from < ids.length; from += atOnce) {
    const some = ids.slice(from, from + atOnce)
    await cat(mode, `${some.join('\n')}\n`, parser(some.length, largest !== null, largest ?? 0, each, turns))
  }
}
