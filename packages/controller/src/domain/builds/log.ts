// Where is the output of a build kept, and how does a follower learn that there is more?
import { createWriteStream } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { createNotifier } from '@deis/lib/wait'
import type { Core } from '../core.ts'

export type BuildLog = {
  write(text: string): void
  /** Resolves when everything is in the file, or was reported as lost. */
  close(): Promise<void>
  /** Nothing more will come. */
  isClosed(): boolean
  /** How often something changed. */
  changes(): number
  /** Waits for another number. False: it is still the same after `ms`, or when aborted. */
  changed(since: number, ms: number, signal: AbortSignal): Promise<boolean>
}

export function buildLogFolder({ config }: Pick<Core, 'config'>, app: string): string {
  return join(config.dataDir, 'builds', app)
}

export function buildLogFile(core: Pick<Core, 'config'>, app: string, uuid: string): string {
  return join(buildLogFolder(core, app), `${uuid}.log`)
}

/** A file of the build's own, which outlives the push. */
export async function openBuildLog(core: Core, app: string, uuid: string): Promise<BuildLog> {
  const notifier = createNotifier()
  let isClosed = false
  let changes = 0
  const wake = (): void => {
    changes++
    notifier.notify()
  }
  await mkdir(buildLogFolder(core, app), { recursive: true, mode: 0o700 })
  const stream = createWriteStream(buildLogFile(core, app, uuid), { mode: 0o600 })
  stream.on('error', (error) => core.log.error({ app, build: uuid, err: error }, 'build log cannot be written'))
  return {
    write: (text) => void stream.write(text, wake),
    async close() {
      stream.end()
      // A log that could not be written was reported when it happened.
      await finished(stream).catch(() => {})
      isClosed = true
      wake()
    },
    isClosed: () => isClosed,
    changes: () => changes,
    async changed(since, ms, signal) {
      if (since === changes) await notifier.wait(ms, signal)
      return since !== changes
    },
  }
}

/** Empty for a build that left none. */
export async function readBuildLog(core: Core, app: string, uuid: string): Promise<string> {
  try {
    return await readFile(buildLogFile(core, app, uuid), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}
