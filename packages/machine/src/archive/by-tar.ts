// How are the entries of a folder packed quickly? By the tar of this machine, if that is GNU's, which gets their names. Runs in the
// archive program only.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { plainTar } from '../plain-tar.ts'
import { tarEnv } from '../tar.ts'
import { type ArchiveLimits, ArchiveFailure, TarFault } from './order.ts'
import type { Entry } from './walk.ts'

/** What makes the same of them as pack.ts; names are names, whatever they look like. */
const args = [
  '--create',
  '--file=-',
  '--format=gnu',
  '--mode=u+rwX,go-w,a-st',
  '--mtime=@0',
  '--owner=0',
  '--group=0',
  '--numeric-owner',
  '--no-recursion',
  '--null',
  '--no-unquote',
  '--verbatim-files-from',
  '--files-from=-',
]

/** Files, their further names, folders, symbolic links, and names that are too long for a header. */
const types = '0125LK'
const namesLength = 16 * 1024
const maxErrorText = 2000

/** Those of which tar would make something else than pack.ts. */
function isOdd({ kind, found: { mode, nlink } }: Entry): boolean {
  if (kind === 'link') return nlink > 1
  return kind !== 'folder' && (mode & 0o111) !== 0 && (mode & 0o100) === 0
}

function* namesOf(entries: Iterable<Entry>): Generator<string> {
  let names = ''
  for (const entry of entries) {
    if (isOdd(entry)) throw new TarFault('an entry is not for tar')
    names += `${entry.path}\0`
    if (names.length < namesLength) continue
    yield names
    names = ''
  }
  yield names
}

/**
 * The same as `tarOf` of pack.ts, without the times of files.
 * @throws BadFolder from the entries; TarFault when that tar cannot do it
 */
export async function* byTar(entries: Iterable<Entry>, limits: ArchiveLimits): AsyncGenerator<Buffer> {
  const child = spawn('tar', args, { env: tarEnv, stdio: 'pipe' })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (said.length < maxErrorText) said += text
  })
  const closed = once(child, 'close').then(
    ([code, signal]) => (code === 0 ? null : `ended with ${code ?? signal}`),
    (error: Error) => error.message,
  )
  const named = pipeline(Readable.from(namesOf(entries)), child.stdin).then(
    () => null,
    (error: Error) => {
      child.kill('SIGKILL')
      return error
    },
  )
  let failure: Error | null = null
  try {
    // Of what was found; a file may have grown since. Each long name is an entry, too.
    yield* plainTar({ entries: limits.entries * 3, bytes: limits.bytes }, types)(child.stdout)
  } catch (error) {
    failure = error as Error
  } finally {
    if (failure !== null || !child.stdout.readableEnded) child.kill('SIGKILL')
  }
  const [ended, unnamed] = await Promise.all([closed, named])
  if (unnamed instanceof ArchiveFailure) throw unnamed
  const why = unnamed?.message ?? failure?.message ?? ended
  // What it says, such as that a file has changed, is for our program to judge.
  if (why !== null || said !== '') throw new TarFault(`tar: ${why ?? ''} ${said.trim()}`)
}
