// How is a build's output split into lines that git can show (docs/contract/build-and-route.md §1.9, §5.5)?
import { pieces } from '@deis/lib/pieces'

export type Lines = {
  /** Adds text and returns the lines that are complete now, without their ends. */
  add(text: string): string[]
  /** The last, incomplete line. */
  rest(): string[]
}

// git prefixes each line and older relays cut at 1000 bytes.
const longestLine = 900
const longestWait = 65_536

// Terminal sequences are made of control characters.
/* oxlint-disable no-control-regex */
const colour = /^\u001b\[[0-9;:]*m/
const sequence =
  // CSI, OSC and similar up to their end or the line's, any other escape, and every control character but tab.
  /\u001b\[[0-?]*[ -/]*[@-~]?|\u001b[\]PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b[ -/]*[0-~]?|[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g
/* oxlint-enable no-control-regex */

/** Colours stay; everything else that controls the terminal is removed. */
export function plain(line: string): string {
  return line.replaceAll(sequence, (found) => (colour.test(found) ? found : ''))
}

export function splitLines(): Lines {
  let waiting = ''
  const finish = (line: string): string[] => pieces(plain(line), longestLine)
  return {
    add(text) {
      waiting += text
      const done: string[] = []
      let from = 0
      // A carriage return at the very end may be half of a line end; a progress bar's becomes one.
      for (const end of waiting.matchAll(/\r\n|\n|\r(?!$)/g)) {
        const line = waiting.slice(from, end.index)
        if (line !== '' || end[0] !== '\r') done.push(...finish(line))
        from = end.index + end[0].length
      }
      waiting = waiting.slice(from)
      if (waiting.length > longestWait) {
        done.push(...finish(waiting))
        waiting = ''
      }
      return done
    },
    rest() {
      const line = waiting.replace(/\r$/, '')
      waiting = ''
      return line === '' ? [] : finish(line)
    },
  }
}
