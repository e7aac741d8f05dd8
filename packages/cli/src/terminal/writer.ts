// How does what a command says get to the terminal, and nothing with it that was said elsewhere to fool that?
import { StringDecoder } from 'node:string_decoder'
import { Writable } from 'node:stream'
import { createFilter, harmless } from './controls.ts'
import type { Io, Prompt } from './io.ts'

type Door = {
  readonly io: Io
  /** Nothing more will be said. */
  close(): void
}

/** Written through at once, so that what goes to two streams keeps its order. */
function filtered(stream: Writable, isRaw: () => boolean): { stream: Writable; close: () => void } {
  const filter = createFilter()
  const decoder = new StringDecoder('utf8')
  const door = new Writable({
    decodeStrings: false,
    write(chunk: Buffer | string, _encoding, done) {
      const shown = isRaw() ? chunk : filter.pass(typeof chunk === 'string' ? chunk : decoder.write(chunk))
      if (shown.length === 0 || stream.write(shown)) done()
      else stream.once('drain', done)
    },
  })
  // Whoever listens to the stream itself is told there.
  door.on('error', () => {})
  stream.on('error', (error) => door.destroy(error)).on('close', () => door.destroy())
  return {
    stream: door,
    close() {
      const rest = isRaw() ? '' : filter.pass(decoder.end()) + filter.end()
      if (rest !== '' && !door.destroyed) stream.write(rest)
    },
  }
}

function asking(prompt: Prompt): Prompt {
  return {
    text: (message) => prompt.text(harmless(message)),
    secret: (message) => prompt.secret(harmless(message)),
    confirm: (message) => prompt.confirm(harmless(message)),
    choose: (message, choices) => prompt.choose(harmless(message), choices),
  }
}

/** Files and pipes get every byte as it is. */
export function openDoor(world: Io): Door {
  let raw = false
  const isRaw = (): boolean => raw
  const open = new Map<'stdout' | 'stderr', ReturnType<typeof filtered>>()
  const through = (name: 'stdout' | 'stderr'): Writable => {
    if (!world.isTty[name]) return world[name]
    const door = open.get(name) ?? filtered(world[name], isRaw)
    open.set(name, door)
    return door.stream
  }
  // Streams are opened when they are first looked at, so nothing is copied.
  const io = Object.create(world, {
    stdout: { get: () => through('stdout') },
    stderr: { get: () => through('stderr') },
    prompt: { value: asking(world.prompt) },
    passRaw: {
      value: () => {
        raw = true
      },
    },
  }) as Io
  return {
    io,
    close: () => {
      for (const door of open.values()) door.close()
    },
  }
}
