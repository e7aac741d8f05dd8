// How does a command print its answer, as text or as JSON (`--json`)?
import { visible } from './controls.ts'
import type { Io } from './io.ts'

/**
 * With `--json`, stdout has one JSON value and nothing else: progress goes to stderr. The value has the type of the
 * contract, and is `null` for a command without an answer.
 */
export function progressOnStderr(io: Io, isJson: () => boolean): Io {
  const isTty: Io['isTty'] = {
    get stdin() {
      return io.isTty.stdin
    },
    get stdout() {
      return !isJson() && io.isTty.stdout
    },
    get stderr() {
      return io.isTty.stderr
    },
  }
  // Streams are opened at their first use, so nothing is copied.
  return Object.create(io, {
    stdout: { get: () => (isJson() ? io.stderr : io.stdout) },
    isTty: { value: isTty },
  }) as Io
}

/** `text`: lines, or a text that is written unchanged. */
export type Answer = (value: unknown, text?: readonly string[] | string) => void

export function createAnswer(io: Io, isJson: () => boolean): { answer: Answer; isGiven: () => boolean } {
  let given = false
  return {
    isGiven: () => given,
    answer(value, text = '') {
      given = true
      const shown = isJson() ? [visible(JSON.stringify(value, null, 2))] : text
      const written = typeof shown === 'string' ? shown : shown.map((line) => `${line}\n`).join('')
      if (written !== '') io.stdout.write(written)
    },
  }
}
