// Which files of an app does the engine get to build its Dockerfile, and what does it need to know of that file before?
import { posix } from 'node:path'
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
  readonly dockerfile: string
  /** It is in another file, which a link names. */
  readonly isLink: boolean
}

/** Where a link in the root leads, for everybody who follows it. */
function targetOf(link: string): string {
  const target = link.replace(/^\.\//, '')
  if (posix.normalize(target) !== target || target.startsWith('/') || target.startsWith('..'))
    throw new BuildFailure(
      'Dockerfile cannot be built: it is a link, and not to a file of the source by its plain path.',
    )
  return target
}

/** @throws BuildFailure */
export async function contextOf({ options: { archiver }, sourceFile, signal }: Stored): Promise<Context> {
  const wanted = { names: ignoreFiles, read: [...ignoreFiles, dockerfileName], largest: longestIgnoreFile * 4 }
  const seen = await archiver.look(sourceFile, wanted, { signal })
  const keeps = filterOf(seen)
  const link = seen.links[dockerfileName]
  const file = link === undefined ? dockerfileName : targetOf(link)
  const { texts } =
    link === undefined ? seen : await archiver.look(sourceFile, { ...wanted, names: [], read: [file] }, { signal })
  const dockerfile = texts[file]
  if (dockerfile === undefined)
    throw new BuildFailure(
      `Dockerfile cannot be built: ${link === undefined ? 'it' : JSON.stringify(file)} is not a file.`,
    )
  // All of it is read: it says which images are used.
  if (Buffer.byteLength(dockerfile) > wanted.largest)
    throw new BuildFailure(`Dockerfile cannot be built: it has more than ${wanted.largest} bytes.`)
  return { keeps, dockerfile, isLink: link !== undefined }
}
