// How do images of the registry that the platform runs on Docker get into a backup, and back into such a registry?
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Config } from '@deis/controller/config'
import { identityOf } from '@deis/controller/identity'
import { openStoredRegistry, type StoredRegistry } from '@deis/docker/stored-registry'
import { ImageError, type StoredImage } from '@deis/ports/registry'
import { unless } from './files.ts'
import { blobFile, type Manifest, type RegistryImage } from './format/manifest.ts'
import { copyFailure, loadHint, saveHint, withStored } from './stored.ts'

type Where = { readonly docker: Config['docker']; readonly secret: Buffer }
type Circumstances = { readonly signal: AbortSignal; say(line: string): void }

/** `isNeeded`: it is made when it is not there. */
function withRegistry<T>(
  { docker, secret }: Where,
  { isNeeded, hint, signal, say }: Circumstances & { readonly isNeeded: boolean; readonly hint: string },
  work: (registry: StoredRegistry) => Promise<T>,
): Promise<T | null> {
  const log = (level: string, message: string): void => void (level === 'info' || say(`  ${message}`))
  const open = () => openStoredRegistry(docker, { ...identityOf(secret), log, isNeeded }, signal)
  return withStored(open, { signal, hint }, work)
}

/** Blobs that several images have are there once. */
async function saveImage(
  stored: StoredImage,
  folder: string,
  signal: AbortSignal,
): Promise<Omit<RegistryImage, 'reference'>> {
  const { manifest, blobs, platform } = stored
  for (const { digest } of blobs) {
    const file = join(folder, blobFile(digest))
    if ((await unless(stat(file), 'ENOENT', null)) !== null) continue
    await pipeline(stored.open(digest), createWriteStream(file, { mode: 0o600, flush: true }), { signal })
  }
  await writeFile(join(folder, blobFile(manifest.digest)), manifest.bytes, { mode: 0o600 })
  const { mediaType, digest } = manifest
  return { ...platform, mediaType, digest, blobs: blobs.map(({ digest, size }) => ({ digest, size })) }
}

/** Into the folder of a snapshot. Returns those that the registry has. */
export async function saveRegistryImages(
  where: Where,
  wanted: readonly string[],
  folder: string,
  circumstances: Circumstances,
): Promise<RegistryImage[]> {
  if (wanted.length === 0) return []
  const { signal } = circumstances
  const saved = await withRegistry(where, { ...circumstances, isNeeded: false, hint: saveHint }, async (registry) => {
    await mkdir(join(folder, 'blobs'), { mode: 0o700 })
    const images: RegistryImage[] = []
    for (const reference of wanted)
      try {
        const image = await registry.read(reference, (stored) => saveImage(stored, folder, signal), signal)
        images.push({ reference, ...image })
      } catch (error) {
        const failure = copyFailure(error)
        // One that is not there is named as left out.
        if (!(failure instanceof ImageError)) throw failure
      }
    return images
  })
  return saved ?? []
}

/** Each file's content was compared with its checksum when it was unpacked. @throws with what is missing */
export function checkRegistryImages({ registry = [], files, apps }: Manifest): string | null {
  if (registry.length === 0) return null
  const sums = new Map(files.map(({ path, sha256 }) => [path, sha256]))
  for (const { reference, digest, blobs } of registry)
    for (const part of [digest, ...blobs.map((blob) => blob.digest)])
      if (`sha256:${sums.get(blobFile(part))}` !== part) {
        const app = apps.find(({ artifact }) => artifact === reference)
        throw new Error(`the part ${part} of the image ${app === undefined ? reference : `of "${app.id}"`} is missing`)
      }
  return `images of the platform's own registry: ${registry.length} whole`
}

async function storedIn(
  folder: string,
  { os, architecture, mediaType, digest, blobs }: RegistryImage,
): Promise<StoredImage> {
  return {
    platform: { os, architecture },
    manifest: { mediaType, digest, bytes: await readFile(join(folder, blobFile(digest))) },
    blobs,
    open: (digest) => createReadStream(join(folder, blobFile(digest))),
  }
}

/** Into the platform's own registry, which is made for it, from what was unpacked. Returns their references. */
export async function loadRegistryImages(
  where: Where,
  folder: string,
  images: readonly RegistryImage[],
  circumstances: Circumstances,
): Promise<ReadonlySet<string>> {
  const { signal, say } = circumstances
  if (images.length === 0) return new Set()
  const loaded = await withRegistry(where, { ...circumstances, isNeeded: true, hint: loadHint }, async (registry) => {
    for (const image of images) await registry.write(image.reference, await storedIn(folder, image), signal)
    say(`images: ${images.length} put into the platform's own registry`)
    return new Set(images.map(({ reference }) => reference))
  })
  return loaded ?? new Set()
}
