// How much of the disk do the platform's images, caches and registry take, and how much is free?
import { statfs } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { within } from '@deis/lib/within'
import { type Static, Type } from 'typebox'
import type { Engine } from '../engine/engine.ts'
import { appLabel, kindLabel, platformLabel } from '../labels.ts'
import { registryName } from './names.ts'

const Optional = Type.Optional
const Labels = Optional(Type.Union([Type.Record(Type.String(), Type.String()), Type.Null()]))
const Usage = Type.Object({
  Images: Optional(
    Type.Union([
      Type.Array(
        Type.Object({
          Labels,
          Size: Type.Number(),
          SharedSize: Type.Number(),
          RepoDigests: Optional(Type.Union([Type.Array(Type.String()), Type.Null()])),
        }),
      ),
      Type.Null(),
    ]),
  ),
  BuildCache: Optional(
    Type.Union([Type.Array(Type.Object({ Size: Type.Number(), Shared: Type.Boolean() })), Type.Null()]),
  ),
  Volumes: Optional(
    Type.Union([
      Type.Array(
        Type.Object({
          Name: Type.String(),
          Labels,
          UsageData: Optional(Type.Union([Type.Object({ Size: Type.Number() }), Type.Null()])),
        }),
      ),
      Type.Null(),
    ]),
  ),
})

export type DiskUsage = {
  /** Of what belongs to one image alone: layers that several share are counted with none. */
  readonly images: { readonly count: number; readonly bytes: number }
  readonly caches: readonly { readonly volume: string; readonly app: string; readonly bytes: number }[]
  /** Of BuildKit, whoever built: the engine does not tell. What images consist of is counted with them. */
  readonly buildKit: number
  readonly registry: number
}

type Where = {
  readonly engine: Pick<Engine, 'read' | 'api'>
  readonly platform: string
  /** `host/` of the registry that the platform runs; null: it runs none. */
  readonly own: string | null
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0)

/** Pure. Sizes that the engine did not find out are negative. */
export function usageOf(
  { Images, Volumes, BuildCache }: Static<typeof Usage>,
  platform: string,
  own: string | null,
): DiskUsage {
  const images = (Images ?? []).filter(
    ({ Labels, RepoDigests }) =>
      (Labels?.[platformLabel] === platform && Labels[appLabel] !== undefined) ||
      (own !== null && (RepoDigests ?? []).some((reference) => reference.startsWith(own))),
  )
  const volumes = (Volumes ?? []).filter(({ Labels }) => Labels?.[platformLabel] === platform)
  const bytesOf = ({ UsageData }: (typeof volumes)[number]): number => Math.max(0, UsageData?.Size ?? 0)
  return {
    images: {
      count: images.length,
      bytes: sum(images.map(({ Size, SharedSize }) => Math.max(0, Size - Math.max(0, SharedSize)))),
    },
    caches: volumes
      .filter(({ Labels }) => Labels?.[kindLabel] === 'cache')
      .map((volume) => ({ volume: volume.Name, app: volume.Labels?.[appLabel] ?? '', bytes: bytesOf(volume) })),
    buildKit: sum((BuildCache ?? []).map(({ Size, Shared }) => (Shared ? 0 : Math.max(0, Size)))),
    registry: sum(volumes.filter(({ Name }) => Name === registryName(platform)).map(bytesOf)),
  }
}

const pauseMs = 500

/** The engine counts files, for one at a time: with many volumes that takes it a while. */
export async function diskUsage({ engine, platform, own }: Where, ms: number, signal: AbortSignal): Promise<DiskUsage> {
  // Older ones count all there is.
  const only = Number(engine.api.split('.')[1]) >= 42 ? '?type=image&type=volume&type=build-cache' : ''
  const call = { method: 'GET', path: `/system/df${only}`, ms } as const
  return within(signal, ms, async (limit) => {
    for (;;) {
      try {
        return usageOf(await engine.read('measuring the disk of Docker', Usage, call, limit), platform, own)
      } catch (error) {
        // The store of containerd fails when an image is deleted meanwhile.
        if (!/already running|not found/.test((error as Error).message)) throw error
      }
      await sleep(pauseMs, undefined, { signal: limit })
    }
  })
}

/** Bytes where the engine keeps its data; null: not on this machine, as far as can be seen from here. */
export async function freeSpace({ isHere, info }: Engine): Promise<{ free: number; all: number } | null> {
  if (!isHere || info.DockerRootDir === '') return null
  try {
    const { bavail, blocks, bsize } = await statfs(info.DockerRootDir)
    return { free: bavail * bsize, all: blocks * bsize }
  } catch {
    // A controller in a container does not see it.
    return null
  }
}
