// Does a backup really restore? It is fetched back, restored into a scratch folder, and a controller is started on it.
import { createHash } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { dialectOf } from '@deis/controller/store/open'
import { DeisError, messageOf } from '@deis/types'
import { openBeside } from '../database/schema.ts'
import type { Config } from '@deis/controller/config'
import type { Opening } from '../format/encryption.ts'
import type { Proof } from '../format/record.ts'
import { sizeText } from '../format/size.ts'
import { unpack } from '../format/unpack.ts'
import type { Programs } from '../programs.ts'
import { type Home, postgresqlHome, sqliteHome } from '../restore/home.ts'
import { layOut, type Whole } from '../restore/layout.ts'
import type { Target } from '../targets/target.ts'
import { tryApp } from './app.ts'
import { bootController } from './boot.ts'

export type Proving = {
  readonly target: Target
  readonly name: string
  /** What was written. */
  readonly bytes: number
  readonly sha256: string
  readonly opening: Opening
  /** An empty folder of our own. */
  readonly scratch: string
  readonly programs: Programs
  /** Of the platform: on PostgreSQL, the scratch copy is in a schema beside its own. */
  readonly config: Config
  readonly signal: AbortSignal
}

/** Passes the stream on; afterwards `seen` has what went through. */
function measured(source: Readable): { stream: Readable; seen(): { bytes: number; sha256: string } } {
  const hash = createHash('sha256')
  let bytes = 0
  const pass = async function* (): AsyncGenerator<Buffer> {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      hash.update(chunk)
      bytes += chunk.length
      yield chunk
    }
  }
  return {
    stream: Readable.from(pass(), { objectMode: false }),
    seen: () => ({ bytes, sha256: hash.digest('hex') }),
  }
}

async function check(proving: Proving, found: (line: string) => void): Promise<void> {
  const { target, name, bytes, sha256, opening, scratch, signal } = proving
  const from = join(scratch, 'unpacked')
  const to = join(scratch, 'data')
  for (const folder of [from, to]) await mkdir(folder, { recursive: true, mode: 0o700 })
  const { stream, seen } = measured(await target.read(name, signal))
  const manifest = await unpack(stream, from, opening, { durable: false })
  const read = seen()
  if (read.bytes !== bytes || read.sha256 !== sha256)
    throw new Error(`what was read back has ${read.bytes} bytes and another checksum than the ${bytes} bytes written`)
  found(`read back: ${sizeText(bytes)}, ${manifest.files.length} files with the checksums that they must have`)
  await withHome(proving, to, (home) => checkRestored(proving, { from, to, home, manifest }, found))
}

type Unpacked = Pick<Whole, 'from' | 'to' | 'home' | 'manifest'>

async function withHome(
  { config: { databaseUrl }, programs }: Proving,
  to: string,
  work: (home: Home) => Promise<void>,
) {
  if (dialectOf(databaseUrl) === 'sqlite') return work(sqliteHome(to, programs.migrations))
  const beside = await openBeside(databaseUrl, programs.migrations, 'deis_proof')
  try {
    await work(postgresqlHome(beside, programs.migrations))
  } finally {
    await beside.drop().catch(() => {})
    await beside.close()
  }
}

async function checkRestored(proving: Proving, unpacked: Unpacked, found: (line: string) => void): Promise<void> {
  const { to, home, manifest } = unpacked
  const { programs, config, signal } = proving
  const { path } = config
  await layOut({ ...unpacked, migrations: programs.migrations, path, signal, found })
  const apps = await bootController({ program: programs.controller, folder: to, home, path }, signal)
  if (apps !== null && apps !== manifest.apps.length)
    throw new Error(`a controller started on it answers with ${apps} apps, not ${manifest.apps.length}`)
  if (apps === null && manifest.apps.length > 0) throw new Error('a controller started on it has apps, but no admin')
  found(
    apps === null
      ? 'controller: starts; there are no accounts yet'
      : `controller: starts and answers with ${apps} app(s)`,
  )
  const tried = await tryApp(proving, home, to, manifest)
  if (tried !== null) found(tried)
}

/** Never rejects because of the backup: what is wrong with it is the result. @throws the signal's reason */
export async function prove(proving: Proving, now: () => Date): Promise<Proof> {
  const started = now()
  const checks: string[] = []
  let failed: string | null = null
  try {
    await check(proving, (line) => checks.push(line))
  } catch (error) {
    proving.signal.throwIfAborted()
    failed = error instanceof DeisError ? error.message : messageOf(error)
  } finally {
    await rm(proving.scratch, { recursive: true, force: true })
  }
  const at = now()
  return { at: at.toISOString(), seconds: Math.round((at.getTime() - started.getTime()) / 1000), failed, checks }
}
