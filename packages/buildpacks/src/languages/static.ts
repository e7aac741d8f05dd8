// How is a site of plain files served?
import { posix } from 'node:path'
import { BuildFailure } from '@deis/ports/builder'
import type { AppFiles } from '../files.ts'
import type { BuildContext } from '../context.ts'
import type { Buildpack } from './buildpack.ts'
import { staticServer } from './static-server.ts'

/** The settings of the server; paths are relative to the root. */
export type Site = {
  readonly root: string
  readonly errorPage: string
  readonly cleanUrls: boolean
  /** Shown where nothing else is, for apps that route in the browser. */
  readonly fallback: string | null
}

// In this order; the first that has an index.html is the site.
const made = ['dist', 'build', 'out', '_site'] as const
const written = ['.', 'public'] as const

function inside(value: unknown, name: string): string {
  const path = posix.normalize(typeof value === 'string' ? value : '').replace(/(?<!\/)\/+$/, '')
  if (typeof value !== 'string' || posix.isAbsolute(path) || path === '..' || path.startsWith('../'))
    throw new BuildFailure(`static.json: ${name} must be a path inside the app.`)
  return path
}

/** The part of `static.json` that we know: root, error_page, clean_urls, and one route for everything. */
export function parseStaticJson(text: string): { site: Partial<Site>; ignored: string[] } {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new BuildFailure(`static.json is not valid JSON: ${(error as Error).message}.`)
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw new BuildFailure('static.json must contain an object.')
  const { root, error_page, clean_urls, routes, ...rest } = value as Record<string, unknown>
  const site: { -readonly [key in keyof Site]?: Site[key] } = {}
  const ignored = Object.keys(rest)
  if (root !== undefined) site.root = inside(root, 'root')
  if (error_page !== undefined) site.errorPage = inside(error_page, 'error_page')
  if (clean_urls !== undefined) site.cleanUrls = clean_urls === true
  for (const [pattern, target] of Object.entries((routes ?? {}) as Record<string, unknown>)) {
    if (pattern === '/**') site.fallback = inside(target, 'routes')
    else ignored.push(`route ${pattern}`)
  }
  return { site, ignored }
}

/** `built`: a script made pages, so that an index.html beside it is what they were made of. */
async function firstRoot(files: AppFiles, built = false): Promise<string | null> {
  for (const root of built ? [...made, ...written] : [...written, ...made])
    if (await files.has(posix.join(root, 'index.html'))) return root
  return null
}

export async function findSite(context: BuildContext, built = false): Promise<Site | null> {
  const text = await context.files.read('static.json')
  const { site, ignored } = text === null ? { site: {}, ignored: [] } : parseStaticJson(text)
  if (ignored.length > 0) context.output.warn(`static.json: not supported and ignored: ${ignored.join(', ')}.`)
  const root = site.root ?? (await firstRoot(context.files, built))
  return root === null ? null : { errorPage: '404.html', cleanUrls: false, fallback: null, ...site, root }
}

/** Writes the server into the app; its process types. */
export async function serveSite(context: BuildContext, site: Site): Promise<Record<string, string>> {
  await context.write('.deis/static.mjs', staticServer)
  await context.write('.deis/static.json', `${JSON.stringify(site)}\n`)
  return { web: 'node .deis/static.mjs' }
}

export const staticSite: Buildpack = {
  name: 'Static',
  looksFor: 'static.json, or index.html at the root or in public or dist',
  tool: { command: 'node', args: ['--version'] },
  async detect(files) {
    return (await files.has('static.json')) || ['.', 'public', 'dist'].includes((await firstRoot(files)) ?? '')
  },
  async compile(context) {
    const site = await findSite(context)
    if (!site) throw new BuildFailure('static.json does not set "root", and there is no index.html.')
    context.output.note(`Serving ${site.root === '.' ? 'the root folder' : site.root}`)
    return {}
  },
  async release(context) {
    const site = await findSite(context)
    return site ? serveSite(context, site) : {}
  },
}
