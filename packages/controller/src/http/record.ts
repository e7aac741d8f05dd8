// How is a change with a request id recorded, so that it is made once and its outcome can be asked for?
import { errors, type Route } from '@deis/types'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Caller, Core } from '../domain/core.ts'
import { routeName } from '../domain/requests/request-ends.ts'
import type { Named } from '../domain/requests/request-mark.ts'
import { beginRequest, endRequest, leaveRequest } from '../domain/requests/requests.ts'
import type { AppRow } from '../domain/apps/rows.ts'
import type { Deed } from '../domain/events/deed.ts'
import { deedOf } from './deeds.ts'
import { requestId } from './request-id.ts'

/** Of a request whose outcome has to be stored: its name. */
export const recorded = 'recorded'

/**
 * @returns the name of the change, if the request has an id; null when the request was answered before: the same answer is sent then.
 */
export async function beginRecord(
  core: Core,
  route: Route,
  request: FastifyRequest,
  reply: FastifyReply,
  { caller, app }: { readonly caller: Caller; readonly app: AppRow | null },
): Promise<Named | undefined | null> {
  const id = route.recorded ? requestId(request) : undefined
  if (id === undefined) return undefined
  const named = { userId: caller.id, id, instance: core.peers.instance }
  const asked = { route: routeName(route), path: request.url, body: request.body, appUuid: app?.uuid ?? null }
  // What is sent again is a change that has its entry.
  const deed = request.getDecorator<Deed | null>(deedOf)
  request.setDecorator(deedOf, null)
  const before = await beginRequest(core, named, asked)
  if (before) {
    await reply.code(before.status).type('application/json').send(before.answer)
    return null
  }
  request.setDecorator(deedOf, deed)
  request.setDecorator(recorded, named)
  return named
}

/** An answer that a controller gives because it stops is not the outcome: the work is continued later. */
function isEnd(core: Core, status: number): boolean {
  return !(core.shutdown.aborted && status === errors.unavailable.http)
}

/** Called before the answer is sent, so that the outcome is stored even when sending fails. */
export async function endRecord(
  core: Core,
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
): Promise<void> {
  const named = request.getDecorator<Named | null>(recorded)
  if (!named) return
  request.setDecorator(recorded, null)
  if (!isEnd(core, reply.statusCode)) return leaveRequest(core, named)
  const body = typeof payload === 'string' || Buffer.isBuffer(payload) ? payload.toString() : ''
  await endRequest(core, named, reply.statusCode, body).catch((error: unknown) =>
    request.log.error({ err: error }, 'the outcome of a request could not be stored'),
  )
}
