// How do layers, app and launcher become an image in the registry?
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { stringify } from 'smol-toml'
import { type Analyzed, type BuildpackRecord, type LayerRecord, lifecycleLabel } from './analyzed.ts'
import { openCache } from './cache.ts'
import { Exit, say, warn } from './exit.ts'
import { type BuildMetadata, folderName, type Group, layersOf, readToml } from './files.ts'
import type { Flags } from './flags.ts'
import type { Config, Registries, RemoteImage } from './registry.ts'
import { sbomLayer } from './sbom.ts'
import { digestOf, entriesOf, type Entry, type Owner, pack } from './tarball.ts'

type Descriptor = RemoteImage['layers'][number]
type Made = { readonly sha: string; readonly descriptor: Descriptor }

const root: Owner = { uid: 0, gid: 0 }
const folder = (path: string): Entry => ({ path, mode: 0o755, owner: root, content: 'folder' })

/** Layers are added in their order; one that the previous image has is not sent again. */
function createStack(image: string, previous: RemoteImage | null, registries: Registries) {
  const made: Made[] = []
  const earlier = (sha: string): Descriptor | undefined =>
    previous?.layers[previous.config.rootfs.diff_ids.indexOf(sha)]
  return {
    made,
    /** Returns the digest of the tar and whether it was there before. */
    async add(tar: Buffer): Promise<{ sha: string; reused: boolean }> {
      const sha = digestOf(tar)
      const known = earlier(sha)
      const descriptor =
        known && previous ? await registries.copy(previous, known, image) : await registries.put(image, gzipSync(tar))
      made.push({ sha, descriptor })
      return { sha, reused: known !== undefined }
    },
    /** A layer whose files were not restored; false: the previous image does not have it. */
    async reuse(sha: string): Promise<boolean> {
      const known = earlier(sha)
      if (!known || !previous) return false
      made.push({ sha, descriptor: await registries.copy(previous, known, image) })
      return true
    },
  }
}

type Stack = ReturnType<typeof createStack>
type Kept = { readonly sha: string; readonly tar: Buffer }

async function addLayers(
  group: Group['group'],
  layers: string,
  owner: Owner,
  analyzed: Analyzed,
  stack: Stack,
): Promise<{ launch: BuildpackRecord[]; cache: BuildpackRecord[]; kept: Kept[] }> {
  const launch: BuildpackRecord[] = []
  const cache: BuildpackRecord[] = []
  const kept: Kept[] = []
  for (const { id, version } of group) {
    const inImage: Record<string, LayerRecord> = {}
    const inCache: Record<string, LayerRecord> = {}
    const own = join(layers, folderName(id))
    for (const { name, toml } of layersOf(own)) {
      const { types = {}, metadata: data = {} } = toml
      const path = join(own, name)
      if (!existsSync(path)) {
        const sha = analyzed.metadata?.buildpacks?.find(({ key }) => key === id)?.layers[name]?.sha
        if (!types.launch) continue
        if (sha === undefined || !(await stack.reuse(sha)))
          throw new Exit(
            62,
            `failed to export: layer "${id}:${name}" is of type launch and has neither files nor an earlier image`,
          )
        say(`Reusing layer '${id}:${name}'`)
        inImage[name] = { sha, data, ...types }
        continue
      }
      const tar = pack(entriesOf(path, path.slice(1), owner))
      if (types.launch) {
        const { sha, reused } = await stack.add(tar)
        say(`${reused ? 'Reusing' : 'Adding'} layer '${id}:${name}'`)
        inImage[name] = { sha, data, ...types }
      }
      if (types.cache) {
        kept.push({ sha: digestOf(tar), tar })
        inCache[name] = { sha: digestOf(tar), data, ...types }
      }
    }
    launch.push({ key: id, version, layers: inImage })
    cache.push({ key: id, version, layers: inCache })
  }
  return { launch, cache, kept }
}

async function writeCache(flags: Flags, registries: Registries, cache: BuildpackRecord[], kept: Kept[]): Promise<void> {
  const target = await openCache(flags, registries)
  if (!target) return
  const before = new Set(
    target.metadata.buildpacks.flatMap(({ layers }) => Object.values(layers).map(({ sha }) => sha)),
  )
  try {
    await target.write({ buildpacks: cache }, kept)
  } catch (error) {
    return warn(`Failed to export cache: ${(error as Error).message}`)
  }
  for (const { key, layers } of cache)
    for (const [name, { sha }] of Object.entries(layers))
      say(`${before.has(sha) ? 'Reusing' : 'Adding'} cache layer '${key}:${name}'`)
}

function envOf(run: readonly string[], layers: string, app: string, api: string): string[] {
  const path = run.find((line) => line.startsWith('PATH='))?.slice('PATH='.length) ?? ''
  return [
    ...run.filter((line) => !line.startsWith('PATH=')),
    `CNB_LAYERS_DIR=${layers}`,
    `CNB_APP_DIR=${app}`,
    `CNB_PLATFORM_API=${api}`,
    'CNB_DEPRECATION_MODE=quiet',
    `PATH=/cnb/process:/cnb/lifecycle${path === '' ? '' : `:${path}`}`,
  ]
}

/** The process that starts by itself; null: the launcher does. */
function defaultType(flags: Flags, { processes = [], ...rest }: BuildMetadata): string | null {
  const wanted = flags.one('process-type') ?? rest['buildpack-default-process-type'] ?? null
  if (wanted !== null && !processes.some(({ type }) => type === wanted))
    throw new Exit(62, `failed to export: tried to set ${wanted} to default but it doesn't exist`)
  say(wanted === null ? 'no default process type' : `Setting default process type '${wanted}'`)
  return wanted
}

/** Files of the launcher, as they are in this very image. */
function launcherLayer(): Buffer {
  const files = ['launcher', 'launcher.cjs'].flatMap((name) =>
    entriesOf(`/cnb/lifecycle/${name}`, `cnb/lifecycle/${name}`, root).slice(-1),
  )
  return pack([folder('cnb'), folder('cnb/lifecycle'), ...files])
}

export async function exportImage(flags: Flags, registries: Registries, api: string): Promise<void> {
  const { image } = flags
  const layers = flags.one('layers') ?? '/layers'
  const app = flags.one('app') ?? '/workspace'
  const owner = { uid: Number(flags.one('uid')), gid: Number(flags.one('gid')) }
  const { group } = readToml<Group>(flags.one('group') ?? join(layers, 'group.toml'), { group: [] })
  const analyzed = readToml<Analyzed>(flags.one('analyzed') ?? join(layers, 'analyzed.toml'), {})
  const runName = analyzed['run-image']
  const run = runName ? await registries.find(runName.reference) : null
  if (!run || !runName) throw new Exit(62, 'failed to export: the run image of analyzed.toml is not there')
  const previous = analyzed.image ? await registries.find(analyzed.image.reference) : null
  const stack = createStack(image, previous, registries)
  const { launch, cache, kept } = await addLayers(group, layers, owner, analyzed, stack)
  const bill = sbomLayer(layers, owner)
  const sbom = bill && (await stack.add(bill))
  const slice = await stack.add(pack(entriesOf(app, app.slice(1), owner)))
  say(slice.reused ? 'Reused 1/1 app layer(s)' : 'Added 1/1 app layer(s)')
  const launcher = await stack.add(launcherLayer())
  const metadataFile = join(layers, 'config', 'metadata.toml')
  const config = await stack.add(pack(entriesOf(metadataFile, metadataFile.slice(1), root)))
  const metadata = readToml<BuildMetadata>(metadataFile, {})
  const { processes = [] } = metadata
  const links = processes.map(({ type }): Entry => ({
    path: `cnb/process/${type}`,
    mode: 0o777,
    owner: root,
    content: { link: '/cnb/lifecycle/launcher' },
  }))
  const types = await stack.add(pack([folder('cnb'), folder('cnb/process'), ...links]))
  const chosen = defaultType(flags, metadata)
  const runImage = {
    topLayer: run.config.rootfs.diff_ids.at(-1),
    reference: runName.reference,
    image: runName.image,
  }
  const labels: Record<string, string> = {
    ...run.config.config?.Labels,
    [lifecycleLabel]: JSON.stringify({
      app: [{ sha: slice.sha }],
      ...(sbom ? { sbom: { sha: sbom.sha } } : {}),
      buildpacks: launch,
      config: { sha: config.sha },
      launcher: { sha: launcher.sha },
      'process-types': { sha: types.sha },
      runImage,
      stack: { runImage: { image: runName.image, mirrors: null } },
    }),
    'io.buildpacks.build.metadata': JSON.stringify({
      processes: processes.map((one) => ({ ...one, buildpackID: one['buildpack-id'] })),
      buildpacks: metadata.buildpacks,
      launcher: { version: '0.0.0-test' },
      ...(chosen === null ? {} : { 'buildpack-default-process-type': chosen }),
    }),
    'io.buildpacks.project.metadata': JSON.stringify(
      readToml<object>(flags.one('project-metadata') ?? join(layers, 'project-metadata.toml'), {}),
    ),
    'io.buildpacks.rebasable': 'true',
  }
  for (const name of [lifecycleLabel, 'io.buildpacks.build.metadata', 'io.buildpacks.project.metadata'])
    say(`Adding label '${name}'`)
  const base = []
  for (const layer of run.layers) base.push(await registries.copy(run, layer, image))
  const created = '1980-01-01T00:00:01Z'
  const document: Config = {
    ...run.config,
    config: {
      ...run.config.config,
      Env: envOf(run.config.config?.Env ?? [], layers, app, api),
      Entrypoint: [chosen === null ? '/cnb/lifecycle/launcher' : `/cnb/process/${chosen}`],
      Cmd: [],
      WorkingDir: app,
      Labels: labels,
    },
    rootfs: { type: 'layers', diff_ids: [...run.config.rootfs.diff_ids, ...stack.made.map(({ sha }) => sha)] },
    history: [...(run.config.history ?? []), ...stack.made.map(() => ({ created }))],
  }
  say(`Saving ${image}...`)
  const pushed = await registries.push(image, document, [...base, ...stack.made.map(({ descriptor }) => descriptor)])
  say(`*** Images (${pushed.digest}):\n      ${image}`)
  const report = { image: { tags: [image], digest: pushed.digest, 'manifest-size': pushed.size } }
  writeFileSync(flags.one('report') ?? join(layers, 'report.toml'), stringify(report))
  await writeCache(flags, registries, cache, kept)
}
