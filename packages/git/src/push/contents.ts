// What is in a commit that is to be deployed, and may it be?
import { type CatFile, readObjects } from '@deis/lib/git-tree/objects'
import { BadSource, type Contents, measureTree } from '@deis/lib/git-tree/measure'
import type { Push } from '@deis/ports/push'
import { withObjects } from '../cat-file.ts'
import { archive, type Commit, type Git } from '../git.ts'
import type { GitServerDeps, Limits } from '../port.ts'
import { quoted } from '../ssh/command.ts'
import { type Fetching, withSubmodules } from '../submodules/whole.ts'
import { PushRefused } from './refs.ts'

export type Looking = {
  readonly deps: Pick<GitServerDeps, 'sourceLimits' | 'submodules' | 'maxPackBytes'>
  readonly limits: Limits
  readonly git: Git
}

/** @throws PushRefused */
async function checkCommit(cat: CatFile, ref: string, sha: string): Promise<void> {
  await readObjects(cat, [sha], null, ({ type }) => {
    if (type !== 'commit') throw new PushRefused(`${ref} points to a ${type}, and only a commit can be deployed.`)
  })
}

/** What is pushed, as long as it can be deployed. `ref`: what points to it. @throws PushRefused; the signal's reason */
export async function look(
  to: Looking,
  object: Commit,
  signal: AbortSignal,
  ref: string | null = null,
): Promise<Contents> {
  const { measureMs } = to.limits
  const late = AbortSignal.timeout(measureMs)
  try {
    const contents = await withObjects(to.git, object, AbortSignal.any([signal, late]), async (cat) => {
      if (ref !== null) await checkCommit(cat, ref, object.sha)
      return measureTree(cat, object.sha, to.deps.sourceLimits)
    })
    if (contents.lfs.length > 0)
      throw new PushRefused(
        `Git LFS is not supported, and ${contents.lfs.map(quoted).join(', ')} ${contents.lfs.length > 1 ? 'are' : 'is'} only a pointer to a file in LFS.\nCommit the files themselves: git lfs untrack and git add them again, or git lfs migrate export --include='*' for all of them.`,
      )
    return contents
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof BadSource) throw new PushRefused(error.message, { cause: error })
    if (!late.aborted) throw error
    throw new PushRefused(`The source could not be measured within ${measureMs / 1000} s. Make it smaller.`)
  }
}

/** Null: there is nothing to fetch, or no host is allowed. */
export function wholeOf(to: Looking, object: Commit, submodules: Contents['submodules']): Push['withSubmodules'] {
  const { deps, git, limits } = to
  if (!deps.submodules || deps.submodules.hosts.length === 0 || submodules.length === 0) return null
  const { hosts, caFile } = deps.submodules
  const fetching: Fetching = {
    git,
    allowed: hosts,
    caFile,
    limits: { bytes: deps.maxPackBytes, fetchMs: limits.fetchMs, allMs: limits.submodulesMs },
    submodulesOf: async (commit, signal) => (await look(to, commit, signal)).submodules,
  }
  return async (log, signal) => {
    const { commit, left, close } = await withSubmodules(fetching, object, submodules, log, signal)
    return { source: () => archive(git, commit, signal), submodules: left, close }
  }
}
