// What does an analyzer find out: the previous image, the run image, and whether it may write?
import { join } from 'node:path'
import { type Analyzed, lifecycleLabel, type LifecycleMetadata } from './analyzed.ts'
import { Exit, say } from './exit.ts'
import { writeToml } from './files.ts'
import type { Flags } from './flags.ts'
import { type Registries, Refused } from './registry.ts'

async function checkAccess(registries: Registries, images: readonly string[]): Promise<void> {
  for (const image of images) {
    try {
      await registries.checkWrite(image)
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      throw new Exit(
        32,
        `failed to initialize analyzer: validating registry write access: failed to ensure registry read/write access to ${image}: ${error.message}`,
      )
    }
  }
}

export async function analyze(flags: Flags, registries: Registries): Promise<void> {
  const { image } = flags
  const cache = flags.one('cache-image')
  const runImage = flags.one('run-image')
  if (runImage === undefined) throw new Exit(32, 'failed to initialize analyzer: failed to find accessible run image')
  await checkAccess(registries, [image, ...(cache === undefined ? [] : [cache])])
  const run = await registries.find(runImage).catch((error: unknown) => {
    throw new Exit(32, `failed to initialize analyzer: ${(error as Error).message}`)
  })
  if (run === null)
    throw new Exit(32, `failed to initialize analyzer: validating registry read access to ${runImage}: not found`)
  const previousName = flags.one('previous-image') ?? image
  const previous = await registries.find(previousName)
  if (previous === null) say(`Image with name "${previousName}" not found`)
  const label = previous?.config.config?.Labels?.[lifecycleLabel]
  const metadata = label === undefined || flags.has('skip-layers') ? {} : (JSON.parse(label) as LifecycleMetadata)
  const { host, repository } = run.name
  const analyzed: Analyzed = {
    ...(previous === null
      ? {}
      : { image: { reference: `${previous.name.host}/${previous.name.repository}@${previous.digest}` } }),
    'run-image': {
      reference: `${host}/${repository}@${run.digest}`,
      image: runImage,
      target: { os: run.config.os, arch: run.config.architecture },
    },
    metadata,
  }
  writeToml(flags.one('analyzed') ?? join(flags.one('layers') ?? '/layers', 'analyzed.toml'), analyzed)
}
