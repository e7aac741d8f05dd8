// How does an answer carry a warning?
import { warningHeader } from '@deis/types'
import type { FastifyReply } from 'fastify'

/** Added to earlier warnings; null: none. */
export function warn(reply: FastifyReply, text: string | null): void {
  if (text === null) return
  const before = reply.getHeader(warningHeader)
  reply.header(warningHeader, typeof before === 'string' ? `${before} ${text}` : text)
}
