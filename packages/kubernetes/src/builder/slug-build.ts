// How do buildpacks turn a source into an image: the runner's slug, as a layer on the run image?
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { ArchiveFailure } from '@deis/machine/archive'
import type { ImageFacts } from '@deis/ports/registry'
import { slugLauncher } from '@deis/ports/scheduler'
import { BuildFailure, type BuildResult } from '@deis/ports/builder'
import { type Outcome, outcomeLimit, type SlugOrder, slugOrderName } from '@deis/buildpacks/runner/order'
import { checkOutcome } from '@deis/buildpacks/runner/outcome'
import { imageLabels } from '@deis/container/image-labels'
import { slugLayer } from '@deis/container/layer'
import { imageTag, repositoryOf } from '@deis/container/image-names'
import { jobName } from './names.ts'
import { asBuildFailure, type BuildContext, offerOrder, reporterOf } from './context.ts'
import { runJob } from './run.ts'
import { failureOf } from './situation.ts'
import { slugJob } from './slug-job.ts'

type Incoming = {
  readonly outcome: Promise<Readable>
  readonly slug: Promise<Readable>
  readonly cache: Promise<Readable>
}
type Collected = { readonly outcome: Outcome; readonly image: ImageFacts | null }

/** Receives what the runner sends, in its order: the slug is streamed to the registry. */
async function collect(context: BuildContext, { outcome: sent, slug, cache }: Incoming): Promise<Collected> {
  const { settings, request, now, caches, signal } = context
  const outcome = checkOutcome(await text(await sent))
  let image: ImageFacts | null = null
  if (outcome.failure === null) {
    const { archiver, runUser, registry, images, target } = settings
    const layer = slugLayer(archiver, await slug, runUser, outcome.processes, signal)
    const change = {
      base: images.run,
      target: repositoryOf(target, request.app),
      tag: imageTag(request, now),
      layer,
      entrypoint: [slugLauncher],
      cmd: [],
      workingDir: '/app',
      user: String(runUser),
      env: { HOME: '/app' },
      labels: imageLabels(request, 'slug', now),
      exposed: [],
    }
    image = await registry.appendLayer(change, signal).catch((error: unknown) => {
      if (layer.errored instanceof ArchiveFailure)
        throw new BuildFailure(`The slug cannot be used: ${layer.errored.message}.`)
      throw asBuildFailure(error)
    })
  }
  if (outcome.cache === 'dropped') await caches.drop(request.app)
  if (outcome.cache === 'sent') await caches.keep(request.app, request.id, await cache, signal)
  return { outcome, image }
}

function orderOf({ settings, request }: BuildContext, urls: Pick<SlugOrder, 'outcome' | 'slug' | 'cache'>): SlugOrder {
  const { id, app, sha, config, noCache } = request
  const { stack, buildpacks, env, timeoutSeconds, maxCacheBytes } = settings
  return {
    id,
    app,
    sha,
    config,
    noCache,
    stack,
    timeoutSeconds,
    maxCacheBytes,
    buildpacks: [...buildpacks],
    passEnv: Object.keys(env),
    ...urls,
  }
}

export async function buildSlugImage(context: BuildContext): Promise<BuildResult> {
  const { settings, caches, request, signal } = context
  const { handOff, limits } = settings
  const caching = !request.noCache && request.config.DEIS_DISABLE_CACHE === undefined
  if (!caching) await caches.drop(request.app)
  const kept = caching ? await caches.find(request.app) : null
  const back = {
    outcome: handOff.accept(signal, { bytes: outcomeLimit }),
    slug: handOff.accept(signal, { bytes: settings.maxSlugBytes }),
    cache: handOff.accept(signal, { bytes: settings.maxCacheBytes }),
  }
  const order = orderOf(context, { outcome: back.outcome.url, slug: back.slug.url, cache: back.cache.url })
  const urls = offerOrder(context, {
    unpack: false,
    cache: kept ? handOff.offer(kept, signal).url : null,
    files: { [slugOrderName]: JSON.stringify(order) },
  })
  const name = jobName('slugbuild', request)
  const job = slugJob(settings, { name, app: request.app, build: request.id, urls })

  // A failure to receive ends the Job as well.
  const broken = new AbortController()
  let outcome: Outcome | null = null
  const incoming = { outcome: back.outcome.body, slug: back.slug.body, cache: back.cache.body }
  const collected = collect(context, incoming).then(
    (all) => {
      outcome = all.outcome
      return all
    },
    (error: unknown) => {
      broken.abort(error)
      throw error
    },
  )
  collected.catch(() => {})
  const ended = await runJob(settings, job, reporterOf(context), AbortSignal.any([signal, broken.signal])).catch(
    (error: unknown) => {
      throw broken.signal.aborted ? broken.signal.reason : error
    },
  )
  const reported = (outcome as Outcome | null)?.failure ?? null
  if (ended.exitCode !== 0 || reported !== null) {
    const message = reported === null || ended.outOfMemory ? failureOf(ended, limits.memory) : reported.message
    throw new BuildFailure(message, reported?.exitCode ?? ended.exitCode)
  }
  const { outcome: good, image } = await collected
  if (!image) throw new BuildFailure('The build ended without a result.')
  return {
    artifact: { kind: 'image', reference: image.reference, launcher: 'slug' },
    processes: good.processes,
    dockerfile: false,
    port: null,
  }
}
