// How is a slug unpacked quickly? By the tar of this machine, if that is GNU's: it starts in a tenth of the time that a program
// of ours takes. It runs as the app's user, where that user may do whatever a slug could make it do.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import type { RunAs } from './accounts.ts'

type As = { readonly runAs?: RunAs | null; readonly signal?: AbortSignal }

export type Tar = {
  /** A gzipped tar, in a file or as it arrives, into an empty folder. @throws Error with what tar says; the signal's reason */
  unpack(archive: string | Readable, folder: string, as?: As): Promise<void>
}

const run = promisify(execFile)
const trialMs = 10_000
const maxErrorText = 2000
const env = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' }

const args = [
  '--extract',
  '--gzip',
  '--file=-',
  '--no-same-owner',
  '--no-same-permissions',
  // An archive has an entry for its top folder, too, and who may enter that one is not its matter.
  '--no-overwrite-dir',
]

async function unpack(archive: string | Readable, folder: string, { runAs, signal }: As = {}): Promise<void> {
  signal?.throwIfAborted()
  const file = typeof archive === 'string' ? await open(archive, 'r') : null
  try {
    // The folder is entered before the user changes: its parent is writable by the platform only.
    const child = spawn('tar', args, { cwd: folder, env, stdio: [file?.fd ?? 'pipe', 'ignore', 'pipe'], ...runAs })
    let said = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      if (said.length < maxErrorText) said += text
    })
    const kill = (): void => void child.kill('SIGKILL')
    signal?.addEventListener('abort', kill, { once: true })
    // A tar that ends early says why.
    const fed = child.stdin && typeof archive !== 'string' ? pipeline(archive, child.stdin).catch(kill) : null
    const [code, killedBy] = (await once(child, 'close').finally(() => signal?.removeEventListener('abort', kill))) as [
      number | null,
      NodeJS.Signals | null,
    ]
    await fed
    signal?.throwIfAborted()
    if (code !== 0) throw new Error(`tar ended with ${killedBy ?? code}: ${said.trim().split('\n')[0]}`)
  } finally {
    await file?.close()
  }
}

/** Null: it is missing, or another one, whose options differ. */
export async function findTar(): Promise<Tar | null> {
  try {
    const [tar] = await Promise.all(
      ['tar', 'gzip'].map((name) => run(name, ['--version'], { env, cwd: '/', timeout: trialMs })),
    )
    return tar?.stdout.includes('GNU tar') ? { unpack } : null
  } catch {
    // Not on this machine.
    return null
  }
}
