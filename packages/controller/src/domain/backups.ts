// When does the controller have a backup made? A program of its own makes it, so nothing waits for it here.
import { spawn } from 'node:child_process'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { constants, setPriority } from 'node:os'
import { join } from 'node:path'
import { type Check, messageOf } from '@deis/types'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { backupAge } from '../metrics-backup.ts'
import type { Peers } from '../store/peers.ts'

const hourMs = 3_600_000
const lookEveryMs = 60_000
const longestOutput = 10_000

export type LastBackup = {
  readonly startedAt: string
  readonly endedAt: string | null
  /** Null while it runs, and of one that was killed. */
  readonly code: number | null
  /** What it said last. */
  readonly line: string
}

/** A backup that failed is tried again within an hour. `last` null: there was none yet. */
export function nextBackup(last: LastBackup | null, everyHours: number): Date {
  if (last === null) return new Date(0)
  const hours = last.code === 0 ? everyHours : Math.min(everyHours, 1)
  return new Date(Date.parse(last.startedAt) + hours * hourMs)
}

const fileOf = (dataDir: string): string => join(dataDir, 'state', 'last-backup.json')

async function readLast(dataDir: string): Promise<LastBackup | null> {
  try {
    const read = JSON.parse(await readFile(fileOf(dataDir), 'utf8')) as LastBackup
    return Number.isNaN(Date.parse(read.startedAt)) ? null : read
  } catch {
    // None was made yet, or the file is damaged: then one is due.
    return null
  }
}

async function writeLast(dataDir: string, last: LastBackup): Promise<void> {
  const file = fileOf(dataDir)
  await writeFile(`${file}.new`, JSON.stringify(last), { mode: 0o600 })
  await rename(`${file}.new`, file)
}

/** `5 hours old`. */
function ageText(seconds: number): string {
  const hours = Math.floor(seconds / 3600)
  return hours < 48 ? `${hours} hour(s) old` : `${Math.floor(hours / 24)} days old`
}

/** A line of `deis doctor`; null: the controller makes no backups, and nobody else does. */
export async function checkBackups(
  { dataDir, backup: { everyHours } }: Pick<Config, 'dataDir' | 'backup'>,
  now = Date.now(),
): Promise<Check | null> {
  const named = { name: 'backups' } as const
  const age = await backupAge(dataDir, now)
  if (everyHours === 0)
    return age === null ? null : { ...named, status: 'ok', detail: `the newest that is proven is ${ageText(age)}` }
  const last = await readLast(dataDir)
  if (age !== null && age > 2 * everyHours * 3600 && last?.code !== null) {
    const why = last === null || last.code === 0 ? '' : `; the last failed: ${last.line}`
    const detail = `the newest that is proven is ${ageText(age)}, and one is due every ${everyHours} hours${why}`
    return { ...named, status: 'limited', detail, concern: 'broken' }
  }
  if (last === null) return { ...named, status: 'limited', detail: 'none was made yet' }
  if (last.endedAt === null)
    return { ...named, status: 'limited', detail: `one is being made since ${last.startedAt}, or was interrupted` }
  if (last.code === 0) return { ...named, status: 'ok', detail: `the last was proven at ${last.endedAt}` }
  return { ...named, status: 'limited', detail: `the last failed at ${last.endedAt}: ${last.line}`, concern: 'broken' }
}

type Deps = {
  readonly config: Config
  readonly peers: Peers
  readonly log: Logger
  /** The file of `deis-server`. */
  readonly program: string
}

/** Runs the program with the controller's own environment. Resolves with its exit code and its output. */
function run(program: string, signal: AbortSignal): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, 'backup'], { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-longestOutput)))
    child.on('spawn', () => {
      // Apps and their requests come first.
      if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL)
    })
    const stop = (): void => void child.kill('SIGTERM')
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    child.on('error', reject)
    child.on('close', (code) => {
      signal.removeEventListener('abort', stop)
      resolve({ code, output })
    })
  })
}

async function makeBackup({ config, log, program }: Deps, signal: AbortSignal): Promise<void> {
  const { dataDir } = config
  const startedAt = new Date().toISOString()
  await writeLast(dataDir, { startedAt, endedAt: null, code: null, line: '' })
  const { code, output } = await run(program, signal)
  // Of a controller that stops: the next one makes it.
  if (signal.aborted) return
  const line = output.trim().split('\n').at(-1) ?? ''
  await writeLast(dataDir, { startedAt, endedAt: new Date().toISOString(), code, line })
  if (code === 0) log.info({ output }, 'a backup was made and proven')
  else log.error({ code, output }, 'a backup failed')
}

/** Returns the function that ends it, also a backup that is being made. */
export function startBackups(deps: Deps): () => Promise<void> {
  const { config, peers, log } = deps
  const { everyHours } = config.backup
  if (everyHours === 0) return async () => {}
  const ending = new AbortController()
  let working: Promise<void> | null = null
  const look = async (): Promise<void> => {
    if (nextBackup(await readLast(config.dataDir), everyHours).getTime() > Date.now()) return
    // One of all controllers.
    const held = await peers.tryLock('backup')
    if (held === null) return
    try {
      await makeBackup(deps, ending.signal)
    } finally {
      await held.release()
    }
  }
  const begin = (): void => {
    working ??= look()
      .catch((error: unknown) => log.error({ err: error, reason: messageOf(error) }, 'no backup could be made'))
      .finally(() => (working = null))
  }
  begin()
  const timer = setInterval(begin, lookEveryMs)
  timer.unref()
  return async () => {
    clearInterval(timer)
    ending.abort()
    await working
  }
}
