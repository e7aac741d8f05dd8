// Can this cluster build, and with which images? Lines for `deis doctor`.
import type { Check } from '@deis/types'
import { builderFacts } from '@deis/buildpacks/cnb/builder-facts'
import { ImageError } from '@deis/ports/registry'
import { repositoryOf } from '@deis/container/image-names'
import { prepareNamespace } from './namespace.ts'
import type { Settings } from './options.ts'

const patienceMs = 15_000

async function line(name: string, detail: string, work: (signal: AbortSignal) => Promise<unknown>): Promise<Check> {
  try {
    await work(AbortSignal.timeout(patienceMs))
    return { name, status: 'ok', detail }
  } catch (error) {
    const { message } = error as Error
    return { name, status: 'missing', detail: error instanceof ImageError ? `${message} ${error.hint}` : message }
  }
}

export async function checkBuilder(settings: Settings): Promise<readonly Check[]> {
  const { registry, namespace, images, target, credentials, cnb } = settings
  const own = repositoryOf(target, 'deis-check')
  const image = (name: string, reference: string): Promise<Check> =>
    line(name, reference, (signal) => registry.inspect(reference, null, signal))
  const cache: Check =
    credentials === null
      ? { name: 'layer cache of Dockerfile builds', status: 'ok', detail: `in ${repositoryOf(target, 'APP/cache')}` }
      : {
          name: 'layer cache of Dockerfile builds',
          status: 'limited',
          detail: 'off: the registry needs credentials, which the code that builds does not get',
        }
  return Promise.all([
    line('build namespace', namespace, (signal) => prepareNamespace(settings, signal)),
    // An unknown repository is empty: this checks that the registry answers, and the rights.
    line('registry for builds', repositoryOf(target, 'APP'), (signal) => registry.tags(own, signal)),
    image('stack image', images.stack),
    image('run image', images.run),
    image('Dockerfile builds', images.buildah),
    ...(images.tools === null ? [] : [image('tools image of builds', images.tools)]),
    ...(cnb === undefined
      ? []
      : [
          line('Cloud Native Buildpacks', cnb.builder, async (signal) =>
            builderFacts(cnb.builder, await registry.inspect(cnb.builder, null, signal)),
          ),
        ]),
    Promise.resolve(cache),
  ])
}
