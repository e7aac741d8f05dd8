// How do the settings become the registry client that the port describes?
import { tmpdir } from 'node:os'
import { append } from './append.ts'
import { createKnown } from './copy.ts'
import { type Connection, createConnections } from './connection.ts'
import { explain, type Subject } from './failure.ts'
import { architectureOf, factsOf } from './facts.ts'
import { type Image, readImage } from './image.ts'
import { type Credentials, ImageError, type Registry, type RegistrySettings } from '@deis/ports/registry'
import { canonicalHost, formatReference, type ImageReference, nameOf, parseReference } from './reference.ts'
import { openRepository, type Repository } from './repository.ts'
import { readLayer } from './layer.ts'
import { rebase } from './rebase.ts'
import { storedOf, writeStored } from './stored.ts'
import { createWire } from './wire.ts'

export type RegistryOptions = {
  /** Where layers rest while they are sent. */
  readonly tempDir?: string
  /** In Node's words; images have other names for some. */
  readonly architecture?: string
}

// A user waits for an answer about an image; a build that took minutes is worth more patience; a mirror has a stand-in.
const triesOf = { mirror: 2, user: 3, platform: 6 }
const tagsAtOnce = 4

export function createRegistry(settings: RegistrySettings, options: RegistryOptions = {}): Registry {
  const { tempDir = tmpdir(), architecture = process.arch } = options
  const platform = architectureOf(architecture)
  const known = createKnown()
  const connect = createConnections(createWire(), settings)
  const ownCredentials = new Map(
    Object.entries(settings.credentials).map(([host, credentials]) => [canonicalHost(host), credentials]),
  )
  const mirrors = new Map(
    Object.entries(settings.mirrors).map(([host, mirror]) => [canonicalHost(host), mirror.replace(/(?<!\/)\/+$/, '')]),
  )

  const connection = (host: string, given: Credentials | null, tries: number): Connection =>
    connect(host, given ?? ownCredentials.get(host) ?? null, tries)
  const open = ({ host, repository }: ImageReference, given: Credentials | null, tries: number): Repository =>
    openRepository(connection(host, given, tries), repository)

  /** `work` with every failure of it in words for the user. */
  const told = async <T>(
    reference: ImageReference,
    repository: Repository,
    action: Subject['action'],
    signal: AbortSignal,
    work: () => Promise<T>,
  ): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      const { host, connection } = repository
      throw explain(error, { image: formatReference(reference), host, action, known: connection.known }, signal)
    }
  }

  /** Where the mirror of the image's registry has it. Credentials that came with the image are not for the mirror. */
  const mirrored = (reference: ImageReference): ImageReference | null => {
    const mirror = mirrors.get(reference.host)
    if (mirror === undefined) return null
    const [host = '', ...prefix] = mirror.split('/')
    return { ...reference, host: canonicalHost(host), repository: [...prefix, reference.repository].join('/') }
  }

  const find = async (image: string, given: Credentials | null, tries: number, signal: AbortSignal): Promise<Image> => {
    const reference = parseReference(image)
    const read = (one: ImageReference, credentials: Credentials | null, tries: number): Promise<Image> => {
      const repository = open(one, credentials, tries)
      return told(one, repository, 'read', signal, () => readImage(repository, one, platform, signal))
    }
    const elsewhere = mirrored(reference)
    if (!elsewhere) return read(reference, given, tries)
    try {
      return await read(elsewhere, null, triesOf.mirror)
    } catch (missed) {
      if (!(missed instanceof ImageError)) throw missed
      try {
        return await read(reference, given, tries)
      } catch (error) {
        if (!(error instanceof ImageError)) throw error
        throw new ImageError(`${error.message}; its mirror: ${missed.message}`, error.hint, { cause: error })
      }
    }
  }

  const factsOfImage = ({ repository, digest, config }: Image) =>
    factsOf(nameOf({ host: repository.host, repository: repository.name }), digest, config)

  return {
    inspect: async (image, credentials, signal) => factsOfImage(await find(image, credentials, triesOf.user, signal)),

    async appendLayer(change, outer) {
      // Whatever makes the layer may fail at any time, also before anybody reads it.
      const broken = new AbortController()
      change.layer.once('error', (error) => broken.abort(error))
      const signal = AbortSignal.any([outer, broken.signal])
      try {
        const to = parseReference(`${change.target}:${change.tag}`)
        const base = await find(change.base, null, triesOf.platform, signal)
        const target = open(to, null, triesOf.platform)
        const made = await told(to, target, 'push', signal, () =>
          append(base, target, change, { folder: tempDir, known }, signal),
        )
        return factsOf(nameOf(to), made.digest, made.config)
      } finally {
        // It would wait for ever for a reader that gave up.
        change.layer.destroy()
      }
    },

    async changeBase(change, signal) {
      const from = parseReference(change.image)
      const image = await find(change.image, null, triesOf.user, signal)
      const base = await find(change.base, change.credentials, triesOf.user, signal)
      const target = open(from, null, triesOf.platform)
      const made = await told(from, target, 'push', signal, () => rebase(image, base, target, change, known, signal))
      return made && factsOf(nameOf(from), made.digest, made.config)
    },

    async readLayer(text, diffId, limit, use, signal) {
      const image = await find(text, null, triesOf.user, signal)
      return told(parseReference(text), image.repository, 'read', signal, () =>
        readLayer(image, diffId, limit, use, signal),
      )
    },

    async readStored(text, use, signal) {
      const image = await find(text, null, triesOf.user, signal)
      const { host, connection } = image.repository
      const subject: Subject = { image: text, host, action: 'read', known: connection.known }
      return use(await storedOf(image, (error) => explain(error, subject, signal), signal))
    },

    async writeStored(text, tag, stored, signal) {
      const to = parseReference(`${text}:${tag}`)
      const target = open(to, null, triesOf.platform)
      const made = await told(to, target, 'push', signal, () => writeStored(target, tag, stored, signal))
      return factsOf(nameOf(to), made.digest, made.config)
    },

    async remove(text, signal) {
      const reference = parseReference(text)
      const { digest } = reference
      if (digest === null) throw new ImageError(`${text} names no digest`, 'only manifests are deleted, not tags')
      const repository = open(reference, null, triesOf.user)
      return told(reference, repository, 'delete', signal, () => repository.removeManifest(digest, signal))
    },

    async tags(text, signal) {
      const reference = parseReference(text)
      const repository = open(reference, null, triesOf.user)
      return told(reference, repository, 'read', signal, async () => {
        const names: string[] = []
        const seen = new Set<string>()
        for (let next: URL | null = null; ;) {
          const page = await repository.tags(next, signal)
          names.push(...page.tags)
          next = page.next
          // Registries have been seen to send the same page for ever.
          if (next === null || seen.has(next.href)) break
          seen.add(next.href)
        }
        const found = new Map<string, string>()
        const work = async (): Promise<void> => {
          for (let tag = names.pop(); tag !== undefined; tag = names.pop()) {
            const digest = await repository.digestOf(tag, signal)
            // Deleted meanwhile.
            if (digest !== null) found.set(tag, digest)
          }
        }
        await Promise.all(Array.from({ length: tagsAtOnce }, work))
        return found
      })
    },
  }
}
