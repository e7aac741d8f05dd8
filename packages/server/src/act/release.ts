// How does a built release get to where it runs, whole or not at all?
import { chmod, copyFile, cp, mkdir, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { Failure } from '../failure.ts'
import type { Flags } from '../install/units.ts'

export type Release = { readonly name: string; readonly flags: Flags }

const nameForm = /^[0-9A-Za-z][0-9A-Za-z.-]{0,80}$/

/** What `release.json` of a built folder says. */
export async function readRelease(folder: string): Promise<Release> {
  const text = await readFile(join(folder, 'release.json'), 'utf8').catch((error: unknown) => {
    throw new Failure(`${folder} is not a built release of the platform: it has no release.json`, undefined, {
      cause: error,
    })
  })
  const found = JSON.parse(text) as { name?: unknown; flags?: { controller?: unknown; router?: unknown } }
  const { name, flags } = found
  const isFlags = (value: unknown): value is string[] =>
    Array.isArray(value) && value.every((flag) => typeof flag === 'string' && /^--[a-z0-9=-]+$/.test(flag))
  if (typeof name !== 'string' || !nameForm.test(name) || !isFlags(flags?.controller) || !isFlags(flags.router))
    throw new Failure(`${folder}/release.json is damaged`)
  return { name, flags: { controller: flags.controller, router: flags.router } }
}

/** Files with their sizes, by path; links are followed, as the copy has none of them. */
async function filesOf(folder: string, base = folder): Promise<Map<string, number>> {
  const found = new Map<string, number>()
  for (const entry of await readdir(folder)) {
    const path = join(folder, entry)
    const { size } = await stat(path)
    if ((await stat(path)).isDirectory()) for (const [name, bytes] of await filesOf(path, base)) found.set(name, bytes)
    else found.set(relative(base, path), size)
  }
  return found
}

/** Only here: never part of what was built. */
const node = 'bin/node'

async function isWhole(from: string, path: string): Promise<boolean> {
  const there = await filesOf(path).catch(() => null)
  if (there === null || !there.has(node)) return false
  const wanted = await filesOf(from)
  return [...wanted].every(([name, size]) => name === node || there.get(name) === size)
}

/**
 * Its own Node.js, so that an upgrade of the machine's does not change what runs. A Node.js that is mostly a library of the
 * system (Debian's own package) is used where it is.
 */
async function putNode(target: string, program: string): Promise<void> {
  const shared = (process.config.variables as { node_shared?: unknown }).node_shared
  await rm(target, { force: true })
  if (shared === true || shared === 'true') return symlink(program, target)
  await copyFile(program, target)
  await chmod(target, 0o755)
}

/** Whether something changed. `program`: the Node.js that it gets, unless it has one. */
export async function putRelease(from: string, path: string, program = process.execPath): Promise<boolean> {
  if (from === path || (await isWhole(from, path))) return false
  const next = join(dirname(path), `.new-${process.pid}`)
  const old = join(dirname(path), `.old-${process.pid}`)
  for (const left of await readdir(dirname(path)))
    if (/^\.(new|old)-\d+$/.test(left)) await rm(join(dirname(path), left), { recursive: true, force: true })
  await mkdir(next, { mode: 0o755 })
  await cp(from, next, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true })
  if (!(await stat(join(next, node)).catch(() => null))) await putNode(join(next, node), program)
  await rename(path, old).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
  await rename(next, path)
  await rm(old, { recursive: true, force: true })
  return true
}
