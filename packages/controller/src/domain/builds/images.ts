// Which ports and digest does an image have, and may this app run it (docs/contract/api.md §3.9, §7 #4, #5)?
import { DeisError } from '@deis/types'
import { type Credentials, ImageError, type ImageFacts } from '@deis/ports/registry'
import { canonicalHost, dockerHub, parseReference } from '@deis/registry/reference'
import { appAccess } from '../accounts/access.ts'
import type * as Row from '../../store/generated/sqlite/client.ts'
import type { Caller, Core } from '../core.ts'
import { latestGood } from '../releases/release.ts'
import type { ConfigMaps } from '../apps/config-rules.ts'
import { type AppRow, configMaps } from '../apps/rows.ts'

/** The app's own credentials by the host they are for (`deis registry:set`); without a hostname they are for Docker Hub. */
export async function appRegistry(
  { db, vault }: Pick<Core, 'db' | 'vault'>,
  id: string,
): Promise<Readonly<Record<string, Credentials>>> {
  const release = await db.release.findFirst({
    where: { app: { id }, state: 'deployed' },
    orderBy: { version: 'desc' },
    include: { config: true },
  })
  if (!release) return {}
  const { username, password = '', hostname = dockerHub } = configMaps(vault, release.config).registry
  return username === undefined ? {} : { [canonicalHost(hostname)]: { username, password } }
}

/** What was pushed to the platform's own registry is readable with the platform's credentials: only for those who may use its app. */
async function refuseForeign(
  core: Core,
  caller: Caller,
  image: string,
  repository: string,
  organization: string,
): Promise<void> {
  const prefix = organization === '' ? '' : `${organization}/`
  if (!repository.startsWith(prefix)) return
  const [owner = '', part, ...deeper] = repository.slice(prefix.length).split('/')
  // Of one app, too, but which one is not in its name: images that are on their way to another installation.
  if (owner === 'exports' && part !== undefined)
    throw new DeisError(
      'forbidden',
      `"${image}" is of an app that is being exported. Export your own: deis apps:export`,
    )
  // What an app's builds keep is the app's.
  const isOfApp = part === undefined || (part === 'cache' && deeper.length === 0)
  const found = isOfApp ? await appAccess(core, caller, owner) : null
  // Without an organization of its own the platform shares the registry with other images.
  if (found ? found.role : prefix === '') return
  throw new DeisError('forbidden', `"${image}" belongs to the app "${owner}", which you may not use.`)
}

/** An error of a registry, with what you can do, in the form that the API answers with; others stay what they are. */
export function imageRefusal(error: unknown): unknown {
  if (!(error instanceof ImageError)) return error
  return new DeisError('invalid', `${error.message}\n${error.hint}`, { cause: error })
}

/** Whether the caller may name this image. @throws DeisError when not, ImageError when it is not the name of one */
export async function refuseForeignImage(core: Core, caller: Caller, image: string): Promise<void> {
  const { host, repository } = parseReference(image)
  const { ownRegistry } = core.config
  if (ownRegistry && canonicalHost(ownRegistry.host) === host)
    await refuseForeign(core, caller, image, repository, ownRegistry.organization)
}

/** Credentials for one registry are never shown to another. @throws ImageError */
function credentialsFor(registry: ConfigMaps['registry'], image: string): Credentials | null {
  const { username, password = '', hostname } = registry
  const theirs =
    username !== undefined && (hostname === undefined || canonicalHost(hostname) === parseReference(image).host)
  return theirs ? { username, password } : null
}

/** The app's own for the image's registry. @throws ImageError */
export function ownCredentials({ vault }: Core, config: Row.Config, image: string): Credentials | null {
  return credentialsFor(configMaps(vault, config).registry, image)
}

/** Asks the image's registry once; every release of the build runs the image that was found. */
export async function imageFacts(core: Core, caller: Caller, app: AppRow, image: string): Promise<ImageFacts> {
  return factsWith(core, caller, image, async () => {
    const { config } = await latestGood(core.db, app)
    return configMaps(core.vault, config).registry
  })
}

/** `registry`: the credentials of the app that is to run it. */
export async function factsWith(
  core: Core,
  caller: Caller,
  image: string,
  registry: () => Promise<ConfigMaps['registry']>,
): Promise<ImageFacts> {
  const { images } = await core.scheduler.capabilities()
  if (!images || !core.registry)
    throw new DeisError(
      'invalid',
      `The ${core.scheduler.name} scheduler cannot run container images, so "${image}" was not deployed. Deploy the app's source with git push, or run the platform on Docker or Kubernetes. See deis doctor.`,
    )
  try {
    await refuseForeignImage(core, caller, image)
    return await core.registry.inspect(image, credentialsFor(await registry(), image), core.shutdown)
  } catch (error) {
    throw imageRefusal(error)
  }
}
