// Does a slug become a layer that holds just what it should, and does its launcher start processes right?
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { create, Header, type HeaderData, Parser, type ReadEntry } from 'tar'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testArchiver } from '@deis/machine/archive-testing'
import { writeFiles } from '@deis/buildpacks/testing'
import { readProfile } from '@deis/machine/profile'
import launcher from './programs/slug-launcher.sh'
import { slugLayer } from './layer.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deis-layer-'))
})
afterAll(() => rm(folder, { recursive: true }))

const layerOf = (slug: Readable, user: number, processes: Record<string, string>): Readable =>
  slugLayer(testArchiver, slug, user, processes, new AbortController().signal)

type Found = Pick<ReadEntry, 'type' | 'linkpath' | 'uid' | 'gid' | 'mode'> & { text: string }

async function entriesOf(layer: Readable): Promise<Record<string, Found>> {
  const found: Record<string, Found> = {}
  const parser = new Parser({
    strict: true,
    onReadEntry(entry) {
      const { type, linkpath, uid, gid, mode } = entry
      const one: Found = { type, linkpath, uid, gid, mode, text: '' }
      found[entry.path] = one
      entry.on('data', (chunk: Buffer) => (one.text += chunk.toString()))
    },
  })
  // It reads synchronously.
  parser.end(await buffer(layer))
  return found
}

async function slugOf(name: string, files: Parameters<typeof writeFiles>[1]): Promise<Buffer> {
  const app = join(folder, name)
  await writeFiles(app, files)
  return buffer(create({ cwd: app, portable: true, gzip: true }, ['.']))
}

/** An archive that no packer of ours makes. */
function forged(fields: HeaderData): Buffer {
  const header = new Header({ mode: 0o644, size: 0, type: 'File', mtime: new Date(0), ...fields })
  header.encode()
  return gzipSync(Buffer.concat([header.block ?? Buffer.alloc(0), Buffer.alloc(1024)]))
}

describe('a layer', () => {
  test('the launcher belongs to root, the app to its user', async () => {
    const long = `${'deep/'.repeat(40)}file`
    const slug = await slugOf('one', { 'a.txt': 'A', 'bin/run': 'B', link: { link: '/etc/passwd' }, [long]: 'L' })
    const found = await entriesOf(layerOf(Readable.from([slug]), 1000, { web: 'node x', worker: 'sleep 1' }))
    expect(found['runner/init']).toMatchObject({ uid: 0, mode: 0o755, text: launcher })
    expect(found['runner/profile']).toMatchObject({ uid: 0, mode: 0o644 })
    expect(found['runner/processes/web']).toMatchObject({ uid: 0, mode: 0o644, text: 'node x\n' })
    expect(found['app/']).toMatchObject({ type: 'Directory', uid: 1000, gid: 1000 })
    expect(found['app/a.txt']).toMatchObject({ uid: 1000, gid: 1000, mode: 0o644, text: 'A' })
    expect(found['app/bin/run']).toMatchObject({ mode: 0o755, text: 'B' })
    expect(found['app/link']).toMatchObject({ type: 'SymbolicLink', linkpath: '/etc/passwd', uid: 1000 })
    expect(found[`app/${long}`]).toMatchObject({ uid: 1000, text: 'L' })
  })
  test('the same slug makes the same layer', async () => {
    const slug = await slugOf('same', { a: '1', b: '2' })
    const make = (): Promise<Buffer> => buffer(layerOf(Readable.from([slug]), 1000, { web: 'x' }))
    expect((await make()).equals(await make())).toBe(true)
  })
  test('links between files of the app, and no special bits', async () => {
    const linked = await entriesOf(
      layerOf(Readable.from([forged({ path: './b', type: 'Link', linkpath: './a' })]), 1000, {}),
    )
    expect(linked['app/b']).toMatchObject({ type: 'Link', linkpath: 'app/a' })
    const root = await entriesOf(layerOf(Readable.from([forged({ path: './su', mode: 0o4755 })]), 1000, {}))
    expect(root['app/su']).toMatchObject({ mode: 0o755 })
  })
  test.each([
    ['a path outside', forged({ path: '../x' }), '"../x" points outside the archive'],
    ['an absolute path', forged({ path: '/etc/x' }), 'points outside the archive'],
    ['a link outside', forged({ path: 'x', type: 'Link', linkpath: '../../runner/init' }), 'links outside the archive'],
    ['a deletion', forged({ path: 'a/.wh.b' }), 'a name that image layers reserve'],
    ['what is below one', forged({ path: 'a/.wh.b/c' }), 'a name that image layers reserve'],
    ['a device', forged({ path: 'x', type: 'CharacterDevice' }), 'is a CharacterDevice'],
    ['rubbish', gzipSync(Buffer.alloc(2048, 'x')), 'checksum failure'],
    ['no archive at all', Buffer.from('hello'), 'incorrect header check'],
    ['half a slug', forged({ path: 'x', size: 5000 }).subarray(0, 60), 'unexpected end of file'],
  ])('%s is refused', async (_, slug, message) => {
    await expect(buffer(layerOf(Readable.from([slug]), 1000, {}))).rejects.toThrow(message)
  })
  test('a slug that never comes whole fails the layer', async () => {
    const slug = new Readable({ read() {} })
    const layer = layerOf(slug, 1000, {})
    const read = buffer(layer)
    slug.destroy(new Error('the sender broke off'))
    await expect(read).rejects.toThrow('the sender broke off')
  })
})

describe('the launcher', () => {
  let init = ''
  beforeAll(async () => {
    const app = join(folder, 'app')
    await writeFiles(app, {
      '.profile.d/10.sh': 'export FIRST=1\nset -- changed\n',
      '.profile.d/20.sh': 'export SECOND="$FIRST 2"\n',
      '.profile.d/notes.txt': 'exit 9\n',
    })
    const processes = join(folder, 'processes')
    await mkdir(processes)
    await writeFile(join(processes, 'celery_Beat'), 'echo beats\n')
    await writeFile(join(processes, 'web'), 'echo "$SECOND in $HOME as web"; exit 4\n')
    init = join(folder, 'init')
    await writeFile(join(folder, 'profile'), readProfile)
    const here = launcher
      .replaceAll('/runner/', `${folder}/`)
      .replaceAll('/app\n', `${app}\n`)
      .replace('/app ||', `${app} ||`)
    await writeFile(init, here, { mode: 0o755 })
  })
  const start = (...args: string[]): ChildProcess => spawn(init, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  const run = async (...args: string[]): Promise<{ code: number | null; out: string; err: string }> => {
    const child = start(...args)
    // Commands that do not read it are fine.
    child.stdin?.on('error', () => {})
    child.stdin?.end('given')
    const [out, err, [code]] = await Promise.all([
      text(child.stdout as Readable),
      text(child.stderr as Readable),
      once(child, 'exit') as Promise<[number | null]>,
    ])
    return { code, out, err }
  }
  const said = (child: ChildProcess): Promise<unknown> => once(child.stdout as Readable, 'data')

  test('a type, in the app, with its profile', async () => {
    expect(await run('start', 'web')).toEqual({ code: 4, out: `1 2 in ${join(folder, 'app')} as web\n`, err: '' })
  })
  test('a command, its words, its input', async () => {
    expect(await run('echo', '"$FIRST"', 'x')).toMatchObject({ code: 0, out: '1 x\n' })
    expect(await run('cat')).toMatchObject({ code: 0, out: 'given' })
    expect(await run('exit 7')).toMatchObject({ code: 7 })
    expect(await run('nowhere-to-be-found')).toMatchObject({ code: 127 })
  })
  test('a type with capitals and underscores', async () => {
    expect(await run('start', 'celery_Beat')).toEqual({ code: 0, out: 'beats\n', err: '' })
  })
  test('an unknown type', async () => {
    expect(await run('start', 'nope')).toEqual({ code: 127, out: '', err: 'No such process type: nope\n' })
    expect(await run('start', '../init')).toMatchObject({ code: 127 })
  })
  test.each([
    ['a simple command', 'echo on; exec sleep 60', 143],
    ['a pipeline', 'echo on; sleep 60 | cat', 143],
    ['an app that ends by itself', 'trap "exit 5" TERM; echo on; while :; do sleep 0.05; done', 5],
  ])('TERM reaches %s', async (_, command, expected) => {
    const child = start(command)
    await said(child)
    child.kill('SIGTERM')
    const [code] = (await once(child, 'exit')) as [number | null]
    expect(code).toBe(expected)
  })
  test('config of any name reaches the app', async () => {
    const names = ['app', 'command', 'early', 'script', 'signal']
    const env = { ...process.env, ...Object.fromEntries(names.map((name) => [name, 'given'])) }
    const child = spawn(init, [`echo ${names.map((name) => `$${name}`).join(' ')}`], { env })
    expect(await text(child.stdout)).toBe('given given given given given\n')
  })
  test('TERM that comes before the app is there is not lost', async () => {
    const path = join(folder, 'app/.profile.d/30.sh')
    await writeFile(path, 'kill -TERM $$\n')
    try {
      expect(await run('sleep 60')).toEqual({ code: 143, out: '', err: '' })
    } finally {
      await rm(path)
    }
  })
})
