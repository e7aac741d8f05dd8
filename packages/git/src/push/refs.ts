// Which ref of a push is deployed, and which are refused (docs/contract/build-and-route.md §1.8)?
import { isGoodRef } from '@deis/ports/git-ref'

export type RefUpdate = { readonly before: string; readonly after: string; readonly ref: string }

export type Plan = {
  readonly deploy: { readonly ref: string; readonly sha: string } | null
  /** Refs that will not move, and the line that says why. */
  readonly refused: ReadonlyMap<string, string>
  /** The branch that becomes the app's deploy branch when the deploy succeeds. */
  readonly claims: string | null
}

/** The whole push is refused; the message is for the user. */
export class PushRefused extends Error {}

const shaPattern = /^[0-9a-f]{40}$/
const none = '0'.repeat(40)
const usual: readonly string[] = ['main', 'master']
const heads = 'refs/heads/'

// Each accepted ref costs a process of git's hook, each refused one a process of ours.
export const mostRefs = 10_000
const mostRefused = 100

export const tooManyRefs = `A push may have at most ${mostRefs} branches and tags. Push only the branch to deploy: git push deis main`

/** More than the updates of so many refs have. */
export const longestUpdates = mostRefs * 400

/** The lines git hands to a pre-receive hook. @throws PushRefused */
export function parseUpdates(input: string): RefUpdate[] {
  const lines = input.split('\n').filter((line) => line !== '')
  if (lines.length > mostRefs) throw new PushRefused(tooManyRefs)
  return lines.map((line) => {
    const [before, after, ref, ...rest] = line.split(' ')
    if (before === undefined || after === undefined || !ref || rest.length > 0)
      throw new PushRefused(`malformed line [${line}]`)
    for (const sha of [before, after]) if (!shaPattern.test(sha)) throw new PushRefused(`git sha ${sha} was invalid`)
    if (!isGoodRef(ref)) throw new PushRefused(`${JSON.stringify(ref)} is not a name for a branch or tag`)
    return { before, after, ref }
  })
}

function branchOf(ref: string): string | null {
  return ref.startsWith(heads) ? ref.slice(heads.length) : null
}

/** Whether the branches that there are already decide or explain anything: not when all that is pushed is deployed anyway. */
export function branchesMatter({ updates, deployBranch }: Pick<Situation, 'updates' | 'deployBranch'>): boolean {
  const deployed = (deployBranch === null ? usual : [deployBranch]).map((name) => heads + name)
  return updates.some(({ ref }) => !deployed.includes(ref))
}

function whyNot(ref: string, deployable: readonly string[], existing: readonly string[]): string {
  const branch = branchOf(ref)
  if (branch === null) return `${ref} is not accepted: push a branch or a tag.`
  const target = deployable.find((name) => existing.includes(name)) ?? deployable[0]
  return `${branch} is not deployed here, only ${deployable.join(' or ')} is. To deploy it: git push deis ${branch}:${target}`
}

export type Situation = {
  readonly updates: readonly RefUpdate[]
  readonly deployBranch: string | null
  /** Branches the repository has already. */
  readonly existing: readonly string[]
  readonly anyBranch: boolean
}

function deployableBranches(situation: Situation, pushed: readonly string[]): readonly string[] {
  if (situation.anyBranch) return pushed
  if (situation.deployBranch !== null) return [situation.deployBranch]
  const [only, ...others] = pushed
  // Neither main nor master exists yet: a single branch that is pushed first becomes the app's branch.
  return situation.existing.length === 0 && only !== undefined && others.length === 0 && !usual.includes(only)
    ? [only]
    : usual
}

/** Pure: what happens to each ref of a push. @throws PushRefused when it has more than one deployable ref. */
export function planPush(situation: Situation): Plan {
  const changes = situation.updates.filter((update) => update.after !== none)
  const pushed = changes.map((update) => branchOf(update.ref)).filter((branch) => branch !== null)
  const deployable = deployableBranches(situation, pushed)
  const wanted =
    situation.anyBranch && changes.length === 1
      ? changes
      : changes.filter((update) => deployable.includes(branchOf(update.ref) ?? ''))
  if (wanted.length > 1) {
    const names = wanted.map((update) => branchOf(update.ref) ?? update.ref)
    throw new PushRefused(`Each of ${names.join(', ')} would be deployed. Push them one at a time.`)
  }
  const [first] = wanted
  const refused = new Map<string, string>()
  for (const { ref } of changes)
    if (ref !== first?.ref && !ref.startsWith('refs/tags/'))
      refused.set(ref, whyNot(ref, deployable, situation.existing))
  if (refused.size > mostRefused)
    throw new PushRefused(
      `${refused.size} branches would be refused. Push only the branch to deploy: git push deis ${deployable[0] ?? 'main'}`,
    )
  const branch = first ? branchOf(first.ref) : null
  const claims = !situation.anyBranch && situation.deployBranch === null && branch !== null && !usual.includes(branch)
  return { deploy: first ? { ref: first.ref, sha: first.after } : null, refused, claims: claims ? branch : null }
}
