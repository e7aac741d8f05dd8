// Which source does a build with Cloud Native Buildpacks get: all that was pushed, or what its project.toml leaves it?
import { mkdir, rm } from 'node:fs/promises'
import { leaveOut } from '@deis/buildpacks/cnb/leave-out'
import { type Project, readProject } from '@deis/buildpacks/cnb/project-toml'
import { sourceFilter } from '@deis/buildpacks/cnb/source-filter'
import type { BuildOutput } from '@deis/buildpacks/output'
import { ArchiveFailure } from '@deis/machine/archive'
import { BuildFailure } from '@deis/ports/builder'
import type { CnbBuild } from './cnb.ts'

const projectName = 'project.toml'
const maxProject = 256 * 1024

type Given = Pick<CnbBuild, 'options' | 'sourceFile' | 'signal'>

/** Null: it has none. @throws BuildFailure */
export async function projectOf({ options, sourceFile, signal }: Given, output: BuildOutput): Promise<Project | null> {
  const wanted = { names: [], read: [projectName], largest: maxProject }
  const found = (await options.archiver.look(sourceFile, wanted, { signal })).texts[projectName]
  if (found === undefined) return null
  if (found.length > maxProject) throw new BuildFailure(`${projectName} has more than ${maxProject} bytes.`)
  const project = readProject(found)
  for (const warning of project.warnings) output.warn(warning)
  return project
}

export type SourceArchive = { readonly file: string; readonly packed: boolean }

/** `use` gets the source as an archive; what was made for it is gone when it ends. @throws BuildFailure */
export async function withSource<T>(
  { options, sourceFile, signal }: Given,
  project: Project | null,
  use: (source: SourceArchive) => Promise<T>,
): Promise<T> {
  const keeps = project && sourceFilter(project)
  if (!keeps) return use({ file: sourceFile, packed: false })
  const { archiver } = options
  const folder = `${sourceFile}.unpacked`
  const file = `${sourceFile}.gz`
  try {
    await mkdir(folder, { mode: 0o700 })
    await archiver.unpackFile(sourceFile, [folder], { signal })
    await leaveOut(folder, keeps)
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
