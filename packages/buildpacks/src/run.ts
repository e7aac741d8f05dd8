// How does a build run a command so that it can always be ended, with everything it started?
import { constants } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RunAs } from '@deis/machine/accounts'
import { type Confined, StartFault, startConfined } from '@deis/machine/confine'
import type { Isolation } from '@deis/machine/isolation'
import { type Identity, killAll, signalGroup, stopGroup, withVariable } from '@deis/machine/pid'
import { BuildFailure } from '@deis/ports/builder'

/** Every process of a build carries this variable with the build's id. */
const buildVariable = 'DEIS_BUILD'

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
  readonly isolation: Isolation
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

function startFailure(command: string, error: unknown): BuildFailure {
  const name = command.split('/').slice(-2).join('/')
  if (!(error instanceof StartFault))
    return new BuildFailure(`${name} could not be started: ${(error as Error).message}.`)
  return error.fault === 'missing'
    ? new BuildFailure(`${name} could not be started: it, or the interpreter in its first line, is missing.`, 127)
    : new BuildFailure(`${name} could not be started: it is not executable.`, 126)
}

async function within(work: Promise<unknown>, ms: number): Promise<void> {
  const done = new AbortController()
  await Promise.race([work, sleep(ms, undefined, { signal: done.signal }).catch(() => {})])
  done.abort()
}

/** Kills everything of a build, whatever process group it moved to, until nothing is left. */
export async function killOrphans(build: string): Promise<void> {
  await killAll(() => withVariable(buildVariable, build))
}

/** The same when no command of the build runs: what a namespace held has ended with it, and a look at all processes takes time. */
export async function killLeft(build: string, { kind }: Isolation): Promise<void> {
  if (kind === 'group') await killOrphans(build)
}

export function createRun(options: RunnerOptions): Run {
  const { signal, runAs, isolation, started } = options
  const begin = async ({ command, args, cwd, env }: Command): Promise<Confined> => {
    const own = { ...env, [buildVariable]: options.build }
    const order = { program: command, args, folder: cwd, env: own, runAs, marks: [buildVariable], check: true, signal }
    try {
      return await startConfined(isolation, { ...order, leftoverMs: backgroundMs }, ['pipe', 'pipe', 'pipe'])
    } catch (error) {
      signal.throwIfAborted()
      throw startFailure(command, error)
    }
  }
  return async (wanted) => {
    signal.throwIfAborted()
    const { child, identity, exited, stderr } = await begin(wanted)
    const group = identity.pid
    const closed = new Promise<void>((resolve) => {
      child.once('close', () => resolve())
    })
    child.stdout?.on('data', wanted.stdout)
    stderr?.on('data', wanted.stderr)
    // A command need not read its input.
    child.stdin?.on('error', () => {})
    child.stdin?.end(wanted.input ?? '')

    let stopping: Promise<unknown> | undefined
    const stop = (): void => {
      stopping ??= stopGroup(group, graceMs)
    }
    signal.addEventListener('abort', stop)
    try {
      await started(identity)
    } catch (error) {
      // No later controller would find it.
      signal.removeEventListener('abort', stop)
      await (stopping ?? stopGroup(group, 0))
      throw error
    }
    if (signal.aborted) stop()
    const { code, signal: name } = await exited
    if (!stopping) {
      await within(closed, backgroundMs)
      signalGroup(group, 'SIGKILL')
      await within(closed, backgroundMs)
    }
    signal.removeEventListener('abort', stop)
    if (stopping) await stopping
    // Processes that left the group may still hold the pipes; their output is ignored.
    child.stdout?.destroy()
    stderr?.destroy()
    await started(null)
    signal.throwIfAborted()
    return code ?? 128 + (name ? constants.signals[name] : 0)
  }
}
