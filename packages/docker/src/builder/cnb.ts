// How do Cloud Native Buildpacks make an image on one machine: the steps of their plan as containers, one after the other?
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { builderFacts, type BuilderFacts } from '@deis/buildpacks/cnb/builder-facts'
import { builderOf } from '@deis/buildpacks/cnb/choice'
import { builtImage } from '@deis/buildpacks/cnb/image-facts'
import { failureMessage } from '@deis/buildpacks/cnb/messages'
import { createPhaseOutput, phaseTitles } from '@deis/buildpacks/cnb/phase-output'
import { cnbPlan, type CnbPlan, folders, type Step, type Volume } from '@deis/buildpacks/cnb/plan'
import { processTypes, readsProcfiles } from '@deis/buildpacks/cnb/processes'
import { type Project, readProject } from '@deis/buildpacks/cnb/project-toml'
import { registryAuth } from '@deis/buildpacks/cnb/registry-auth'
import { reportedDigest } from '@deis/buildpacks/cnb/report'
import { type BuildOutput, createOutput } from '@deis/buildpacks/output'
import { asBuildFailure } from '@deis/container/image-failure'
import { imageTag, repositoryOf } from '@deis/container/image-names'
import { processesOf, type Source } from '@deis/container/source'
import { ArchiveFailure } from '@deis/machine/archive'
import { BuildFailure, type BuildRequest, type BuildResult } from '@deis/ports/builder'
import type { Registry } from '@deis/ports/registry'
import { kindLabel, ofApp, ofPlatform } from '../labels.ts'
import { removeContainer } from '../engine/remove.ts'
import { ensureImage } from './base-image.ts'
import { takeFile } from './files.ts'
import { buildName, buildNetwork, cacheName } from './names.ts'
import { type BuildingOptions, maxOutputBytes } from './options.ts'
import type { Place } from './registry.ts'
import { buildLabels, removeVolume } from './resources.ts'
import { createStep, type Ended, runStep } from './step.ts'
import { ensureVolume, listVolumes } from './volumes.ts'
import { type OwnFile, putTar, sourceBelow, tarOf } from './workspace.ts'

export type CnbBuild = {
  readonly options: BuildingOptions
  readonly registry: Registry
  readonly place: (signal: AbortSignal) => Promise<Place>
  readonly request: BuildRequest
  readonly source: Source
  /** The tar of the source. */
  readonly sourceFile: string
  readonly write: (text: string) => void
  readonly signal: AbortSignal
}

const projectName = 'project.toml'
const maxProject = 256 * 1024
const maxReport = 64 * 1024
/** To delete what a build had. */
const cleanUpMs = 60_000

const isWithoutCache = ({ noCache, config }: BuildRequest): boolean =>
  noCache || config.DEIS_DISABLE_CACHE !== undefined

async function projectOf({ options, sourceFile, signal }: CnbBuild, output: BuildOutput): Promise<Project | null> {
  const wanted = { names: [], read: [projectName], largest: maxProject }
  const found = (await options.archiver.look(sourceFile, wanted, { signal })).texts[projectName]
  if (found === undefined) return null
  if (found.length > maxProject) throw new BuildFailure(`${projectName} has more than ${maxProject} bytes.`)
  const project = readProject(found)
  for (const warning of project.warnings) output.warn(warning)
  if (project.include !== null || project.exclude !== null)
    output.warn(`${projectName}: include and exclude do not count on Docker: the build gets all files.`)
  return project
}

/** The volumes of a build by what they are for. That of the cache stays. */
async function openVolumes({ options, request, signal }: CnbBuild, builder: string): Promise<Record<Volume, string>> {
  const { engine, platform } = options
  const { app, id } = request
  const labels = buildLabels(options, request)
  const own = Object.fromEntries(
    (['layers', 'workspace', 'platform'] as const).map((volume) => [volume, buildName(platform, id, volume)]),
  ) as Record<Exclude<Volume, 'cache'>, string>
  for (const name of Object.values(own)) await ensureVolume(engine, name, labels, signal)
  const cache = cacheName(platform, app, builder)
  const kept = await listVolumes(engine, [ofPlatform(platform), ofApp(app), `${kindLabel}=cache`], signal)
  for (const { name } of kept) if (name !== cache || isWithoutCache(request)) await removeVolume(engine, name, signal)
  await ensureVolume(engine, cache, buildLabels(options, request, 'cache'), signal)
  return { ...own, cache }
}

/** A container that is never started: volumes get their owners from its image, and files by it. */
async function fill(build: CnbBuild, plan: CnbPlan, image: string, volumes: Record<Volume, string>): Promise<void> {
  const { options, request, sourceFile, signal } = build
  const { engine, platform, archiver, limits, timeoutSeconds } = options
  const { uid, gid, files } = plan
  const id = await createStep(
    engine,
    {
      name: buildName(platform, request.id, 'prepare'),
      image,
      command: ['/cnb/lifecycle/detector'],
      env: {},
      user: `${uid}:${gid}`,
      volumes: Object.fromEntries(Object.entries(volumes).map(([name, volume]) => [volume, folders[name as Volume]])),
      network: 'none',
      labels: buildLabels(options, request),
    },
    limits,
    signal,
  )
  const below = (path: string): string => path.replace(/^\//, '')
  const ownFolders = [...Object.values(folders), `${folders.platform}/env`]
  const own: OwnFile[] = [
    ...ownFolders.map((path) => ({ path: `${below(path)}/`, text: null })),
    ...Object.entries(files).map(([path, text]) => ({ path: below(path), text })),
  ]
  const ms = timeoutSeconds * 1000
  try {
    await putTar(engine, id, Readable.from([tarOf(own, { uid, gid })]), ms, signal)
    const tar = sourceBelow(archiver, sourceFile, below(folders.workspace), uid, signal)
    await putTar(engine, id, tar, ms, signal).catch((error: unknown) => {
      if (tar.errored instanceof ArchiveFailure)
        throw new BuildFailure(`The source cannot be unpacked: ${tar.errored.message}.`)
      throw error
    })
  } finally {
    await removeContainer(engine, id)
  }
}

type Steps = {
  readonly facts: BuilderFacts
  readonly plan: CnbPlan
  readonly place: Place
  readonly volumes: Record<Volume, string>
}

/** @returns what the last step reported; null: nothing that can be read. */
async function runSteps(build: CnbBuild, { facts, plan, place, volumes }: Steps): Promise<string | null> {
  const { options, request, write, signal } = build
  const { engine, platform, limits, registries, networks } = options
  const auth = registryAuth(registries.credentials)
  const output = createOutput(write, maxOutputBytes)
  const shown = output.stream()
  let participants: readonly string[] = []
  let digest: string | null = null
  const networkOf = async ({ network }: Step): Promise<string> => {
    if (network === 'none') return 'none'
    if (network === 'registry' && place.network !== null) return place.network
    return networks.ensure(buildNetwork(platform, request.id), signal)
  }
  for (const step of plan.steps) {
    const id = await createStep(
      engine,
      {
        name: buildName(platform, request.id, step.phase),
        image: step.image,
        command: step.command,
        env: { ...step.env, ...(step.credentials && auth !== null ? { CNB_REGISTRY_AUTH: auth } : {}) },
        user: `${plan.uid}:${plan.gid}`,
        volumes: Object.fromEntries(step.mounts.map((volume) => [volumes[volume], folders[volume]])),
        network: await networkOf(step),
        labels: buildLabels(options, request),
      },
      limits,
      signal,
    )
    const phase = createPhaseOutput(step.phase, (line) => shown.write(Buffer.from(`${line}\n`)))
    const title = phaseTitles[step.phase]
    if (title !== undefined) output.title(title)
    const ended: Ended = await runStep(engine, id, phase.line, signal, async ({ code }) => {
      if (code !== 0 || step.phase !== 'export') return
      digest = reportedDigest(await text(await takeFile(engine, id, plan.report, maxReport, signal)))
    })
    if (step.phase === 'detect') participants = phase.participants()
    if (ended.code === 0) continue
    phase.failed()
    shown.end()
    const { code: exitCode, outOfMemory } = ended
    const failure = {
      phase: step.phase,
      exitCode,
      outOfMemory,
      memory: limits.memory,
      error: phase.error(),
      participants,
    }
    throw new BuildFailure(failureMessage(failure, facts), exitCode)
  }
  shown.end()
  return digest
}

/** Nothing of the build but its cache is left. */
async function cleanUp({ options, request }: CnbBuild): Promise<void> {
  const { engine, platform, networks } = options
  const signal = AbortSignal.timeout(cleanUpMs)
  for (const volume of ['layers', 'workspace', 'platform'])
    await removeVolume(engine, buildName(platform, request.id, volume), signal)
  await networks.remove(buildNetwork(platform, request.id), signal)
}

export async function buildCnb(build: CnbBuild): Promise<BuildResult> {
  const { options, registry, request, source, write, signal } = build
  const { registries, cnb, env, log } = options
  // An invalid Procfile is reported before minutes of building.
  const procfile = processesOf(source)
  const output = createOutput(write, maxOutputBytes)
  const project = await projectOf(build, output)
  const name = builderOf(request.builder, project?.builder ?? null, cnb)
  output.note(`Builder: ${name}`)
  const facts = builderFacts(
    name,
    await registry.inspect(name, null, signal).catch((error: unknown) => {
      throw asBuildFailure(error)
    }),
  )
  const place = await build.place(signal)
  const nameOf = (host: string): string => repositoryOf({ ...place, host }, request.app)
  const own = `${place.outside}/`
  const previous = request.previous?.startsWith(own)
    ? `${place.inside}/${request.previous.slice(own.length)}`
    : request.previous
  const plan = cnbPlan(
    facts,
    {
      ...request,
      ...(previous === undefined ? {} : { previous }),
      noCache: isWithoutCache(request),
      image: `${nameOf(place.inside)}:${imageTag(request, new Date())}`,
      project,
    },
    {
      lifecycleImage: cnb.lifecycleImage,
      insecure: [...registries.insecure, ...(place.network === null ? [] : [place.inside])],
      // What is in the platform's own registry has another name in its network.
      mirrors: { ...registries.mirrors, ...(place.network === null ? {} : { [place.outside]: place.inside }) },
      env,
      cache: 'volume',
    },
  )
  if (plan.kept.length > 0) output.note(`Not passed to the build: ${plan.kept.join(', ')}`)
  for (const image of new Set(plan.steps.map((step) => step.image)))
    await ensureImage(options, image, request.app, signal)
  let digest: string | null
  try {
    const volumes = await openVolumes(build, name)
    await fill(build, plan, facts.image, volumes)
    digest = await runSteps(build, { facts, plan, place, volumes })
  } finally {
    await cleanUp(build).catch((error: unknown) =>
      log('error', 'volumes or the network of a build could not be deleted', { build: request.id, err: error }),
    )
  }
  if (digest === null) throw new BuildFailure('The build ended without an image.')
  const image = await registry.inspect(`${nameOf(place.outside)}@${digest}`, null, signal).catch((error: unknown) => {
    throw asBuildFailure(error)
  })
  const built = builtImage(image)
  for (const warning of built.warnings) output.warn(warning)
  return {
    artifact: { kind: 'image', reference: image.reference, launcher: 'cnb' },
    processes: processTypes(facts, built.processes, procfile),
    dockerfile: false,
    port: image.ports[0] ?? null,
    cnb: {
      builder: name,
      runImage: plan.runImage,
      runReference: built.runReference,
      buildpacks: built.buildpacks,
      ...(readsProcfiles(facts) ? {} : { procfileTypes: Object.keys(procfile) }),
    },
  }
}
