// How do files get into a container that does not run yet, and out of one that has ended?
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { PassThrough, Readable } from 'node:stream'
import { Header, Parser, type ReadEntry } from 'tar'
import { BuildFailure } from '@deis/ports/builder'
import type { Client } from '../engine/client.ts'

/** `from`: a text, a file of this machine, or null for a folder. */
export type Given = {
  readonly path: string
  readonly mode: number
  readonly from: { readonly file: string } | string | null
}

const block = 512

/** A tar of them, as this user's. */
export async function* entries(given: readonly Given[], uid: number): AsyncGenerator<Buffer> {
  for (const { path, mode, from } of given) {
    const text = typeof from === 'string' ? Buffer.from(from) : null
    const size = text ? text.length : from === null ? 0 : (await stat((from as { file: string }).file)).size
    const header = new Header({
      path: from === null ? `${path}/` : path,
      mode,
      uid,
      gid: uid,
      size,
      mtime: new Date(0),
      type: from === null ? 'Directory' : 'File',
    })
    header.encode()
    if (header.needPax || !header.block) throw new Error(`${path} cannot be sent to a container`)
    yield header.block
    if (text) yield text
    else if (from !== null) yield* createReadStream((from as { file: string }).file) as AsyncIterable<Buffer>
    if (size % block !== 0) yield Buffer.alloc(block - (size % block))
  }
  yield Buffer.alloc(2 * block)
}

/** Puts them below `/`, as this user's. */
export async function putFiles(
  engine: Client,
  container: string,
  given: readonly Given[],
  uid: number,
  signal: AbortSignal,
): Promise<void> {
  const call = { method: 'PUT', path: `/containers/${container}/archive`, query: { path: '/' } } as const
  await engine.send('sending the source', { ...call, tar: Readable.from(entries(given, uid)), ms: 600_000 }, signal)
}

/** The content of one file. Its stream fails when it is larger than `bytes`. @throws BuildFailure, EngineError 404 */
export async function takeFile(
  engine: Client,
  container: string,
  path: string,
  bytes: number,
  signal: AbortSignal,
): Promise<Readable> {
  const call = { method: 'GET', path: `/containers/${container}/archive`, query: { path } } as const
  const archive = await engine.stream('taking the result of the build', call, signal)
  const content = new PassThrough()
  let isFound = false
  const refuse = (why: string): void => void content.destroy(new BuildFailure(`The result of the build ${why}.`))
  const parser = new Parser({
    strict: true,
    onReadEntry(entry: ReadEntry) {
      // A link would lead elsewhere, and more than one entry is a folder.
      if (isFound || entry.type !== 'File') return refuse('is not a file')
      isFound = true
      if (entry.size > bytes) return refuse(`is larger than ${Math.round(bytes / 1e6)} MB`)
      entry.pipe(content as never)
    },
  })
  parser.on('error', (error: Error) => content.destroy(error))
  parser.on('end', () => {
    if (!isFound) refuse('is missing')
  })
  archive.on('error', (error) => content.destroy(error))
  content.once('close', () => archive.destroy())
  archive.on('data', (chunk: Buffer) => {
    if (parser.write(chunk)) return
    archive.pause()
    parser.once('drain', () => archive.resume())
  })
  archive.on('end', () => parser.end())
  return content
}
