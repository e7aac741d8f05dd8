// What do an image's documents say: which variant is for this platform, and what does it expose and run?
import type { ImageConfig, Index, Platform } from './documents.ts'
import { type ImageFacts, ImageError } from '@deis/ports/registry'

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm: 'arm', arm64: 'arm64', ia32: '386' }

/** Node's names of architectures in the words of images. */
export const architectureOf = (arch: string): string => architectures[arch] ?? arch

const nameOf = ({ os, architecture, variant }: Platform): string =>
  [os, architecture, ...(variant ? [variant] : [])].join('/')

/** What every processor of the architecture runs; v8 is the only variant of arm64 there is. */
const plainVariants: Readonly<Record<string, string>> = { amd64: 'v1', arm64: 'v8' }

function noVariant(image: string, architecture: string, others: readonly string[]): ImageError {
  return new ImageError(
    `${image} has no variant for linux/${architecture}, only for ${others.join(', ') || 'nothing'}`,
    `build it for this platform: docker build --platform linux/${architecture}`,
  )
}

/** @throws ImageError when none is for us. */
export function chooseVariant(index: Index, architecture: string, image: string): Index['manifests'][number] {
  const ours = index.manifests.filter(
    ({ platform }) => platform?.os === 'linux' && platform.architecture === architecture,
  )
  const plain = ours.find(({ platform }) => [undefined, '', plainVariants[architecture]].includes(platform?.variant))
  const chosen = plain ?? ours[0]
  if (chosen) return chosen
  // Attestations are listed as variants of no platform.
  const others = index.manifests.flatMap(({ platform }) =>
    platform && platform.os !== 'unknown' ? [nameOf(platform)] : [],
  )
  throw noVariant(image, architecture, others)
}

/** An image without an index has one variant; refused here, before a container fails to start. */
export function refuseForeign({ os = '', architecture = '' }: ImageConfig, ours: string, image: string): void {
  if ((os !== '' && os !== 'linux') || (architecture !== '' && architecture !== ours))
    throw noVariant(image, ours, [nameOf({ os: os || 'linux', architecture })])
}

/** TCP, lowest first; `5000`, `5000/tcp`, and ranges as old builders wrote them. */
export function portsOf(exposed: Readonly<Record<string, unknown>>): number[] {
  const ports = Object.keys(exposed).flatMap((one) => {
    const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/tcp)?$/i.exec(one)
    if (!match) return []
    const first = Number(match[1])
    const last = Math.min(Number(match[2] ?? first), 65_535)
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, step) => first + step)
  })
  return [...new Set(ports)].filter((port) => port >= 1 && port <= 65_535).toSorted((a, b) => a - b)
}

export function factsOf(name: string, digest: string, { config }: ImageConfig): ImageFacts {
  return {
    reference: `${name}@${digest}`,
    digest,
    ports: portsOf(config?.ExposedPorts ?? {}),
    entrypoint: config?.Entrypoint ?? [],
    cmd: config?.Cmd ?? [],
    user: config?.User ?? '',
    env: config?.Env ?? [],
    workingDir: config?.WorkingDir ?? '',
    labels: config?.Labels ?? {},
    ...(config?.OnBuild?.length ? { onBuild: config.OnBuild } : {}),
  }
}
