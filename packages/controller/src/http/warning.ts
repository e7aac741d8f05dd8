// How is whoever changed something told what to know besides?
import { warningHeader } from '@deis/types'
import type { FastifyReply } from 'fastify'

/** Beside what was said before; null: nothing. */
export function warn(reply: FastifyReply, text: string | null): void {
  if (text === null) return
  const said = reply.getHeader(warningHeader)
  reply.header(warningHeader, typeof said === 'string' ? `${said} ${text}` : text)
}
