// What do containers, volumes and networks of builds have in common: labels, limits, names, and their end?
import { amountOf, cpuQuantity } from '@deis/container/quantity'
import type { BuildRequest } from '@deis/ports/builder'
import type { Client } from '../engine/client.ts'
import { hasStatus } from '../engine/error.ts'
import type { Info } from '../engine/objects.ts'
import { appLabel, buildLabel, kindLabel, platformLabel } from '../labels.ts'
import { swapOf } from '../scheduler/container.ts'
import type { DockerBuilderOptions } from './options.ts'

const maxProcesses = 4096

export const cacheVolume = (app: string): string => `deis-cache-${app}`

/** `kind`: a cache is kept when its build has ended. */
export const buildLabels = (
  { platform }: Pick<DockerBuilderOptions, 'platform'>,
  { app, id }: Pick<BuildRequest, 'app' | 'id'>,
  kind: 'build' | 'cache' | 'image' = 'build',
): Record<string, string> => ({
  [platformLabel]: platform,
  [appLabel]: app,
  [kindLabel]: kind,
  ...(kind === 'cache' ? {} : { [buildLabel]: id }),
})

/** For `HostConfig`. */
export function resourcesOf(
  { memory, cpu }: DockerBuilderOptions['limits'],
  { SwapLimit, PidsLimit }: Pick<Info, 'SwapLimit' | 'PidsLimit'>,
): Record<string, number> {
  const bytes = amountOf(memory)
  const cores = amountOf(cpuQuantity(cpu))
  return {
    ...(PidsLimit ? { PidsLimit: maxProcesses } : {}),
    ...(bytes === null ? {} : { Memory: bytes, MemorySwap: swapOf(bytes, SwapLimit) }),
    // Not NanoCpus: an engine refuses more cores than it has, and a limit that is never reached is none.
    ...(cores === null ? {} : { CpuPeriod: 100_000, CpuQuota: Math.round(cores * 100_000) }),
  }
}

export async function removeVolume(engine: Client, name: string, signal: AbortSignal): Promise<void> {
  const call = { method: 'DELETE', path: `/volumes/${name}` } as const
  await engine.send('deleting a volume', call, signal).catch((error: unknown) => {
    // 409: a build uses it; it goes another time.
    if (!hasStatus(error, 404, 409)) throw error
  })
}
