// How is a build watched until it, and its deploy, have ended?
import { type Build, DeisError, getBuild, getBuildLog, listReleases } from '@deis/types'
import { live } from '../../http/client.ts'
import type { Context } from '../../profile/context.ts'
import { type Following, follow } from '../../http/follow.ts'
import { note } from '../../terminal/output.ts'

/** What the controller says in silence; also a build may say it, but then it tells nothing either. */
const signOfLife = '...\n'
const newestReleases = '1000'

/** What comes again after the connection broke is not shown again. */
function createSkip(): { again(): void; isNew(line: string): boolean } {
  let shown = 0
  let toSkip = 0
  return {
    again() {
      toSkip = shown
    },
    isNew(line) {
      if (line === signOfLife) return toSkip === 0
      if (toSkip > 0) {
        toSkip--
        return false
      }
      shown++
      return true
    },
  }
}

/** Why it did not come to run; null when it did. */
async function fault(context: Context, id: string, { uuid, status }: Build): Promise<string | null> {
  if (status !== undefined && status !== 'succeeded') return `Build ${uuid} ended as: ${status}.`
  const query = { limit: newestReleases }
  const { results } = await context.call(listReleases, { params: { id }, query })
  const release = results.findLast(({ build }) => build === uuid)
  if (!release) return `Build ${uuid} succeeded, but became no release.`
  return release.failed ? `Build ${uuid} succeeded, but its release v${release.version} failed.` : null
}

/** Ends with 0 when the build runs as a release, else with 1. */
export async function watch(context: Context, id: string, uuid: string): Promise<void> {
  const params = { id, uuid }
  const skip = createSkip()
  const kept: string[] = []
  let ended: Build | null = null
  const look = async (): Promise<boolean> => {
    const build = await context.call(getBuild, { params })
    if (build.status !== 'running') ended = build
    return ended !== null
  }
  const following: Following = {
    async open(isAgain) {
      if (isAgain) skip.again()
      const given = { params, query: { follow: '1' } }
      return context.connected((connection) => live(context.wire, connection, getBuildLog, given))
    },
    take(line) {
      if (!skip.isNew(line)) return null
      if (!context.json) return line
      if (line !== signOfLife) kept.push(line)
      return null
    },
    isOver: look,
    async cannot() {
      if (await look()) return
      throw new DeisError('unavailable', 'This controller cannot follow builds, and this one goes on.', {
        hint: 'Ask again without --follow, or look with `deis builds:list --all`.',
      })
    },
  }
  await follow(context, following)
  if (ended === null) return
  if (context.json) context.answer(kept.join(''))
  const why = await fault(context, id, ended)
  if (why === null) return
  note(context.io, why)
  context.exitCode = 1
}
