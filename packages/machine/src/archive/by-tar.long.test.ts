// Does the tar of the machine pack a folder as our program does, and leave to that one what it would pack otherwise?
import { execFile as execFileWithCallback } from 'node:child_process'
import { lstatSync } from 'node:fs'
import { chmod, chown, link, mkdir, mkdtemp, readFile, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createArchiver } from '../archive.ts'
import { isRoot, runAs, testArchiver, testProgram } from '../archive-testing.ts'
import { discard } from '../discard.ts'
import type { Packing } from '../folder.ts'
import { findTar } from '../tar.ts'
import { byTar } from './by-tar.ts'
import { BadFolder, defaultLimits, TarFault } from './order.ts'
import type { Entry } from './walk.ts'

const execFile = promisify(execFileWithCallback)
const hasTar = (await findTar()) !== null
const ourArchiver = createArchiver(testProgram)

let parent = ''
let folder = ''
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'deis-by-tar-'))
  await chmod(parent, 0o711)
  folder = join(parent, 'app')
  await mkdir(folder)
})
afterEach(() => discard(parent))

const names = ['-rf', '--checkpoint-action=exec=id', 'a\\nb', 'a\\\\b', '*', '[a]', ' ', 'ünï\nline', '"', "'", '...']
const deep = ['d'.repeat(120), 'e'.repeat(120)]

/** More than our program packs before it asks tar. */
async function fill(): Promise<void> {
  await mkdir(join(folder, 'many'))
  await Promise.all(Array.from({ length: 1100 }, (_, n) => writeFile(join(folder, 'many', `${n}`), `${n}`)))
  for (const name of names) await writeFile(join(folder, name), name)
  await mkdir(join(folder, ...deep), { recursive: true })
  // As long as a header has space for, less and more.
  for (const length of [97, 98, 99, 100, 101, 200]) await writeFile(join(folder, 'x'.repeat(length - 2)), `${length}`)
  await writeFile(join(folder, ...deep, 'long'), 'long')
  await writeFile(join(folder, 'run'), '#!/bin/sh\n', { mode: 0o755 })
  await writeFile(join(folder, 'open'), 'x')
  await chmod(join(folder, 'open'), 0o4666)
  await mkdir(join(folder, 'sticky'))
  await chmod(join(folder, 'sticky'), 0o3777)
  await mkdir(join(folder, 'shut'), { mode: 0o500 })
  await link(join(folder, 'open'), join(folder, ...deep, 'open too'))
  await symlink('t'.repeat(300), join(folder, 'long link'))
  await symlink('/etc/passwd', join(folder, 'away'))
  await mkdir(join(folder, 'many/.git'))
  await writeFile(join(folder, 'many/.git/config'), 'x')
  await writeFile(join(folder, 'ignored'), 'x')
  await writeFile(join(folder, 'large'), Buffer.alloc(3_000_000, 'abc'))
}

const give = async (): Promise<void> => {
  if (runAs) await execFile('chown', ['-hR', '--', `${runAs.uid}:${runAs.gid}`, folder])
}

const slugless: Packing = { skip: ['ignored'], skipNames: ['.git'] }

/** What another reader finds in an archive, and whether GNU's tar has made it. */
async function found(file: string): Promise<{ readonly lines: string[]; readonly gnu: boolean }> {
  const bytes = gunzipSync(await readFile(file))
  const env = { PATH: process.env['PATH'], LC_ALL: 'C' }
  const args = ['-tvf', file, '--gzip', '--full-time', '--numeric-owner', '--quoting-style=c']
  const { stdout } = await execFile('tar', args, { env, maxBuffer: 2 ** 24 })
  return { lines: stdout.trim().split('\n'), gnu: bytes.toString('latin1', 257, 264) === 'ustar  ' }
}

/** Packed by tar where that can, and by our program alone. */
async function both(options: Packing = slugless) {
  const [one, two] = [join(parent, 'one.tgz'), join(parent, 'two.tgz')]
  const theirs = await testArchiver.pack(folder, one, { runAs, ...options })
  const ours = await ourArchiver.pack(folder, two, { runAs, ...options })
  return { theirs, ours, first: await found(one), second: await found(two) }
}

describe.skipIf(!hasTar)('by the tar of this machine', () => {
  test('an archive has the entries, modes, times and links that ours has', async () => {
    await fill()
    await give()
    const { theirs, ours, first, second } = await both()
    expect([first.gnu, second.gnu]).toEqual([true, false])
    // Of links nobody uses the mode.
    const comparable = (lines: string[]) => lines.map((line) => line.replace(/^[lh]\S+/, 'link'))
    expect(comparable(first.lines)).toEqual(comparable(second.lines))
    expect(first.lines.filter((line) => line.includes('.git') || line.includes('ignored'))).toEqual([])
    const { entries, bytes, leftOut, settled } = ours
    expect(theirs).toMatchObject({ entries, bytes, leftOut, settled })
  })

  test('the same content gives the same digest', async () => {
    await fill()
    await give()
    const digests = new Set<string>()
    for (let one = 0; one < 3; one++) {
      const { digest } = await testArchiver.pack(folder, join(parent, 'x.tgz'), { runAs, ...slugless })
      digests.add(digest)
    }
    await execFile('touch', ['--', join(folder, 'many/1')])
    // Settled, too.
    digests.add((await testArchiver.pack(folder, join(parent, 'x.tgz'), { runAs, ...slugless, settle: true })).digest)
    expect(digests.size).toBe(1)
    await writeFile(join(folder, 'many/1'), 'other')
    digests.add((await testArchiver.pack(folder, join(parent, 'x.tgz'), { runAs, ...slugless })).digest)
    expect(digests.size).toBe(2)
  })

  test('what has no place elsewhere is named, limits hold', async () => {
    await fill()
    await execFile('mkfifo', ['--', join(folder, 'pipe')])
    await writeFile(Buffer.concat([Buffer.from(`${folder}/caf`), Buffer.from([0xe9])]), 'x')
    const socket = createServer().listen(join(folder, 'socket'))
    await give()
    const { theirs, ours, first } = await both()
    socket.close()
    expect(first.gnu).toBe(true)
    expect(theirs.leftOut).toHaveLength(3)
    expect(theirs.leftOut).toEqual(ours.leftOut)
    const attempt = (options: Packing) => testArchiver.pack(folder, join(parent, 'x.tgz'), { runAs, ...options })
    await expect(attempt({ limits: { entries: 1100 } })).rejects.toThrow('more than 1100 files')
    await expect(attempt({ limits: { bytes: 2 ** 21 } })).rejects.toThrow('"./large" (3 MB) does not fit')
    await expect(attempt({ archiveBytes: 2 ** 10 })).rejects.toThrow('when compressed')
  })

  test.each([
    ['a link with two names', () => link(join(folder, 'away'), join(folder, 'away too'))],
    ['a file that others may execute and its owner not', () => chmod(join(folder, 'large'), 0o611)],
    ['a file that its owner may not read', () => chmod(join(folder, 'large'), 0)],
  ])('%s is packed by our program', async (_, change) => {
    await fill()
    await give()
    await change()
    const { theirs, ours, first, second } = await both()
    expect(first.gnu).toBe(false)
    expect(first.lines).toEqual(second.lines)
    expect(theirs).toEqual(ours)
  })

  test.skipIf(!isRoot)('a file of another user is read no more than that user allows', async () => {
    await fill()
    await give()
    await chown(join(folder, 'large'), 0, 0)
    await chmod(join(folder, 'large'), 0o600)
    await expect(testArchiver.pack(folder, join(parent, 'x.tgz'), { runAs })).rejects.toThrow(BadFolder)
  })

  const entryOf = (path: string): Entry => ({ path, found: lstatSync('package.json'), kind: 'file' })
  const packed = async (entries: Iterable<Entry>, limits = defaultLimits): Promise<number> => {
    let size = 0
    for await (const chunk of byTar(entries, limits)) size += chunk.length
    return size
  }

  test('a file that is not as it was found is not for tar', async () => {
    expect(await packed([entryOf('./package.json')])).toBeGreaterThan(1000)
    // It is larger than when its size was counted.
    const grown = packed([entryOf('./package.json')], { entries: 10, bytes: 10 })
    await expect(grown).rejects.toThrow(TarFault)
    await expect(packed([entryOf('./package.json'), entryOf('./nowhere')])).rejects.toThrow(/nowhere.*No such file/)
    await expect(packed([entryOf('./packages/../package.json')])).rejects.toThrow(TarFault)
  })

  test('what stops the walk stops tar', async () => {
    const entries = function* (): Generator<Entry> {
      for (let one = 0; one < 5000; one++) yield entryOf('./package.json')
      throw new BadFolder('enough')
    }
    await expect(packed(entries())).rejects.toThrow(new BadFolder('enough'))
  })
})
