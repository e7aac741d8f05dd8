// How does somebody watch a build and its deploy, from their first line to the last?
import { type FileHandle, open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { buildLog, buildLogFile, buildRow } from './builds.ts'
import type { Core } from '../core.ts'
import { type FollowOptions, signOfLifeMs } from '../live/follow-logs.ts'
import { askWhether } from '../accounts/right.ts'
import type { AppRow } from '../apps/rows.ts'
import { type RunningBuild, runningBuild } from './running.ts'

type Pace = { readonly signal: AbortSignal; readonly silenceMs: number }

const chunkBytes = 64 * 1024
/** What `git push` shows in silence. */
const signOfLife = '...\n'
const lookEveryMs = 1_000
/** Between the end of a build and the first trace of its release. */
const releaseMs = 10_000

/** Null while there is no such file. */
async function openIfAny(file: string): Promise<FileHandle | null> {
  return open(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
}

/** The reader sets the pace: what he has not taken stays in the file. Whole lines, so that a sign of life breaks none. */
async function* follow(
  build: RunningBuild,
  file: string,
  { signal, silenceMs }: Pace,
): AsyncGenerator<Buffer | string> {
  let handle: FileHandle | null = null
  let rest = Buffer.alloc(0)
  const buffer = Buffer.alloc(chunkBytes)
  try {
    for (;;) {
      const isComplete = build.isLogClosed()
      const seen = build.changes()
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
      const isNews = await build.changed(seen, silenceMs, signal)
      if (signal.aborted) return
      if (!isNews) yield signOfLife
    }
  } finally {
    await handle?.close()
  }
}

/** Build and deploy have ended, as far as the database tells. */
async function isSettled(core: Core, app: AppRow, uuid: string): Promise<boolean> {
  const row = await core.db.build.findFirst({ where: { uuid, appUuid: app.uuid } })
  if (row?.status === 'running') return false
  if (row?.status !== 'succeeded') return true
  const release = await core.db.release.findFirst({ where: { buildUuid: uuid }, orderBy: { version: 'asc' } })
  return release ? release.state !== 'pending' : Date.now() - row.updatedAt.getTime() > releaseMs
}

async function* elsewhere(core: Core, app: AppRow, uuid: string, pace: Pace): AsyncGenerator<string> {
  yield 'Another controller runs this build and has its output; here is told when it has ended.\n'
  yield* untilSettled(core, app, uuid, pace)
}

async function* untilSettled(
  core: Core,
  app: AppRow,
  uuid: string,
  { signal, silenceMs }: Pace,
): AsyncGenerator<string> {
  let spoken = Date.now()
  while (!signal.aborted && !(await isSettled(core, app, uuid))) {
    await sleep(lookEveryMs, undefined, { signal }).catch(() => {})
    if (Date.now() - spoken < silenceMs) continue
    spoken = Date.now()
    yield signOfLife
  }
}

/** What is left of its output, and then how the deploy ends that is carried on without any. */
async function* carriedOn(core: Core, app: AppRow, uuid: string, log: string, pace: Pace): AsyncGenerator<string> {
  yield* whole(log)
  yield 'The controller went away during this deploy, which continues.\n'
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
  const build = runningBuild(core, uuid)
  if (build) return follow(build, buildLogFile(core.config, app.id, uuid), pace)
  const log = await buildLog(core, app, uuid)
  if (core.peers.shared && log === '' && status === 'running') return elsewhere(core, app, uuid, pace)
  // Its controller died in the deploy, which is carried on, or tried again.
  if (status === 'succeeded' && !(await isSettled(core, app, uuid))) return carriedOn(core, app, uuid, log, pace)
  // Alone, no other controller can be at it: it ended just now.
  return whole(log)
}

/** What was printed so far, and the rest as it comes. Ends with the build and its deploy. @throws 404 */
export async function followBuild(
  core: Core,
  app: AppRow,
  uuid: string,
  { signal, mayGoOn, askEveryMs = 15_000, silenceMs = signOfLifeMs }: FollowOptions,
): Promise<Readable> {
  const over = new AbortController()
  const until = AbortSignal.any([signal, core.shutdown, over.signal])
  const text = Readable.from(await source(core, app, uuid, { signal: until, silenceMs }), { objectMode: false })
  const stopAsking = askWhether(
    mayGoOn,
    askEveryMs,
    () => over.abort(),
    (error) => core.log.warn({ app: app.id, err: error }, 'whether a build may still be followed is not known'),
  )
  text.once('close', () => {
    stopAsking()
    over.abort()
  })
  return text
}
