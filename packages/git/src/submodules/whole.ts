// How are the trees of its submodules added to a pushed commit, before it becomes the source of a build?
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Submodule } from '@deis/lib/git-tree/measure'
import { withObjects } from '../cat-file.ts'
import { type Commit, type Git, runGit } from '../git.ts'
import { PushRefused } from '../push/refs.ts'
import { openDraft } from '../repos.ts'
import { type Address, addressOf, type AllowedHosts, NotAllowed } from './address.ts'
import { fetchCommit, type FetchLimits } from './fetch.ts'
import { modulesOf } from './modules.ts'

export type Fetching = {
  readonly git: Git
  readonly allowed: AllowedHosts
  /** Trusted certificates; null: the system's. */
  readonly caFile: string | null
  readonly limits: FetchLimits
  /** What a commit refers to. @throws when its tree is beyond the limits */
  submodulesOf(commit: Commit, signal: AbortSignal): Promise<readonly Submodule[]>
}

export type Whole = {
  /** The same files, and those of its submodules. */
  readonly commit: Commit
  /** Not fetched, and why. */
  readonly left: readonly Submodule[]
  close(): Promise<void>
}

type Parent = { readonly sha: string; readonly path: string; readonly url: string | null }
type Fetched = { readonly path: string; readonly sha: string }

const deepest = 3
const most = 50

const under = (parent: string, path: string): string => (parent === '' ? path : `${parent}/${path}`)

/** Needed to pin a host to the addresses that were checked. */
async function checkVersion(git: Git): Promise<void> {
  const printed = await runGit(git, ['version'])
  const [, major = '0', minor = '0'] = /^git version (\d{1,4})\.(\d{1,4})/.exec(printed) ?? []
  if (Number(major) * 1000 + Number(minor) < 2037)
    throw new PushRefused(
      `Submodules cannot be fetched: ${printed.trim()} is too old, and the platform needs 2.37 or later. Tell its operator.`,
    )
}

/** One after the other, parents first; each folder is replaced in an index that nothing else has. */
async function merge(git: Git, top: Commit, at: Omit<Commit, 'sha'>, fetched: readonly Fetched[], signal: AbortSignal) {
  const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> =>
    runGit(git, [`--git-dir=${at.repo}`, `--work-tree=${at.repo}`, ...args], { env: { ...at.env, ...env }, signal })
  await run(['read-tree', top.sha])
  for (const { path, sha } of fetched) {
    await run(['update-index', '--force-remove', '--', path])
    await run(['read-tree', `--prefix=${path}/`, sha])
  }
  const tree = (await run(['write-tree'])).trim()
  const date = `@${(await run(['show', '-s', '--format=%ct', top.sha])).trim()} +0000`
  const who = { NAME: 'deis', EMAIL: 'deis@localhost', DATE: date }
  const identity = Object.entries(who).flatMap(([name, value]) => [
    [`GIT_AUTHOR_${name}`, value],
    [`GIT_COMMITTER_${name}`, value],
  ])
  return (await run(['commit-tree', '-m', 'with submodules', tree], Object.fromEntries(identity))).trim()
}

/** @throws PushRefused; the signal's reason */
export async function withSubmodules(
  fetching: Fetching,
  top: Commit,
  found: readonly Submodule[],
  log: (text: string) => void,
  cancelled: AbortSignal,
): Promise<Whole> {
  const { git, allowed, caFile, limits } = fetching
  const late = AbortSignal.timeout(limits.allMs)
  const signal = AbortSignal.any([cancelled, late])
  const left: Submodule[] = []
  const fetched: Fetched[] = []
  await checkVersion(git)
  const repo = await openDraft(git)
  const close = (): Promise<void> => rm(repo, { recursive: true, force: true })
  const objects = [top.env['GIT_OBJECT_DIRECTORY'], join(top.repo, 'objects')].filter((path) => path !== undefined)
  // Visible to everything but the fetch itself, so that no host learns which objects are here.
  const at = { repo, env: { GIT_ALTERNATE_OBJECT_DIRECTORIES: objects.map((path) => JSON.stringify(path)).join(':') } }

  const fetchAll = async (parent: Parent, submodules: readonly Submodule[], depth: number): Promise<void> => {
    if (submodules.length === 0) return
    const modules = await withObjects(git, at, signal, (cat) => modulesOf(git, cat, { ...at, sha: parent.sha }, signal))
    for (const { path, sha } of submodules) {
      const whole = under(parent.path, path)
      let address: Address
      try {
        const url = modules.get(path)
        if (url === undefined) throw new NotAllowed('.gitmodules has no address for it')
        if (depth > deepest) throw new NotAllowed(`submodules of submodules are fetched ${deepest} deep`)
        address = addressOf(url, parent.url, allowed)
      } catch (error) {
        if (!(error instanceof NotAllowed)) throw error
        left.push({ path: whole, sha, why: error.message })
        continue
      }
      if (fetched.length >= most) throw new PushRefused(`The source has more than ${most} submodules to fetch.`)
      log(`-----> Fetching submodule ${JSON.stringify(whole).slice(1, -1)} from ${address.url}\n`)
      await fetchCommit(git, repo, { path: whole, sha, address, caFile }, limits, signal)
      fetched.push({ path: whole, sha })
      const inner = await fetching.submodulesOf({ ...at, sha }, signal)
      await fetchAll({ sha, path: whole, url: address.url.replace(/\/$/, '') }, inner, depth + 1)
    }
  }

  try {
    await fetchAll({ sha: top.sha, path: '', url: null }, found, 1)
    if (fetched.length === 0) return { commit: top, left, close }
    const commit = { ...at, sha: await merge(git, top, at, fetched, signal) }
    // The result is a source like any other.
    await fetching.submodulesOf(commit, signal)
    return { commit, left, close }
  } catch (error) {
    await close()
    cancelled.throwIfAborted()
    if (!late.aborted) throw error
    throw new PushRefused(
      `The submodules could not be fetched within ${limits.allMs / 1000} s; ${fetched.length} of them were.\nNothing was deployed. Push again, or commit the files of the slow ones themselves.`,
      { cause: error },
    )
  }
}
