// Is a backup in a target whole or not there, and does it come back as it was?
import { mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { openFolder } from './folder.ts'
import { openS3, readBucketPath } from './s3.ts'
import { credentials, type StandIn, startStandIn } from './s3-stand-in.ts'
import type { Target } from './target.ts'

const never = new AbortController().signal
const name = 'deis-20261129T030000Z.tar.gz.age'

async function* chunksOf(content: Buffer, breaks = false): AsyncGenerator<Buffer> {
  for (let at = 0; at < content.length; at += 65_536) yield content.subarray(at, at + 65_536)
  if (breaks) throw new Error('the database broke')
}

async function comesBack(target: Target, content: Buffer): Promise<void> {
  await target.write(name, Readable.from(chunksOf(content)), never)
  expect((await buffer(await target.read(name, never))).equals(content)).toBe(true)
  await target.writeText(`${name}.json`, '{"a":1}')
  expect(await target.readText(`${name}.json`, 100)).toBe('{"a":1}')
  expect(await target.readText('other.json', 100)).toBeNull()
  await expect(target.readText(`${name}.json`, 3)).rejects.toThrow(/bytes/)
  expect((await target.list()).toSorted((a, b) => a.name.length - b.name.length)).toEqual([
    { name, bytes: content.length },
    { name: `${name}.json`, bytes: 7 },
  ])
  await target.remove(name)
  await target.remove(name)
  expect(await target.list()).toHaveLength(1)
}

describe('a folder', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'deis-target-'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  test('gives back what it got, readable for its owner only', async () => {
    const target = await openFolder(join(folder, 'backups'))
    await comesBack(target, randomBytes(300_000))
    await target.write(name, Readable.from(chunksOf(Buffer.from('x'))), never)
    expect((await stat(join(folder, 'backups', name))).mode & 0o777).toBe(0o600)
    expect((await stat(join(folder, 'backups'))).mode & 0o777).toBe(0o700)
    await expect(target.write(name, Readable.from(chunksOf(Buffer.from('y'))), never)).rejects.toThrow(/already/)
    expect(await buffer(await target.read(name, never))).toEqual(Buffer.from('x'))
  })

  test('has nothing of a backup that broke off or was cancelled; what a kill left goes after a day', async () => {
    const target = await openFolder(folder)
    await expect(target.write(name, Readable.from(chunksOf(randomBytes(200_000), true)), never)).rejects.toThrow(
      'the database broke',
    )
    expect(await readdir(folder)).toEqual([])
    const abort = new AbortController()
    const slow = async function* (): AsyncGenerator<Buffer> {
      yield Buffer.from('begin')
      abort.abort(new Error('cancelled'))
      yield Buffer.from('end')
    }
    await expect(target.write(name, Readable.from(slow()), abort.signal)).rejects.toThrow()
    expect(await readdir(folder)).toEqual([])
    await writeFile(join(folder, 'old.partial'), '')
    await writeFile(join(folder, 'new.partial'), '')
    await utimes(join(folder, 'old.partial'), 1, 1)
    await target.write(name, Readable.from(chunksOf(Buffer.from('x'))), never)
    expect((await readdir(folder)).toSorted()).toEqual([name, 'new.partial'])
  })

  test('is made, but not the one above it: its disk may not be mounted', async () => {
    await expect(openFolder(join(folder, 'not-mounted/backups'))).rejects.toThrow(/There is no folder for/)
    await writeFile(join(folder, 'file'), '')
    await expect(openFolder(join(folder, 'file'))).rejects.toThrow(/is not a folder/)
    for (const bad of ['../x', 'a/b', '.hidden'])
      await expect((await openFolder(folder)).writeText(bad, '')).rejects.toThrow(/not a name/)
  })
})

describe('a store that speaks S3 (a stand-in, which checks signatures)', () => {
  let store: StandIn
  beforeEach(async () => {
    store = await startStandIn({ pageSize: 1 })
    vi.stubEnv('AWS_ACCESS_KEY_ID', credentials.accessKeyId)
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', credentials.secretAccessKey)
  })
  afterEach(async () => {
    vi.unstubAllEnvs()
    await store.close()
  })
  const open = (own: typeof credentials | null = null): Target =>
    openS3('s3://backups/deis/one', {
      endpoint: store.url,
      region: 'eu-test-1',
      pathStyle: true,
      credentials: own,
    })

  test('gives back what it got, large ones in parts', async () => {
    await comesBack(open(), randomBytes(40 * 2 ** 20 + 17))
    expect(store.seen.filter((line) => /PUT .*partNumber=/.test(line))).toHaveLength(3)
    expect(store.uploads.size).toBe(0)
    expect([...store.objects.keys()]).toEqual([`deis/one/${name}.json`])
  }, 60_000)

  test('has nothing of a backup that broke off; parts of a killed one are deleted after a day', async () => {
    const content = randomBytes(20 * 2 ** 20)
    await expect(open().write(name, Readable.from(chunksOf(content, true)), never)).rejects.toThrow(
      'the database broke',
    )
    expect([store.uploads.size, store.objects.size]).toEqual([0, 0])
    store.uploads.set('old', { key: `deis/one/${name}`, parts: new Map(), at: new Date(0) })
    store.uploads.set('new', { key: `deis/one/${name}`, parts: new Map(), at: new Date() })
    await open().write(name, Readable.from(chunksOf(Buffer.from('x'))), never)
    expect([...store.uploads.keys()]).toEqual(['new'])
  }, 60_000)

  test('is asked again when it fails, and a refusal says what to look at', async () => {
    store.fail(/PUT/, 503, 2)
    await open().writeText('a.json', 'x')
    expect(store.objects.size).toBe(1)
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'another')
    expect(await open(credentials).list()).toHaveLength(1)
    await expect(open().list()).rejects.toMatchObject({
      message:
        'The store of "s3://backups/deis/one" could not list what it has: SignatureDoesNotMatch: the stand-in says SignatureDoesNotMatch',
      hint: 'Look at AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and at what they may do in the bucket.',
    })
  }, 60_000)

  test.each([
    ['s3://backups', { bucket: 'backups', prefix: '' }],
    ['s3://backups/', { bucket: 'backups', prefix: '' }],
    ['s3://back.ups-1/a/b/', { bucket: 'back.ups-1', prefix: 'a/b/' }],
    ['s3://B/a', null],
    ['s3://', null],
    ['s3://backups/a b', null],
  ])('%s', (url, path) => {
    if (path === null) expect(() => readBucketPath(url)).toThrow(/is not a bucket/)
    else expect(readBucketPath(url)).toEqual(path)
  })
})
