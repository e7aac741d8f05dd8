// Which address does a request come from?
import type { IncomingHttpHeaders } from 'node:http'
import { proofHeader, proofOf } from '@deis/types/channel'
import type { FastifyRequest } from 'fastify'
import { sameSecret } from '../store/crypto.ts'

/** A router of the platform proves that it forwarded the request, and then the address in it is the client's. */
function isForwarded(headers: IncomingHttpHeaders, routerKey: string | undefined): boolean {
  const proof = headers[proofHeader]
  return typeof proof === 'string' && routerKey !== undefined && sameSecret(proof, proofOf(routerKey))
}

export function addressOf(
  { ip, headers }: Pick<FastifyRequest, 'ip' | 'headers'>,
  routerKey: string | undefined,
): string {
  const forwarded = headers['x-forwarded-for']
  return typeof forwarded === 'string' && isForwarded(headers, routerKey) ? forwarded : ip
}
