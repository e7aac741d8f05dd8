// How is a program started so that everything it starts ends with it, and nothing of a user's is in an argument?
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import type { Readable } from 'node:stream'
import type { RunAs } from './accounts.ts'
import { initText, launcherText, wrapperText } from './confine-text.ts'
import { type Isolation, namespaceArguments } from './isolation.ts'
import { childrenOf, type Identity, identify, signalPid } from './pid.ts'

export type Order = {
  readonly program: string
  readonly args: readonly string[]
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
  readonly runAs: RunAs | null
  /** Names of variables by which all that belongs to it is found; the first process of its namespace has them, too. */
  readonly marks: readonly string[]
  /** Whether it must be said why the program cannot be started. */
  readonly check?: boolean
  /** Whether nobody wants its error output. */
  readonly mute?: boolean
  /** How long what the program leaves behind may go on. */
  readonly lingerMs?: number
  /** The same after a TERM. */
  readonly graceMs?: number
  /** The first process of the namespace that it joins; default: one of its own. */
  readonly within?: Identity | null
  /** Its own session and group; default. Not at a terminal, whose session it must stay in. */
  readonly session?: boolean
  /** Ends the attempt to start it. */
  readonly signal?: AbortSignal
}

/** What to spawn: with a folder of its own, as the given user, its error output at descriptor 4 when it is apart. */
export type Arranged = {
  readonly file: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly spawnAs: RunAs | null
  readonly apart: boolean
}

const lingerStepMs = 50

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
    lingerMs = 0,
    graceMs = 0,
    within,
    session = true,
  } = order
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`)
  const joins = within !== undefined && within !== null
  // Without root the first process is started by a tool that a terminal's signals would end.
  const apart = kind !== 'group' && (joins || session || kind === 'namespace')
  const launcher = ['/bin/sh', '-c', launcherText, 'deis', apart && !mute ? 'apart' : '', check ? 'check' : '']
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
  const times = (ms: number): string => String(Math.ceil(ms / lingerStepMs))
  const [file = '', ...rest] = joins
    ? [
        'nsenter',
        `--target=${within.pid}`,
        ...user,
        '--pid',
        '--mount',
        '--no-fork',
        '--',
        '/bin/sh',
        '-c',
        wrapperText,
        'deis',
        ...asUser,
      ]
    : [
        ...namespaceArguments(kind),
        ...(session ? ['setsid'] : []),
        '/bin/sh',
        '-c',
        initText,
        'deis',
        kind,
        times(lingerMs),
        times(graceMs),
        ...asUser,
      ]
  return { file, args: rest, env: outer, spawnAs: null, apart: true }
}

export type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null }

/** A shell between tells the end by a signal as a code. */
export function exitOf({ apart }: Pick<Arranged, 'apart'>, code: number | null, signal: NodeJS.Signals | null): Exit {
  if (!apart || code === null || code <= 128) return { code, signal }
  const name = Object.entries(constants.signals).find(([, number]) => number === code - 128)?.[0]
  return name ? { code: null, signal: name as NodeJS.Signals } : { code, signal }
}

/** The program cannot be started: it, or what its first line names, is not there, or it must not be executed. */
export class StartFault extends Error {
  readonly fault: 'missing' | 'denied'
  constructor(fault: 'missing' | 'denied') {
    super(fault === 'missing' ? 'it is not there' : 'it is not executable')
    this.fault = fault
  }
}

export type Confined = {
  readonly child: ChildProcess
  /** With its death everything that was started is gone, as far as the system allows. It leads the group. */
  readonly identity: Identity
  readonly exited: Promise<Exit>
  /** Where its error output is to be read, when it is a pipe. */
  readonly stderr: Readable | null
}

async function firstWord(pipe: Readable): Promise<string> {
  let text = ''
  for await (const chunk of pipe) {
    text += String(chunk)
    if (text.includes('\n')) break
  }
  return text.trim()
}

type Out = 'pipe' | 'ignore' | number

/** Resolves when the program has been reached. */
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
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => resolve(exitOf(arranged, code, signal)))
  })
  await once(child, 'spawn')
  const outer = child.pid as number
  const abandon = (): void => {
    for (const pid of [outer, ...childrenOf(outer)]) signalPid(pid, 'SIGKILL')
  }
  order.signal?.addEventListener('abort', abandon)
  const said = child.stdio[3] as Readable
  const word = await firstWord(said).finally(() => order.signal?.removeEventListener('abort', abandon))
  said.destroy()
  order.signal?.throwIfAborted()
  if (word === 'missing' || word === 'denied') throw new StartFault(word)
  if (word !== 'ok') {
    const { code } = await exited
    throw new Error(
      word === 'folder' ? `${order.folder} cannot be entered` : `no process could be made for it (${code})`,
    )
  }
  const inner = apart && !order.within ? childrenOf(outer)[0] : outer
  const identity = (inner === undefined ? null : await identify(inner)) ?? {
    pid: inner ?? outer,
    started: 'ended already',
  }
  return { child, identity, exited, stderr: (apart ? child.stdio[4] : child.stderr) as Readable | null }
}
