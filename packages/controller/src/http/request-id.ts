// Which id does a client give its request, to refer to it later?
import { DeisError, requestIdHeader } from '@deis/types'
import type { FastifyRequest } from 'fastify'
import { isRequestId } from '../domain/requests/requests.ts'

/** Undefined when it has none. @throws 400 */
export function requestId(request: FastifyRequest): string | undefined {
  const id = request.headers[requestIdHeader]
  if (id === undefined) return undefined
  if (isRequestId(id)) return id
  throw new DeisError('invalid', `${requestIdHeader} must have 8 to 64 letters, digits, "-" or "_".`)
}
