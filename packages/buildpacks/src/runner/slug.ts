// How is an app built by buildpacks in its pod, and what is sent back to the controller?
import { createReadStream } from 'node:fs'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Value } from 'typebox/value'
import { openAccounts } from '@deis/machine/accounts'
import { openIsolation } from '@deis/machine/isolation'
import type { Archiver } from '@deis/machine/archive'
import { findShell } from '@deis/machine/shell'
import { slugFile } from '@deis/machine/slugs'
import { createNativeBuilder } from '../create.ts'
import { BuildFailure, type Builder, type BuildResult } from '@deis/ports/builder'
import { sendFile, sendText } from './transfer.ts'
import { type Outcome, SlugOrder, slugOrderName, slugStateName, sourceTarName } from './order.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** What the native builder notes of a cache; it changes with the cache. */
const readNote = (cache: string): Promise<string | null> => readFile(join(cache, 'meta.json'), 'utf8').catch(() => null)

function cacheOutcome(before: string | null, after: string | null): Outcome['cache'] {
  if (after === before) return 'kept'
  return after === null ? 'dropped' : 'sent'
}

async function takeOrder(folder: string): Promise<SlugOrder> {
  const file = join(folder, slugOrderName)
  const order = Value.Parse(SlugOrder, JSON.parse(await readFile(file, 'utf8')))
  // The app's own code gets the config as ENV_DIR; it must not learn where results are sent.
  await rm(file)
  return order
}

async function openBuilder(order: SlugOrder, state: string, env: Environment, archiver: Archiver): Promise<Builder> {
  const path = env.PATH ?? '/usr/local/bin:/usr/bin:/bin'
  return createNativeBuilder({
    folder: state,
    slugFolder: join(state, 'slugs'),
    accounts: await openAccounts(join(state, 'accounts')),
    archiver,
    isolation: await openIsolation(),
    path,
    shell: findShell(path),
    timeoutSeconds: order.timeoutSeconds,
    stack: order.stack,
    buildpacks: order.buildpacks,
    maxCacheBytes: order.maxCacheBytes,
    passEnv: Object.fromEntries(order.passEnv.map((name) => [name, env[name] ?? ''])),
    log: () => {},
  })
}

/** All of the folder is this app's: the pod builds no other. */
async function sendCache(
  archiver: Archiver,
  cache: string,
  file: string,
  url: string,
  signal: AbortSignal,
): Promise<void> {
  await archiver.pack(cache, file, { level: 1, times: true, signal })
  await sendFile('the cache', url, file, signal)
}

/** @returns the exit code; what went wrong was told to the controller, and it prints. */
export async function buildSlug(
  folder: string,
  env: Environment,
  archiver: Archiver,
  write: (text: string) => void,
  signal: AbortSignal,
): Promise<number> {
  const order = await takeOrder(folder)
  const state = join(folder, slugStateName)
  await mkdir(state, { recursive: true })
  const cache = join(state, 'cache', order.app)
  const before = await readNote(cache)
  const builder = await openBuilder(order, state, env, archiver)
  const source = (): ReturnType<typeof createReadStream> => createReadStream(join(folder, sourceTarName))
  let result: BuildResult | null = null
  let failure: Outcome['failure'] = null
  try {
    result = await builder.build({ ...order, source }, write, signal)
  } catch (error) {
    if (!(error instanceof BuildFailure)) throw error
    failure = { message: error.message, exitCode: error.exitCode }
  }
  const cacheResult = cacheOutcome(before, await readNote(cache))
  const outcome: Outcome = { failure, processes: result?.processes ?? {}, cache: cacheResult }
  await sendText('the outcome', order.outcome, JSON.stringify(outcome), signal)
  if (result?.artifact.kind === 'slug')
    await sendFile('the slug', order.slug, slugFile(join(state, 'slugs'), result.artifact.digest), signal)
  if (cacheResult === 'sent' && order.cache !== '')
    await sendCache(archiver, join(state, 'cache'), join(state, 'cache.tgz'), order.cache, signal)
  return failure === null ? 0 : failure.exitCode || 1
}
