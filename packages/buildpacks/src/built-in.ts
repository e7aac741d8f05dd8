// Which built-in buildpack is used for an app that does not name one?
import { BuildFailure } from '@deis/ports/builder'
import type { Buildpack } from './languages/buildpack.ts'
import { go } from './languages/go.ts'
import { node } from './languages/node.ts'
import { procfile } from './languages/procfile.ts'
import { python } from './languages/python.ts'
import { ruby } from './languages/ruby.ts'
import { staticSite } from './languages/static.ts'
import { toolConfig } from './environment.ts'
import { ownNodeVersion } from './own-node.ts'
import type { BuildContext, Captured } from './context.ts'
import type { Step } from './step.ts'

/** The first that applies is used. */
export const builtIn: readonly Buildpack[] = [node, python, ruby, go, staticSite, procfile]

// These two also match apps of other languages, so they are not listed as alternatives.
const fallbacks = new Set([staticSite, procfile])

function missingTool({ name, tool }: Buildpack, code: number | null): BuildFailure {
  const command = tool?.command ?? ''
  const language = name === 'Static' ? 'Node.js' : name
  const what =
    code === null
      ? `${command} was not found on this machine. Install it, or set BUILDPACK_URL.`
      : `${command} does not work for the user that builds run as. Fix that, or set BUILDPACK_URL.`
  return new BuildFailure(`${language} is needed to build this app, but ${what}`)
}

async function versionOf(context: BuildContext, { tool }: Buildpack): Promise<Pick<Captured, 'code' | 'stdout'>> {
  if (!tool) return { code: 0, stdout: '' }
  const own = tool.command === 'node' ? await ownNodeVersion(context) : null
  return own === null ? context.capture(tool.command, tool.args) : { code: 0, stdout: own }
}

/** @throws BuildFailure when none applies. */
export async function builtInStep(context: BuildContext): Promise<Step> {
  const applying: Buildpack[] = []
  for (const buildpack of builtIn) if (await buildpack.detect(context.files)) applying.push(buildpack)
  const [chosen, ...others] = applying
  if (!chosen) {
    context.output.title('Unable to select a buildpack')
    for (const { name, looksFor } of builtIn) context.output.note(`${name}: no ${looksFor}`)
    context.output.note('Add one of these files to the root of the app, or set BUILDPACK_URL.')
    throw new BuildFailure('Build exited with code 1, stopping build.', 1)
  }
  return {
    detect: async () => chosen.name,
    async compile() {
      const alternatives = others.filter((other) => !fallbacks.has(other)).map(({ name }) => name)
      if (alternatives.length > 0)
        context.output.note(
          `It also looks like ${alternatives.join(' and ')}: set BUILDPACK_URL or add .buildpacks to choose.`,
        )
      const { code, stdout } = await versionOf(context, chosen)
      if (code !== 0) throw missingTool(chosen, code)
      const { kept } = toolConfig(context.config)
      if (kept.length > 0) context.output.warn(`Config that is not passed to builds: ${kept.join(', ')}.`)
      return chosen.compile(context, stdout)
    },
    release: () => chosen.release(context),
  }
}
