// What is done once a day for the disk: caches of buildpacks that grew too large, and what the platform's registry has deleted?
import { mkdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log } from '@deis/ports/backend'
import type { Engine } from '../engine/engine.ts'
import type { OwnRegistry } from './registry.ts'
import { removeVolume } from './resources.ts'
import { diskUsage } from './usage.ts'

const dayMs = 24 * 3_600_000
const measureMs = 10 * 60_000

export type Housekeeping = {
  readonly engine: Engine
  readonly platform: string
  /** A folder of this controller, for when it was last done. */
  readonly folder: string
  readonly own: OwnRegistry | null
  /** Bytes that the cache of an app may have. */
  readonly cacheLimit: number
  readonly log: Log
}

const fileOf = (folder: string): string => join(folder, 'housekeeping')

export async function isDue(folder: string, now: number): Promise<boolean> {
  const found = await stat(fileOf(folder)).catch(() => null)
  return found === null || now - found.mtimeMs >= dayMs
}

async function dropLargeCaches(
  { engine, platform, cacheLimit, log }: Housekeeping,
  signal: AbortSignal,
): Promise<void> {
  const { caches } = await diskUsage({ engine, platform, own: null }, measureMs, signal)
  for (const { volume, app, bytes } of caches)
    if (bytes > cacheLimit) {
      await removeVolume(engine, volume, signal)
      log('info', 'the cache of builds of an app had grown too large and was deleted', { app, bytes })
    }
}

/** Nothing may be built meanwhile: what a build sends to the registry must not be taken for what nobody needs. */
export async function keepHouse(house: Housekeeping, signal: AbortSignal): Promise<void> {
  const { folder, own, log } = house
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await writeFile(fileOf(folder), '')
  await dropLargeCaches(house, signal).catch((error: unknown) =>
    log('warn', 'caches of builds could not be measured', { err: error }),
  )
  if (own && (await own.isThere(signal))) await own.collect(signal)
}
