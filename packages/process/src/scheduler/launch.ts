// How does a process of an app come to life, with its own group, user, folder, environment and log?
import { open } from 'node:fs/promises'
import type { RunAs } from '@deis/machine/accounts'
import type { Exit } from '@deis/ports/exit'
import { commandText } from '@deis/machine/command-text'
import { commandVariable } from '@deis/machine/confine-text'
import { type Order, startConfined } from '@deis/machine/confine'
import type { Isolation } from '@deis/machine/isolation'
import { groupMembers, type Identity, isAlive, killAll } from '@deis/machine/pid'

/** A running process; `exited` says how it ended, with neither code nor signal where nobody can know. */
export type Life = { readonly identity: Identity; readonly started: Date; readonly exited: Promise<Exit> }

/** Names the pod in its processes' environment, so that they are found again wherever they went. */
export const podVariable = 'DEIS_POD'

/** Names the session in its processes' environment: those of the pod beside it do not have it. */
export const sessionVariable = 'DEIS_SESSION'

/** What a process of an app is, wherever its output goes. */
export type CommandOptions = {
  readonly isolation: Isolation
  readonly shell: string
  readonly command: string
  /** Working directory and HOME. */
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
  readonly runAs: RunAs | null
  /** The first process of the pod that it joins; default: it gets a namespace of its own. */
  readonly within?: Identity | null
}

// Who stops a pod waits as long as its owner wants, and ends it then.
const longestGraceMs = 3_600_000

/** The shell reads profile scripts first, then the command, which is in no argument. */
export function orderOf({ shell, command, folder, env, runAs, within }: CommandOptions): Order {
  const args = ['-c', commandText, shell]
  const marks = [podVariable, sessionVariable]
  return {
    program: shell,
    args,
    folder,
    env: { ...env, [commandVariable]: command },
    runAs,
    marks,
    within,
    graceMs: longestGraceMs,
  }
}

/** Names a variable that no process can have, without its value: node's own message would show that. */
export function checkEnv(env: Readonly<Record<string, string>>): void {
  const bad = Object.entries(env).find(([name, value]) => `${name}${value}`.includes('\0'))
  if (bad) throw new Error(`the config variable ${JSON.stringify(bad[0])} contains a null byte`)
}

/** Output of both kinds is appended to the file `logFile`. */
export async function launch(options: CommandOptions, logFile: string): Promise<Life> {
  checkEnv(options.env)
  // The process holds the file itself, so it can go on writing when the controller is gone.
  const log = await open(logFile, 'a', 0o600)
  try {
    // Its own file also by name: programs open /dev/stdout again.
    if (options.runAs) await log.chown(options.runAs.uid, options.runAs.gid)
    const { child, identity, exited } = await startConfined(options.isolation, orderOf(options), [
      'ignore',
      log.fd,
      log.fd,
    ])
    child.unref()
    return { identity, started: new Date(), exited }
  } finally {
    await log.close()
  }
}

const watchEveryMs = 500

/** A process that an earlier controller has started. */
export function adopt(identity: Identity, started: Date, signal: AbortSignal): Life {
  const exited = new Promise<Exit>((resolve) => {
    const look = async (): Promise<void> => {
      if (await isAlive(identity)) return
      clearInterval(timer)
      resolve({ code: null, signal: null })
    }
    const timer = setInterval(() => void look(), watchEveryMs)
    timer.unref()
    signal.addEventListener('abort', () => clearInterval(timer), { once: true })
  })
  return { identity, started, exited }
}

/** Ends what a process that has just ended leaves behind of its group, as the end of a container would. */
export async function clearGroup({ identity }: Life): Promise<void> {
  await killAll(() => groupMembers(identity.pid))
}
