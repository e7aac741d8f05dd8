// How does a repository come out of its bundle again, whole?
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Git, runGit } from '@deis/git/git'
import { repoOf } from '@deis/git/repos'
import type { ManifestApp } from '../format/manifest.ts'

const gitMs = 1_800_000

/** @throws with git's words when the bundle is not complete. */
export async function unbundle(
  git: Git,
  { id, repository }: Pick<ManifestApp, 'id' | 'repository'>,
  file: string,
  signal: AbortSignal,
): Promise<void> {
  if (repository === null) return
  await mkdir(git.folder, { recursive: true, mode: 0o700 })
  const repo = repoOf(git.folder, id)
  const options = { signal, timeoutMs: gitMs }
  await rm(repo, { recursive: true, force: true })
  await runGit(git, ['init', '--quiet', '--bare', '--template=', '--', repo], options)
  // Before the first object: without it git misses what lies beyond the end of the history.
  if (repository.shallow !== '') await writeFile(join(repo, 'shallow'), repository.shallow)
  const ask = (...args: string[]): Promise<string> => runGit(git, [`--git-dir=${repo}`, ...args], options)
  await ask('bundle', 'verify', '--quiet', file)
  await ask('fetch', '--quiet', '--no-write-fetch-head', '--', file, '+refs/*:refs/*')
  await ask('symbolic-ref', '--', 'HEAD', repository.head)
  await ask('fsck', '--connectivity-only', '--no-dangling')
  const refs = (await ask('for-each-ref', '--format=%(refname)')).split('\n').filter(Boolean).length
  if (refs !== repository.refs) throw new Error(`the repository of ${id} has ${refs} refs, not ${repository.refs}`)
}
