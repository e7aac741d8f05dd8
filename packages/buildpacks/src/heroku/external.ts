// How does a build use buildpacks from outside: detect, compile, release, and export in between (docs/contract/build-and-route.md §2.1)?
import { join } from 'node:path'
import type { RunAs } from '@deis/machine/accounts'
import { BuildFailure } from '@deis/ports/builder'
import { BadBuildpackUrl, type BuildpackSource, buildpackLines, parseBuildpackUrl } from './buildpack-url.ts'
import { fetchBuildpack } from './fetch.ts'
import type { BuildContext } from '../context.ts'
import { parseRelease } from './release.ts'
import type { Step } from '../step.ts'

const maxBuildpacks = 20

// Sources the export files of the buildpacks before (its arguments up to `--`), then becomes the command (the rest).
const sourceExports = 'while [ "$1" != -- ]; do . "$1"; shift; done; shift; exec "$@"'

type Origin = { readonly source: BuildpackSource; readonly name: string }

function parseAll(context: BuildContext, origin: string, lines: readonly string[]): Origin[] {
  try {
    if (lines.length > maxBuildpacks) throw new BadBuildpackUrl(`names more than ${maxBuildpacks} buildpacks`)
    return lines.map((line) => {
      const source = parseBuildpackUrl(line)
      return { source, name: source.ref ? `${source.url}#${source.ref}` : source.url }
    })
  } catch (error) {
    if (!(error instanceof BadBuildpackUrl)) throw error
    context.output.warn(`${origin} ${error.message}.`)
    throw new BuildFailure('Build exited with code 1, stopping build.', 1)
  }
}

/** The buildpacks that BUILDPACK_URL or `.buildpacks` name, fetched; null when neither is there. */
export async function externalSteps(context: BuildContext, shell: string, runAs: RunAs | null): Promise<Step[] | null> {
  const { BUILDPACK_URL } = context.config
  const listed = BUILDPACK_URL ? null : await context.files.read('.buildpacks')
  if (!BUILDPACK_URL && listed === null) return null
  context.output.title('Fetching custom buildpack')
  const origins = BUILDPACK_URL
    ? parseAll(context, 'BUILDPACK_URL', [BUILDPACK_URL])
    : parseAll(context, '.buildpacks', buildpackLines(listed ?? ''))
  if (origins.length === 0)
    throw new BuildFailure('.buildpacks does not name a buildpack. Add one URL per line, or remove it.', 1)
  const exports: string[] = []
  const steps: Step[] = []
  for (const [number, { source, name }] of origins.entries()) {
    if (origins.length > 1) context.output.note(name)
    const folder = await fetchBuildpack(context, source, number, runAs)
    steps.push(externalStep(context, shell, { folder, name, alone: origins.length === 1, exports }))
  }
  return steps
}

/** The first of the platform's own buildpacks whose detect says yes; null when none does. */
export async function detectedSteps(
  context: BuildContext,
  shell: string,
  runAs: RunAs | null,
  buildpacks: readonly string[],
): Promise<Step[] | null> {
  for (const [number, { source, name }] of parseAll(context, 'DEIS_BUILDPACKS', buildpacks).entries()) {
    const folder = await fetchBuildpack(context, source, number, runAs)
    const { code } = await context.capture(join(folder, 'bin', 'detect'), [context.workspace.app])
    if (code === 0) return [externalStep(context, shell, { folder, name, alone: true, exports: [] })]
  }
  return null
}

type External = {
  readonly folder: string
  readonly name: string
  readonly alone: boolean
  /** Export files so far, shared by all buildpacks of the build. */
  readonly exports: string[]
}

function externalStep(context: BuildContext, shell: string, { folder, name, alone, exports }: External): Step {
  const { app, cache, env } = context.workspace
  const script = (step: string): string => join(folder, 'bin', step)
  const withExports = (step: string, args: readonly string[]): [string, string[]] =>
    exports.length === 0
      ? [script(step), [...args]]
      : [shell, ['-c', sourceExports, 'deis', ...exports, '--', script(step), ...args]]
  return {
    async detect() {
      const { code, stdout, stderr } = await context.capture(...withExports('detect', [app]))
      // The only buildpack was chosen by hand: it is used whatever its detect says.
      if (code !== 0 && !alone) {
        context.output.warn(`The buildpack ${name} does not apply to this app: its bin/detect failed.`)
        if (stderr.trim() !== '') context.output.warn(stderr.trim().split('\n').at(-1) ?? '')
        throw new BuildFailure('Build exited with code 1, stopping build.', 1)
      }
      return stdout.trim().split('\n')[0] || 'Custom'
    },
    async compile() {
      await context.must('Build', ...withExports('compile', [app, cache, env]))
      const file = join(folder, 'export')
      if (await context.files.has(file)) exports.push(file)
      return {}
    },
    async release() {
      if (!(await context.files.has(script('release')))) return {}
      const [command, args] = withExports('release', [app])
      const { code, stdout, stderr } = await context.capture(command, args)
      if (code !== 0) {
        for (const line of stderr.trim().split('\n').slice(-5)) context.output.warn(line)
        throw new BuildFailure(`bin/release of the buildpack exited with code ${code ?? 126}, stopping build.`, code)
      }
      const { processes, ignored } = parseRelease(stdout)
      for (const what of ignored) context.output.note(`Not used: ${what}`)
      return processes
    },
  }
}
