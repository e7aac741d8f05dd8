// How are control sequences of untrusted text kept from the terminal?
import { StringDecoder } from 'node:string_decoder'
import { Writable } from 'node:stream'
import { createFilter, harmless } from './controls.ts'
import type { Io, Prompt } from './io.ts'

type FilteredIo = {
  readonly io: Io
  /** Flushes the filters at the end. */
  close(): void
}

/** Written through at once, so that output to two streams keeps its order. */
function filtered(target: Writable, isRaw: () => boolean): { stream: Writable; close: () => void } {
  const filter = createFilter()
  const decoder = new StringDecoder('utf8')
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: Buffer | string, _encoding, done) {
      const shown = isRaw() ? chunk : filter.pass(typeof chunk === 'string' ? chunk : decoder.write(chunk))
      if (shown.length === 0 || target.write(shown)) done()
      else target.once('drain', done)
    },
  })
  // Errors are handled by the listeners of the target.
  stream.on('error', () => {})
  target.on('error', (error) => stream.destroy(error)).on('close', () => stream.destroy())
  return {
    stream,
    close() {
      const rest = isRaw() ? '' : filter.pass(decoder.end()) + filter.end()
      if (rest !== '' && !stream.destroyed) target.write(rest)
    },
  }
}

function filteredPrompt(prompt: Prompt): Prompt {
  return {
    text: (message) => prompt.text(harmless(message)),
    secret: (message) => prompt.secret(harmless(message)),
    confirm: (message) => prompt.confirm(harmless(message)),
    choose: (message, choices) => prompt.choose(harmless(message), choices),
  }
}

/** `base` with filters on terminals; files and pipes get every byte unchanged. */
export function filterIo(base: Io): FilteredIo {
  let raw = false
  const isRaw = (): boolean => raw
  const open = new Map<'stdout' | 'stderr', ReturnType<typeof filtered>>()
  const streamOf = (name: 'stdout' | 'stderr'): Writable => {
    if (!base.isTty[name]) return base[name]
    const output = open.get(name) ?? filtered(base[name], isRaw)
    open.set(name, output)
    return output.stream
  }
  // Streams are opened at their first use, so nothing is copied.
  const io = Object.create(base, {
    stdout: { get: () => streamOf('stdout') },
    stderr: { get: () => streamOf('stderr') },
    prompt: { value: filteredPrompt(base.prompt) },
    passRaw: {
      value: () => {
        raw = true
      },
    },
  }) as Io
  return {
    io,
    close: () => {
      for (const output of open.values()) output.close()
    },
  }
}
