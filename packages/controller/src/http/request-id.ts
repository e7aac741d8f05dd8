// What does a client call its request, so that it can speak of it while it goes on?
import { DeisError, requestIdHeader } from '@deis/types'
import type { FastifyRequest } from 'fastify'
import { isRequestId } from '../domain/requests/requests.ts'

/** Undefined when it has no name. @throws 400 */
export function requestId(request: FastifyRequest): string | undefined {
  const id = request.headers[requestIdHeader]
  if (id === undefined) return undefined
  if (isRequestId(id)) return id
  throw new DeisError('invalid', `${requestIdHeader} has 8 to 64 letters, digits, - and _`)
}
