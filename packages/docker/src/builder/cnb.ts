// How do Cloud Native Buildpacks make an image on one machine: with which builder, plan and registry?
import { builderFacts } from '@deis/buildpacks/cnb/builder-facts'
import { builderOf } from '@deis/buildpacks/cnb/choice'
import { builtImage } from '@deis/buildpacks/cnb/image-facts'
import { cnbPlan, type CnbPlan } from '@deis/buildpacks/cnb/plan'
import { processTypes, readsProcfiles } from '@deis/buildpacks/cnb/processes'
import { sourceFilter } from '@deis/buildpacks/cnb/source-filter'
import { createOutput } from '@deis/buildpacks/output'
import { asBuildFailure } from '@deis/container/image-failure'
import { imageTag, repositoryOf } from '@deis/container/image-names'
import { processesOf, type Source } from '@deis/container/source'
import { BuildFailure, type BuildRequest, type BuildResult } from '@deis/ports/builder'
import type { Registry } from '@deis/ports/registry'
import { ensureImage } from './base-image.ts'
import { runPlan } from './cnb-run.ts'
import { projectOf } from './cnb-source.ts'
import { withFiltered } from './filtered.ts'
import { type BuildingOptions, maxOutputBytes } from './options.ts'
import type { Destination } from './registry.ts'

export type CnbBuild = {
  readonly options: BuildingOptions
  readonly registry: Registry
  readonly destination: (signal: AbortSignal) => Promise<Destination>
  readonly request: BuildRequest
  readonly source: Source
  /** The tar of the source. */
  readonly sourceFile: string
  readonly write: (text: string) => void
  readonly signal: AbortSignal
}

const isWithoutCache = ({ noCache, config }: BuildRequest): boolean =>
  noCache || config.DEIS_DISABLE_CACHE !== undefined

export async function buildCnb(given: CnbBuild): Promise<BuildResult> {
  const { registry, request, source, write, signal } = given
  const { cnb, env } = given.options
  // An invalid Procfile is reported before minutes of building.
  const procfile = processesOf(source)
  const output = createOutput(write, maxOutputBytes)
  const project = await projectOf(given, output)
  const name = builderOf(request.builder, project?.builder ?? null, cnb)
  output.note(`Builder: ${name}`)
  const facts = builderFacts(
    name,
    await registry.inspect(name, null, signal).catch((error: unknown) => {
      throw asBuildFailure(error)
    }),
  )
  const destination = await given.destination(signal)
  // For the phases that run no code of users (plan.ts), and for images that the operator chose.
  const credentials = { ...given.options.registries.credentials, ...destination.credentials }
  const registries = { ...given.options.registries, credentials }
  const options = { ...given.options, registries }
  const build = { ...given, options }
  const nameOf = (host: string): string => repositoryOf({ ...destination, host }, request.app)
  const own = `${destination.outside}/`
  const previous = request.previous?.startsWith(own)
    ? `${destination.inside}/${request.previous.slice(own.length)}`
    : request.previous
  const image = `${nameOf(destination.inside)}:${imageTag(request, new Date())}`
  const planOf = (noCache: boolean): CnbPlan =>
    cnbPlan(
      facts,
      { ...request, ...(previous === undefined ? {} : { previous }), noCache, image, project },
      {
        lifecycleImage: cnb.lifecycleImage,
        insecure: [...registries.insecure, ...(destination.network === null ? [] : [destination.inside])],
        // What is in the platform's own registry has another name in its network.
        mirrors: {
          ...registries.mirrors,
          ...(destination.network === null ? {} : { [destination.outside]: destination.inside }),
        },
        env,
        cache: 'volume',
      },
    )
  const withoutCache = isWithoutCache(request)
  const plan = planOf(withoutCache)
  if (plan.kept.length > 0) output.note(`Not passed to the build: ${plan.kept.join(', ')}`)
  for (const image of new Set(plan.steps.map((step) => step.image)))
    await ensureImage(options, image, request.app, signal)
  const digest = await withFiltered(build, project && sourceFilter(project), (source) =>
    runPlan(build, { facts, destination, source, withoutCache, planOf }),
  )
  if (digest === null) throw new BuildFailure('The build ended without an image.')
  const found = await registry
    .inspect(`${nameOf(destination.outside)}@${digest}`, null, signal)
    .catch((error: unknown) => {
      throw asBuildFailure(error)
    })
  const built = builtImage(found)
  for (const warning of built.warnings) output.warn(warning)
  return {
    artifact: { kind: 'image', reference: found.reference, launcher: 'cnb' },
    processes: processTypes(facts, built.processes, procfile),
    dockerfile: false,
    port: found.ports[0] ?? null,
    cnb: {
      builder: name,
      runImage: plan.runImage,
      runReference: built.runReference,
      buildpacks: built.buildpacks,
      ...(readsProcfiles(facts) ? {} : { procfileTypes: Object.keys(procfile) }),
    },
  }
}
