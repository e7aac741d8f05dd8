// How is a process of an app started with its own group, user, folder, environment and log?
import { open } from 'node:fs/promises'
import type { RunAs } from '@deis/machine/accounts'
import type { Exit } from '@deis/ports/exit'
import { commandText, commandVariable } from '@deis/machine/command-text'
import { type Order, startConfined } from '@deis/machine/confine'
import type { Isolation } from '@deis/machine/isolation'
import { groupMembers, type Identity, isAlive, killAll } from '@deis/machine/pid'

/** A running process; `exited` resolves with how it ended, with neither code nor signal when that is unknown. */
export type PodProcess = { readonly identity: Identity; readonly started: Date; readonly exited: Promise<Exit> }

/** Names the pod in the environment of its processes, so that they are found again in any group or session. */
export const podVariable = 'DEIS_POD'

/** Names the session in the environment of its processes; other processes of the pod do not have it. */
export const sessionVariable = 'DEIS_SESSION'

/** How a command of an app runs, wherever its output goes. */
export type CommandOptions = {
  readonly isolation: Isolation
  readonly shell: string
  readonly command: string
  /** Working directory and HOME. */
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
  readonly runAs: RunAs | null
  /** The first process of the pod that it joins; default: it gets its own namespace. */
  readonly within?: Identity | null
  /** See machine/src/confine.ts. */
  readonly scope: readonly string[]
  readonly killed: string
}

// Stopping a pod waits for its own grace period and then kills it; this is only an upper limit.
const longestGraceMs = 3_600_000

/** The shell reads the profile scripts first, then the command, which is not in any argument. */
export function orderOf({ shell, command, folder, env, runAs, within, scope, killed }: CommandOptions): Order {
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
    scope,
    killed,
    graceMs: longestGraceMs,
  }
}

/** Names an invalid variable without its value, which node's own message would show. */
export function checkEnv(env: Readonly<Record<string, string>>): void {
  const bad = Object.entries(env).find(([name, value]) => `${name}${value}`.includes('\0'))
  if (bad) throw new Error(`the config variable ${JSON.stringify(bad[0])} contains a null byte`)
}

/** Output of both kinds is appended to the file `logFile`. */
export async function launch(options: CommandOptions, logFile: string): Promise<PodProcess> {
  checkEnv(options.env)
  // The process holds the file itself, so it can go on writing after the controller has ended.
  const log = await open(logFile, 'a', 0o600)
  try {
    // It must be able to open the file by name as well: programs open /dev/stdout.
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

/** A process that an earlier controller started. */
export function adopt(identity: Identity, started: Date, signal: AbortSignal): PodProcess {
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

/** Kills what is left of the group of a process that has just ended, as the end of a container does. */
export async function clearGroup({ identity }: PodProcess): Promise<void> {
  await killAll(() => groupMembers(identity.pid))
}
