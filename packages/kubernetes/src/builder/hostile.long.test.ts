// Does the worst archive that a build's pod or a repository may send only fail the build?
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { createGzip, gzipSync } from 'node:zlib'
import { Header, type HeaderData } from 'tar'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ArchiveFailure, BadArchive, createArchiver } from '@deis/machine/archive'
import { testArchiver, testProgram } from '@deis/machine/archive-testing'
import { BuildFailure } from '@deis/ports/builder'
import { slugLayer } from '@deis/container/layer'
import { keepSource } from '@deis/container/source'

const execute = promisify(execFile)
const never = new AbortController().signal

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deis-hostile-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** Not more of a header than is said; `size` may lie. */
function header(fields: HeaderData): Buffer {
  const made = new Header({ mode: 0o644, size: 0, type: 'File', mtime: new Date(0), ...fields })
  made.encode()
  return made.block ?? Buffer.alloc(0)
}
const end = Buffer.alloc(1024)
const block = (text: string): Buffer => Buffer.concat([Buffer.from(text), Buffer.alloc(512)], 512)

const layer = (slug: Readable, signal = never): Readable => slugLayer(testArchiver, slug, 1000, { web: 'x' }, signal)
const layerOf = (tar: Buffer): Promise<Buffer> => buffer(layer(Readable.from([gzipSync(tar)])))
const keep = (tar: Readable, signal = never): ReturnType<typeof keepSource> =>
  keepSource(testArchiver, tar, join(folder, 'source.tar'), signal)

/** GNU tar's list of it: one line for each entry. */
async function listed(tar: Buffer): Promise<string[]> {
  const file = join(folder, 'listed.tar')
  await writeFile(file, tar)
  return (await execute('tar', ['-tvf', file, '--numeric-owner'])).stdout.trim().split('\n')
}

/** The same entry over and over: much, made of little. */
const repeated = (piece: Buffer, times: number): Readable =>
  Readable.from(
    (function* () {
      const each = 2000
      const many = Buffer.concat(Array.from({ length: each }, () => piece))
      for (let left = times; left > 0; left -= each) yield left >= each ? many : many.subarray(0, left * piece.length)
      yield end
    })(),
  )

describe('a slug', () => {
  test('with hard links in a tangle, at its very end, becomes a layer with the same links', async () => {
    const app = join(folder, 'tangle')
    await mkdir(app)
    await execute('sh', ['-c', 'echo MIT > a; echo one > b; ln b y; ln a z1; mkdir d; ln a d/l; ln b d/m'], {
      cwd: app,
    })
    const file = join(folder, 'tangle.tgz')
    await testArchiver.pack(app, file)
    const tar = await buffer(layer(Readable.from([await readFile(file)])))
    const lines = await listed(tar)
    expect(lines.filter((line) => line.startsWith('h')).map((line) => line.replace(/^.*? app/, 'app'))).toEqual([
      'app/d/l link to app/a',
      'app/d/m link to app/b',
      'app/y link to app/b',
      'app/z1 link to app/a',
    ])
    const out = join(folder, 'out')
    await mkdir(out)
    await execute('tar', ['-xf', join(folder, 'listed.tar'), '-C', out, '--no-same-owner'])
    expect(await readFile(join(out, 'app/z1'), 'utf8')).toBe('MIT\n')
    expect(await readFile(join(out, 'app/d/m'), 'utf8')).toBe('one\n')
  })
  test('whose link brings bytes smuggles nothing in front of the platform’s files', async () => {
    const inner = header({ path: '../runner/init', uid: 0, mode: 0o755 })
    for (const type of ['Link', 'SymbolicLink'] as const) {
      const tar = await layerOf(
        Buffer.concat([
          header({ path: 'a' }),
          header({ path: 'l', type, linkpath: 'a', size: 512 }),
          inner,
          header({ path: 'last' }),
          end,
        ]),
      ).catch((error: unknown) => {
        expect(error).toBeInstanceOf(BadArchive)
        return null
      })
      if (tar === null) continue
      const lines = await listed(tar)
      expect(lines.filter((line) => line.includes('runner/init'))).toHaveLength(1)
      expect(lines.at(-1)).toMatch(/1000\/1000 .* app\/last$/)
    }
  })
  test.each([
    ['a file larger than any app', header({ path: 'x', size: 17 * 2 ** 30 }), 'unpacks to more than'],
    ['a file that ends early', Buffer.concat([header({ path: 'x', size: 5000 }), block('x')]), 'Truncated'],
    ['half a header', header({ path: 'x' }).subarray(0, 300), /Truncated|TAR_|checksum/],
    [
      'a name of megabytes',
      Buffer.concat([
        header({ path: 'x', type: 'NextFileHasLongPath', size: 2 ** 21 }),
        Buffer.alloc(2 ** 21, 'n'),
        header({ path: 'y' }),
        end,
      ]),
      /./,
    ],
    ['a tar compressed twice', gzipSync(header({ path: 'x' })), 'use gzip, once'],
    ['a device', Buffer.concat([header({ path: 'x', type: 'BlockDevice' }), end]), 'is a BlockDevice'],
  ])('%s fails the build', async (_, tar, message) => {
    await expect(layerOf(tar)).rejects.toThrow(BadArchive)
    await expect(layerOf(tar)).rejects.toThrow(message)
  })
  test('cut off anywhere fails, and is never taken for a smaller one', async () => {
    const slug = gzipSync(Buffer.concat([header({ path: 'a', size: 512 }), block('a'), header({ path: 'b' }), end]))
    for (let length = 0; length < slug.length; length += 9)
      await expect(buffer(layer(Readable.from([slug.subarray(0, length)])))).rejects.toThrow(ArchiveFailure)
    expect((await buffer(layer(Readable.from([slug])))).length).toBeGreaterThan(2048)
  })
  test('of more entries than are taken ends before all of them were read', async () => {
    const slug = repeated(header({ path: 'same' }), 1_100_000).pipe(createGzip({ level: 1 }))
    const limits = { entries: 50_000 }
    const out = testArchiver.relay(slug, { files: [], folder: 'app', user: 1000 }, { limits })
    let size = 0
    const read = (async () => {
      for await (const chunk of out as AsyncIterable<Buffer>) size += chunk.length
    })()
    await expect(read).rejects.toThrow('more than 50000 entries')
    expect(size).toBeLessThan(52_000 * 512)
    expect(slug.destroyed).toBe(true)
  })
  test('that is not read holds no resources: its program ends', async () => {
    const slug = repeated(Buffer.concat([header({ path: 'f', size: 512 }), block('x')]), 5_000_000).pipe(createGzip())
    const out = layer(slug)
    await new Promise((resolve) => out.once('readable', resolve))
    const { ended } = await childOf()
    out.destroy()
    await ended
    expect(slug.destroyed).toBe(true)
  })
  test('a program that dies is a failed build', async () => {
    const dead = createArchiver([process.execPath, '-e', 'process.kill(process.pid, "SIGKILL")'])
    await expect(buffer(slugLayer(dead, Readable.from([gzipSync(end)]), 1000, {}, never))).rejects.toThrow(
      /ended without a result \(SIGKILL\)/,
    )
  })
})

/** The archive program that runs now, and its end. */
async function childOf(): Promise<{ ended: Promise<unknown> }> {
  const { stdout } = await execute('ps', ['-o', 'pid=,args=', '--ppid', String(process.pid)])
  const line = stdout.split('\n').find((one) => one.includes(testProgram[1] ?? ''))
  const pid = Number(line?.trim().split(' ')[0])
  expect(pid).toBeGreaterThan(1)
  const ended = execute('tail', ['--pid', String(pid), '-f', '/dev/null'], { timeout: 20_000 })
  return { ended }
}

describe('a source', () => {
  test.each([
    ['of half a million entries', () => repeated(header({ path: 'same' }), 500_001), 'more than 500000 entries'],
    ['that claims to be huge', () => Readable.from([header({ path: 'x', size: 9 * 2 ** 30 })]), 'unpacks to more than'],
    ['that is cut off', () => Readable.from([header({ path: 'x', size: 5000 }), block('x')]), 'Truncated'],
    ['that leads outside', () => Readable.from([header({ path: '../x' }), end]), '"../x" points outside the archive'],
    ['that is compressed', () => Readable.from([gzipSync(end)]), 'its compression is not supported'],
  ])('%s is a failed build', async (_, tar, message) => {
    const kept = keep(tar())
    await expect(kept).rejects.toThrow(BuildFailure)
    await expect(kept).rejects.toThrow(message)
  })
  test('with a Procfile of megabytes is told by what is too much of it', async () => {
    const text = Buffer.alloc(2 ** 21, '\u0001')
    const { procfile } = await keep(Readable.from([header({ path: 'Procfile', size: text.length }), text, end]))
    expect(procfile).toHaveLength(65_537)
  })
  test('is given up at once when the build is cancelled', async () => {
    const stop = new AbortController()
    const endless = new Readable({
      read() {
        this.push(Buffer.alloc(2 ** 16))
        if (++count === 100) stop.abort(new Error('cancelled'))
      },
    })
    let count = 0
    await expect(keep(endless, stop.signal)).rejects.toThrow()
    expect(endless.destroyed).toBe(true)
  })
})
