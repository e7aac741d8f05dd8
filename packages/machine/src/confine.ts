// How is a program started so that everything it starts ends with it, and no user input is in an argument?
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import type { Readable } from 'node:stream'
import type { RunAs } from './accounts.ts'
import { type Isolation, namespaceArguments } from './isolation.ts'
import { childrenOf, type Identity, identify, signalPid } from './pid.ts'
import init from './programs/init.sh'
import launcherProgram from './programs/launcher.sh'
import outside from './programs/outside.sh'

export type Order = {
  readonly program: string
  readonly args: readonly string[]
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
  readonly runAs: RunAs | null
  /** Names of the variables that identify its processes; the first process of its namespace has them, too. */
  readonly marks: readonly string[]
  /** Whether to report why the program cannot be started. */
  readonly check?: boolean
  /** Whether its error output is discarded. */
  readonly mute?: boolean
  /** How long processes that the program leaves behind may go on. */
  readonly leftoverMs?: number
  /** The same after a TERM. */
  readonly graceMs?: number
  /** The first process of the namespace that it joins; default: a new namespace. */
  readonly within?: Identity | null
  /** Whether it gets its own session and group; default: yes. At a terminal it must stay in the terminal's session. */
  readonly session?: boolean
  /** What comes before it, so that what it takes is limited (limits.ts); default: nothing. */
  readonly scope?: readonly string[]
  /** The file that is made when the kernel kills a process of that scope for its memory. */
  readonly killed?: string
  /** Cancels the attempt to start it. */
  readonly signal?: AbortSignal
}

/** What to spawn, and as which user; `apart`: its error output is descriptor 4. */
export type Arranged = {
  readonly file: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly spawnAs: RunAs | null
  readonly apart: boolean
}

const leftoverStepMs = 50

export function arrange({ kind, path }: Isolation, order: Order): Arranged {
  const {
    program,
    args,
    folder,
    env,
    runAs,
    marks,
    check,
    mute,
    leftoverMs = 0,
    graceMs = 0,
    within,
    session = true,
    scope = [],
    killed,
  } = order
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`)
  const joins = within !== undefined && within !== null
  const apart = kind !== 'group'
  const launcher = ['/bin/sh', '-c', launcherProgram, 'deis', apart && !mute ? 'apart' : '', check ? 'check' : '']
  const command = [...launcher, folder, String(variables.length), program, ...args]
  const outer: Record<string, string> = { PATH: path }
  for (const [index, variable] of variables.entries()) outer[`_deis_env_${index}`] = variable
  for (const name of marks) if (env[name] !== undefined) outer[name] = env[name]
  if (!apart) {
    const [file = '', ...rest] = command
    return { file, args: rest, env: outer, spawnAs: runAs, apart: false }
  }
  const asUser =
    kind === 'namespace' && runAs
      ? ['setpriv', `--reuid=${runAs.uid}`, `--regid=${runAs.gid}`, '--clear-groups', '--', ...command]
      : command
  const user = kind === 'user-namespace' ? ['--user', '--preserve-credentials'] : []
  const times = (ms: number): string => String(Math.ceil(ms / leftoverStepMs))
  const [file = '', ...rest] = joins
    ? [
        ...scope,
        'nsenter',
        `--target=${within.pid}`,
        ...user,
        '--pid',
        '--mount',
        '--no-fork',
        '--',
        '/bin/sh',
        '-c',
        outside,
        'deis',
        '',
        ...asUser,
      ]
    : [
        ...scope,
        ...namespaceArguments(kind, killed),
        ...(session ? ['setsid'] : []),
        '/bin/sh',
        '-c',
        init,
        'deis',
        times(leftoverMs),
        times(graceMs),
        ...asUser,
      ]
  return { file, args: rest, env: outer, spawnAs: null, apart: true }
}

export type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null }

/** A shell in between reports an end by a signal as an exit code. */
export function exitOf({ apart }: Pick<Arranged, 'apart'>, code: number | null, signal: NodeJS.Signals | null): Exit {
  if (!apart || code === null || code <= 128) return { code, signal }
  const name = Object.entries(constants.signals).find(([, number]) => number === code - 128)?.[0]
  return name ? { code: null, signal: name as NodeJS.Signals } : { code, signal }
}

/** The program cannot be started: it, or the interpreter in its first line, does not exist, or it is not executable. */
export class StartFault extends Error {
  readonly fault: 'missing' | 'denied'
  constructor(fault: 'missing' | 'denied') {
    super(fault === 'missing' ? 'no such file' : 'not executable')
    this.fault = fault
  }
}

export type Confined = {
  readonly child: ChildProcess
  /** When it ends, everything that was started ends, as far as the system allows. It leads the group. */
  readonly identity: Identity
  readonly exited: Promise<Exit>
  /** Its error output, if that is a pipe. */
  readonly stderr: Readable | null
}

async function firstLine(pipe: Readable): Promise<string> {
  let text = ''
  for await (const chunk of pipe) {
    text += String(chunk)
    if (text.includes('\n')) break
  }
  return text.trim()
}

/**
 * When a process exits, Node reads what nobody reads of its output, and drops it. Until the returned function is called the
 * output waits instead; whoever reads it attaches in the same turn.
 */
function hold(outputs: readonly (Readable | null | undefined)[]): () => void {
  const wait = (): void => {}
  for (const output of outputs) output?.on('readable', wait)
  return () => {
    for (const output of outputs) output?.off('readable', wait)
  }
}

type Out = 'pipe' | 'ignore' | number

/** @returns what runs, when it does. @throws StartFault; the signal's reason. */
async function awaitStart(
  child: ChildProcess,
  { folder, signal, within }: Order,
  apart: boolean,
  exited: Promise<Exit>,
): Promise<Identity> {
  await once(child, 'spawn')
  const outer = child.pid as number
  const abandon = (): void => {
    for (const pid of [outer, ...childrenOf(outer)]) signalPid(pid, 'SIGKILL')
  }
  signal?.addEventListener('abort', abandon)
  const reports = child.stdio[3] as Readable
  const status = await firstLine(reports).finally(() => signal?.removeEventListener('abort', abandon))
  reports.destroy()
  signal?.throwIfAborted()
  if (status === 'missing' || status === 'denied') throw new StartFault(status)
  if (status !== 'ok') {
    const { code } = await exited
    throw new Error(
      status === 'folder' ? `"${folder}" cannot be entered` : `the process could not be created (exit code ${code})`,
    )
  }
  const inner = apart && !within ? childrenOf(outer)[0] : outer
  return (inner === undefined ? null : await identify(inner)) ?? { pid: inner ?? outer, started: 'ended already' }
}

/** Resolves when the program has been started. */
export async function startConfined(
  isolation: Isolation,
  order: Order,
  [input, output, errors]: readonly ['pipe' | 'ignore' | number, Out, Out],
): Promise<Confined> {
  const arranged = arrange(isolation, order)
  const { file, args, env, spawnAs, apart } = arranged
  const child = spawn(file, args, {
    cwd: '/',
    env: { ...env },
    detached: true,
    stdio: apart ? [input, output, 'ignore', 'pipe', errors] : [input, output, errors, 'pipe'],
    ...spawnAs,
  })
  const stderr = (apart ? child.stdio[4] : child.stderr) as Readable | null
  const release = hold([child.stdout, stderr])
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => resolve(exitOf(arranged, code, signal)))
  })
  try {
    const identity = await awaitStart(child, order, apart, exited)
    release()
    return { child, identity, exited, stderr }
  } catch (error) {
    for (const output of [child.stdout, stderr]) output?.destroy()
    throw error
  }
}
