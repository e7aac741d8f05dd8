// How does the memory scheduler run sessions?
import { constants } from 'node:os'
import { untilAborted } from '@deis/lib/wait'
import { behaviour } from './memory-commands.ts'
import type { MemoryPod } from './memory-world.ts'
import type { SessionIo } from '../scheduler.ts'
import type { Started } from '../started.ts'

const interrupt = 3
const endOfInput = 4

/**
 * Runs a command of memory-commands.ts, or one that only sessions have:
 * - `cat`: prints what it reads, to the end of it; at a terminal that end, or Ctrl-C, may also be a byte
 * - `error TEXT`: prints TEXT as stderr
 * - `terminal`: prints `NAME ROWS COLUMNS`, and again whenever the size changes, until it is stopped; without one, `none`
 *
 * Those that run (`cat`, `sleep`, `terminal`) are ended by any signal.
 */
export async function simulate(
  command: string,
  pod: MemoryPod,
  io: SessionIo,
  signal: AbortSignal,
  started: (session: Started) => void,
): Promise<number> {
  const { terminal, input } = io
  const stop = new AbortController()
  let killed: number | null = null
  let printed = Promise.resolve()
  const print = (from: 'stdout' | 'stderr', chunk: Buffer): Promise<void> => {
    printed = printed.then(() => (stop.signal.aborted ? undefined : io.output(terminal ? 'stdout' : from, chunk)))
    // The failure is reported where the last output is awaited; until then it must not be unhandled.
    printed.catch(() => stop.abort())
    return printed
  }
  const line = (text: string, from: 'stdout' | 'stderr' = 'stdout'): Promise<void> =>
    print(from, Buffer.from(terminal ? `${text}\r\n` : `${text}\n`))
  const kill = (name: 'HUP' | 'INT' | 'QUIT' | 'TERM'): void => {
    killed ??= 128 + constants.signals[`SIG${name}`]
    stop.abort()
  }
  let size = terminal
  const showSize = (): Promise<void> => line(size ? `${size.name} ${size.rows} ${size.columns}` : 'none')
  const [word, rest = ''] = command.split(/ (.*)/s)
  const cat = async (): Promise<void> => {
    for await (const chunk of input ?? []) {
      const bytes = chunk as Buffer
      const special = terminal ? bytes.findIndex((byte) => byte === interrupt || byte === endOfInput) : -1
      if (special !== 0) await print('stdout', special < 0 ? bytes : bytes.subarray(0, special))
      if (special >= 0 && bytes[special] === interrupt) kill('INT')
      if (special >= 0 || stop.signal.aborted) return
    }
  }
  const commands: Readonly<Record<string, () => Promise<number>>> = {
    async cat() {
      await Promise.race([cat(), untilAborted(stop.signal)])
      return 0
    },
    async error() {
      await line(rest, 'stderr')
      return 0
    },
    async terminal() {
      await showSize()
      if (terminal) await untilAborted(stop.signal)
      return 0
    },
    async sleep() {
      await untilAborted(stop.signal)
      return 0
    },
  }
  const other = async (): Promise<number> => {
    const does = behaviour(command, pod.env)
    for (const text of does.prints) await line(text)
    return does.exit ?? 0
  }

  const follow = (): void => stop.abort()
  signal.addEventListener('abort', follow, { once: true })
  try {
    signal.throwIfAborted()
    started({
      pod: pod.name,
      resize(next) {
        if (!size || stop.signal.aborted) return
        size = { ...size, ...next }
        if (word === 'terminal') void showSize()
      },
      kill: async (name) => kill(name),
    })
    const code = await (commands[word ?? ''] ?? other)()
    await Promise.race([printed, untilAborted(signal)])
    signal.throwIfAborted()
    return killed ?? code
  } finally {
    stop.abort()
    signal.removeEventListener('abort', follow)
  }
}
