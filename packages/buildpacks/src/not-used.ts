// Which files of a project, meant for other platforms, have settings that this platform does not use?
import { parse } from 'yaml'
import type { BuildRequest } from '@deis/ports/builder'
import type { AppFiles } from './files.ts'

// Enough for files written by hand; for a larger file only the name is printed.
const most = 65_536

// The rest of an app.json describes the app, or belongs to another program that uses that name.
const appJsonSections = ['addons', 'buildpacks', 'cron', 'env', 'environments', 'formation', 'healthchecks', 'scripts']

const keysOf = (value: unknown): string[] =>
  value !== null && typeof value === 'object' && !Array.isArray(value) ? Object.keys(value) : []

/** Null: it cannot be read. */
function sections(text: string, read: (text: string) => string[]): string[] | null {
  try {
    return text.length < most ? read(text) : null
  } catch {
    return null
  }
}

const tables = (text: string): string[] =>
  text.split('\n').flatMap((line) => /^\s*\[\[?\s*([\w.-]+)/.exec(line)?.[1] ?? [])

type Foreign = {
  readonly name: string
  readonly read: (text: string) => string[]
  readonly instead: string
}

const foreign: readonly Foreign[] = [
  {
    name: 'heroku.yml',
    read: (text) => keysOf(parse(text, { maxAliasCount: 10 })),
    instead: 'use a Procfile for what runs, and `deis config:set` for settings',
  },
  {
    name: 'app.json',
    read: (text) => keysOf(JSON.parse(text.replace(/^\uFEFF/, ''))).filter((key) => appJsonSections.includes(key)),
    instead: 'use `deis config:set`, `deis scale` and BUILDPACK_URL',
  },
  {
    name: 'project.toml',
    read: tables,
    instead: 'use `deis config:set`, .slugignore and BUILDPACK_URL',
  },
]

/** One line for each file, for people. */
export async function notUsed(files: AppFiles, config: BuildRequest['config']): Promise<string[]> {
  const lines: string[] = []
  for (const { name, read, instead } of foreign) {
    if (!(await files.has(name))) continue
    // A link or a folder of that name cannot be read, and is not used either.
    const text = await files.head(name, most).catch(() => null)
    const found = text === null ? null : sections(text, read)
    if (found?.length === 0) continue
    const what = found === null ? '' : ` (${[...new Set(found)].slice(0, 20).join(', ')})`
    lines.push(`${name} is not used${what}: ${instead}.`)
  }
  const external = config.BUILDPACK_URL !== undefined || (await files.has('.buildpacks'))
  if (!external && (await files.has('Aptfile')))
    lines.push(
      'Aptfile is not used: system packages cannot be installed for a single app. Set BUILDPACK_URL to a buildpack that installs them.',
    )
  return lines
}
