// Where does a build work, who may enter, and what is left to clean up after a controller that was killed?
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, chown, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { RunAs } from '../../os/accounts.ts'
import { type Identity, isAlive, stopGroup } from '../../os/pid.ts'
import { own } from './own.ts'
import { killStrays } from './run.ts'

export type Workspace = {
  readonly root: string
  /** BUILD_DIR */
  readonly app: string
  /** ENV_DIR */
  readonly env: string
  readonly home: string
  readonly tmp: string
  /** Buildpacks that are cloned by the app's user. */
  readonly buildpacks: string
  /** Buildpacks that are unpacked by the platform. */
  readonly archives: string
  /** CACHE_DIR; made by restoring the cache. */
  readonly cache: string
}

const idPattern = /^[A-Za-z0-9-]{1,64}$/
const handedOver = ['app', 'env', 'home', 'tmp', 'buildpacks', 'cache'] as const

function place(folder: string, id: string): Workspace {
  if (!idPattern.test(id)) throw new Error(`${JSON.stringify(id)} is no build id`)
  const root = join(folder, id)
  const at = (name: string): string => join(root, name)
  return {
    root,
    app: at('app'),
    env: at('env'),
    home: at('home'),
    tmp: at('tmp'),
    buildpacks: at('buildpacks'),
    archives: at('archives'),
    cache: at('cache'),
  }
}

/** Closed to everybody but the platform until it is handed over. */
export async function openWorkspace(folder: string, id: string): Promise<Workspace> {
  const workspace = place(folder, id)
  await mkdir(workspace.root, { mode: 0o700 })
  const { app, env, home, tmp, buildpacks, archives } = workspace
  await Promise.all([app, env, home, tmp, buildpacks, archives].map((path) => mkdir(path, { mode: 0o755 })))
  return workspace
}

/** Lets the app's user in, and nobody else's. */
export async function handOver(workspace: Workspace, runAs: RunAs | null): Promise<void> {
  if (!runAs) return
  for (const name of handedOver) await own(workspace[name], runAs)
  await chown(workspace.root, 0, runAs.gid)
  await chmod(workspace.root, 0o710)
}

/** Shuts the app's user out again; what is in the workspace stays as it is from now on. */
export async function takeBack(workspace: Workspace, runAs: RunAs | null): Promise<void> {
  if (!runAs) return
  await chmod(workspace.root, 0o700)
  for (const name of handedOver) if (existsSync(workspace[name])) await own(workspace[name], { uid: 0, gid: 0 })
}

const recordOf = (root: string): string => join(root, 'running.json')

export async function recordGroup(workspace: Workspace, group: Identity | null): Promise<void> {
  if (group) await writeFile(recordOf(workspace.root), JSON.stringify(group), { mode: 0o600 })
  else await rm(recordOf(workspace.root), { force: true })
}

async function remove(folder: string): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error
    // Folders that a tool made read-only, such as Go's module cache, when the platform is not root.
    await promisify(execFile)('chmod', ['-R', 'u+rwX', '--', folder])
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** Deletes the workspace. Nothing of the build runs any more, but another process of the app's user may look on. */
export async function discard(root: string): Promise<void> {
  if (process.getuid?.() === 0) {
    try {
      await chmod(root, 0o700)
      await own(root, { uid: 0, gid: 0 })
    } catch (error) {
      // Going already, by somebody else who discards it.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
  await remove(root)
}

/** Ends and deletes all builds in the folder. */
export async function recoverWorkspaces(folder: string): Promise<string[]> {
  const left = (await readdir(folder)).filter((name) => idPattern.test(name))
  for (const id of left) {
    const root = join(folder, id)
    const group = await readFile(recordOf(root), 'utf8').then(
      (text) => JSON.parse(text) as Identity,
      // Nothing ran, or its record was being written: then the variable below finds it.
      () => null,
    )
    if (group && (await isAlive(group))) await stopGroup(group.pid, 0)
    await killStrays(id)
    await discard(root)
  }
  return left
}
