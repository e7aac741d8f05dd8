// Which copies of images of registries does the engine have that no release needs any more? Also of registries that the settings named
// before: what those had is written down, as nothing else tells it from other images.
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { repositoryOf, type Target } from '@deis/container/image-names'
import { Type } from 'typebox'
import { Check } from 'typebox/value'
import type { Client } from '../engine/client.ts'
import { hasStatus } from '../engine/error.ts'
import { ImageList, namesOf } from '../engine/objects.ts'

type Where = { readonly engine: Pick<Client, 'read' | 'send'> }

/**
 * Pure: how references of the platform's own images begin. A registry of its own has no others, and neither has an organization
 * below a registry; of a whole registry it has the repositories of its apps.
 */
export const copiesOf = (target: Target, apps: ReadonlySet<string> | 'all'): readonly string[] =>
  apps === 'all' || target.organization !== ''
    ? [repositoryOf(target, '')]
    : [...apps].map((app) => `${repositoryOf(target, app)}@`)

/**
 * Their registry has them still: by their reference. A container's image stays.
 * @returns the beginnings of those that are still there
 */
export async function dropCopies(
  { engine }: Where,
  beginnings: readonly string[],
  isNeeded: (reference: string) => boolean,
  signal: AbortSignal,
): Promise<Set<string>> {
  const left = new Set<string>()
  const all = await engine.read('listing images', ImageList, { method: 'GET', path: '/images/json' }, signal)
  // The store of containerd lists only one of several names there, but all of them among the tags.
  for (const reference of new Set(all.flatMap(namesOf))) {
    const beginning = beginnings.find((one) => reference.startsWith(one))
    if (beginning === undefined) continue
    if (isNeeded(reference)) left.add(beginning)
    else {
      const path = `/images/${encodeURIComponent(reference)}`
      await engine.send('deleting an image', { method: 'DELETE', path }, signal).catch((error: unknown) => {
        if (hasStatus(error, 409)) left.add(beginning)
        else if (!hasStatus(error, 404)) throw error
      })
    }
  }
  return left
}

const Stored = Type.Array(Type.String({ minLength: 1, maxLength: 1000 }), { maxItems: 100_000 })

async function load(file: string): Promise<readonly string[]> {
  try {
    const stored: unknown = JSON.parse(await readFile(file, 'utf8'))
    return Check(Stored, stored) ? stored : []
  } catch {
    // Missing or broken: copies of former registries stay until somebody prunes the engine.
    return []
  }
}

async function store(file: string, beginnings: ReadonlySet<string>): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  await writeFile(`${file}.new`, JSON.stringify([...beginnings]), { mode: 0o600 })
  await rename(`${file}.new`, file)
}

/** All that are not kept: those that begin like this now, and those that did before. */
export async function pruneCopies(
  where: Where & { readonly file: string },
  beginnings: readonly string[],
  keep: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<void> {
  const known = new Set([...beginnings, ...(await load(where.file))])
  // The settings may be others at the next start.
  await store(where.file, known)
  const left = await dropCopies(where, [...known], (reference) => keep.has(reference), signal)
  await store(where.file, new Set([...beginnings, ...left]))
}
