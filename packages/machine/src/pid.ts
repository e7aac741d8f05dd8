// Is a process that was started earlier still the same one, and how is its whole group ended?
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { readdir, readFile, stat as statFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

/** A pid alone may be reused; together with its start time it identifies one process for ever. */
export type Identity = { readonly pid: number; readonly started: string }

type Stat = {
  readonly pid: number
  readonly state: string
  readonly group: number
  readonly session: number
  /** The group that its terminal sends signals to; none: below 1. */
  readonly foreground: number
  readonly started: string
}

const linux = process.platform === 'linux'
const run = promisify(execFile)

function parseProcStat(text: string): Stat | null {
  // The command name may contain spaces and parentheses: fields are counted from the last one.
  const open = text.indexOf('(')
  const close = text.lastIndexOf(')')
  if (open < 0 || close < 0) return null
  const rest = text.slice(close + 2).split(' ')
  return {
    pid: Number(text.slice(0, open)),
    state: rest[0] ?? '',
    group: Number(rest[2]),
    session: Number(rest[3]),
    foreground: Number(rest[5]),
    started: rest[19] ?? '',
  }
}

async function psStats(args: readonly string[]): Promise<Stat[]> {
  const { stdout } = await run('ps', [...args, '-o', 'pid=,pgid=,tpgid=,stat=,lstart='], {
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
  })
  return stdout
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((words) => words.length > 4)
    .map(([pid, group, foreground, state, ...started]) => ({
      pid: Number(pid),
      group: Number(group),
      // Not every ps prints session numbers: the group is used instead.
      session: Number(group),
      foreground: Number(foreground),
      state: state ?? '',
      started: started.join(' '),
    }))
}

async function stat(pid: number): Promise<Stat | null> {
  try {
    // This does not read from a disk, and an asynchronous call would cost ten times as much.
    if (linux) return parseProcStat(readFileSync(`/proc/${pid}/stat`, 'utf8'))
    return (await psStats(['-p', String(pid)]))[0] ?? null
  } catch {
    // No such process: that is the answer.
    return null
  }
}

async function allStats(): Promise<Stat[]> {
  if (!linux) return psStats(['-A'])
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found = await Promise.all(pids.map((pid) => stat(Number(pid))))
  return found.filter((one) => one !== null)
}

let boot: Promise<string> | undefined

/** Start times on Linux count from the boot: the same number after another boot is another process. */
function bootId(): Promise<string> {
  boot ??= linux
    ? readFile('/proc/sys/kernel/random/boot_id', 'utf8').then(
        (id) => `${id.trim()} `,
        () => '',
      )
    : Promise.resolve('')
  return boot
}

/** The identity of a running process, or null when there is none. */
export async function identify(pid: number): Promise<Identity | null> {
  const found = await stat(pid)
  return found && !found.state.startsWith('Z') ? { pid, started: `${await bootId()}${found.started}` } : null
}

export async function isAlive(identity: Identity): Promise<boolean> {
  return (await identify(identity.pid))?.started === identity.started
}

/**
 * Whether it has ended or is about to: the first process of a namespace has no memory any more, and so no arguments, while the
 * kernel waits until the others, which it has killed, are reaped.
 */
export async function isEnding(identity: Identity): Promise<boolean> {
  if (!(await isAlive(identity))) return true
  return (await readFile(`/proc/${identity.pid}/cmdline`).catch(() => null))?.length === 0
}

/** Whether there is anything to send a signal to, even if it is only waiting to be reaped. */
function exists(target: number): boolean {
  try {
    process.kill(target, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

/** Processes of a group, without those that only wait to be reaped. */
export async function groupMembers(group: number): Promise<number[]> {
  if (!exists(-group)) return []
  const stats = await allStats()
  return stats.filter((one) => one.group === group && !one.state.startsWith('Z')).map((one) => one.pid)
}

/** The children of a process. Linux only: elsewhere none. */
export function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    return text.split(' ').filter(Boolean).map(Number)
  } catch {
    // It has ended.
    return []
  }
}

/** Which of these is the first process of a namespace. Linux only: elsewhere none. */
export async function firstInside(pids: readonly number[]): Promise<Identity | null> {
  for (const pid of pids) {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
    const numbers = /^NSpid:\s+(.*)$/m.exec(status)?.[1]?.split(/\s+/) ?? []
    if (numbers.length > 1 && numbers.at(-1) === '1') return identify(pid)
  }
  return null
}

/** Processes of a session in any group, without those that only wait to be reaped. */
export async function sessionMembers(session: number): Promise<number[]> {
  const stats = await allStats()
  return stats.filter((one) => one.session === session && !one.state.startsWith('Z')).map((one) => one.pid)
}

/** The group in the foreground of the terminal of a process; null when there is none. */
export async function foregroundOf(pid: number): Promise<number | null> {
  const group = (await stat(pid))?.foreground ?? 0
  return group > 1 ? group : null
}

/** Processes with this variable in their environment, and its value. Linux only: elsewhere none. */
export async function variableOfAll(name: string): Promise<Map<number, string>> {
  const values = new Map<number, string>()
  if (!linux) return values
  const start = `${name}=`
  await Promise.all(
    (await readdir('/proc'))
      .filter((entry) => /^\d+$/.test(entry))
      .map(async (pid) => {
        try {
          const found = (await readFile(`/proc/${pid}/environ`, 'utf8'))
            .split('\0')
            .find((one) => one.startsWith(start))
          if (found !== undefined) values.set(Number(pid), found.slice(start.length))
        } catch {
          // Gone, or not ours to read.
        }
      }),
  )
  return values
}

/** Processes with exactly this `NAME=value` in their environment, in any group or session (daemons). Linux only. */
export async function withVariable(name: string, value: string): Promise<number[]> {
  return [...(await variableOfAll(name))].filter(([, found]) => found === value).map(([pid]) => pid)
}

/** Processes of a user, without those that only wait to be reaped. */
export async function processesOf(uid: number): Promise<number[]> {
  if (!linux) return (await psStats(['-U', String(uid)])).map((one) => one.pid)
  const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry)).map(Number)
  const owned = await Promise.all(
    pids.map(async (pid) => {
      const owner = await statFile(`/proc/${pid}`).catch(() => null)
      return owner?.uid === uid && (await identify(pid)) !== null
    }),
  )
  return pids.filter((_, index) => owned[index])
}

function send(target: number, signal: NodeJS.Signals): void {
  // 0 is our own group, -1 every process, 1 the system itself: never intended.
  if (!Number.isInteger(target) || (target >= -1 && target <= 1))
    throw new Error(`refused to send a signal to ${target}`)
  try {
    process.kill(target, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

export function signalGroup(group: number, signal: NodeJS.Signals): void {
  send(-group, signal)
}

export function signalPid(pid: number, signal: NodeJS.Signals): void {
  send(pid, signal)
}

/**
 * Sends KILL to everything that `find` finds, until it finds nothing more and all of it has ended: the first process of a
 * namespace is hard to find while it ends, since it then waits for the others.
 */
export async function killAll(find: () => Promise<readonly number[]>): Promise<void> {
  let ending: Identity[] = []
  // A process that forks faster than this is stopped later, by its user or by hand; waiting for ever does not help.
  for (let tries = 0; tries < 100; tries++) {
    for (const pid of await find()) {
      const identity = await identify(pid)
      if (identity) ending.push(identity)
      signalPid(pid, 'SIGKILL')
    }
    const alive = await Promise.all(ending.map(isAlive))
    ending = ending.filter((_, index) => alive[index])
    if (ending.length === 0 && (await find()).length === 0) return
    await sleep(20)
  }
}

/**
 * TERM to the group, up to `graceMs` to end, then KILL. The caller has checked that the group is still the one it means.
 * @returns false when `signal` was aborted while waiting: the group has got its TERM but may still run.
 */
export async function stopGroup(group: number, graceMs: number, signal?: AbortSignal): Promise<boolean> {
  signalGroup(group, 'SIGTERM')
  const deadline = Date.now() + graceMs
  let pause = 10
  while (Date.now() < deadline) {
    if ((await groupMembers(group)).length === 0) return true
    if (signal?.aborted) return false
    // An abort only ends the pause.
    await sleep(Math.min(pause, Math.max(1, deadline - Date.now())), undefined, { signal }).catch(() => {})
    pause = Math.min(pause * 2, 200)
  }
  signalGroup(group, 'SIGKILL')
  for (let tries = 0; tries < 100 && (await groupMembers(group)).length > 0; tries++) await sleep(20)
  return true
}
