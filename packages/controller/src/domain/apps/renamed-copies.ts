// What of an app is kept under its name outside of the database, and how is it copied to another name?
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { DeisError, messageOf } from '@deis/types'
import { ImageError, type ImageFacts } from '@deis/ports/registry'
import type * as Row from '../../store/generated/sqlite/client.ts'
import { buildLogFolder } from '../builds/log.ts'
import type { Core } from '../core.ts'
import { isSlug } from '../move/artifact.ts'
import { withSpool } from '../move/spool.ts'
import type { AppRow } from './rows.ts'

type Built = Pick<Row.Build, 'image' | 'reference'>

/** Images by what the builds of the old name call them; null: it is not there any more. */
export type Copies = ReadonlyMap<string, ImageFacts | null>

const nameOf = ({ image, reference }: Built): string => reference ?? image

async function copyImage(core: Core, from: string, app: string, signal: AbortSignal): Promise<ImageFacts> {
  const { images } = core.builder
  if (!images) throw new Error('an image was built where none run')
  return images.read(from, (image) => images.write(app, image, signal), signal)
}

/**
 * Images that the platform built, which are deleted with the old name. What runs must be there; an older one that is not stays
 * behind, and its releases cannot be gone back to.
 */
export async function copyImages(
  core: Core,
  { uuid, id }: AppRow,
  current: Built | null,
  to: string,
  signal: AbortSignal,
): Promise<Copies> {
  const builds = await core.db.build.findMany({
    where: { appUuid: uuid, source: { not: 'pull' }, image: { not: '' }, releases: { some: {} } },
    orderBy: { createdAt: 'desc' },
    select: { image: true, reference: true },
  })
  const copies = new Map<string, ImageFacts | null>()
  for (const build of builds) {
    const name = nameOf(build)
    if (isSlug(build) && core.slugs) continue
    if (copies.has(name)) continue
    try {
      copies.set(name, await copyImage(core, name, to, signal))
    } catch (error) {
      signal.throwIfAborted()
      const hint = error instanceof ImageError ? `\n${error.hint}` : ''
      if (current && nameOf(current) === name)
        throw new DeisError('unavailable', `The image of "${id}" could not be copied: ${messageOf(error)}${hint}`, {
          cause: error,
        })
      core.log.warn({ app: id, image: name, err: error }, 'an image of an old release could not be copied')
      copies.set(name, null)
    }
  }
  return copies
}

/** What a build says of its image afterwards; absent: what it says now. */
export function copyOf(copies: Copies, build: Row.Build): Pick<Row.Build, 'image' | 'reference'> | undefined {
  const copy = build.source === 'pull' ? undefined : copies.get(nameOf(build))
  if (copy === undefined) return undefined
  if (copy === null) return { image: '', reference: null }
  // What was built has the name of what it is; what was rebased keeps what it was called.
  return { image: build.source === 'git' ? copy.reference : build.image, reference: copy.reference }
}

/** The git history; nothing may be pushed meanwhile. */
export async function copyHistory(core: Core, from: string, to: string, signal: AbortSignal): Promise<void> {
  const history = core.history()
  if (!history) return
  await withSpool(core, async (folder) => {
    const bundle = join(folder, 'history.bundle')
    if (await history.write(from, bundle, '', signal)) await history.read(to, bundle, signal)
  })
}

/** Output of builds, and the lines of the platform in the app's log. */
export async function copyLogs(core: Core, from: string, to: string): Promise<void> {
  await cp(buildLogFolder(core, from), buildLogFolder(core, to), { recursive: true, force: true }).catch(
    (error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    },
  )
  for (const { time, text } of await core.logs.tail(from, Number.MAX_SAFE_INTEGER))
    core.logs.copy(to, time.toISOString(), text)
}
