// How do Cloud Native Buildpacks make an image on a cluster: one Job, and a container of it for each phase?
import { builderFacts, type BuilderFacts } from '@deis/buildpacks/cnb/builder-facts'
import { builderOf } from '@deis/buildpacks/cnb/choice'
import { builtImage } from '@deis/buildpacks/cnb/image-facts'
import { failureMessage } from '@deis/buildpacks/cnb/messages'
import { createPhaseOutput, phaseTitles } from '@deis/buildpacks/cnb/phase-output'
import { type CnbPlan, cnbPlan, type Phase } from '@deis/buildpacks/cnb/plan'
import { processTypes, readsProcfiles } from '@deis/buildpacks/cnb/processes'
import { type Project, readProject } from '@deis/buildpacks/cnb/project-toml'
import { reportedDigest } from '@deis/buildpacks/cnb/report'
import { BuildFailure, type BuildResult } from '@deis/ports/builder'
import { releaseNotice } from '@deis/ports/procfile'
import { cachesOf, removeCaches } from './cnb-cache.ts'
import { cnbJob, placedFiles } from './cnb-job.ts'
import { asBuildFailure, type BuildContext, offerOrder, reporterOf } from './context.ts'
import { imageTag, repositoryOf } from '@deis/container/image-names'
import { cacheImageOf, jobName } from './names.ts'
import { removeJob } from './remove.ts'
import { runJob } from './run.ts'
import { failureOf } from './situation.ts'
import { processesOf } from '@deis/container/source'

type Report = ReturnType<typeof reporterOf>

/** What of a phase's exit makes a build without the kept layers worth a try. */
const restoreFailed = 42

function planOf(context: BuildContext, facts: BuilderFacts, project: Project | null, noCache: boolean): CnbPlan {
  const { settings, request, now } = context
  const { target, insecure, mirrors, env, cnb } = settings
  const { app, config } = request
  return cnbPlan(
    facts,
    { ...request, noCache, project, image: `${repositoryOf(target, app)}:${imageTag(request, now)}` },
    {
      lifecycleImage: cnb?.lifecycleImage ?? null,
      insecure,
      mirrors,
      env,
      // In the registry, as the next build may run on another node.
      cache: config.DEIS_DISABLE_CACHE === undefined ? { image: cacheImageOf(target, app, facts.name) } : null,
      report: '/dev/termination-log',
    },
  )
}

type Outcome = { readonly digest: string } | { readonly failure: BuildFailure; readonly again: boolean }

async function runPlan(
  context: BuildContext,
  facts: BuilderFacts,
  plan: CnbPlan,
  project: Project | null,
  reporter: Report,
): Promise<Outcome> {
  const { settings, request, signal } = context
  const { app, id } = request
  const { include, exclude } = project ?? { include: null, exclude: null }
  const patterns = { include: include && [...include], exclude: exclude && [...exclude] }
  const urls = offerOrder(context, { unpack: true, cache: null, files: placedFiles(plan), patterns })
  const job = cnbJob(settings, plan, { name: jobName('cnbbuild', request), app, build: id, urls })
  const phases = plan.steps.map(({ phase }) => ({ phase, output: createPhaseOutput(phase, reporter.line) }))
  let begun: Phase | null = null
  const followed = phases.map(({ phase, output }) => ({
    container: phase,
    line(line: string) {
      const title = phaseTitles[phase]
      if (begun !== phase && title !== undefined) reporter.title(title)
      begun = phase
      output.line(line)
    },
  }))
  const ended = await runJob(settings, job, reporter, signal, followed)
  const { exitCode, container, outOfMemory, podFailure } = ended
  const failed = phases.find(({ phase }) => phase === container)
  if (exitCode === 0 && podFailure === null) {
    const digest = reportedDigest(ended.message)
    if (digest === null) throw new BuildFailure('The build ended without an image.')
    return { digest }
  }
  failed?.output.failed()
  const message =
    failed === undefined || (podFailure !== null && !outOfMemory)
      ? failureOf(ended, settings.limits.memory)
      : failureMessage(
          {
            phase: failed.phase,
            exitCode,
            outOfMemory,
            memory: settings.limits.memory,
            error: failed.output.error(),
            participants: phases.flatMap(({ output }) => output.participants()),
          },
          facts,
        )
  return { failure: new BuildFailure(message, exitCode), again: exitCode === restoreFailed && container === 'restore' }
}

/** Kept layers that cannot be restored cost no build. */
async function runTwice(
  context: BuildContext,
  facts: BuilderFacts,
  project: Project | null,
  reporter: Report,
): Promise<{ readonly digest: string; readonly plan: CnbPlan }> {
  const { settings, request } = context
  const { kube, namespace } = settings
  const asked = request.noCache || request.config.DEIS_DISABLE_CACHE !== undefined
  for (let noCache = asked; ; noCache = true) {
    const plan = planOf(context, facts, project, noCache)
    const outcome = await runPlan(context, facts, plan, project, reporter)
    if ('digest' in outcome) return { digest: outcome.digest, plan }
    if (!outcome.again || noCache) throw outcome.failure
    reporter.warn('What the last build kept cannot be restored: building again without it.')
    await removeJob(kube, { namespace, name: jobName('cnbbuild', request), build: request.id })
  }
}

export async function buildCnb(context: BuildContext): Promise<BuildResult> {
  const { settings, request, source, signal } = context
  const { registry, target, cnb, log } = settings
  const { app, config } = request
  if (cnb === undefined)
    throw new BuildFailure('This platform has no builder of Cloud Native Buildpacks: the operator sets one.')
  const reporter = reporterOf(context)
  const project = source.project === null ? null : readProject(source.project)
  const name = builderOf(request.builder, project?.builder ?? null, cnb)
  reporter.note(`Builder: ${name}`)
  for (const warning of project?.warnings ?? []) reporter.warn(warning)
  try {
    const facts = builderFacts(name, await registry.inspect(name, null, signal))
    // A Procfile that the builder does not read is ours, and reported before minutes of building.
    const procfile = readsProcfiles(facts) ? {} : processesOf(source)
    const before = await cachesOf(registry, target, app, signal)
    const { kept } = planOf(context, facts, project, request.noCache)
    if (kept.length > 0) reporter.note(`Not passed to the build: ${kept.join(', ')}`)
    const { digest, plan } = await runTwice(context, facts, project, reporter)
    const built = await registry.inspect(`${repositoryOf(target, app)}@${digest}`, null, signal)
    const image = builtImage(built)
    for (const warning of image.warnings) reporter.warn(warning)
    const processes = processTypes(facts, image.processes, procfile)
    const notice = releaseNotice(processes)
    if (notice !== null) reporter.warn(notice)
    const left = { before, builder: config.DEIS_DISABLE_CACHE === undefined ? name : null }
    await removeCaches(registry, target, app, left, signal).catch((error: unknown) =>
      log('warn', 'the layers kept by an earlier build could not be deleted', { app, error }),
    )
    return {
      artifact: { kind: 'image', reference: built.reference, launcher: 'cnb' },
      processes,
      dockerfile: false,
      port: null,
      cnb: {
        builder: name,
        runImage: plan.runImage,
        runReference: image.runReference,
        buildpacks: image.buildpacks,
        ...(readsProcfiles(facts) ? {} : { procfileTypes: Object.keys(procfile) }),
      },
    }
  } catch (error) {
    throw asBuildFailure(error)
  }
}
