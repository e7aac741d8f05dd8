// Who sends this request (docs/contract/api.md §1.3)?
import { builderAuthHeader, DeisError } from '@deis/types'
import type { FastifyRequest } from 'fastify'
import { authenticate } from '../domain/accounts/access.ts'
import type { Caller, Core } from '../domain/core.ts'
import { sameSecret } from '../store/crypto.ts'

/** The token of `Authorization: token <key>`; null when there are no credentials of our kind. */
function tokenOf(request: FastifyRequest): string | null {
  const words = (request.headers.authorization ?? '').split(/\s+/).filter(Boolean)
  if (words[0]?.toLowerCase() !== 'token') return null
  if (words.length === 1) throw new DeisError('unauthenticated', 'Invalid token header. No credentials provided.')
  if (words.length > 2)
    throw new DeisError('unauthenticated', 'Invalid token header. Token string should not contain spaces.')
  return words[1] ?? null
}

/** @throws 401 without a valid token. */
export async function callerOf(core: Core, request: FastifyRequest): Promise<{ caller: Caller; token: string }> {
  const token = tokenOf(request)
  if (token === null) throw new DeisError('unauthenticated', 'Authentication credentials were not provided.')
  return { caller: await authenticate(core, token), token }
}

/** For routes that need no account: an invalid token is still refused, except where the contract ignores it (registration). */
export async function optionalCaller(
  core: Core,
  request: FastifyRequest,
  lenient: boolean,
): Promise<{ caller: Caller | null; token: string }> {
  try {
    return tokenOf(request) === null ? { caller: null, token: '' } : await callerOf(core, request)
  } catch (error) {
    if (lenient && error instanceof DeisError && error.code === 'unauthenticated') return { caller: null, token: '' }
    throw error
  }
}

/** An external builder sends a shared key instead of a user's token. @returns the user who is not a builder. @throws 401 */
export async function requireBuilderKey(core: Core, request: FastifyRequest): Promise<Caller | null> {
  const sent = request.headers[builderAuthHeader]
  const key = core.config.builderKey
  if (typeof sent === 'string' && key !== undefined && sameSecret(sent, key)) return null
  return (await callerOf(core, request)).caller
}
