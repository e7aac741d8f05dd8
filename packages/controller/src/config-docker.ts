// Which settings did the operator choose for apps on a Docker Engine, and are they valid?
import { isIPv4 } from 'node:net'
import type { ClusterSettings } from '@deis/kubernetes'
import type { DockerSettings } from '@deis/docker'
import { parseReference } from '@deis/registry/reference'
import type { BuilderImages } from './config-builders.ts'
import type { Reader } from './config-cluster.ts'

const units: Readonly<Record<string, number>> = { Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 }

/** The network of one app has 64 addresses. */
const longestPrefix = 26

function isPool(item: string): boolean {
  const [address = '', bits = '', ...more] = item.split('/')
  return (
    isIPv4(address) && more.length === 0 && /^\d{1,2}$/.test(bits) && Number(bits) >= 8 && Number(bits) <= longestPrefix
  )
}

function isRepository(item: string): boolean {
  try {
    const { tag, digest } = parseReference(`${item}:latest`)
    return tag === 'latest' && digest === null
  } catch {
    return false
  }
}

const hostPattern = /^(unix:\/\/\/\S+|tcp:\/\/[^\s/]+)$/

/** Ours, or what the tools of Docker go by. */
function readEngine(
  { text, choice, problems }: Reader,
  env: Readonly<Record<string, string | undefined>>,
): Pick<DockerSettings, 'host' | 'certPath'> {
  const own = env.DEIS_DOCKER_HOST
  const usual = own ? undefined : env.DOCKER_HOST
  const host = usual || text('DEIS_DOCKER_HOST')
  // On another backend nobody asks for it, and it may be what Docker alone understands.
  if (!hostPattern.test(host) && (!usual || choice('DEIS_SCHEDULER') === 'docker'))
    problems.push(
      `${usual ? 'DOCKER_HOST' : 'DEIS_DOCKER_HOST'} must be unix:///path or tcp://host:port, not ${JSON.stringify(host)}${usual ? '; DEIS_DOCKER_HOST counts before it' : ''}`,
    )
  const usualCerts = usual && env.DOCKER_TLS_VERIFY ? env.DOCKER_CERT_PATH : undefined
  return { host, certPath: text('DEIS_DOCKER_CERT_PATH') || usualCerts || null }
}

/** Registries and the limits of builds are set as for a cluster. */
export function readDocker(
  reader: Reader,
  cluster: ClusterSettings,
  cnb: BuilderImages,
  env: Readonly<Record<string, string | undefined>>,
): DockerSettings {
  const { text, number, choice, flag, list, problems } = reader
  const subnets = list('DEIS_DOCKER_SUBNETS')
  for (const item of subnets)
    if (!isPool(item))
      problems.push(
        `DEIS_DOCKER_SUBNETS must be a list of IPv4 networks from /8 to /26, such as 10.201.0.0/16; ${JSON.stringify(item)} is not one`,
      )
  const bytes = (name: 'DEIS_DOCKER_LAYER_CACHE' | 'DEIS_DOCKER_BUILDPACK_CACHE'): number => {
    const [, amount = '', unit = ''] = /^(\d{1,6})([MGT]i)$/.exec(text(name)) ?? []
    if (unit === '') problems.push(`${name} must be a number with Mi, Gi or Ti, such as 5Gi`)
    return Number(amount) * (units[unit] ?? 1)
  }
  const frontends = list('DEIS_DOCKER_FRONTENDS')
  for (const item of frontends)
    if (!isRepository(item))
      problems.push(
        `DEIS_DOCKER_FRONTENDS must be a list of repositories of images, without tags, such as docker/dockerfile; ${JSON.stringify(item)} is not one`,
      )
  const { host: own, organization, username, password } = cluster.registry
  return {
    ...readEngine(reader, env),
    pullSeconds: number('DEIS_DOCKER_PULL_TIMEOUT'),
    subnets,
    reach: choice('DEIS_DOCKER_REACH'),
    registries: {
      insecure: cluster.insecureRegistries,
      mirrors: cluster.registryMirrors,
      credentials: own === '' || username === '' ? {} : { [own]: { username, password } },
    },
    target:
      own === ''
        ? { image: text('DEIS_DOCKER_REGISTRY_IMAGE'), port: number('DEIS_DOCKER_REGISTRY_PORT') }
        : { host: own, organization },
    localImages: flag('DEIS_DOCKER_LOCAL_IMAGES'),
    cnb,
    buildLimits: { memory: cluster.buildMemory, cpu: cluster.buildCpu },
    caches: { layerBytes: bytes('DEIS_DOCKER_LAYER_CACHE'), buildpackBytes: bytes('DEIS_DOCKER_BUILDPACK_CACHE') },
    dockerfileBuilder: choice('DEIS_DOCKER_BUILDER'),
    frontends,
    stackImage: cluster.stackImage,
    runImage: cluster.runImage,
    buildpacks: cluster.buildpacks,
  }
}

/** Where the images of builds are; null: nowhere. */
export function ownRegistry(
  scheduler: string,
  { registry }: Pick<ClusterSettings, 'registry'>,
  { target }: DockerSettings,
) {
  if (scheduler !== 'docker') return registry.host === '' ? null : registry
  return 'port' in target ? { host: `127.0.0.1:${target.port}`, organization: '' } : target
}
