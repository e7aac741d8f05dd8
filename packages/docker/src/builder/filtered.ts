// How does a build get its source without the files that the app leaves out?
import { mkdir, rm } from 'node:fs/promises'
import { leaveOut } from '@deis/buildpacks/cnb/leave-out'
import { ArchiveFailure } from '@deis/machine/archive'
import { BuildFailure } from '@deis/ports/builder'
import type { DockerBuilderOptions } from './options.ts'

export type Stored = {
  readonly options: Pick<DockerBuilderOptions, 'archiver'>
  /** The tar of the source. */
  readonly sourceFile: string
  readonly signal: AbortSignal
}

export type SourceArchive = { readonly file: string; readonly packed: boolean }

/** `use` gets the source as an archive; what was made for it is gone when it ends. `keeps` null: all of it. @throws BuildFailure */
export async function withFiltered<T>(
  { options: { archiver }, sourceFile, signal }: Stored,
  keeps: ((path: string) => boolean) | null,
  use: (source: SourceArchive) => Promise<T>,
): Promise<T> {
  if (keeps === null) return use({ file: sourceFile, packed: false })
  const folder = `${sourceFile}.unpacked`
  const file = `${sourceFile}.gz`
  try {
    await mkdir(folder, { mode: 0o700 })
    await archiver.unpackFile(sourceFile, [folder], { signal })
    await leaveOut(folder, keeps, signal)
    await archiver.pack(folder, file, { level: 0, signal })
    return await use({ file, packed: true })
  } catch (error) {
    if (!(error instanceof ArchiveFailure)) throw error
    throw new BuildFailure(`The source cannot be unpacked: ${error.message}.`)
  } finally {
    await rm(folder, { recursive: true, force: true })
    await rm(file, { force: true })
  }
}
