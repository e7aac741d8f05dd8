// How are the bytes of a pod's log split into lines with their exact times?
import { type Entry, stampOf } from '@deis/container/stamp'

export type EntryReader = {
  push(chunk: Buffer): Entry[]
  /** The last line, when it has no end. */
  flush(): Entry[]
}

const newline = 0x0a
/** Container runtimes write longer lines in parts of this size; kubelets before 1.22 give each part a time of its own. */
const maxBytes = 16 * 1024
/** `2006-01-02T15:04:05.123456789+02:00` and a space. */
const prefixBytes = 36

function textOf(bytes: Buffer): string {
  return bytes.toString('utf8').replaceAll('\r', '')
}

/** Lines longer than 16 KiB become several; invalid UTF-8 becomes U+FFFD; lines before the first time are not the pod's. */
export function createEntryReader(): EntryReader {
  let rest: Buffer = Buffer.alloc(0)
  let stamp: string | null = null

  /** The length of the time at the start of `rest`, with its space; the time is the stamp from now on. */
  const prefix = (): number => {
    const length = rest.subarray(0, prefixBytes).indexOf(0x20) + 1
    const found = length === 0 ? null : stampOf(rest.toString('latin1', 0, length - 1))
    if (found === null) return 0
    stamp = found
    return length
  }
  const entries = (text: Buffer): Entry[] => (stamp === null ? [] : [{ stamp, text: textOf(text) }])

  const push = (chunk: Buffer): Entry[] => {
    const found: Entry[] = []
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    for (;;) {
      const end = rest.indexOf(newline)
      if (end < 0 && rest.length <= prefixBytes + maxBytes) break
      const start = prefix()
      const long = end < 0 || end > start + maxBytes
      const cut = long ? start + maxBytes : end
      found.push(...entries(rest.subarray(start, cut)))
      rest = rest.subarray(long ? cut : cut + 1)
    }
    // A copy, so that its last bytes do not keep the whole chunk in memory.
    rest = Buffer.from(rest)
    return found
  }
  return { push, flush: () => (rest.length === 0 ? [] : push(Buffer.from([newline]))) }
}
