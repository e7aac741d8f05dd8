// How does a process of an app come to life, with its own group, user, folder, environment and log?
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import type { RunAs } from '../../os/accounts.ts'
import type { Exit } from '../exit.ts'
import { groupMembers, type Identity, identify, isAlive, killAll } from '../../os/pid.ts'
import { readProfile } from '../../os/profile.ts'

/** A running process; `exited` says how it ended, with neither code nor signal where nobody can know. */
export type Life = { readonly identity: Identity; readonly started: Date; readonly exited: Promise<Exit> }

/** Fixed text: the command comes as `$1`. */
const launcher = `${readProfile}
exec "$0" -c "$1"`

/** What a process of an app is, wherever its output goes. */
export type CommandOptions = {
  readonly shell: string
  readonly command: string
  /** Working directory and HOME. */
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
  readonly runAs: RunAs | null
}

/** Arguments of the shell. */
export function shellArguments({ shell, command }: CommandOptions): string[] {
  return ['-c', launcher, shell, command]
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
    const child = spawn(options.shell, shellArguments(options), {
      cwd: options.folder,
      env: { ...options.env },
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      ...options.runAs,
    })
    const ended = new Promise<Exit>((resolve) => {
      child.once('exit', (code, signal) => resolve({ code, signal }))
    })
    await once(child, 'spawn')
    child.unref()
    const pid = child.pid as number
    const identity = (await identify(pid)) ?? { pid, started: 'ended already' }
    return { identity, started: new Date(), exited: ended }
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
