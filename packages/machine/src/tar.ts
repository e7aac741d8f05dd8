// How are slugs and sources unpacked quickly? By the tar of this machine, if that is GNU's: it starts in a tenth of the time that a
// program of ours takes. It runs as the app's user, where that user may do whatever an archive could make it do.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import type { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import type { RunAs } from './accounts.ts'
import type { ArchiveLimits } from './archive/order.ts'
import { signalGroup } from './pid.ts'
import { plainTar, typesOfGit } from './plain-tar.ts'

type As = { readonly runAs?: RunAs | null; readonly signal?: AbortSignal }

export type Tar = {
  /** A gzipped tar in a file, into each of these empty folders. @throws Error with what tar says; the signal's reason */
  unpack(file: string, folders: readonly [string, ...string[]], as?: As): Promise<void>
  /** The same for one that arrives, not compressed. @throws also when it is not of the plain kind that git makes */
  unpackPlain(archive: Readable, folder: string, limits: ArchiveLimits, as?: As): Promise<void>
}

const run = promisify(execFile)
const trialMs = 10_000
const maxErrorText = 2000
export const tarEnv = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' }

const args = [
  '--extract',
  '--file=-',
  '--no-same-owner',
  '--no-same-permissions',
  // An archive has an entry for its top folder, too, and who may enter that one is not its matter.
  '--no-overwrite-dir',
]

// One program for all folders: to start one costs the controller more than a small slug. Copies of the first need no gzip.
const unpackAllText = `tar ${args.join(' ')} --gzip || exit
for folder; do cp -a -- . "$folder/" || exit; done`

/** `fill` gives it what arrives. @throws also when tar has anything to say */
async function execute(
  [program, ...programArgs]: readonly [string, ...string[]],
  input: number | 'pipe',
  folder: string,
  { runAs, signal }: As,
  fill: ((into: Writable, ended: AbortSignal) => Promise<void>) | null,
): Promise<void> {
  signal?.throwIfAborted()
  // The folder is entered before the user changes: its parent is writable by the platform only.
  // In a group of its own, so that all of it can be killed.
  const child = spawn(program, programArgs, {
    cwd: folder,
    env: tarEnv,
    stdio: [input, 'ignore', 'pipe'],
    detached: true,
    ...runAs,
  })
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    if (said.length < maxErrorText) said += text
  })
  const kill = (): void => {
    if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL')
  }
  signal?.addEventListener('abort', kill, { once: true })
  const ended = new AbortController()
  let failure: unknown = null
  const filled = (fill && child.stdin ? fill(child.stdin, ended.signal) : Promise.resolve()).catch((error: unknown) => {
    failure = error
    kill()
  })
  const [code, killedBy] = (await once(child, 'close').finally(() => signal?.removeEventListener('abort', kill))) as [
    number | null,
    NodeJS.Signals | null,
  ]
  // What arrives may be waited for. A tar that is content has read all of it.
  if (code !== 0) ended.abort()
  await filled
  signal?.throwIfAborted()
  // What it warns of, such as a name that it has changed, is not what the archive says.
  if (code === 0 && failure !== null) throw failure
  if (code !== 0 || said !== '') throw new Error(`tar ended with ${killedBy ?? code}: ${said.trim().split('\n')[0]}`)
}

const tar: Tar = {
  async unpack(file, [folder, ...others], as = {}) {
    as.signal?.throwIfAborted()
    const opened = await open(file, 'r')
    try {
      const program = ['/bin/sh', '-c', unpackAllText, 'deis', ...others] as const
      await execute(others.length > 0 ? program : ['tar', ...args, '--gzip'], opened.fd, folder, as, null)
    } finally {
      await opened.close()
    }
  },
  unpackPlain: (archive, folder, limits, as = {}) =>
    execute(['tar', ...args], 'pipe', folder, as, (into, ended) =>
      pipeline(archive, plainTar(limits, typesOfGit), into, { signal: ended }),
    ),
}

/** Null: it is missing, or another one, whose options differ. */
export async function findTar(): Promise<Tar | null> {
  try {
    const [found] = await Promise.all(
      ['tar', 'gzip'].map((name) => run(name, ['--version'], { env: tarEnv, cwd: '/', timeout: trialMs })),
    )
    return found?.stdout.includes('GNU tar') ? tar : null
  } catch {
    // Not on this machine.
    return null
  }
}
