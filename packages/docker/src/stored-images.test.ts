// Is an archive of images whole, as engines of either kind write it?
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { create } from 'tar'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { imagesIn } from './stored-images.ts'

let folder: string
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'deis-images-'))))
afterEach(() => rm(folder, { recursive: true }))

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const layer = 'what is in a layer'
const config = JSON.stringify({ rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(layer)}`] } })
const id = `sha256:${sha256(config)}`

async function read(files: Readonly<Record<string, string>>, links: Readonly<Record<string, string>> = {}) {
  for (const path of [...Object.keys(files), ...Object.keys(links)])
    await mkdir(dirname(join(folder, 'a', path)), { recursive: true })
  for (const [path, text] of Object.entries(files)) await writeFile(join(folder, 'a', path), text)
  for (const [path, to] of Object.entries(links)) await symlink(to, join(folder, 'a', path))
  await create({ cwd: join(folder, 'a'), file: join(folder, 'all.tar') }, await readdir(join(folder, 'a')))
  return imagesIn(join(folder, 'all.tar'), new AbortController().signal)
}

const list = (Config: string, Layers: readonly string[]): string => JSON.stringify([{ Config, RepoTags: null, Layers }])
const old = (more: Readonly<Record<string, string>> = {}) => ({
  'manifest.json': list(`${sha256(config)}.json`, ['b/layer.tar']),
  [`${sha256(config)}.json`]: config,
  'a/layer.tar': layer,
  ...more,
})
const twice = { 'b/layer.tar': '../a/layer.tar' }
const blob = (text: string): string => `blobs/sha256/${sha256(text)}`

test('of 20.10, where a layer that comes twice is a link', async () => {
  expect([...(await read(old(), twice))]).toEqual([id])
})

test('of 25 and later, where everything is named by its content', async () => {
  const files = { 'manifest.json': list(blob(config), [blob(layer)]), [blob(config)]: config, [blob(layer)]: layer }
  expect(await read(files)).toContain(id)
  await rm(folder, { recursive: true })
  await expect(read({ ...files, [blob(layer)]: 'another one' })).rejects.toThrow('content that its name says')
})

test.each([
  ['a layer that was changed', { ...old(), 'a/layer.tar': 'another one' }, 'content that its image says'],
  [
    'a layer that is missing',
    old({ 'manifest.json': list(`${sha256(config)}.json`, ['c/layer.tar']) }),
    'c/layer.tar is',
  ],
  ['a config that is missing', old({ 'manifest.json': list('x.json', []) }), 'x.json is not what'],
  ['no list', { x: '' }, 'it has no list of images'],
])('%s is refused', async (_, files, why) => {
  await expect(read(files, twice)).rejects.toThrow(why)
})

test('a config that was changed is another image', async () => {
  const other = await read(old({ [`${sha256(config)}.json`]: `${config} ` }), twice)
  expect([...other]).not.toContain(id)
})
