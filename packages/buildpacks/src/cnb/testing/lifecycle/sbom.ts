// Where do the software bills of materials go that buildpacks write beside their layers?
import { copyFileSync, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Exit } from './exit.ts'
import { folderName, layersOf, namesIn, readToml } from './files.ts'
import { entriesOf, type Owner, pack } from './tarball.ts'

const mediaTypes: Readonly<Record<string, string>> = {
  'cdx.json': 'application/vnd.cyclonedx+json',
  'spdx.json': 'application/spdx+json',
  'syft.json': 'application/vnd.syft+json',
}

type Descriptor = { readonly buildpack?: { readonly 'sbom-formats'?: readonly string[] } }

/** `<layer>.sbom.<ext>`, `launch.sbom.<ext>` and `build.sbom.<ext>` of one buildpack, after its build. */
export function collectSboms(layers: string, id: string, own: string, descriptor: string): void {
  const declared = readToml<Descriptor>(descriptor, {}).buildpack?.['sbom-formats'] ?? []
  const types = new Map(layersOf(own).map(({ name, toml }) => [name, toml.types ?? {}]))
  for (const file of namesIn(own)) {
    const [, subject = '', extension = ''] = /^(.+)\.sbom\.(cdx|spdx|syft)\.json$/.exec(file) ?? []
    if (subject === '') continue
    const format = `${extension}.json`
    if (!declared.includes(mediaTypes[format] ?? ''))
      throw new Exit(51, `failed to build: sbom type '${mediaTypes[format]}' not declared for buildpack: '${id}'`)
    const isLayer = subject !== 'launch' && subject !== 'build'
    const { launch = false, cache = false } = types.get(subject) ?? {}
    const kinds = isLayer ? [...(launch ? ['launch'] : []), ...(cache ? ['cache'] : [])] : [subject]
    for (const kind of kinds) {
      const folder = join(layers, 'sbom', kind, folderName(id), ...(isLayer ? [subject] : []))
      mkdirSync(folder, { recursive: true })
      copyFileSync(join(own, file), join(folder, `sbom.${format}`))
    }
  }
}

/** Null: no buildpack wrote one. Names begin with a slash, as the real lifecycle writes them. */
export function sbomLayer(layers: string, owner: Owner): Buffer | null {
  const folder = join(layers, 'sbom', 'launch')
  if (!existsSync(folder)) return null
  return pack(entriesOf(folder, folder.slice(1), owner).map((entry) => ({ ...entry, path: `/${entry.path}` })))
}
