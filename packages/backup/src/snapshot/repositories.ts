// How are git repositories copied while they are pushed to?
import { mkdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Git, runGit } from '@deis/git/git'
import { repoOf } from '@deis/git/repos'
import { bundleOf, type ManifestApp } from '../format/manifest.ts'
import { unless } from '../files.ts'

export type Repository = NonNullable<ManifestApp['repository']>

const attempts = 3
const bundleMs = 1_800_000

const shallowOf = (repo: string): Promise<string> => unless(readFile(join(repo, 'shallow'), 'utf8'), 'ENOENT', '')

async function bundleOnce(git: Git, repo: string, file: string, signal: AbortSignal): Promise<Repository | null> {
  const shallow = await shallowOf(repo)
  const ask = (...args: string[]): Promise<string> =>
    runGit(git, [`--git-dir=${repo}`, ...args], { signal, timeoutMs: bundleMs })
  const refs = (await ask('for-each-ref', '--format=%(refname)')).split('\n').filter(Boolean).length
  // git does not bundle an empty repository.
  if (refs === 0) return null
  const head = (await ask('symbolic-ref', 'HEAD')).trim()
  await ask('bundle', 'create', '--quiet', '--', file, '--all')
  // A push may have moved where the history ends.
  if ((await shallowOf(repo)) !== shallow) throw new Error(`${repo} changed while it was copied`)
  return { head, refs, shallow }
}

/**
 * One file with all refs, as git writes it for a clone: a push that goes on shows its objects before its refs, so what is read
 * is complete at every moment. Null: there is nothing in it.
 */
async function bundle(git: Git, app: string, folder: string, signal: AbortSignal): Promise<Repository | null> {
  const repo = repoOf(git.folder, app)
  const file = join(folder, bundleOf(app))
  for (let attempt = 1; ; attempt++)
    try {
      if ((await unless(stat(join(repo, 'HEAD')), 'ENOENT', null)) === null) return null
      return await bundleOnce(git, repo, file, signal)
    } catch (error) {
      signal.throwIfAborted()
      // Packed or destroyed meanwhile, or the controller was started again, which ends all git of its folder.
      await rm(file, { force: true })
      await rm(`${file}.lock`, { force: true })
      if (attempt === attempts) throw error
    }
}

/** Of these apps, by their id. */
export async function copyRepositories(
  git: Git,
  apps: readonly string[],
  folder: string,
  signal: AbortSignal,
): Promise<Map<string, Repository>> {
  await mkdir(join(folder, 'repos'), { recursive: true, mode: 0o700 })
  const found = new Map<string, Repository>()
  if ((await unless(stat(git.folder), 'ENOENT', null)) === null) return found
  for (const app of apps) {
    const repository = await bundle(git, app, folder, signal)
    if (repository !== null) found.set(app, repository)
  }
  return found
}
