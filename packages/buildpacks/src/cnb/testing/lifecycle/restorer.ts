// Which layers of the last build are there again when buildpacks build?
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { extract } from 'tar'
import type { Analyzed } from './analyzed.ts'
import { openCache } from './cache.ts'
import { say, warn } from './exit.ts'
import { folderName, type Group, readToml, writeToml } from './files.ts'
import type { Flags } from './flags.ts'
import type { Registries } from './registry.ts'

/** Tars have paths as they are in the image, below the folder of layers. */
async function unpack(tar: Buffer, layers: string): Promise<void> {
  const strip = layers.split('/').length - 1
  await pipeline(Readable.from([tar]), extract({ cwd: layers, strip, preserveOwner: false, strict: true }))
}

export async function restore(flags: Flags, registries: Registries): Promise<void> {
  const layers = flags.one('layers') ?? '/layers'
  const { group } = readToml<Group>(flags.one('group') ?? join(layers, 'group.toml'), { group: [] })
  const { metadata = {} } = readToml<Analyzed>(flags.one('analyzed') ?? join(layers, 'analyzed.toml'), {})
  if (flags.has('skip-layers')) return
  const cache = await openCache(flags, registries)
  for (const { id } of group) {
    const own = join(layers, folderName(id))
    const inImage = metadata.buildpacks?.find(({ key }) => key === id)?.layers ?? {}
    for (const [name, record] of Object.entries(inImage)) {
      if (!record.launch || record.build || record.cache) continue
      say(`Restoring metadata for "${id}:${name}" from app image`)
      writeToml(join(own, `${name}.toml`), { metadata: record.data ?? {} })
    }
    const inCache = cache?.metadata.buildpacks.find(({ key }) => key === id)?.layers ?? {}
    for (const [name, record] of Object.entries(inCache)) {
      if (!record.cache || (record.launch && inImage[name]?.sha !== record.sha)) continue
      const tar = await cache?.read(record.sha)
      if (!tar) {
        warn(`Skipping restore for layer ${id}:${name}: its data is missing or damaged`)
        continue
      }
      say(`Restoring data for "${id}:${name}" from cache`)
      mkdirSync(own, { recursive: true })
      writeToml(join(own, `${name}.toml`), { metadata: record.data ?? {} })
      await unpack(tar, layers)
    }
  }
}
