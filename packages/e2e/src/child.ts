// How is a program run, watched, and surely ended?
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { until } from './until.ts'

export type Result = { readonly code: number | null; readonly stdout: string; readonly stderr: string }

export type RunOptions = {
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
  /** What is piped in; without it stdin is /dev/null. */
  readonly input?: string
  readonly seconds?: number
}

export type Running = {
  readonly pid: number
  /** Both kinds together, as far as it has come. */
  output(): string
  /** Waits until the output has this text in it. */
  says(text: string): Promise<void>
  /** To it and all it has started, as Ctrl-C in a terminal. */
  signal(signal: NodeJS.Signals): void
  readonly ended: Promise<Result>
}

/** Ended with KILL when it takes too long, before the test itself would be: the result has no code then. */
export function start(command: string, args: readonly string[], options: RunOptions): Running {
  const { cwd, env, input, seconds = 150 } = options
  const stdio = [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'] as const
  const child = spawn(command, args, { cwd, env, stdio: [...stdio], detached: true })
  child.stdin?.end(input)
  const said = { stdout: '', stderr: '', both: '' }
  for (const name of ['stdout', 'stderr'] as const)
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      said[name] += text
      said.both += text
    })
  const signal = (name: NodeJS.Signals): void => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) process.kill(-child.pid, name)
  }
  const late = setTimeout(() => signal('SIGKILL'), seconds * 1000)
  const ended = once(child, 'close').then(([code]) => {
    clearTimeout(late)
    return { code: code as number | null, stdout: said.stdout, stderr: said.stderr }
  })
  return {
    pid: child.pid ?? -1,
    output: () => said.both,
    says: async (text) => {
      await until({ what: `${command} ${args.join(' ')} says ${JSON.stringify(text)}`, seconds }, () => {
        if (said.both.includes(text)) return true
        if (child.exitCode === null) return false
        throw new Error(`it ended with code ${child.exitCode} and said:\n${said.both}`)
      })
    },
    signal,
    ended,
  }
}

export function run(command: string, args: readonly string[], options: RunOptions): Promise<Result> {
  return start(command, args, options).ended
}
