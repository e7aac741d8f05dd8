// Where are the files of apps that are being exported or imported, and who deletes them?
import { randomUUID } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Core } from '../core.ts'

const folderOf = ({ config }: Pick<Core, 'config'>): string => join(config.dataDir, 'moves')

/** What a controller left that was killed. Call it before any export or import. */
export async function clearSpool(core: Pick<Core, 'config'>): Promise<void> {
  await rm(folderOf(core), { recursive: true, force: true })
}

/** A folder that nobody else can read, for as long as `work` runs. */
export async function withSpool<T>(core: Pick<Core, 'config'>, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = join(folderOf(core), randomUUID())
  await mkdir(folder, { recursive: true, mode: 0o700 })
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
