// How is the output of a build formatted, and when is it cut off?
import { type LineSplitter, present, splitLines } from './text.ts'

export type BuildOutput = {
  /** `-----> text` */
  title(text: string): void
  /** Seven spaces and the text. */
  note(text: string): void
  /** ` !     text`: why something is refused or was not done. */
  warn(text: string): void
  /** Takes what a tool prints. */
  stream(): LineSplitter
}

/** `limit`: after so many bytes of tools' output the rest of it is not shown; titles, notes and warnings still are. */
export function createOutput(write: (text: string) => void, limit: number): BuildOutput {
  let shown = 0
  const writeLine = (line: string): void => write(`${present(line)}\n`)
  const tool = (line: string): void => {
    if (shown > limit) return
    const text = `${present(line)}\n`
    shown += Buffer.byteLength(text)
    if (shown <= limit) write(text)
    else writeLine(`The output is longer than ${Math.round(limit / 1e6)} MB, the rest is not shown.`)
  }
  return {
    title: (text) => writeLine(`-----> ${text}`),
    note: writeLine,
    // Not indented further: the mark stands where the arrow's dashes stand.
    warn: (text) => write(`${present(`--${text}`).replace(/^--/, ' !     ')}\n`),
    stream: () => splitLines(tool),
  }
}
