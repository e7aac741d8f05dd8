// What does the .gitmodules file of a commit contain, as git reads it?
import { type CatFile, readObjects, UnusableObject } from '@deis/lib/git-tree/objects'
import { type Commit, type Git, runGit } from '../git.ts'

const largest = 100_000

/** Addresses by path; nothing else of the file counts. */
export async function modulesOf(
  git: Git,
  cat: CatFile,
  { repo, sha, env }: Commit,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const blob = `${sha}:.gitmodules`
  try {
    await readObjects(cat, [blob], largest, () => {})
  } catch (error) {
    if (error instanceof UnusableObject) return new Map()
    throw error
  }
  const wanted = '^submodule\\..*\\.(path|url)$'
  const listed = await runGit(
    git,
    [`--git-dir=${repo}`, 'config', `--blob=${blob}`, '--no-includes', '-z', '--get-regexp', '--', wanted],
    { env, signal },
    // Nothing found, or not a file that git can read.
  ).catch(() => '')
  signal.throwIfAborted()
  const sections = new Map<string, { path?: string; url?: string }>()
  for (const item of listed.split('\0')) {
    const [key = '', ...value] = item.split('\n')
    const [, name = '', what = ''] = /^submodule\.(.*)\.(path|url)$/s.exec(key) ?? []
    if (what !== '') sections.set(name, { ...sections.get(name), [what]: value.join('\n') })
  }
  return new Map([...sections.values()].flatMap(({ path, url }) => (path && url ? [[path, url] as const] : [])))
}
