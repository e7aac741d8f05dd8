// What kind of app was pushed? Its source is stored once on disk, and inspected.
import { createWriteStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { ArchiveFailure, type Archiver } from '@deis/machine/archive'
import { BuildFailure } from '@deis/ports/builder'
import { BadProcfile, parseProcfile, procfileLimits } from '@deis/ports/procfile'

export type Source = {
  readonly dockerfile: boolean
  /** Whether it has a `.buildpacks` file. */
  readonly buildpacks: boolean
  /** project.toml; null: there is none. */
  readonly project: string | null
  /** Null: there is none. */
  readonly procfile: string | null
}

// The same limit as for the unpacked source.
const maxBytes = 8 * 2 ** 30
const sourceLimits = { entries: 500_000, bytes: maxBytes }

async function* limited(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let size = 0
  for await (const chunk of chunks) {
    size += chunk.length
    if (size > maxBytes) throw new BuildFailure(`The source is larger than ${maxBytes} bytes.`)
    yield chunk
  }
}

/** @throws BuildFailure when it is not a tar, or too large. */
export async function keepSource(
  archiver: Archiver,
  source: Readable,
  file: string,
  signal: AbortSignal,
): Promise<Source> {
  await pipeline(source, limited, createWriteStream(file, { mode: 0o600 }), { signal })
  const wanted = {
    names: ['Dockerfile', '.buildpacks'],
    read: ['Procfile', 'project.toml'],
    largest: procfileLimits.bytes,
  }
  try {
    const { present, texts } = await archiver.look(file, wanted, { limits: sourceLimits, signal })
    return {
      dockerfile: present.includes('Dockerfile'),
      buildpacks: present.includes('.buildpacks'),
      project: texts['project.toml'] ?? null,
      procfile: texts['Procfile'] ?? null,
    }
  } catch (error) {
    if (!(error instanceof ArchiveFailure)) throw error
    throw new BuildFailure(`The source cannot be unpacked: ${error.message}.`)
  }
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

/** As in Deis: a Dockerfile, unless the app names buildpacks. */
export function isDockerfileApp(
  { dockerfile, buildpacks }: Pick<Source, 'dockerfile' | 'buildpacks'>,
  config: Readonly<Record<string, string>>,
): boolean {
  return dockerfile && !buildpacks && !config.BUILDPACK_URL
}
