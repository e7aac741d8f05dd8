// What does a command answer, to a person and to a program (`--json`)?
import { visible } from './controls.ts'
import type { Io } from './io.ts'

/**
 * With `--json`, stdout holds one JSON value and nothing else: what is said along the way goes to stderr. The value has
 * the shape of the contract's types, and is `null` where the controller has nothing to tell.
 */
export function narrating(io: Io, isJson: () => boolean): Io {
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
  // Streams are opened when they are first looked at, so nothing is copied.
  return Object.create(io, {
    stdout: { get: () => (isJson() ? io.stderr : io.stdout) },
    isTty: { value: isTty },
  }) as Io
}

/** `text` is for a person: lines, or a text that is written as it is. */
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
