// Which keys does an installation on a cluster have, made once and the same in all of its pods?
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hostKeyFiles, hostKeys } from '@deis/git/ssh/hostkeys'
import { secretFile } from './store/crypto.ts'
import type { Kube } from '@deis/kubernetes/client/client'
import { hasStatus } from '@deis/kubernetes/client/error'
import { pathOf, type Secret } from '@deis/kubernetes/client/objects'

type KeySecret = {
  readonly kube: Kube
  readonly namespace: string
  /** The Secret's name. */
  readonly name: string
  /** Where the controller looks for its keys; may be empty after each start. */
  readonly folder: string
}

type Keys = ReadonlyMap<string, string>

/** The names are those of the files, in the folder and in the Secret alike. */
const random = ['secret.key', 'builder.key', 'router.key', 'database.key', 'registration.token']
const names = [...random, ...hostKeyFiles]
const tries = 10

async function filesIn(folder: string): Promise<Keys> {
  const found = new Map<string, string>()
  for (const name of names)
    try {
      found.set(name, (await readFile(join(folder, name), 'utf8')).trim())
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  return found
}

/** What is known, and new ones for the rest. */
async function completed(known: Keys, folder: string): Promise<Keys> {
  const draft = await mkdtemp(join(folder, 'new-'))
  try {
    for (const [name, text] of known) await writeFile(join(draft, name), `${text}\n`, { mode: 0o600 })
    for (const name of random) await secretFile(join(draft, name))
    await hostKeys(draft)
    return await filesIn(draft)
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

function keysOf(secret: Secret | undefined): Keys {
  const data = Object.entries(secret?.data ?? {}).filter(([name, text]) => names.includes(name) && text !== '')
  return new Map(data.map(([name, text]) => [name, Buffer.from(text, 'base64').toString('utf8').trim()]))
}

/** Tries once to store all keys in the Secret; false when another pod changed it in the meantime. */
async function publish({ kube, namespace, name }: KeySecret, before: Secret | undefined, keys: Keys): Promise<boolean> {
  const data = Object.fromEntries([...keys].map(([key, text]) => [key, Buffer.from(text).toString('base64')]))
  const path = pathOf('v1/Secret', namespace, name)
  try {
    if (before) await kube.patch(path, { metadata: { resourceVersion: before.metadata?.resourceVersion }, data })
    else
      await kube.create(pathOf('v1/Secret', namespace), {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name, namespace, labels: { app: 'deis' } },
        type: 'Opaque',
        data,
      })
    return true
  } catch (error) {
    if (hasStatus(error, 409)) return false
    throw error
  }
}

/**
 * Afterwards the Secret and the folder hold the same keys. Keys that are in either are never generated again, so losing
 * one of the two loses nothing. When several pods start at once, the first one's keys count.
 * @throws when both are there and differ.
 */
export async function shareKeys(secretRef: KeySecret): Promise<void> {
  const { kube, namespace, name, folder } = secretRef
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const files = await filesIn(folder)
  for (let left = tries; left > 0; left--) {
    const secret = await kube.find<Secret>(pathOf('v1/Secret', namespace, name))
    const shared = keysOf(secret)
    const differing = [...files].find(([file, text]) => shared.has(file) && shared.get(file) !== text)?.[0]
    if (differing !== undefined)
      throw new Error(
        `"${differing}" in "${folder}" differs from the one in the Secret "${namespace}/${name}": they belong to different installations. ` +
          'Restore the Secret that belongs to this volume and database, or delete it so that it is created again from the volume.',
      )
    const whole = await completed(new Map([...files, ...shared]), folder)
    if (shared.size < names.length && !(await publish(secretRef, secret, whole))) continue
    for (const [file, text] of whole) {
      if (files.has(file)) continue
      const draft = join(folder, `${file}.${randomBytes(6).toString('hex')}`)
      await writeFile(draft, `${text}\n`, { mode: 0o600, flag: 'wx' })
      // Renamed when complete, so that a crash leaves no partial key.
      await rename(draft, join(folder, file))
    }
    return
  }
  throw new Error(`the Secret "${namespace}/${name}" kept changing; gave up after ${tries} tries`)
}
