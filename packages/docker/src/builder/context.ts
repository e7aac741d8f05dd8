// Which files of an app does the engine get to build its Dockerfile, and what does it need to know of that file before?
import type { Seen } from '@deis/machine/archive'
import { BuildFailure } from '@deis/ports/builder'
import { BadIgnoreFile, longestIgnoreFile, readIgnoreFile } from './dockerignore.ts'
import type { Stored } from './filtered.ts'

const dockerfileName = 'Dockerfile'
/** Docker takes the first that is there. */
const ignoreFiles = [`${dockerfileName}.dockerignore`, '.dockerignore'] as const

/** The engine's API leaves nothing out by itself. */
function filterOf({ present, texts }: Pick<Seen, 'present' | 'texts'>): ((path: string) => boolean) | null {
  const name = ignoreFiles.find((file) => present.includes(file))
  if (name === undefined) return null
  if (texts[name] === undefined) throw new BuildFailure(`${name} cannot be used: it is not a file.`)
  try {
    const isOut = readIgnoreFile(texts[name])
    // The engine reads it there.
    return (path) => path === dockerfileName || !isOut(path)
  } catch (error) {
    if (!(error instanceof BadIgnoreFile)) throw error
    throw new BuildFailure(`${name} cannot be used: ${error.message}.`)
  }
}

type Context = {
  /** Null: all of it. */
  readonly keeps: ((path: string) => boolean) | null
  /** How the Dockerfile begins; null: it is a link. */
  readonly dockerfile: string | null
}

/** @throws BuildFailure */
export async function contextOf({ options: { archiver }, sourceFile, signal }: Stored): Promise<Context> {
  const wanted = { names: ignoreFiles, read: [...ignoreFiles, dockerfileName], largest: longestIgnoreFile * 4 }
  const seen = await archiver.look(sourceFile, wanted, { signal })
  return { keeps: filterOf(seen), dockerfile: seen.texts[dockerfileName] ?? null }
}
