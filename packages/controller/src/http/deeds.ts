// How does a request that changes something, or tries to, become an entry of the events?
import { requestIdHeader, type Route } from '@deis/types'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { boundedText, detailsOf, sayingOf, targetOf } from '../domain/events/actions.ts'
import { type Deed, endDeed, newDeed, resultOf } from '../domain/events/deed.ts'
import type { Caller, Core } from '../domain/core.ts'
import type { AppRow } from '../domain/apps/rows.ts'
import { addressOf } from './client-address.ts'
import { isRequestId } from '../domain/requests/requests.ts'

/** Of a request that changes something: its deed, as soon as the caller is known. */
export const deedOf = 'deed'

/** `caller`: null while nobody has signed in. */
export function beginDeed(core: Core, route: Route, request: FastifyRequest, caller: Caller | null): Deed {
  const id = request.headers[requestIdHeader]
  return newDeed({
    actor: caller === null ? null : { id: caller.id, name: caller.username },
    action: sayingOf(route).action,
    target: targetOf(route, { params: request.params as Record<string, string>, body: undefined }),
    address: addressOf(request, core.config.routerKey),
    agent: boundedText(request.headers['user-agent']),
    requestId: isRequestId(id) ? id : null,
  })
}

/** Once the body is read. */
export function describeDeed(route: Route, request: FastifyRequest): void {
  const deed = request.getDecorator<Deed | null>(deedOf)
  if (!deed) return
  const input = { params: request.params as Record<string, string>, body: request.body }
  deed.target = targetOf(route, input)
  deed.details = detailsOf(route, input)
}

/** The app that was named, also to somebody who may not use it. */
async function namedApp(
  core: Core,
  route: Route,
  request: FastifyRequest,
): Promise<Pick<AppRow, 'uuid' | 'id'> | null> {
  if (!route.path.startsWith('/v2/apps/:id')) return null
  const { id = '' } = request.params as { id?: string }
  return boundedText(id) === id ? core.db.app.findUnique({ where: { id }, select: { uuid: true, id: true } }) : null
}

/** Called before the answer is sent, which never waits for another reason than this and never fails because of it. */
export async function finishDeed(
  core: Core,
  route: Route,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const deed = request.getDecorator<Deed | null>(deedOf)
  if (!deed) return
  request.setDecorator(deedOf, null)
  const result = resultOf(reply.statusCode)
  // Strangers are not recorded: anybody could fill the events.
  const isBuilder = route.access === 'builder' && result !== 'denied'
  if (deed.actor === null && !isBuilder) return
  try {
    deed.app ??= result === 'ok' ? null : await namedApp(core, route, request)
    await endDeed(core, deed, result, reply.statusCode)
  } catch (error) {
    request.log.error({ err: error, action: deed.action }, 'an event could not be recorded')
  }
}
