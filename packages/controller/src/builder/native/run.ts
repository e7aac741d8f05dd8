// How does a build run a command so that it can always be ended, with everything it started?
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RunAs } from '../../os/accounts.ts'
import { type Identity, identify, signalGroup, signalPid, stopGroup, withVariable } from '../../os/pid.ts'
import { BuildFailure } from '../port.ts'

/** Every process of a build carries this variable with the build's id. */
export const buildVariable = 'DEIS_BUILD'

export type Command = {
  readonly command: string
  readonly args: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  readonly input?: string
  readonly stdout: (chunk: Buffer) => void
  readonly stderr: (chunk: Buffer) => void
}

export type RunnerOptions = {
  readonly build: string
  readonly runAs: RunAs | null
  readonly signal: AbortSignal
  /** Told which process group runs now, and null when it has ended, so that a later controller can end it. */
  readonly started: (group: Identity | null) => Promise<void>
}

/**
 * @returns the exit code; a signal N gives 128+N.
 * @throws BuildFailure when it cannot be started; the signal's reason when cancelled. Its process group is gone then.
 */
export type Run = (command: Command) => Promise<number>

const graceMs = 2000
// What a command leaves in the background may finish its output this long, then it is ended: a build has an end.
const backgroundMs = 1000

function startFailure(command: string, error: NodeJS.ErrnoException): BuildFailure {
  const name = command.split('/').slice(-2).join('/')
  switch (error.code) {
    case 'ENOENT':
      return new BuildFailure(
        `${name} could not be started: it, or the interpreter in its first line, is missing.`,
        127,
      )
    case 'EACCES':
      return new BuildFailure(`${name} could not be started: it is not executable.`, 126)
    default:
      return new BuildFailure(`${name} could not be started: ${error.message}.`)
  }
}

async function within(work: Promise<unknown>, ms: number): Promise<void> {
  const done = new AbortController()
  await Promise.race([work, sleep(ms, undefined, { signal: done.signal }).catch(() => {})])
  done.abort()
}

/** Kills everything of a build, whatever process group it moved to, until nothing is left. */
export async function killStrays(build: string): Promise<void> {
  for (let tries = 0; tries < 50; tries++) {
    const strays = await withVariable(buildVariable, build)
    if (strays.length === 0) return
    for (const pid of strays) signalPid(pid, 'SIGKILL')
    await sleep(20)
  }
}

export function createRun(options: RunnerOptions): Run {
  const { signal, runAs, started } = options
  return async (wanted) => {
    signal.throwIfAborted()
    const child = spawn(wanted.command, wanted.args, {
      cwd: wanted.cwd,
      env: { ...wanted.env, [buildVariable]: options.build },
      stdio: 'pipe',
      detached: true,
      ...runAs,
    })
    const closed = new Promise<void>((resolve) => {
      child.once('close', () => resolve())
    })
    const ended = new Promise<number>((resolve, reject) => {
      child.once('error', (error) => reject(startFailure(wanted.command, error)))
      child.once('exit', (code, name) => resolve(code ?? 128 + (name ? constants.signals[name] : 0)))
    })
    const group = child.pid
    if (group === undefined) return ended
    child.stdout.on('data', wanted.stdout)
    child.stderr.on('data', wanted.stderr)
    // A command that does not read its input is no failure.
    child.stdin.on('error', () => {})
    child.stdin.end(wanted.input ?? '')

    let stopping: Promise<unknown> | undefined
    const stop = (): void => {
      stopping ??= stopGroup(group, graceMs)
    }
    signal.addEventListener('abort', stop)
    const identity = await identify(group)
    if (identity) await started(identity)
    if (signal.aborted) stop()
    const code = await ended
    if (!stopping) {
      await within(closed, backgroundMs)
      signalGroup(group, 'SIGKILL')
      await within(closed, backgroundMs)
    }
    signal.removeEventListener('abort', stop)
    if (stopping) await stopping
    // What left the group may still hold the pipes; its output is nobody's business any more.
    child.stdout.destroy()
    child.stderr.destroy()
    await started(null)
    signal.throwIfAborted()
    return code
  }
}
