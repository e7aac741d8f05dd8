// How is the output of build tools turned into lines that are safe to show on any terminal (docs/contract/build-and-route.md §1.9)?
import { StringDecoder } from 'node:string_decoder'

/** Longest line in bytes: git's sideband and old terminals take no more. */
export const maxLineBytes = 999

const indentation = ' '.repeat(7)
// A line without an end is kept only this far, the rest of it is dropped.
const maxPending = 16_384

// eslint-disable-next-line no-control-regex -- control sequences are what is looked for
const colour = /\x1b\[[0-9;:]*m/g
// Colours (kept), operating system commands and other strings, other CSI sequences, two-character escapes, lone control characters.
const controls =
  // eslint-disable-next-line no-control-regex -- control sequences are what is looked for
  /(\x1b\[[0-9;:]*m)|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b\[[0-?]*[ -/]*[@-~]?|\x1b[ -/]*[0-~]?|[\0-\x08\x0b-\x1f\x7f-\x9f]/g

function clean(line: string): string {
  return line.replace(controls, (_all, kept: string | undefined) => kept ?? '')
}

function cut(line: string): string {
  const bytes = Buffer.from(line)
  if (bytes.length <= maxLineBytes) return line
  // Space for the mark and for the end of colour; a character or a colour cut in two is dropped.
  let text = new StringDecoder('utf8').write(bytes.subarray(0, maxLineBytes - 8))
  const last = text.lastIndexOf('\x1b')
  if (last >= 0 && !text.includes('m', last)) text = text.slice(0, last)
  return `${text}…${last >= 0 ? '\x1b[0m' : ''}`
}

/** One line that is shown as it is. */
export function plain(line: string): string {
  return cut(clean(line).trimEnd())
}

/** One line of a tool, indented by seven spaces unless it starts with `--` (colour aside). */
export function present(line: string): string {
  const shown = clean(line).trimEnd()
  const plain = shown.replace(colour, '')
  if (plain.trim() === '') return ''
  return cut(plain.startsWith('--') ? shown : indentation + shown)
}

export type LineSplitter = { readonly write: (chunk: Buffer) => void; readonly end: () => void }

/** Splits bytes into lines at LF, CRLF and at the lone CR of progress bars. */
export function splitLines(each: (line: string) => void): LineSplitter {
  const decoder = new StringDecoder('utf8')
  let pending = ''
  let bar = ''
  const take = (text: string): void => {
    // A CR at the end may be the first half of a CRLF: it waits for the next chunk.
    // Looked for where a run of CRs begins, and nowhere inside it: a chunk of nothing else would be read once for each.
    const ends = /(?<!\r)(?:\r*\n|\r+(?=[^\r\n]))/g
    let from = 0
    for (let end = ends.exec(text); end; end = ends.exec(text)) {
      const line = text.slice(from, end.index)
      from = ends.lastIndex
      const isBar = !end[0].endsWith('\n')
      // A progress bar that shows the same again, or is wiped, is not shown again.
      if (!isBar || (line.trim() !== '' && line !== bar)) each(line)
      bar = isBar ? line : ''
    }
    pending = text.slice(from)
    if (pending.length > maxPending) pending = pending.slice(0, maxPending)
  }
  return {
    write: (chunk) => take(pending + decoder.write(chunk)),
    end: () => {
      const last = (pending + decoder.end()).replace(/(?<!\r)\r+$/, '')
      pending = ''
      if (last !== '') each(last)
    },
  }
}
