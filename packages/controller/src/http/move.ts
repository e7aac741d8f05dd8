// How do archives of apps arrive, and how are they sent?
import { pipeline } from 'node:stream'
import * as types from '@deis/types'
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { Core } from '../domain/core.ts'
import { type Archive, exportApp } from '../domain/move/export.ts'
import { importApp } from '../domain/move/import.ts'
import { createPace, usualPace } from '../domain/move/pace.ts'
import { serve } from './serve.ts'
import { createSlots } from './slots.ts'

/** Each has files on our disk, and an import has its records in memory. Two accounts do not get all of them. */
const slotLimits = { perUser: 2, perController: 6, shared: 3 }
/** What a client still sends after its archive was refused. */
const drainMs = 60_000

async function send(reply: FastifyReply, id: string, { bytes, content }: Archive): Promise<void> {
  const { raw } = reply
  reply.hijack()
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    'content-type': types.archiveType,
    'content-length': bytes,
    'content-disposition': `attachment; filename="${id}.deis.tar"`,
  })
  const pace = createPace(usualPace)
  const watched = async function* (): AsyncGenerator<Buffer> {
    for await (const part of content as AsyncIterable<Buffer>) {
      const taken = pace.wait((slow) => raw.destroy(slow))
      try {
        yield part
      } finally {
        taken(part.length)
      }
    }
  }
  await new Promise<void>((resolve, reject) => {
    pipeline(watched, raw, (error) => (error ? reject(error) : resolve()))
    // All of it was taken; the connection may stay open.
    raw.once('finish', resolve)
  })
}

export function serveMove(server: FastifyInstance, core: Core): void {
  const slots = createSlots('exports and imports', slotLimits)
  // The handler reads the body, as it comes.
  server.addContentTypeParser(types.archiveType, (_request, _body, done) => done(null, undefined))
  serve(server, core, types.exportApp, async ({ app, caller, query, request, reply, gone }) => {
    // Only its length would be of use, and that takes the whole work.
    if (request.method === 'HEAD') return
    const release = slots.take(caller.username)
    try {
      const options = { image: query.image !== '0' }
      await exportApp(core, app, options, (archive) => send(reply, app.id, archive), gone)
    } catch (error) {
      // The head has been sent: a connection that breaks is all that can still be said.
      if (!reply.sent) throw error
      request.log.warn({ app: app.id, err: error }, 'an export was not received')
      reply.raw.destroy()
    } finally {
      release()
    }
  })
  serve(server, core, types.importApp, async ({ caller, query, request }) => {
    if (request.headers['content-type']?.split(';', 1)[0] !== types.archiveType)
      throw new types.DeisError('media_type', `The body must be an archive of deis apps:export (${types.archiveType}).`)
    const release = slots.take(caller.username)
    const { raw } = request
    try {
      const options = {
        id: query.app ?? null,
        owner: query.owner ?? null,
        rebuild: query.rebuild === '1',
        withoutDomains: query.domains === '0',
      }
      const { warnings, ...imported } = await importApp(core, caller, options, raw)
      return { ...imported, warnings: [...warnings] }
    } catch (error) {
      // The answer is read only by a client that could send all.
      raw.resume()
      const late = setTimeout(() => raw.destroy(), drainMs)
      late.unref()
      raw.once('close', () => clearTimeout(late))
      throw error
    } finally {
      release()
    }
  })
}
