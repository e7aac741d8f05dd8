// Where are layers kept between builds: in a folder, or in an image of the registry?
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { cacheLabel, type CacheMetadata } from './analyzed.ts'
import type { Flags } from './flags.ts'
import type { Config, Registries } from './registry.ts'

export type Cache = {
  readonly metadata: CacheMetadata
  /** A layer's tar by the digest of it; null: it is not there, or not whole. */
  read(sha: string): Promise<Buffer | null>
  write(metadata: CacheMetadata, layers: readonly { readonly sha: string; readonly tar: Buffer }[]): Promise<void>
}

const none: CacheMetadata = { buildpacks: [] }
const shaOf = (tar: Buffer): string => `sha256:${createHash('sha256').update(tar).digest('hex')}`
const verified = (tar: Buffer, sha: string): Buffer | null => (shaOf(tar) === sha ? tar : null)

function openFolder(folder: string): Cache {
  const committed = join(folder, 'committed')
  const file = join(committed, cacheLabel)
  return {
    metadata: existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as CacheMetadata) : none,
    async read(sha) {
      const layer = join(committed, `${sha}.tar`)
      return existsSync(layer) ? verified(readFileSync(layer), sha) : null
    },
    async write(metadata, layers) {
      const [staging, backup] = [join(folder, 'staging'), join(folder, 'committed-backup')]
      for (const old of [staging, backup]) rmSync(old, { recursive: true, force: true })
      mkdirSync(staging, { recursive: true })
      for (const { sha, tar } of layers) writeFileSync(join(staging, `${sha}.tar`), tar)
      writeFileSync(join(staging, cacheLabel), JSON.stringify(metadata))
      if (existsSync(committed)) renameSync(committed, backup)
      renameSync(staging, committed)
      rmSync(backup, { recursive: true, force: true })
    },
  }
}

async function openImage(image: string, registries: Registries): Promise<Cache> {
  const found = await registries.find(image)
  const label = found?.config.config?.Labels?.[cacheLabel]
  return {
    metadata: label === undefined ? none : (JSON.parse(label) as CacheMetadata),
    async read(sha) {
      const layer = found?.layers[found.config.rootfs.diff_ids.indexOf(sha)]
      return found && layer ? verified(await registries.layer(found, layer), sha) : null
    },
    async write(metadata, layers) {
      const pushed = []
      for (const { tar } of layers) pushed.push(await registries.put(image, gzipSync(tar)))
      const config: Config = {
        os: 'linux',
        architecture: process.arch === 'x64' ? 'amd64' : process.arch,
        config: { Labels: { [cacheLabel]: JSON.stringify(metadata) } },
        rootfs: { type: 'layers', diff_ids: layers.map(({ sha }) => sha) },
      }
      await registries.push(image, config, pushed)
    },
  }
}

/** Null: nothing is kept. */
export async function openCache(flags: Flags, registries: Registries): Promise<Cache | null> {
  const [folder, image] = [flags.one('cache-dir'), flags.one('cache-image')]
  if (image !== undefined) return openImage(image, registries)
  return folder === undefined ? null : openFolder(folder)
}
