// How do routers, also those of other controllers, answer the CA that verifies a name?
import { randomUUID } from 'node:crypto'
import type { Challenge } from '@deis/types'
import type { Core } from '../core.ts'
import { AcmeProblem } from './problem.ts'

/** Routers take a change at once; one that does not is left out after this. */
const answerMs = 10_000

export type Answer = Pick<Challenge, 'token' | 'keyAuthorization'>

/** Gives the routers of this controller what is stored. */
export async function publishChallenges({ db, routes, here }: Pick<Core, 'db' | 'routes' | 'here'>): Promise<void> {
  const isNewest = here.acme.reads()
  const rows = await db.acmeName.findMany({
    where: { challenges: { not: null } },
    select: { host: true, challenges: true },
    orderBy: { host: 'asc' },
  })
  // Several names are worked on at once: what was read before would take away what was added since.
  if (!isNewest()) return
  routes.setChallenges(
    rows.flatMap(({ host, challenges }) =>
      (JSON.parse(challenges ?? '[]') as Answer[]).map(({ token, keyAuthorization }) => ({
        host,
        token,
        keyAuthorization,
      })),
    ),
  )
}

/** Another controller has changed them: it waits until the routers of this one have them, too. */
export async function publishForPeer(core: Core, change: string): Promise<void> {
  await publishChallenges(core)
  if (await core.routes.challenged(answerMs)) core.peers.notify({ kind: 'challenged', change, of: core.peers.instance })
}

/** Stores what routers answer for a host (null: nothing any more), and resolves when they all do. @throws AcmeProblem */
export async function setChallenges(core: Core, host: string, answers: readonly Answer[] | null): Promise<void> {
  await core.db.acmeName.updateMany({
    where: { host },
    data: { challenges: answers === null ? null : JSON.stringify(answers) },
  })
  const change = randomUUID()
  const waiting = core.here.acme.expectPeers(change, core.routes.peersWithRouters(), answerMs)
  await publishChallenges(core)
  core.peers.notify({ kind: 'challenges', change })
  if (answers === null) return waiting.cancel()
  const [here, others] = await Promise.all([core.routes.challenged(answerMs), waiting.done])
  if (!here && core.routes.own().following === 0 && others.answered === 0)
    throw new AcmeProblem('preflight', 'no router is connected to the controller, so no CA gets an answer')
  if (!here || others.missing > 0)
    core.log.warn(
      { host, missing: others.missing },
      'not all routers answer the CA yet; asking it to look all the same',
    )
}
