// How are the steps of a plan of Cloud Native Buildpacks carried out, as containers one after the other?
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { BuilderFacts } from '@deis/buildpacks/cnb/builder-facts'
import { failureMessage } from '@deis/buildpacks/cnb/messages'
import { createPhaseOutput, phaseTitles } from '@deis/buildpacks/cnb/phase-output'
import { type CnbPlan, folders, type Step, type Volume } from '@deis/buildpacks/cnb/plan'
import { registryAuth } from '@deis/buildpacks/cnb/registry-auth'
import { reportedDigest } from '@deis/buildpacks/cnb/report'
import { createOutput } from '@deis/buildpacks/output'
import { ArchiveFailure } from '@deis/machine/archive'
import { BuildFailure } from '@deis/ports/builder'
import { kindLabel, ofApp, ofPlatform } from '../labels.ts'
import { removeContainer } from '../engine/remove.ts'
import type { CnbBuild } from './cnb.ts'
import { takeFile } from './files.ts'
import type { SourceArchive } from './filtered.ts'
import { buildName, buildNetwork, cacheName } from './names.ts'
import { maxOutputBytes } from './options.ts'
import type { Destination } from './registry.ts'
import { buildLabels, removeVolume } from './resources.ts'
import { createStep, type Ended, runStep } from './step.ts'
import { ensureVolume, listVolumes } from './volumes.ts'
import { type OwnFile, putTar, sourceBelow, tarOf } from './workspace.ts'

const maxReport = 64 * 1024
/** What of a phase's exit makes a build without the kept layers worth a try. */
const restoreFailed = 42

class NotRestored extends BuildFailure {}

/** To delete what a build had. */
const cleanUpMs = 60_000

/** The volumes of a build by what they are for. That of the cache stays. */
async function openVolumes(
  { options, request, signal }: CnbBuild,
  builder: string,
  withoutCache: boolean,
): Promise<Record<Volume, string>> {
  const { engine, platform } = options
  const { app, id } = request
  const labels = buildLabels(options, request)
  const own = Object.fromEntries(
    (['layers', 'workspace', 'platform'] as const).map((volume) => [volume, buildName(platform, id, volume)]),
  ) as Record<Exclude<Volume, 'cache'>, string>
  for (const name of Object.values(own)) await ensureVolume(engine, name, labels, signal)
  const cache = cacheName(platform, app, builder)
  const kept = await listVolumes(engine, [ofPlatform(platform), ofApp(app), `${kindLabel}=cache`], signal)
  for (const { name } of kept) if (name !== cache || withoutCache) await removeVolume(engine, name, signal)
  await ensureVolume(engine, cache, buildLabels(options, request, 'cache'), signal)
  return { ...own, cache }
}

type Steps = {
  readonly facts: BuilderFacts
  readonly plan: CnbPlan
  readonly destination: Destination
  readonly volumes: Record<Volume, string>
}

/** A container that is never started: volumes get their owners from its image, and files by it. */
async function fill(build: CnbBuild, { facts: { image }, plan, volumes }: Steps, source: SourceArchive): Promise<void> {
  const { options, request, signal } = build
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
    const tar = sourceBelow(archiver, source, below(folders.workspace), uid, signal)
    await putTar(engine, id, tar, ms, signal).catch((error: unknown) => {
      if (tar.errored instanceof ArchiveFailure)
        throw new BuildFailure(`The source cannot be unpacked: ${tar.errored.message}.`)
      throw error
    })
  } finally {
    await removeContainer(engine, id)
  }
}

/** @returns what the last step reported; null: nothing that can be read. */
async function runSteps(build: CnbBuild, { facts, plan, destination, volumes }: Steps): Promise<string | null> {
  const { options, request, write, signal } = build
  const { engine, platform, limits, registries, networks } = options
  const auth = registryAuth(registries.credentials)
  const output = createOutput(write, maxOutputBytes)
  const shown = output.stream()
  let participants: readonly string[] = []
  let digest: string | null = null
  const networkOf = async ({ network }: Step): Promise<string> => {
    if (network === 'none') return 'none'
    if (network === 'registry' && destination.network !== null) return destination.network
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
    const message = failureMessage(failure, facts)
    throw exitCode === restoreFailed && step.phase === 'restore'
      ? new NotRestored(message, exitCode)
      : new BuildFailure(message, exitCode)
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

type Work = Omit<Steps, 'plan' | 'volumes'> & {
  readonly source: SourceArchive
  /** Whether it begins without what the last build kept. */
  readonly withoutCache: boolean
  planOf(withoutCache: boolean): CnbPlan
}

async function runOnce(
  build: CnbBuild,
  { facts, destination, source, planOf }: Work,
  withoutCache: boolean,
): Promise<string | null> {
  const { options, request } = build
  try {
    const plan = planOf(withoutCache)
    const steps = { facts, destination, plan, volumes: await openVolumes(build, facts.name, withoutCache) }
    await fill(build, steps, source)
    return await runSteps(build, steps)
  } finally {
    await cleanUp(build).catch((error: unknown) =>
      options.log('error', 'volumes or the network of a build could not be deleted', { build: request.id, err: error }),
    )
  }
}

/** Kept layers that cannot be restored cost no build. Null: the last step reported nothing that can be read. */
export async function runPlan(build: CnbBuild, work: Work): Promise<string | null> {
  try {
    return await runOnce(build, work, work.withoutCache)
  } catch (error) {
    if (!(error instanceof NotRestored) || work.withoutCache) throw error
    createOutput(build.write, maxOutputBytes).warn(
      'What the last build kept cannot be restored: building again without it.',
    )
    return runOnce(build, work, true)
  }
}
