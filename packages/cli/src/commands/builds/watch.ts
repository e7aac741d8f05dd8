// How is a build followed until it, and its deploy, have ended?
import { type Build, DeisError, getBuild, getBuildLog, listReleases } from '@deis/types'
import { live } from '../../http/client.ts'
import type { Context } from '../../profile/context.ts'
import { type Following, follow } from '../../http/follow.ts'
import { note } from '../../terminal/output.ts'

/** Sent by the controller to keep the connection open. A build may print it too; then it is as uninteresting. */
const keepAliveLine = '...\n'
const newestReleases = '1000'

/** Lines that come again after the connection was lost are not shown again. */
function createSkip(): { again(): void; isNew(line: string): boolean } {
  let shown = 0
  let toSkip = 0
  return {
    again() {
      toSkip = shown
    },
    isNew(line) {
      if (line === keepAliveLine) return toSkip === 0
      if (toSkip > 0) {
        toSkip--
        return false
      }
      shown++
      return true
    },
  }
}

/** Why the build does not run as a release; null if it does. */
async function fault(context: Context, id: string, { uuid, status }: Build): Promise<string | null> {
  if (status !== undefined && status !== 'succeeded') return `Build ${uuid} ended with the status "${status}".`
  const query = { limit: newestReleases }
  const { results } = await context.call(listReleases, { params: { id }, query })
  const release = results.findLast(({ build }) => build === uuid)
  if (!release) return `Build ${uuid} succeeded, but there is no release of it.`
  return release.failed ? `Build ${uuid} succeeded, but its release v${release.version} failed.` : null
}

/** The exit code is 0 if the build runs as a release, else 1. */
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
      if (line !== keepAliveLine) kept.push(line)
      return null
    },
    isOver: look,
    async cannot() {
      if (await look()) return
      throw new DeisError('unavailable', 'This controller cannot follow builds, and this build still runs.', {
        hint: 'Run it again without --follow, or see `deis builds:list --all`.',
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
