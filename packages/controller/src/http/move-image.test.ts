// Does the image that a platform built come along in the archive of its app, and run elsewhere as it is?
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { createMemoryImages, memoryImage, type MemoryImages } from '@deis/ports/testing/memory-images'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { bounds } from '../domain/apps/bounds.ts'
import { destroyApp } from '../domain/apps/apps.ts'
import { insertBuild } from '../domain/builds/build.ts'
import { importApp } from '../domain/move/import.ts'
import { appRow } from '../domain/releases/converge.ts'
import { releaseBuild } from '../domain/releases/release-build.ts'
import { type Fixture, openFixture } from './fixture.ts'

const platform = { os: 'linux', architecture: 'amd64' }
const image = memoryImage(['a base', 'an app'], platform)
const built = `from.test/tea@${image.manifest.digest}`
const there = `own.test/tea@${image.manifest.digest}`

let from: Fixture
let to: Fixture
let images: { from: MemoryImages; to: MemoryImages }
let ann: string
let eve: string

beforeAll(async () => {
  images = { from: createMemoryImages(), to: createMemoryImages() }
  from = await openFixture({ slugs: false, builder: { images: images.from } })
  to = await openFixture({ slugs: false, builder: { images: images.to } })
  images.from.all.set(built, image)
  await from.user('root')
  await to.user('root')
  ;[ann, eve] = [await from.user('ann'), await to.user('eve')]
  await from.call('POST', '/v2/apps/', { id: 'tea' }, ann)
  await deploy({ source: 'git', image: built, reference: built })
  await from.call('POST', '/v2/apps/tea/config/', { values: { GREETING: 'hello' } }, ann)
  await from.call('POST', '/v2/apps/tea/domains/', { domain: 'tea.example.org' }, ann)
})
afterAll(async () => {
  await from.close()
  await to.close()
})
beforeEach(async () => {
  for (const app of await to.core.db.app.findMany({})) await destroyApp(to.core, app)
  images.to.all.clear()
})

async function deploy(what: { source: 'git' | 'pull'; image: string; reference: string | null }): Promise<void> {
  const row = await appRow(from.core, 'tea')
  if (!row) throw new Error('there is no app')
  const about = { ...what, sha: 'a'.repeat(40), ref: 'refs/heads/main', dockerfile: 'true', port: 7070 }
  const build = await insertBuild(from.core, row, 'ann', about, { web: 'serve' }, 'succeeded')
  await releaseBuild(from.core, row, build)
}

async function download(query = ''): Promise<{ status: number; archive: Buffer; text: string }> {
  const url = `/v2/apps/tea/export/${query}`
  const answer = await from.server.inject({ method: 'GET', url, headers: { authorization: `token ${ann}` } })
  if (answer.statusCode === 200) expect(Number(answer.headers['content-length'])).toBe(answer.rawPayload.length)
  return { status: answer.statusCode, archive: answer.rawPayload, text: answer.body }
}

async function upload(f: Fixture, archive: Buffer, token: string, query = '') {
  const answer = await f.server.inject({
    method: 'POST',
    url: `/v2/import/${query}`,
    headers: { authorization: `token ${token}`, 'content-type': 'application/x-tar' },
    payload: archive,
  })
  return { status: answer.statusCode, body: JSON.parse(answer.body) as { detail: string; version: number } }
}

it('runs there by the same digest, and its releases go on', async () => {
  const { archive } = await download()
  const { status, body } = await upload(to, archive, eve)
  expect([status, body]).toMatchObject([201, { version: 4, built: null }])
  expect(to.memory.applied('tea')).toMatchObject({
    release: 4,
    artifact: { kind: 'image', reference: there, launcher: 'none' },
    env: { GREETING: 'hello' },
  })
  expect(images.to.all.get(there)?.manifest).toEqual(image.manifest)
  const back = await to.call('POST', '/v2/apps/tea/releases/rollback/', { version: 2 }, eve)
  expect(back.body).toEqual({ version: 5 })
  expect(to.memory.applied('tea')).toMatchObject({ release: 5, artifact: { reference: there } })
  expect(await to.core.db.build.findMany({ select: { image: true, reference: true, port: true } })).toEqual([
    { image: there, reference: there, port: 7070 },
  ])
  expect(await readdir(join(to.core.config.dataDir, 'moves'))).toEqual([])
})

it('is left out on request, and for another processor; then a commit is needed', async () => {
  const { archive } = await download('?image=0')
  expect(archive.length).toBeLessThan((await download()).archive.length)
  const without = await upload(to, archive, eve)
  expect([without.status, without.body.detail]).toEqual([
    400,
    expect.stringContaining(
      'v3 cannot be run here: The image is not in the archive, and its commit aaaaaaaa is not in',
    ),
  ])
  const arm = await openFixture({
    slugs: false,
    builder: { images: createMemoryImages({ os: 'linux', architecture: 'arm64' }) },
  })
  const other = await upload(arm, (await download()).archive, await arm.user('root'))
  await arm.close()
  expect([other.status, other.body.detail]).toEqual([
    400,
    expect.stringContaining('The image is for linux/amd64, and this platform runs linux/arm64, and its commit'),
  ])
  expect(images.to.all.size).toBe(0)
})

it('leaves nothing when it cannot be stored', async () => {
  const { write } = images.to
  Object.assign(images.to, { write: () => Promise.reject(new Error('the disk is full')) })
  const { status, body } = await upload(to, (await download()).archive, eve)
  Object.assign(images.to, { write })
  expect([status, body.detail]).toEqual([
    503,
    'The image of "tea" could not be stored here, and nothing was changed: the disk is full',
  ])
  expect(await to.core.db.app.count()).toBe(0)
})

it('does not leave when it is gone, and the app leaves without it', async () => {
  images.from.all.delete(built)
  const { status, text } = await download()
  expect([status, text]).toEqual([400, expect.stringContaining('To export the app without it: --without-image')])
  expect((await download('?image=0')).status).toBe(200)
  images.from.all.set(built, image)
})

it('comes along when only the engine had it, and stays a reference when a registry has it', async () => {
  const id = `sha256:${'b'.repeat(64)}`
  images.from.all.set(id, image)
  await deploy({ source: 'pull', image: 'shop:1', reference: id })
  const { body } = await upload(to, (await download()).archive, eve)
  expect(body).toMatchObject({ built: null })
  expect(to.memory.applied('tea')).toMatchObject({ artifact: { reference: there } })
  const pulled = `registry.test/acme/tea@${image.manifest.digest}`
  await deploy({ source: 'pull', image: 'acme/tea:1', reference: pulled })
  const { archive } = await download()
  expect(archive.includes('oci-layout')).toBe(false)
  expect((await upload(to, archive, eve, '?app=coffee&domains=0')).status).toBe(201)
  await deploy({ source: 'git', image: built, reference: built })
})

it('leaves its domains behind on request', async () => {
  await to.call('POST', '/v2/apps/', { id: 'milk' }, eve)
  await to.call('POST', '/v2/apps/milk/domains/', { domain: 'tea.example.org' }, eve)
  const { archive } = await download()
  const refused = await upload(to, archive, eve)
  expect([refused.status, refused.body.detail]).toEqual([
    400,
    expect.stringMatching(/tea\.example\.org[^]*without its domains and their certificates: --without-domains$/),
  ])
  const { status, body } = await upload(to, archive, eve, '?domains=0')
  expect([status, body]).toMatchObject([
    201,
    { warnings: ['These domains stayed behind: tea.example.org. deis domains:add adds them here.'] },
  ])
  const { body: domains } = await to.call('GET', '/v2/apps/tea/domains/', undefined, eve)
  expect(domains).toMatchObject({ results: [{ domain: 'tea' }] })
})

it('does not exceed what a user may have, whoever else creates apps meanwhile', async () => {
  await deploy({ source: 'pull', image: 'acme/tea:1', reference: `registry.test/acme/tea@${image.manifest.digest}` })
  const pulled = (await download()).archive
  await deploy({ source: 'git', image: built, reference: built })
  const user = await to.core.db.user.findUniqueOrThrow({ where: { username: 'eve' } })
  const now = new Date()
  const rows = (first: number, count: number) =>
    Array.from({ length: count }, (_, at) => ({
      uuid: `00000000-0000-4000-8000-${String(first + at).padStart(12, '0')}`,
      id: `filler-${first + at}`,
      ownerId: user.id,
      structure: {},
      destroying: false,
      createdAt: now,
      updatedAt: now,
    }))
  await to.core.db.app.createMany({ data: rows(0, bounds.appsOfUser - 1) })
  // The last part is asked for when the import was accepted.
  const source = async function* (): AsyncGenerator<Buffer> {
    yield pulled.subarray(0, -1)
    await to.core.db.app.createMany({ data: rows(bounds.appsOfUser, 1) })
    yield pulled.subarray(-1)
  }
  const caller = { id: user.id, username: 'eve', isSuperuser: false }
  const options = { id: null, owner: null, rebuild: false, withoutDomains: true }
  await expect(importApp(to.core, caller, options, Readable.from(source(), { objectMode: false }))).rejects.toThrow(
    `"eve" has ${bounds.appsOfUser} apps, the maximum`,
  )
  await to.core.db.app.deleteMany({})
})
