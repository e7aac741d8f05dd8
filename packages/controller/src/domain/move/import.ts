// How does an archive become an app of this installation, wholly or not at all?
//
//   receive ─▶ plan ─▶ reserve ─▶ history, slug, image or build ─▶ store ─▶ deploy
//                      └ the name only, as an app that is being destroyed: whoever is killed from here on leaves an app that
//                        the next start deletes, with everything of it. `store` makes it an app, which the next start runs.
import type { Readable } from 'node:stream'
import { type App, DeisError, forbidden, messageOf, notFound } from '@deis/types'
import { ImageError, type ImageFacts, type StoredImage } from '@deis/ports/registry'
import { NameTaken } from '@deis/ports/scheduler'
import { destroyApp, refuseMoreApps } from '../apps/apps.ts'
import { oneNameAtATime } from '../apps/names.ts'
import { keepReserved, reserveName } from '../apps/reserved.ts'
import { toApp } from '../apps/rows.ts'
import type { Caller, Core } from '../core.ts'
import { routesChanged } from '../edge/edge.ts'
import { appRow, explain, runImported } from '../releases/converge.ts'
import { announceRelease } from '../releases/deploy-hooks.ts'
import { build } from './build.ts'
import { limits } from './format.ts'
import { storedImage } from './image.ts'
import { type Owner, planLinks } from './links.ts'
import { type Plan, planImport } from './plan.ts'
import { type Bounds, type Received, receive } from './receive.ts'
import { withSpool } from './spool.ts'
import { storeImport } from './store.ts'

export type Imported = {
  readonly app: App
  readonly version: number
  /** Whether it was built here, and why; null: it was not. */
  readonly built: string | null
  readonly warnings: readonly string[]
}

export type ImportOptions = {
  /** Default: the name that it had. */
  readonly id: string | null
  /** Default: who imports it. */
  readonly owner: string | null
  readonly rebuild: boolean
  /** Only the name that it has from the platform. */
  readonly withoutDomains: boolean
}

/** `image`: what is to run, if that is the archive's. */
type Given = Received & { readonly image: StoredImage | null }

const boundsOf = ({ config }: Pick<Core, 'config'>): Bounds => ({
  'records.jsonl': limits.recordBytes,
  'history.bundle': config.maxPackBytes,
  'slug.tgz': config.maxSlugBytes,
  image: config.maxImageBytes,
})

async function ownerOf(core: Core, caller: Caller, wanted: string | null): Promise<Owner> {
  if (wanted === null || wanted === caller.username) return caller
  if (!caller.isSuperuser) throw forbidden('Only admins can import an app for another user.')
  const user = await core.db.user.findUnique({ where: { username: wanted } })
  if (!user) throw notFound('User')
  return user
}

/** The name, so that nobody else takes it. */
async function reserve(core: Core, { uuid, id, owner }: Plan): Promise<void> {
  await oneNameAtATime(core, async () => {
    await refuseMoreApps(core, owner)
    await reserveName(core, id, { uuid, ownerId: owner.id })
  })
}

/** Pushed to where this platform keeps images. */
async function takeImage(core: Core, { id }: Plan, image: StoredImage, signal: AbortSignal): Promise<ImageFacts> {
  const { images } = core.builder
  if (!images) throw new Error('an image was accepted where none run')
  try {
    return await images.write(id, image, signal)
  } catch (error) {
    signal.throwIfAborted()
    const hint = error instanceof ImageError ? `\n${error.hint}` : ''
    throw new DeisError(
      'unavailable',
      `The image of "${id}" could not be stored here, and nothing was changed: ${messageOf(error)}${hint}`,
      { cause: error },
    )
  }
}

/** Everything outside the database, and then its rows. Call it in the app's queue. */
async function fill(
  core: Core,
  caller: Caller,
  plan: Plan,
  { manifest, records, file, image }: Given,
  signal: AbortSignal,
): Promise<{ version: number; summary: string }> {
  await core.scheduler.prepare(plan.id, signal)
  const bundle = file('history.bundle')
  const history = core.history()
  if (bundle !== null && history)
    await history.read(plan.id, bundle, signal).catch((error: unknown) => {
      signal.throwIfAborted()
      throw new DeisError('invalid', `${messageOf(error)}. Nothing was changed.`, { cause: error })
    })
  const slug = file('slug.tgz')
  const { artifact } = plan
  if (artifact.kind === 'slug' && slug !== null)
    await core.slugs?.put(artifact.digest, slug, signal).catch((error: unknown) => {
      signal.throwIfAborted()
      throw new DeisError(
        'invalid',
        `The slug in the archive cannot be used: ${messageOf(error)}. Nothing was changed.`,
        {
          cause: error,
        },
      )
    })
  const moved = image === null ? null : await takeImage(core, plan, image, signal)
  const made = artifact.kind === 'build' ? await build(core, plan, artifact, caller.username, signal) : null
  return oneNameAtATime(core, async () => {
    const links = await planLinks(core, caller, plan, { manifest, records })
    return storeImport(core, {
      manifest,
      records,
      plan: { ...plan, ...links },
      made,
      moved,
      by: caller.username,
      deed: caller.request?.deed,
    })
  })
}

async function undo(core: Core, plan: Plan, error: unknown): Promise<void> {
  // What is there is not ours to remove.
  if (error instanceof NameTaken) {
    await core.db.app.deleteMany({ where: { uuid: plan.uuid, destroying: true } })
    throw new DeisError('conflict', `${error.message}. Nothing was changed.`, { cause: error })
  }
  await destroyApp(core, plan).catch((again: unknown) =>
    core.log.error({ app: plan.id, err: again }, 'an import could not be undone, the next start does it'),
  )
}

async function makeApp(
  core: Core,
  caller: Caller,
  plan: Plan,
  given: Given,
): Promise<{ version: number; summary: string }> {
  await reserve(core, plan)
  const release = keepReserved(core, plan)
  try {
    return await core.queue.run(plan.id, (signal) => fill(core, caller, plan, given, signal))
  } catch (error) {
    // The next start undoes it.
    if (core.shutdown.aborted) throw error
    await undo(core, plan, error)
    throw error
  } finally {
    release()
  }
}

/** Resolves when it serves. */
async function run(core: Core, { id }: Plan, version: number): Promise<void> {
  try {
    await runImported(core, id)
  } catch (error) {
    if (core.shutdown.aborted)
      throw new DeisError(
        'unavailable',
        `"${id}" was imported as v${version}. The controller is stopping, and deploys it at its next start.`,
        { cause: error },
      )
    throw new DeisError(
      'invalid',
      `"${id}" was imported as v${version}, but it does not run here: ${explain(error)}\nWhat keeps it from running can be changed here, with deis config:set or git push. To undo the import: deis destroy -a ${id}`,
      { cause: error },
    )
  }
}

/** @throws DeisError; nothing was changed then, unless its text says so */
export async function importApp(
  core: Core,
  caller: Caller,
  { id, owner: wantedOwner, ...options }: ImportOptions,
  source: Readable,
): Promise<Imported> {
  const owner = await ownerOf(core, caller, wantedOwner)
  return withSpool(core, async (folder) => {
    let plan: Plan | null = null
    const received = await receive(source, folder, boundsOf(core), async (manifest, records) => {
      const wanted = { id: id ?? manifest.app, owner, ...options }
      const accepted = await planImport(core, caller, wanted, { manifest, records })
      plan = accepted
      return accepted.artifact.kind === 'moved'
    })
    const planned = plan as Plan | null
    if (planned === null) throw new Error('an archive was received without a plan')
    const image = planned.artifact.kind === 'moved' ? await storedImage(received) : null
    const { version, summary } = await makeApp(core, caller, planned, { ...received, image })
    core.log.info({ app: planned.id, by: caller.username, from: received.manifest.from }, 'app imported')
    core.logs.write(planned.id, 'INFO', summary)
    announceRelease(core, { app: planned.id, version, summary, sha: '', user: caller.username })
    await run(core, planned, version)
    await routesChanged(core, planned.id)
    const app = await appRow(core, planned.id)
    if (!app) throw notFound('App')
    const built = planned.artifact.kind === 'build' ? planned.artifact.why : null
    return { app: toApp(app), version, built, warnings: planned.warnings }
  })
}
