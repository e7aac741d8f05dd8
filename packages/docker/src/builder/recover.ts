// What of builds did a killed controller leave on the engine, and how does it go?
import type { Engine } from '../engine/engine.ts'
import { ContainerList, NetworkList } from '../engine/objects.ts'
import { removeContainer } from '../engine/remove.ts'
import { appLabel, buildLabel, kindLabel, ofPlatform } from '../labels.ts'
import type { Networks } from '../scheduler/networks.ts'
import { buildNetwork, isBuildNetwork } from './names.ts'
import { removeVolume } from './resources.ts'
import { listVolumes } from './volumes.ts'

type Deps = {
  readonly engine: Engine
  readonly platform: string
  readonly networks: Networks
  /** Ids of builds that run here. */
  readonly building: ReadonlySet<string>
}

/** @returns the ids of the builds. */
export async function removeLeft(
  { engine, platform, networks, building }: Deps,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const ours = [ofPlatform(platform), `${kindLabel}=build`]
  const left = new Set<string>()
  const isLeft = (labels: Readonly<Record<string, string>> | null | undefined): boolean => {
    const build = labels?.[buildLabel] ?? ''
    if (building.has(build)) return false
    left.add(build)
    return true
  }
  const query = { all: true, filters: { label: ours } }
  const call = { method: 'GET', path: '/containers/json', query } as const
  for (const { Id, Labels } of await engine.read('listing containers of builds', ContainerList, call, signal))
    if (isLeft(Labels)) await removeContainer(engine, Id, signal)
  for (const { name, labels } of await listVolumes(engine, ours, signal))
    if (isLeft(labels)) await removeVolume(engine, name, signal)
  const wanted = new Set([...building].map((id) => buildNetwork(platform, id)))
  const filters = { label: [ofPlatform(platform)] }
  const networksCall = { method: 'GET', path: '/networks', query: { filters } } as const
  for (const { Labels } of await engine.read('listing networks of builds', NetworkList, networksCall, signal)) {
    const app = Labels?.[appLabel] ?? ''
    if (isBuildNetwork(app) && !wanted.has(app)) await networks.remove(app, signal)
  }
  return [...left]
}
