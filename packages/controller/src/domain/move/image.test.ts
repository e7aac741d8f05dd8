// Is the image of an archive stored only when it is whole, and what the archive says?
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { memoryImage } from '@deis/ports/testing/memory-images'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { archive, file, type File, parts } from './archive-testing.ts'
import { blobName, limits } from './format.ts'
import { layoutFiles, storedImage } from './image.ts'
import { createPace } from './pace.ts'
import { receive } from './receive.ts'
import { appRecord, created, emptyMaps } from './records-testing.ts'

const about = { owner: 'ann', created }
const records = file(
  'records.jsonl',
  [
    appRecord,
    { kind: 'config', index: 0, ...about, ...emptyMaps },
    { kind: 'release', version: 1, ...about, summary: 'x', state: 'deployed', exception: null, config: 0, build: null },
  ]
    .map((record) => `${JSON.stringify(record)}\n`)
    .join(''),
)

const platform = { os: 'linux', architecture: 'amd64' }
const image = memoryImage(['one', 'two', 'one'], platform)
const said = { digest: image.manifest.digest, ...platform }
const [layout, index, main] = layoutFiles(image).map(([name, bytes]) => file(name, bytes)) as [File, File, File]
const digestOf = (content: Buffer): string => `sha256:${createHash('sha256').update(content).digest('hex')}`
const blob = (content: string): File => file(blobName(digestOf(Buffer.from(content))), content)
let config: File
const [one, two] = [blob('one'), blob('two')]

let folder = ''
beforeEach(async () => {
  const [first] = image.blobs
  config = file(blobName(first?.digest ?? ''), await buffer(image.open(first?.digest ?? '')))
  folder = await mkdtemp(join(tmpdir(), 'deis-image-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const bounds = { 'records.jsonl': limits.recordBytes, 'history.bundle': 5_000, 'slug.tgz': 5_000, image: 10_000 }

function received(files: readonly File[], changes: object = {}, wanted = true) {
  const bytes = archive([records, ...files], { version: 2, image: said, ...changes })
  return receive(parts(bytes, 1_000), folder, bounds, async () => wanted)
}

const stored = async (...given: Parameters<typeof received>) => storedImage(await received(...given))
const whole = (): File[] => [layout, index, main, config, one, two]

test('an image arrives as it left, each layer once', async () => {
  const found = await stored(whole())
  expect(found).toMatchObject({ platform, manifest: image.manifest, blobs: image.blobs })
  expect(found.blobs).toHaveLength(3)
  for (const { digest } of image.blobs)
    expect(await buffer(found.open(digest))).toEqual(await buffer(image.open(digest)))
})

test('an image that is not wanted is not stored', async () => {
  const { file: path } = await received(whole(), {}, false)
  expect(await readdir(folder)).toEqual(['records.jsonl'])
  expect(path(layout.name)).toBeNull()
})

/** With other documents, which name each other as they should. */
function other(changes: {
  readonly config?: object
  readonly manifest?: object
  readonly index?: object
}): [File[], object] {
  const otherConfig = blob(JSON.stringify({ ...(JSON.parse(config.content.toString()) as object), ...changes.config }))
  const parsed = JSON.parse(main.content.toString()) as { config: object }
  const digest = digestOf(otherConfig.content)
  const its = { ...parsed.config, digest, size: otherConfig.content.length }
  const otherMain = blob(JSON.stringify({ ...parsed, config: its, ...changes.manifest }))
  const about = JSON.parse(index.content.toString()) as { manifests: [object] }
  const listed = { ...about.manifests[0], digest: digestOf(otherMain.content), size: otherMain.content.length }
  const otherIndex = file(index.name, JSON.stringify({ ...about, manifests: [listed], ...changes.index }))
  return [[layout, otherIndex, otherMain, otherConfig, one, two], { image: { ...said, digest: listed.digest } }]
}

test('documents that name each other are accepted', async () => {
  await expect(stored(...other({ config: { author: 'ann' } }))).resolves.toMatchObject({ platform })
})

const order = 'files twice, or in another order'

test.each<[string, () => Parameters<typeof received>, string | RegExp]>([
  ['without its layout', () => [[index, main, config, one, two]], order],
  ['without its index', () => [[layout, main, config, one, two]], order],
  ['without its manifest', () => [[layout, index, config, one, two]], order],
  ['without its config', () => [[layout, index, main, one, two]], /the part sha256:\w+ of its image is missing/],
  ['without a layer', () => [[layout, index, main, config, one]], /the part sha256:\w+ of its image is missing/],
  ['with a layer more', () => [[...whole(), blob('three')]], 'it has more parts than its image'],
  ['with a layer twice', () => [[...whole(), two]], order],
  ['before the records of another order', () => [[index, layout, main, config, one, two]], order],
  ['that the archive does not announce', () => [whole(), { image: undefined }], order],
  [
    'whose layer has another checksum',
    () => [[...whole().slice(0, -1), { ...two, name: one.name.replace(/\w$/, 'g') }]],
    'its manifest is invalid',
  ],
  [
    'whose layer is named as another one',
    () => [[...whole().slice(0, -1), file(blob('three').name, 'two')]],
    'in it has another checksum',
  ],
  [
    'with a path that leads elsewhere',
    () => [[...whole(), file('image/blobs/sha256/../../x', 'x')]],
    'its manifest is invalid',
  ],
  [
    'that is another one than announced',
    () => [
      whole().with(1, file(index.name, index.content.toString().replace(said.digest, digestOf(Buffer.from('x'))))),
    ],
    'another one than its manifest says',
  ],
  ['with two images in its index', () => other({ index: { manifests: [{}, {}] } }), 'index.json is invalid'],
  ['whose index is not JSON', () => [whole().with(1, file(index.name, '{'))], 'index.json is not JSON'],
  [
    'of another layout',
    () => [whole().with(0, file(layout.name, '{"imageLayoutVersion":"2.0.0"}'))],
    'a version that is not known',
  ],
  ['for another processor than announced', () => other({ config: { architecture: 'arm64' } }), 'for another platform'],
  ['for another system than announced', () => other({ config: { os: 'windows' } }), 'for another platform'],
  ['whose manifest is not one', () => other({ manifest: { layers: 'x' } }), 'its manifest is invalid'],
  [
    'that is not a container image',
    () =>
      other({
        manifest: {
          config: {
            mediaType: 'text/plain',
            digest: config.name.replace('image/blobs/sha256/', 'sha256:'),
            size: config.content.length,
          },
        },
      }),
    /is missing|not a container image|more parts/,
  ],
  [
    'that is too large',
    () => [[...whole(), blob('x'.repeat(20_000))]],
    'image in it has 1 MB, and this platform allows 0 MB',
  ],
  [
    'of too many parts',
    () => [[...whole(), ...Array.from({ length: 300 }, (_, at) => blob(String(at)))]],
    'its manifest is invalid',
  ],
])('an image %s is refused', async (_, given, message) => {
  await expect(stored(...given())).rejects.toMatchObject({
    code: 'invalid',
    message: expect.stringMatching(message) as string,
  })
})

test('an image of too many parts does not leave', () => {
  const many = memoryImage(
    Array.from({ length: limits.blobs }, (_, at) => String(at)),
    platform,
  )
  expect(() => layoutFiles(many)).toThrow('The image has 257 parts')
})

test('who sends a byte now and then is too slow', async () => {
  const bytes = archive([records, file('slug.tgz', 'x'.repeat(5_000))])
  const trickle = async function* (): AsyncGenerator<Buffer> {
    yield bytes.subarray(0, -5_000)
    for (const byte of bytes.subarray(-5_000)) {
      await sleep(5)
      yield Buffer.from([byte])
    }
  }
  const source = Readable.from(trickle(), { objectMode: false })
  const pace = createPace({ bytes: 2_048, ms: 300 })
  await expect(receive(source, folder, bounds, async () => true, pace)).rejects.toThrow(
    'The archive cannot be imported: less than 2 KB of it moved in 0.3 s. Nothing was changed.',
  )
})

test('who is slow, but not too slow, is not ended', async () => {
  const bytes = archive([records, file('slug.tgz', 'x'.repeat(5_000))])
  const steady = async function* (): AsyncGenerator<Buffer> {
    for (let from = 0; from < bytes.length; from += 500) {
      await sleep(40)
      yield bytes.subarray(from, from + 500)
    }
  }
  const source = Readable.from(steady(), { objectMode: false })
  // All of it takes longer than one of the spans.
  const pace = createPace({ bytes: 1_000, ms: 400 })
  await expect(receive(source, folder, bounds, async () => true, pace)).resolves.toMatchObject({})
})
