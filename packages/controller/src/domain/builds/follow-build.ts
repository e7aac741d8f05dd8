// How is the output of a build and its deploy read and followed?
import { type FileHandle, open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Core } from '../core.ts'
import { type FollowOptions, keepAliveMs } from '../live/follow-logs.ts'
import { recheckPermission } from '../accounts/access.ts'
import type { AppRow } from '../apps/rows.ts'
import { buildRow } from './build.ts'
import { type BuildLog, buildLogFile, readBuildLog } from './log.ts'

type Pace = { readonly signal: AbortSignal; readonly silenceMs: number }

const chunkBytes = 64 * 1024
/** What `git push` shows in silence. */
const keepAlive = '...\n'
const lookEveryMs = 1_000
/** Between the end of a build and the creation of its release. */
const releaseMs = 10_000

/** Null while there is no such file. */
async function openIfAny(file: string): Promise<FileHandle | null> {
  return open(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
}

/** What the client has not read stays in the file. Sends whole lines, so that a keep-alive is never inside one. */
async function* follow(log: BuildLog, file: string, { signal, silenceMs }: Pace): AsyncGenerator<Buffer | string> {
  let handle: FileHandle | null = null
  let rest = Buffer.alloc(0)
  const buffer = Buffer.alloc(chunkBytes)
  try {
    for (;;) {
      const isComplete = log.isClosed()
      const seen = log.changes()
      handle ??= await openIfAny(file)
      const bytesRead = handle ? (await handle.read(buffer, 0, chunkBytes)).bytesRead : 0
      if (signal.aborted) return
      if (bytesRead > 0) {
        rest = Buffer.concat([rest, buffer.subarray(0, bytesRead)])
        const end = rest.length > chunkBytes ? rest.length : rest.lastIndexOf('\n') + 1
        if (end > 0) yield Buffer.from(rest.subarray(0, end))
        rest = rest.subarray(end)
        continue
      }
      if (isComplete) {
        if (rest.length > 0) yield rest
        return
      }
      const hasMore = await log.changed(seen, silenceMs, signal)
      if (signal.aborted) return
      if (!hasMore) yield keepAlive
    }
  } finally {
    await handle?.close()
  }
}

/** Whether build and deploy have ended, according to the database. */
async function isSettled(core: Core, app: AppRow, uuid: string): Promise<boolean> {
  const row = await core.db.build.findFirst({ where: { uuid, appUuid: app.uuid } })
  if (row?.status === 'running') return false
  if (row?.status !== 'succeeded') return true
  const release = await core.db.release.findFirst({ where: { buildUuid: uuid }, orderBy: { version: 'asc' } })
  return release ? release.state !== 'pending' : Date.now() - row.updatedAt.getTime() > releaseMs
}

async function* elsewhere(core: Core, app: AppRow, uuid: string, pace: Pace): AsyncGenerator<string> {
  yield 'Another controller runs this build and has its output. This ends when the build does.\n'
  yield* untilSettled(core, app, uuid, pace)
}

async function* untilSettled(
  core: Core,
  app: AppRow,
  uuid: string,
  { signal, silenceMs }: Pace,
): AsyncGenerator<string> {
  let lastSent = Date.now()
  while (!signal.aborted && !(await isSettled(core, app, uuid))) {
    await sleep(lookEveryMs, undefined, { signal }).catch(() => {})
    if (Date.now() - lastSent < silenceMs) continue
    lastSent = Date.now()
    yield keepAlive
  }
}

/** The output so far, and then how the deploy ends, which continues without output. */
async function* resumed(core: Core, app: AppRow, uuid: string, log: string, pace: Pace): AsyncGenerator<string> {
  yield* whole(log)
  yield 'The controller stopped during this deploy, which continues.\n'
  yield* untilSettled(core, app, uuid, pace)
  const release = await core.db.release.findFirst({ where: { buildUuid: uuid }, orderBy: { version: 'asc' } })
  if (release?.state === 'deployed') yield `Done, ${app.id}:v${release.version} deployed to Workflow\n`
  if (release?.state === 'failed') yield `${release.exception ?? ''}\n`
}

async function* whole(text: string): AsyncGenerator<string> {
  if (text !== '') yield text
}

async function source(core: Core, app: AppRow, uuid: string, pace: Pace): Promise<AsyncGenerator> {
  const { status } = await buildRow(core, app, uuid)
  const build = core.here.builds.get(uuid)
  if (build) return follow(build.log, buildLogFile(core, app.id, uuid), pace)
  const log = await readBuildLog(core, app.id, uuid)
  if (core.peers.shared && log === '' && status === 'running') return elsewhere(core, app, uuid, pace)
  // Its controller died during the deploy, which is continued or retried.
  if (status === 'succeeded' && !(await isSettled(core, app, uuid))) return resumed(core, app, uuid, log, pace)
  // A single controller: the build has just ended.
  return whole(log)
}

/** What it printed so far. @throws 404 */
export async function buildLog(core: Core, app: AppRow, uuid: string): Promise<string> {
  await buildRow(core, app, uuid)
  return readBuildLog(core, app.id, uuid)
}

/** Its output so far, and the rest as it comes. Ends with the build and its deploy. @throws 404 */
export async function followBuild(
  core: Core,
  app: AppRow,
  uuid: string,
  { signal, isAllowed, checkEveryMs = 15_000, silenceMs = keepAliveMs }: FollowOptions,
): Promise<Readable> {
  const over = new AbortController()
  const until = AbortSignal.any([signal, core.shutdown, over.signal])
  const text = Readable.from(await source(core, app, uuid, { signal: until, silenceMs }), { objectMode: false })
  const stopChecking = recheckPermission(
    isAllowed,
    checkEveryMs,
    () => over.abort(),
    (error) => core.log.warn({ app: app.id, err: error }, 'could not check whether a build may still be followed'),
  )
  text.once('close', () => {
    stopChecking()
    over.abort()
  })
  return text
}
