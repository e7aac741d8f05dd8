// Which files of an app does the engine get to build its Dockerfile, and what does it need to know of that file before?
import type { Seen } from '@deis/machine/archive'
import { BuildFailure } from '@deis/ports/builder'
import { BadIgnoreFile, longestIgnoreFile, readIgnoreFile } from './dockerignore.ts'
import { type SourceArchive, type Stored, withFiltered } from './filtered.ts'

const dockerfile = 'Dockerfile'
/** Docker takes the first that is there. */
const ignoreFiles = [`${dockerfile}.dockerignore`, '.dockerignore'] as const

/** The engine's API leaves nothing out by itself. */
function filterOf({ present, texts }: Pick<Seen, 'present' | 'texts'>): ((path: string) => boolean) | null {
  const name = ignoreFiles.find((file) => present.includes(file))
  if (name === undefined) return null
  if (texts[name] === undefined) throw new BuildFailure(`${name} cannot be used: it is not a file.`)
  try {
    const isOut = readIgnoreFile(texts[name])
    // The engine reads it there.
    return (path) => path === dockerfile || !isOut(path)
  } catch (error) {
    if (!(error instanceof BadIgnoreFile)) throw error
    throw new BuildFailure(`${name} cannot be used: ${error.message}.`)
  }
}

/** @throws BuildFailure */
export async function withContext<T>(stored: Stored, use: (source: SourceArchive) => Promise<T>): Promise<T> {
  const wanted = { names: ignoreFiles, read: ignoreFiles, largest: longestIgnoreFile * 4 }
  const seen = await stored.options.archiver.look(stored.sourceFile, wanted, { signal: stored.signal })
  return withFiltered(stored, filterOf(seen), use)
}
