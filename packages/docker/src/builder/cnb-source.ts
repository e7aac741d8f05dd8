// What does the project.toml of an app say to its build with Cloud Native Buildpacks?
import { type Project, readProject } from '@deis/buildpacks/cnb/project-toml'
import type { BuildOutput } from '@deis/buildpacks/output'
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
