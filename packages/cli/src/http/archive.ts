// How do archives of apps come from the controller, and go to it?
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { archiveType, DeisError, exportApp, importApp, type Imported, type Query } from '@deis/types'
import { originOf } from '../parse/address.ts'
import { type Connection, parse, perform, requestOf, type Wire } from './client.ts'
import { refusal } from './failure.ts'
import { versionsIn } from './skew.ts'

export type Download = { readonly bytes: number; readonly content: Readable }

/** The controller sends the length first, so that an archive that ends too early is noticed. */
export async function download(
  wire: Wire,
  connection: Connection,
  id: string,
  query: Query<typeof exportApp>,
): Promise<Download> {
  const request = requestOf(connection, exportApp, { params: { id }, query })
  const { status, headers, data } = await perform<Readable>(wire, connection, request, 'stream')
  if (status >= 400)
    throw refusal({ status, versions: versionsIn(headers), text: await text(data) }, exportApp, connection.controller)
  const bytes = Number(headers['content-length'])
  if (Number.isSafeInteger(bytes) && bytes > 0) return { bytes, content: data }
  data.destroy()
  throw new DeisError('unavailable', `${originOf(connection.controller)} did not answer with an archive.`)
}

/** Answers when the app serves, or was refused. */
export async function upload(
  wire: Wire,
  connection: Connection,
  query: Query<typeof importApp>,
  { bytes, content }: Download,
): Promise<Imported> {
  const request = requestOf(connection, importApp, { query })
  const headers = { ...request.headers, 'Content-Type': archiveType, 'Content-Length': String(bytes) }
  const answer = await perform<string | undefined>(wire, connection, { ...request, headers, content }, 'text')
  const { status, data = '' } = answer
  if (status >= 400)
    throw refusal({ status, versions: versionsIn(answer.headers), text: data }, importApp, connection.controller)
  return parse(importApp, data, originOf(connection.controller)) as Imported
}
