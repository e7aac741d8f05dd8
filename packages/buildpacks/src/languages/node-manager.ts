// How is the package manager that an app wants installed, for its build and for its processes?
import { basename, join } from 'node:path'
import { BuildFailure } from '@deis/ports/builder'
import type { BuildContext, More } from '../context.ts'
import { type Runtime, runtimeFolder } from './node-runtime.ts'
import { npmGlobal } from './npm-global.ts'
import { fits } from './node-version.ts'
import type { PackageJson, PackageManager } from './package-manager.ts'

export type Provided = {
  readonly path: string
  /** What the slug must have of it; null: nothing, it is on the machine or comes with the runtime. */
  readonly folder: string | null
  /** Null: npm, of which the app does not say a version. */
  readonly version: string | null
}

/** The version that a manager prints; yarn from npm adds its commit. */
const versionIn = (printed: string): string => printed.trim().replace(/-git\.[\w.-]{1,100}$/, '')

const withoutNpm = (): BuildFailure =>
  new BuildFailure('npm was not found on this machine: install it, or set BUILDPACK_URL.')

async function isIn(context: BuildContext, path: string, name: string): Promise<boolean> {
  const folders = path.split(':').filter((folder) => folder.startsWith('/'))
  const there = await Promise.all(folders.map((folder) => context.files.has(join(folder, name))))
  return there.includes(true)
}

/** The manager on PATH if it is the right one, otherwise npm brings it into the cache. */
export async function provideManager(
  context: BuildContext,
  manager: PackageManager,
  json: PackageJson,
  more: More,
): Promise<Provided> {
  const path = more.env?.PATH ?? ''
  // Outside of the app's folder, where the manager would try to become the version that the app wants.
  const outside: More = { ...more, cwd: context.workspace.tmp }
  if (manager.name === 'npm' && manager.version === null && json.engines?.npm === undefined) {
    // To tell its version takes npm as long as to install a small app.
    if (!(await isIn(context, path, 'npm'))) throw withoutNpm()
    return { path, folder: null, version: null }
  }
  const present = await context.capture(manager.name, ['--version'], outside)
  const version = versionIn(present.stdout)
  const right = manager.name === 'npm' || manager.version === null || version === manager.version
  if (present.code === 0 && right) return { path, folder: null, version }
  if (manager.source === null && present.code !== 0)
    throw new BuildFailure(
      `${manager.lockFile ?? 'packageManager in package.json'} needs ${manager.name}, which was not found on this machine: install it there, or remove ${manager.lockFile ?? 'that field'} and commit a package-lock.json.`,
    )
  if (manager.source === null) return { path, folder: null, version }
  if (manager.name === 'npm') throw withoutNpm()
  const folder = join(context.workspace.cache, 'tools', manager.source.replace(/[@/]+/g, '-'))
  const own = `${join(folder, 'bin')}:${path}`
  const kept = await context.capture(join(folder, 'bin', manager.name), ['--version'], outside)
  if (kept.code === 0) return { path: own, folder, version: versionIn(kept.stdout) }
  context.output.note(`Installing ${manager.source}`)
  await npmGlobal(context, outside, folder, [manager.source])
  const fresh = await context.capture(join(folder, 'bin', manager.name), ['--version'], outside)
  return { path: own, folder, version: versionIn(fresh.stdout) }
}

/** Puts runtime and manager where the app's processes find them. @returns whether there was anything to put. */
export async function copyRuntime(context: BuildContext, runtime: Runtime, manager: string | null): Promise<boolean> {
  const target = join(context.workspace.app, runtimeFolder)
  await context.remove(target)
  const folders = [runtime.folder, manager].filter((folder) => folder !== null)
  for (const folder of folders) {
    await context.must('mkdir', 'mkdir', ['-p', '--', target])
    await context.must('cp', 'cp', ['-a', '--', join(folder, 'bin'), join(folder, 'lib'), target])
  }
  if (runtime.home !== null) {
    // Needed only to build, and most of its files.
    const own = join(target, 'lib', 'node_modules', basename(runtime.home))
    for (const name of ['include', 'share', 'CHANGELOG.md']) await context.remove(join(own, name))
  }
  return folders.length > 0
}

/** What package.json says about versions of package managers, and gets another one. */
export function otherVersions(json: PackageJson, manager: PackageManager, version: string): string[] {
  const lines = Object.entries(json.engines ?? {}).flatMap(([name, range]) => {
    if (name === 'node' || typeof range !== 'string') return []
    if (name === manager.name && fits(version, range)) return []
    const used = name === manager.name ? `${name} ${version} is used` : `${manager.name} is used`
    return [`engines.${name} in package.json (${range.slice(0, 100)}) is not used: ${used}.`]
  })
  // The others are installed in the version that packageManager names.
  const pinned = manager.version !== null && manager.version !== version
  if (pinned) lines.push(`packageManager in package.json is not used: ${manager.name} ${version} is installed here.`)
  return lines
}
