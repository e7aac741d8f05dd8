// Which controller uses this data folder? Two controllers on one SQLite file would lose each other's writes.
import { mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Identity, identify, isAlive } from '@deis/machine/pid'

/** @throws with the holder's pid when another running process has it. */
export async function lockFolder(folder: string): Promise<{ release(): Promise<void> }> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const file = join(folder, 'controller.pid')
  const mine = await identify(process.pid)
  for (let tries = 0; tries < 5; tries++) {
    try {
      const handle = await open(file, 'wx', 0o600)
      await handle.writeFile(JSON.stringify(mine))
      await handle.close()
      return { release: () => rm(file, { force: true }) }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const holder = await readHolder(file)
    if (holder && (await isAlive(holder)))
      throw new Error(
        `"${folder}" is in use by the controller with pid ${holder.pid}; stop it, or set DEIS_DATA_DIR to another folder`,
      )
    await rm(file, { force: true })
  }
  throw new Error(`could not lock "${file}"`)
}

async function readHolder(file: string): Promise<Identity | null> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Identity
  } catch {
    // Gone, or incomplete after a crash: the folder is free.
    return null
  }
}
