// How do long names of a tar reach the `tar` library as they are written? Runs in the archive program only.
//
// The library splits pax headers at line breaks, and ignores what is then not as long as it says: the entry gets the short name of
// its header, or one that stands in another value. It also decodes what comes in several pieces piece by piece. So it gets such
// headers whole, and names that it would not read in GNU's format.
import { isUtf8 } from 'node:buffer'
import { Header, Pax } from 'tar'
import { longName, padding } from './header.ts'
import { BadArchive, shown } from './order.ts'
import { block, sizeOf, typeOf } from '../tar-header.ts'

type Known = ConstructorParameters<typeof Header>[2]
type Named = { -readonly [Key in 'path' | 'linkpath']?: Buffer }

/** The library refuses longer ones. */
const longest = 1024 * 1024
const nameLength = 100
const [file, slash] = ['0', '/'].map((one) => one.charCodeAt(0))

/** `<length> <key>=<value>\n`, one after the other; padding may follow. @throws Error */
function recordsOf(content: Buffer): { readonly whole: Buffer; readonly key: string; readonly value: Buffer }[] {
  const records = []
  for (let at = 0; at < content.length && content[at] !== 0;) {
    const digits = /^([1-9]\d{0,6}) /.exec(content.toString('latin1', at, at + 8))?.[1]
    const to = at + Number(digits)
    const value = content.indexOf('=', at) + 1
    if (digits === undefined || to > content.length || content[to - 1] !== 0x0a || value <= 0 || value >= to)
      throw new Error('not a record')
    const key = content.toString('latin1', at + digits.length + 1, value - 1)
    records.push({ whole: content.subarray(at, to), key, value: content.subarray(value, to - 1) })
    at = to
  }
  return records
}

/** What a value of a record or a name of GNU is; nothing but padding may follow a NUL. @throws Error */
function nameIn(bytes: Buffer): Buffer {
  const end = bytes.indexOf(0)
  if (end >= 0 && bytes.subarray(end).some((byte) => byte !== 0)) throw new Error('a NUL in a name')
  return end < 0 ? bytes : bytes.subarray(0, end)
}

/** A pax header as the library reads it right. @throws Error */
function readable(
  head: Buffer,
  content: Buffer,
): { readonly bytes: Buffer[]; readonly text: string; readonly names: Named } {
  const records = recordsOf(content)
  const names: Named = {}
  for (const { key, value } of records)
    if (key === 'path' || key === 'linkpath') {
      if (value.includes(0)) throw new Error('a NUL in a name')
      names[key] = value
    }
  const isPlain = isUtf8(content) && records.every(({ value }) => !value.includes(0x0a))
  if (isPlain) return { bytes: [head, content, padding(content.length)], text: content.toString(), names: {} }
  const others = records.filter(({ key, whole, value }) => !(key in names) && isUtf8(whole) && !value.includes(0x0a))
  const rest = Buffer.concat(others.map(({ whole }) => whole))
  const shorter = new Header(head)
  shorter.size = rest.length
  shorter.encode(head)
  return {
    bytes: [
      ...(names.path ? [longName('NextFileHasLongPath', names.path)] : []),
      ...(names.linkpath ? [longName('NextFileHasLongLinkpath', names.linkpath)] : []),
      ...(rest.length > 0 ? [head, rest, padding(rest.length)] : []),
    ],
    text: rest.toString(),
    names,
  }
}

/** How long a plain file is, the most frequent entry, without the library's reading of all its header; null: not so plain. */
function sizeOfFile(header: Buffer): number | null {
  const end = header.indexOf(0)
  const isFile = typeOf(header) === file && end > 0 && end < nameLength && header[end - 1] !== slash
  return isFile ? sizeOf(header) : null
}

export type LongNames = {
  /** What the library is to read of a piece of an archive; the rest of it comes with a later one. @throws BadArchive */
  read(chunk: Buffer): Buffer[]
  /** What is left at the end, which is not a whole header. */
  rest(): Buffer
}

export function longNames(): LongNames {
  let carried: Buffer = Buffer.alloc(0)
  /** Bytes up to the next header. */
  let left = 0
  /** The header of names that is being collected. */
  let names: Header | null = null
  /** As the library knows them: what is said of the next entry, and of all. */
  let next: Known
  let all: Known

  /** @throws Error */
  const understood = ({ type, size = 0 }: Header, whole: Buffer): Buffer[] => {
    const [head, content] = [Buffer.from(whole.subarray(0, block)), whole.subarray(block, block + size)]
    switch (type) {
      case 'ExtendedHeader':
      case 'OldExtendedHeader': {
        const { bytes, text, names: own } = readable(head, content)
        const given = Object.entries(own).map(([key, name]) => [key, name.toString()])
        next = Pax.parse(text, { ...next, ...Object.fromEntries(given) }, false)
        return bytes
      }
      case 'GlobalExtendedHeader': {
        const said = Pax.parse(content.toString(), all, true)
        // Git's has a comment alone.
        if (said.size !== undefined) all = said
        return [whole]
      }
      case 'NextFileHasLongLinkpath':
        next = { ...next, linkpath: nameIn(content).toString() }
        return [whole]
      default:
        next = { ...next, path: nameIn(content).toString() }
        return [whole]
    }
  }
  const collected = (header: Header, whole: Buffer): Buffer[] => {
    try {
      return understood(header, whole)
    } catch (cause) {
      throw new BadArchive(`the long name in ${shown(header.path ?? '')} of the archive cannot be read`, { cause })
    }
  }
  return {
    read(chunk) {
      const bytes = carried.length > 0 ? Buffer.concat([carried, chunk]) : chunk
      const out: Buffer[] = []
      let from = 0
      let at = names ? block : 0
      for (;;) {
        // Names are collected, all else goes on as it comes.
        if (names && bytes.length - at < left) break
        const step = Math.min(left, bytes.length - at)
        at += step
        left -= step
        if (names) {
          out.push(...collected(names, bytes.subarray(from, at)))
          from = at
          names = null
        }
        if (bytes.length - at < block) break
        const plain = next || all ? null : sizeOfFile(bytes.subarray(at, at + block))
        if (plain !== null) {
          left = block + Math.ceil(plain / block) * block
          continue
        }
        const header = new Header(bytes, at, next, all)
        const { type, size = 0 } = header
        const isNames = /^NextFileHasLong|^OldGnuLongPath$|ExtendedHeader$/.test(type)
        left = header.nullBlock ? 0 : Math.ceil(size / block) * block
        if (isNames && size > 0 && size <= longest) {
          if (at > from) out.push(bytes.subarray(from, at))
          from = at
          names = header
        } else if (!isNames && !header.nullBlock) next = undefined
        at += block
      }
      // The beginning of a header, or of names.
      const to = names ? from : at
      if (to > from) out.push(bytes.subarray(from, to))
      carried = bytes.subarray(to)
      return out
    },
    rest: () => carried,
  }
}
