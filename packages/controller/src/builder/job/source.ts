// What kind of app is pushed? Its source is put on disk once, and looked through on the way.
import { createWriteStream } from 'node:fs'
import { posix } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Parser, type ReadEntry } from 'tar'
import { BuildFailure } from '../port.ts'
import { BadProcfile, parseProcfile, procfileLimits } from '../procfile.ts'

export type Source = {
  readonly dockerfile: boolean
  /** Whether it names its buildpacks. */
  readonly buildpacks: boolean
  /** Null: there is none. */
  readonly procfile: string | null
}

// The same as when it is unpacked.
const maxBytes = 8 * 2 ** 30

const isFile = (entry: ReadEntry): boolean => /^(File|OldFile|ContiguousFile)$/.test(entry.type)

/** @throws BuildFailure when it is no tar, or too large. */
export async function keepSource(source: Readable, file: string, signal: AbortSignal): Promise<Source> {
  const found = { dockerfile: false, buildpacks: false, procfile: null as string | null }
  let failure: Error | null = null
  const parser = new Parser({
    strict: true,
    onReadEntry(entry) {
      const name = posix.normalize(entry.path)
      const notFolder = entry.type !== 'Directory'
      if (name === 'Dockerfile' && notFolder) found.dockerfile = true
      if (name === '.buildpacks' && notFolder) found.buildpacks = true
      if (name !== 'Procfile' || !isFile(entry)) {
        entry.resume()
        return
      }
      const chunks: Buffer[] = []
      let size = 0
      entry.on('data', (chunk: Buffer) => {
        // One byte more than allowed is enough to refuse it.
        if (size <= procfileLimits.bytes) chunks.push(chunk)
        size += chunk.length
      })
      entry.on('end', () => (found.procfile = Buffer.concat(chunks).toString('utf8')))
    },
  })
  parser.on('error', (error: Error) => (failure ??= error))
  const look = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let size = 0
    for await (const chunk of chunks) {
      size += chunk.length
      if (size > maxBytes) throw new BuildFailure(`The source is larger than ${maxBytes} bytes.`)
      parser.write(chunk)
      if (failure) throw new BuildFailure(`The source cannot be unpacked: ${failure.message}.`)
      yield chunk
    }
    parser.end()
    if (failure) throw new BuildFailure(`The source cannot be unpacked: ${failure.message}.`)
  }
  await pipeline(source, look, createWriteStream(file, { mode: 0o600 }), { signal })
  return found
}

/** @throws BuildFailure naming the line. */
export function processesOf({ procfile }: Source): Record<string, string> {
  try {
    return procfile === null ? {} : (parseProcfile(procfile) ?? {})
  } catch (error) {
    if (!(error instanceof BadProcfile)) throw error
    throw new BuildFailure(error.message.startsWith('Procfile') ? `${error.message}.` : `Procfile: ${error.message}.`)
  }
}

/** The order of Deis: a Dockerfile, unless buildpacks are asked for. */
export function isDockerfileApp({ dockerfile, buildpacks }: Source, config: Readonly<Record<string, string>>): boolean {
  return dockerfile && !buildpacks && !config.BUILDPACK_URL
}
