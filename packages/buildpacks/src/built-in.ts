// Which of the built-in buildpacks takes an app that names none?
import { BuildFailure } from '@deis/ports/builder'
import type { Buildpack } from './languages/buildpack.ts'
import { go } from './languages/go.ts'
import { node } from './languages/node.ts'
import { procfile } from './languages/procfile.ts'
import { python } from './languages/python.ts'
import { ruby } from './languages/ruby.ts'
import { staticSite } from './languages/static.ts'
import { toolConfig } from './environment.ts'
import type { Kit } from './context.ts'
import type { Step } from './step.ts'

/** The first that applies is used. */
export const builtIn: readonly Buildpack[] = [node, python, ruby, go, staticSite, procfile]

// These two apply to what any language may have as well, so they are no rivals.
const modest = new Set([staticSite, procfile])

function missingTool({ name, tool }: Buildpack, code: number | null): BuildFailure {
  const command = tool?.command ?? ''
  const language = name === 'Static' ? 'Node.js' : name
  const what =
    code === null
      ? `${command} was not found on this machine: install it or set BUILDPACK_URL.`
      : `${command} does not work here for the user that builds run as: make it work or set BUILDPACK_URL.`
  return new BuildFailure(`${language} is needed to build this app and ${what}`)
}

/** @throws BuildFailure when none applies. */
export async function builtInStep(kit: Kit): Promise<Step> {
  const applying: Buildpack[] = []
  for (const buildpack of builtIn) if (await buildpack.detect(kit.files)) applying.push(buildpack)
  const [chosen, ...others] = applying
  if (!chosen) {
    kit.output.title('Unable to select a buildpack')
    for (const { name, looksFor } of builtIn) kit.output.note(`${name}: no ${looksFor}`)
    kit.output.note('Add one of these files to the root of the app, or set BUILDPACK_URL.')
    throw new BuildFailure('Build exited with code 1, stopping build.', 1)
  }
  return {
    detect: async () => chosen.name,
    async compile() {
      const rivals = others.filter((other) => !modest.has(other)).map(({ name }) => name)
      if (rivals.length > 0)
        kit.output.note(`It looks like ${rivals.join(' and ')} too: set BUILDPACK_URL or add .buildpacks to choose.`)
      if (chosen.tool) {
        const { code } = await kit.capture(chosen.tool.command, chosen.tool.args)
        if (code !== 0) throw missingTool(chosen, code)
      }
      const { kept } = toolConfig(kit.config)
      if (kept.length > 0) kit.output.warn(`Config that builds do not get: ${kept.join(', ')}.`)
      return chosen.compile(kit)
    },
    release: () => chosen.release(kit),
  }
}
