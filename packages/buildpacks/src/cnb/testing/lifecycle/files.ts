// How does the stand-in lifecycle read and write TOML, and walk folders?
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parse, stringify } from 'smol-toml'

type Table = Record<string, unknown>

export function readToml<T>(file: string, otherwise: T): T {
  return existsSync(file) ? (parse(readFileSync(file, 'utf8')) as T) : otherwise
}

/** What TOML cannot say is left out. */
function tidy(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((one) => one !== null && one !== undefined).map(tidy)
  if (value === null || typeof value !== 'object') return value
  const entries = Object.entries(value).filter(([, one]) => one !== null && one !== undefined)
  return Object.fromEntries(entries.map(([name, one]) => [name, tidy(one)]))
}

export function writeToml(file: string, value: Table): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, stringify(tidy(value)))
}

export const folderName = (id: string): string => id.replaceAll('/', '_')

/** Names in a folder that may be missing, sorted. */
export const namesIn = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder).toSorted() : [])

export type Buildpack = { readonly id: string; readonly version: string; readonly optional?: boolean }
export type Group = { readonly group: readonly Buildpack[] }
export type Types = { readonly launch?: boolean; readonly build?: boolean; readonly cache?: boolean }
export type LayerToml = { readonly types?: Types; readonly metadata?: Table }
export type Process = {
  readonly type: string
  readonly command: readonly string[]
  readonly args?: readonly string[]
  readonly direct?: boolean
  readonly default?: boolean
  readonly 'working-dir'?: string
  readonly 'buildpack-id'?: string
}
export type BuildMetadata = {
  readonly processes?: readonly Process[]
  readonly buildpacks?: readonly Buildpack[]
  readonly 'buildpack-default-process-type'?: string
}

/** Of each layer that has a TOML file: its name and what that says. */
export function layersOf(folder: string): { name: string; toml: LayerToml }[] {
  const own = new Set(['launch', 'build', 'store'])
  return namesIn(folder)
    .filter((file) => file.endsWith('.toml'))
    .map((file) => file.slice(0, -'.toml'.length))
    .filter((name) => !own.has(name))
    .map((name) => ({ name, toml: readToml<LayerToml>(join(folder, `${name}.toml`), {}) }))
}
