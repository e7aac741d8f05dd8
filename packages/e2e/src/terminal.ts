// How does a person use the deis command at a terminal, a real one?
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { spawn } from '@lydell/node-pty'
import type { Person } from './client.ts'
import { root } from './platform.ts'
import { until } from './until.ts'

export type Terminal = {
  readonly pid: number
  type(text: string): void
  resize(columns: number, rows: number): void
  /** Waits until this is shown, behind what earlier calls have found. */
  sees(wanted: RegExp, seconds?: number): Promise<string>
  /** Resolves with the exit code. */
  readonly ended: Promise<number>
}

/** How the terminal is when the command has ended is shown behind this. */
export const afterwards = 'the terminal is now:'

/** The deis command, and then `stty -a`, with the command's exit code. Ended when the time is over. */
export function openTerminal(person: Person, args: readonly string[], cwd: string, seconds = 120): Terminal {
  const script = '"$@"; code=$?; echo "$0"; stty -a; exit $code'
  const words = ['-c', script, afterwards, process.execPath, join(root, 'dist/cli/deis.js'), ...args]
  const pty = spawn('/bin/sh', words, { name: 'xterm-256color', cols: 80, rows: 24, cwd, env: person.env })
  let raw = ''
  // As lines without colours: where the cursor was does not matter here.
  const shown = (): string => stripVTControlCharacters(raw).replaceAll('\r', '')
  let seen = 0
  let isOver = false
  pty.onData((text) => {
    raw += text
  })
  const late = setTimeout(() => pty.kill('SIGKILL'), seconds * 1000)
  const ended = new Promise<number>((resolve) =>
    pty.onExit(({ exitCode }) => {
      isOver = true
      clearTimeout(late)
      resolve(exitCode)
    }),
  )
  return {
    pid: pty.pid,
    type: (text) => pty.write(text),
    resize: (columns, rows) => pty.resize(columns, rows),
    async sees(wanted, seconds = 60) {
      const look = (): RegExpExecArray | null => wanted.exec(shown().slice(seen))
      const found = await until({ what: `${args.join(' ')} shows ${wanted}`, seconds }, () => {
        const match = look()
        if (!match && isOver) throw new Error(`it ended, and showed:\n${shown()}`)
        return match
      }).catch((error: unknown) => {
        throw new Error(`it showed:\n${shown()}`, { cause: error })
      })
      seen += found.index + found[0].length
      return found[0]
    },
    ended,
  }
}
