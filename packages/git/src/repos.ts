// Where is an app's repository, and how is it created, maintained and deleted?
import { randomBytes } from 'node:crypto'
import { access, chmod, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { appIdPattern } from '@deis/types'
import { type Git, runGit } from './git.ts'

// No app's id starts with a dot.
const draft = '.new-'
const trash = '.gone-'

/** The app's repository, whether it is there or not. */
export function repoOf(folder: string, app: string): string {
  if (!appIdPattern.test(app)) throw new Error(`${JSON.stringify(app)} is not an app ID`)
  return join(folder, `${app}.git`)
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch {
    // It does not exist or is not accessible; the attempt to create it will show which.
    return false
  }
}

async function discard(folder: string, path: string): Promise<void> {
  const away = join(folder, `${trash}${randomBytes(8).toString('hex')}`)
  try {
    // Renamed first, so that half a repository is never visible.
    await rename(path, away)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  await rm(away, { recursive: true, force: true })
}

/** Creates the folders, closed to app users, and deletes what a crash left behind. */
export async function openRepos(folder: string, runFolder: string): Promise<void> {
  await rm(runFolder, { recursive: true, force: true })
  await mkdir(runFolder, { recursive: true, mode: 0o700 })
  await chmod(folder, 0o700)
  for (const name of await readdir(folder))
    if (name.startsWith(draft) || name.startsWith(trash)) await rm(join(folder, name), { recursive: true, force: true })
}

// What is deployed is the tree as it was pushed: attributes in it neither leave files out nor make them grow (a line of
// `$Format:%B$` may be a long message, and a file may have a million of them). This file outranks those in the tree.
const attributes = '* -export-ignore -export-subst -ident\n'

async function fixAttributes(repo: string): Promise<string> {
  const file = join(repo, 'info', 'attributes')
  if (await exists(file)) return repo
  await mkdir(join(repo, 'info'), { recursive: true })
  await writeFile(file, attributes)
  return repo
}

/** The app's bare repository, created when missing. */
export async function ensureRepo(git: Git, app: string): Promise<string> {
  return fixAttributes(await findRepo(git, app))
}

/** When a file was written last; null: it is gone. */
const writtenAt = (path: string): Promise<number | null> =>
  stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => null,
  )

/**
 * Removes what git left when it was killed: objects that were never accepted, which nothing else removes for weeks, and locks
 * from before `started`, which would block every later push. Only while no other push of the app runs.
 */
export async function clearLeft(repo: string, started: number): Promise<void> {
  const objects = join(repo, 'objects')
  for (const name of await readdir(objects))
    if (/^(tmp_objdir-)?incoming-/.test(name)) await rm(join(objects, name), { recursive: true, force: true })
  const locks = [
    ...(await readdir(repo)).map((name) => join(repo, name)),
    ...(await readdir(join(repo, 'refs'), { recursive: true })).map((name) => join(repo, 'refs', name)),
  ].filter((path) => path.endsWith('.lock'))
  for (const path of locks) if (((await writtenAt(path)) ?? Infinity) < started) await rm(path, { force: true })
}

const headOf = (ref: string): string => `ref: ${ref}\n`

const draftOf = (git: Git): string => join(git.folder, `${draft}${randomBytes(8).toString('hex')}`)

/** As git does it (gitrepository-layout), but without a process. */
async function init(path: string): Promise<void> {
  const folders = ['objects/info', 'objects/pack', 'refs/heads', 'refs/tags', 'info']
  await Promise.all(folders.map((folder) => mkdir(join(path, folder), { recursive: true })))
  await Promise.all([
    writeFile(join(path, 'config'), '[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n'),
    writeFile(join(path, 'info/attributes'), attributes),
    writeFile(join(path, 'HEAD'), headOf('refs/heads/main')),
  ])
}

/** A temporary empty repository: the caller deletes it, or the next start does. */
export async function openDraft(git: Git): Promise<string> {
  const path = draftOf(git)
  await init(path)
  return path
}

async function findRepo(git: Git, app: string): Promise<string> {
  const repo = repoOf(git.folder, app)
  if (await exists(join(repo, 'HEAD'))) return repo
  const fresh = draftOf(git)
  try {
    await init(fresh)
    await rename(fresh, repo)
  } catch (error) {
    // Another session was faster.
    if (await exists(join(repo, 'HEAD'))) return repo
    if (!(await exists(fresh)) || !(await exists(repo))) throw error
    // Without HEAD git does not treat it as a repository, and its content can be pushed again.
    await discard(git.folder, repo)
    await rename(fresh, repo)
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
  return repo
}

/** Deletes an app's repository; pushes of it have ended before (GitServer.cancelPushes). */
export async function removeRepo(folder: string, app: string): Promise<void> {
  await discard(folder, repoOf(folder, app))
}

/** Packs an app's repository and drops what nothing refers to any more. Not while the app is being pushed. */
export async function maintainRepo(git: Git, app: string, signal?: AbortSignal): Promise<void> {
  const repo = repoOf(git.folder, app)
  if (!(await exists(join(repo, 'HEAD')))) return
  await runGit(git, [`--git-dir=${repo}`, 'gc', '--quiet'], { signal, timeoutMs: 1_800_000 })
}

/** Branches of a repository. */
export async function branches(git: Git, repo: string): Promise<string[]> {
  const listed = await runGit(git, [`--git-dir=${repo}`, 'for-each-ref', '--format=%(refname:lstrip=2)', 'refs/heads'])
  return listed.split('\n').filter((name) => name !== '')
}

/** Makes a branch what clones check out. */
export async function pointHead(repo: string, ref: string): Promise<void> {
  const file = join(repo, 'HEAD')
  await writeFile(`${file}.new`, headOf(ref))
  await rename(`${file}.new`, file)
}
