// Which controller uses this data folder? Two controllers on one SQLite file would lose each other's writes.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient, type Transaction } from '@libsql/client'

const againMs = 200

/**
 * The lock is the kernel's, through SQLite: it ends with its process, and counts between containers, where pids say nothing
 * about each other.
 */
async function take(file: string): Promise<Transaction | null> {
  const client = createClient({ url: `file:${file}` })
  try {
    return await client.transaction('write')
  } catch (error) {
    client.close()
    if ((error as { code?: unknown }).code !== 'SQLITE_BUSY') throw error
    return null
  }
}

/** Null when another process has it. The folder has to be there. */
export async function tryLock(file: string): Promise<{ release(): void } | null> {
  const lock = await take(file)
  return lock && { release: () => lock.close() }
}

type Patience = {
  /** How long the holder may take to end. On a cluster its pod still ends while the next one starts. */
  readonly seconds: number
  /** Called once, when another process has it. */
  waits(): void
}

/** @throws with the holder's pid when another process has it. */
export async function lockFolder(folder: string, patience?: Patience): Promise<{ release(): Promise<void> }> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const pidFile = join(folder, 'controller.pid')
  const deadline = Date.now() + (patience?.seconds ?? 0) * 1000
  for (let tries = 0; ; tries++) {
    const lock = await take(join(folder, 'controller.lock'))
    if (lock !== null) {
      // For people: who has it.
      await writeFile(pidFile, `${process.pid}\n`, { mode: 0o600 })
      return { release: async () => lock.close() }
    }
    if (Date.now() >= deadline) break
    if (tries === 0) patience?.waits()
    await sleep(againMs)
  }
  const holder = Number.parseInt(await readFile(pidFile, 'utf8').catch(() => ''), 10)
  throw new Error(
    `${folder} is in use by the controller with pid ${holder}: stop it, or set DEIS_DATA_DIR to another folder`,
  )
}
