// How does a Dockerfile become an image in the registry (docs/contract/build-and-route.md §3)?
import { buildArguments, buildTarget } from '@deis/container/build-arguments'
import { failedByHeredoc } from '@deis/container/heredoc'
import { imageLabels } from '@deis/container/image-labels'
import { processesOf } from '@deis/container/source'
import { dockerConfig } from '../cluster/registry-credentials.ts'
import type { Credentials, RegistrySettings } from '@deis/ports/registry'
import { BuildFailure, type BuildResult } from '@deis/ports/builder'
import { releaseNotice } from '@deis/ports/procfile'
import { argsFolderName, authName, dockerfileJob, labelFiles, registriesName } from './dockerfile-job.ts'
import { cacheRepositoryOf, imageTag, repositoryOf } from '@deis/container/image-names'
import { jobName } from './names.ts'
import { isNodeRefusal } from './node-refusal.ts'
import { asBuildFailure, type BuildContext, offerOrder, reporterOf } from './context.ts'
import { pushContainer } from './pod.ts'
import { runJob } from './run.ts'
import { failureOf } from './situation.ts'

const longestDockerfile = 128 * 1024

const quoted = (value: string): string => JSON.stringify(value)

/** buildah's registries.conf: plain HTTP, mirrors, and Docker Hub for short names. */
export function registriesConf({ insecure, mirrors }: Pick<RegistrySettings, 'insecure' | 'mirrors'>): string {
  const isInsecure = (location: string): boolean => insecure.includes(location.split('/')[0] ?? '')
  const hosts = [...new Set([...insecure, ...Object.keys(mirrors)])]
  const tables = hosts.map((host) => {
    const mirror = mirrors[host]
    return [
      '[[registry]]',
      `location = ${quoted(host)}`,
      `insecure = ${isInsecure(host)}`,
      ...(mirror === undefined
        ? []
        : ['[[registry.mirror]]', `location = ${quoted(mirror)}`, `insecure = ${isInsecure(mirror)}`]),
    ]
  })
  return [['unqualified-search-registries = ["docker.io"]', 'short-name-mode = "disabled"'], ...tables]
    .map((lines) => `${lines.join('\n')}\n`)
    .join('\n')
}

function filesOf(
  context: BuildContext,
  args: Readonly<Record<string, string>>,
  pull: Readonly<Record<string, Credentials>>,
): Record<string, string> {
  return {
    [registriesName]: registriesConf(context.settings),
    [authName]: dockerConfig(pull),
    ...labelFiles(imageLabels(context.request, 'dockerfile', context.now)),
    ...Object.fromEntries(Object.entries(args).map(([name, value]) => [`${argsFolderName}/${name}`, value])),
  }
}

/** Empty when it cannot be read as one file. */
async function dockerfileOf({ settings, sourceFile, signal }: BuildContext): Promise<string> {
  const wanted = { names: [], read: ['Dockerfile'], largest: longestDockerfile }
  const { texts } = await settings.archiver.look(sourceFile, wanted, { signal })
  return texts['Dockerfile'] ?? ''
}

export async function buildDockerfile(context: BuildContext): Promise<BuildResult> {
  const { settings, request, source, now, signal } = context
  const { registry, target, credentials, limits, appRegistry } = settings
  const { app, config, id } = request
  // An invalid Procfile is reported before minutes of building.
  const processes = processesOf(source)
  const reporter = reporterOf(context)
  const notice = releaseNotice(processes)
  if (notice !== null) reporter.warn(notice)
  const { args, skipped } = buildArguments(config)
  if (skipped.length > 0) reporter.note(`Not passed as build arguments: ${skipped.join(', ')}`)
  const pull = (await appRegistry?.(app, signal)) ?? {}
  const repository = repositoryOf(target, app)
  const job = dockerfileJob(settings, {
    name: jobName('dockerbuild', request),
    app,
    build: id,
    urls: offerOrder(context, { unpack: true, cache: null, files: filesOf(context, args, pull) }),
    image: `${repository}:${imageTag(request, now)}`,
    // Layers are pushed by the container that builds, which has no credentials.
    cache: credentials === null ? cacheRepositoryOf(target, app) : null,
    target: buildTarget(config),
    noCache: request.noCache || config.DEIS_DISABLE_CACHE !== undefined,
  })
  let refusal = ''
  let isOfNode = false
  const line = (text: string): void => {
    if (/unknown instruction/i.test(text)) refusal = text
    if (isNodeRefusal(text)) isOfNode = true
    reporter.line(text)
  }
  const ended = await runJob(settings, job, { ...reporter, line }, signal)
  if (ended.exitCode !== 0) {
    if (isOfNode)
      reporter.note(
        'The node does not let buildah create a user namespace, or mount in it. Its operator finds what to set under "Nodes that build Dockerfiles" in packages/install/README.md.',
      )
    if (failedByHeredoc(refusal, await dockerfileOf(context)))
      reporter.note(
        'The Dockerfile has heredocs (<<EOF), which buildah knows from 1.33 on: write these lines without them.',
      )
    throw new BuildFailure(failureOf(ended, limits.memory), ended.exitCode)
  }
  if (ended.container !== pushContainer || !/^sha256:[0-9a-f]{64}$/.test(ended.message))
    throw new BuildFailure('The build ended without an image.')
  try {
    const { reference, ports } = await registry.inspect(`${repository}@${ended.message}`, null, signal)
    return {
      artifact: { kind: 'image', reference, launcher: 'none' },
      processes,
      dockerfile: true,
      port: ports[0] ?? null,
    }
  } catch (error) {
    throw asBuildFailure(error)
  }
}
