// Can this engine build, with what, and where do the images go? Lines for `deis doctor`.
import type { Check } from '@deis/types'
import { ImageError, type Registry } from '@deis/ports/registry'
import type { DockerBuilderOptions } from './options.ts'
import type { OwnRegistry } from './registry.ts'

const patienceMs = 15_000

type Deps = { readonly options: DockerBuilderOptions; readonly registry: Registry; readonly own: OwnRegistry | null }

async function line(name: string, detail: string, work: (signal: AbortSignal) => Promise<unknown>): Promise<Check> {
  try {
    await work(AbortSignal.timeout(patienceMs))
    return { name, status: 'ok', detail }
  } catch (error) {
    const { message } = error as Error
    return { name, status: 'missing', detail: error instanceof ImageError ? `${message} ${error.hint}` : message }
  }
}

async function ownRegistry(own: OwnRegistry): Promise<Check> {
  const name = 'registry for builds'
  if (!(await own.isThere(AbortSignal.timeout(patienceMs))))
    return { name, status: 'ok', detail: `${own.outside}: it starts with the first build that needs it` }
  return line(name, own.outside, (signal) => own.ensure(signal))
}

export async function checkBuilder({ options, registry, own }: Deps): Promise<readonly Check[]> {
  const { cnb, limits, images } = options
  const asked = await Promise.all([
    line('builder of Cloud Native Buildpacks', cnb.builder, (signal) => registry.inspect(cnb.builder, null, signal)),
    ...(own ? [ownRegistry(own)] : []),
  ])
  return [
    ...asked,
    { name: 'Dockerfile builds', status: 'ok', detail: `by the engine, limited to ${limits.memory}` },
    { name: 'stack image', status: 'ok', detail: images.stack },
    { name: 'run image', status: 'ok', detail: images.run },
  ]
}
