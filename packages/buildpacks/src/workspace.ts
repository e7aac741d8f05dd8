// Where are the folders of a build, who may enter them, and how are they cleaned up after a controller was killed?
import { chmod, chown, lchown, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { RunAs } from '@deis/machine/accounts'
import { discard } from '@deis/machine/discard'
import { type Identity, isAlive, stopGroup } from '@deis/machine/pid'
import { killOrphans } from './run.ts'

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

function workspaceAt(folder: string, id: string): Workspace {
  if (!idPattern.test(id)) throw new Error(`${JSON.stringify(id)} is not a build ID`)
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

/** Closed to all but the platform until access is granted. Folders that the app's user fills belong to that user from the start. */
export async function openWorkspace(folder: string, id: string, runAs: RunAs | null): Promise<Workspace> {
  const workspace = workspaceAt(folder, id)
  await mkdir(workspace.root, { mode: 0o700 })
  const { app, env, home, tmp, buildpacks, archives } = workspace
  await Promise.all([env, home, archives].map((path) => mkdir(path, { mode: 0o755 })))
  await Promise.all([app, buildpacks].map((path) => makeFor(path, runAs)))
  await makeFor(tmp, runAs, 0o700)
  return workspace
}

/** An empty folder of the app's user. */
export async function makeFor(path: string, runAs: RunAs | null, mode = 0o755): Promise<void> {
  await mkdir(path, { mode })
  if (runAs) await lchown(path, runAs.uid, runAs.gid)
}

/** Files that the platform has just written, in folders that no other user could enter yet, are given to the app's user. */
async function give(folder: string, owner: RunAs): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) await give(path, owner)
    else await lchown(path, owner.uid, owner.gid)
  }
  await lchown(folder, owner.uid, owner.gid)
}

/** Lets the app's user in, and no other user. */
export async function grantAccess(workspace: Workspace, runAs: RunAs | null): Promise<void> {
  if (!runAs) return
  for (const folder of [workspace.env, workspace.home]) await give(folder, runAs)
  await chown(workspace.root, 0, runAs.gid)
  await chmod(workspace.root, 0o710)
}

/** Shuts the app's user out again, including pods of the app, which run as the same user. */
export async function revokeAccess(workspace: Workspace): Promise<void> {
  await chmod(workspace.root, 0o700)
}

const recordOf = (root: string): string => join(root, 'running.json')

export async function recordGroup(workspace: Workspace, group: Identity | null): Promise<void> {
  if (group) await writeFile(recordOf(workspace.root), JSON.stringify(group), { mode: 0o600 })
  else await rm(recordOf(workspace.root), { force: true })
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
    await killOrphans(id)
    await discard(root)
  }
  return left
}
