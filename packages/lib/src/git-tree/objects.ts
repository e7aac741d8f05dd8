// How are many objects of a repository read in one pass, within limits?
export type Found = { readonly id: string; readonly type: string; readonly size: number; readonly content: Buffer }

/** An object is missing, or larger than allowed. */
export class UnusableObject extends Error {}

const header = /^([0-9a-f]{40,64}) (\w+) (\d+)$/

/** Parses the output of `cat-file --batch` (or of `--batch-check`, which has headers only); true: all `count` have come. */
function parser(
  count: number,
  content: boolean,
  largest: number,
  each: (found: Found) => void,
): (chunk: Buffer) => boolean {
  let waiting: Buffer[] = []
  let length = 0
  let wanted = 0
  let left = count
  let head: { id: string; type: string; size: number } | null = null
  const take = (): boolean => {
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
    each({ ...head, content: content ? all.subarray(0, head.size) : Buffer.alloc(0) })
    if (content) waiting = [all.subarray(wanted)]
    length -= wanted
    wanted = 0
    head = null
    left--
    return length > 0
  }
  return (chunk) => {
    waiting.push(chunk)
    length += chunk.length
    // A large object is not concatenated again for every chunk.
    if (length < wanted) return false
    while (take());
    return left === 0
  }
}

/**
 * Gives `git cat-file MODE` in the repository this input, and passes its output on as it arrives until `take` returns true: all
 * that was asked for has come. One call after the other. @throws Error with git's message; the signal's reason
 */
export type CatFile = (
  mode: '--batch' | '--batch-check',
  input: string,
  take: (chunk: Buffer) => boolean,
) => Promise<void>

/**
 * Reads objects in the order given. `largest`: of each one's content; without it only kinds and sizes are read.
 * @throws UnusableObject
 */
export async function readObjects(
  cat: CatFile,
  ids: readonly string[],
  largest: number | null,
  each: (found: Found) => void,
): Promise<void> {
  if (ids.length === 0) return
  const mode = largest === null ? '--batch-check' : '--batch'
  await cat(mode, `${ids.join('\n')}\n`, parser(ids.length, largest !== null, largest ?? 0, each))
}
