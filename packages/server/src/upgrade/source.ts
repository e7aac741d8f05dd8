// Where is the release that is upgraded to: in a built folder, a checkout, or a tarball?
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { Failure } from '../failure.ts'
import type { Io } from '../io.ts'
import { layout } from '../layout.ts'
import { ask } from '../machine/ask.ts'

const buildMs = 15 * 60_000

const has = async (path: string): Promise<boolean> => (await stat(path).catch(() => null)) !== null

/** That of the machine, which may be newer than the one that runs this. */
async function nodeOfMachine(): Promise<string> {
  const { code, stdout } = await ask(['node', '--print', 'process.execPath'])
  return code === 0 ? stdout.trim() : process.execPath
}

async function build(checkout: string, node: string, { env, out }: Io): Promise<void> {
  out(`building ${checkout}`)
  const child = spawn(node, [join(checkout, 'scripts/build-as-owner.mjs')], {
    stdio: 'inherit',
    env: { ...env },
    timeout: buildMs,
  })
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0) throw new Failure(`${checkout} could not be built, and nothing was changed; see the lines above`)
}

async function verify(file: string, sha256: string): Promise<void> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  const found = hash.digest('hex')
  if (found !== sha256.toLowerCase())
    throw new Failure(`${file} is not what was expected, and nothing was changed: its SHA-256 is ${found}`)
}

/** Into a folder beside the releases. */
async function unpack(file: string): Promise<{ folder: string; unpacked: string }> {
  await mkdir(layout.releases, { recursive: true })
  for (const left of await readdir(layout.releases))
    if (left.startsWith('.unpacked-')) await rm(join(layout.releases, left), { recursive: true, force: true })
  const unpacked = await mkdtemp(join(layout.releases, '.unpacked-'))
  const { code, stderr } = await ask(
    ['tar', '--extract', '--gzip', '--no-same-owner', `--file=${file}`, `--directory=${unpacked}`],
    buildMs,
  )
  if (code !== 0) throw new Failure(`${file} could not be unpacked, and nothing was changed: ${stderr.trim()}`)
  if (await has(join(unpacked, 'release.json'))) return { folder: unpacked, unpacked }
  const [only, ...others] = await readdir(unpacked)
  if (only !== undefined && others.length === 0) return { folder: join(unpacked, only), unpacked }
  throw new Failure(`${file} is not a release of the platform, and nothing was changed`)
}

export type Found = {
  /** A built release. */
  readonly folder: string
  /** The Node.js for it, if it has none of its own. */
  readonly node: string
  /** What was unpacked for it; null: nothing. */
  readonly unpacked: string | null
}

export async function findRelease(given: string, sha256: string | undefined, io: Io): Promise<Found> {
  const path = resolve(given)
  const found = await stat(path).catch(() => null)
  if (found === null) throw new Failure(`"${given}" does not exist.`)
  if (found.isFile()) {
    if (sha256 !== undefined) await verify(path, sha256)
    const { folder, unpacked } = await unpack(path)
    return { folder, unpacked, node: process.execPath }
  }
  if (sha256 !== undefined) throw new Failure('--sha256 is for a tarball, and a folder was given.')
  const node = await nodeOfMachine()
  if (await has(join(path, 'release.json'))) return { folder: path, node, unpacked: null }
  if (await has(join(path, 'scripts/build-as-owner.mjs'))) {
    await build(path, node, io)
    return { folder: join(path, 'dist'), node, unpacked: null }
  }
  throw new Failure(
    `"${given}" is neither a checkout of the platform nor a release.`,
    'Name the folder of a newer checkout, or a tarball that "node scripts/release.mjs" made.',
  )
}
