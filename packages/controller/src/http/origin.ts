// Under which address did a client reach the API?
import type { FastifyRequest } from 'fastify'

/** A router or load balancer that ends TLS sets this header. A client that sets it itself only gets wrong links. */
export function schemeOf(request: FastifyRequest): 'http' | 'https' {
  return request.headers['x-forwarded-proto'] === 'https' || request.protocol === 'https' ? 'https' : 'http'
}

const longestHost = 253 + ':65535'.length
const safeHost = /^([a-z0-9][a-z0-9.-]*|\[[0-9a-f:.]+\])(:[0-9]{1,5})?$/i

/** `https://deis.example.com`, of characters that have no meaning in a shell or in HTML; null for anything else. */
export function originOf(request: FastifyRequest): string | null {
  const { host } = request
  return host.length <= longestHost && safeHost.test(host) ? `${schemeOf(request)}://${host.toLowerCase()}` : null
}
