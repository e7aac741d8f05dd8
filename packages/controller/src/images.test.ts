// Which images may an app run, and to which registries are its credentials sent?
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Fixture, openFixture } from './http/fixture.ts'

let f: Fixture
let ann: string
let bob: string
beforeAll(async () => {
  f = await openFixture({
    env: { DEIS_REGISTRY_HOSTNAME: 'registry.test', DEIS_REGISTRY_ORGANIZATION: 'apps' },
  })
  await f.user('root')
  ann = await f.user('ann')
  bob = await f.user('bob')
  await f.call('POST', '/v2/apps/', { id: 'tea' }, ann)
  await f.call('POST', '/v2/apps/', { id: 'coffee' }, bob)
})
afterAll(() => f.close())

const pull = (app: string, image: string, token: string) =>
  f.call('POST', `/v2/apps/${app}/builds/`, { image, procfile: { web: 'serve' } }, token)

it.each([
  ['of the app itself', 'registry.test/apps/tea:git-1', 201],
  ['of another’s app', 'registry.test/apps/coffee:git-1', 403],
  ['of an app that no longer exists', 'registry.test/apps/cocoa:git-1', 403],
  ['beside the apps’', 'registry.test/shared/base:1', 201],
  ['of another registry with such a name', 'elsewhere.test/apps/coffee:git-1', 201],
])('an image %s', async (_, image, status) => {
  expect((await pull('tea', image, ann)).status).toBe(status)
})

it('on Docker the registry that the platform runs has images of apps, too', async () => {
  const docker = await openFixture({ env: { DEIS_SCHEDULER: 'docker' } })
  try {
    await docker.user('root')
    const [cat, dog] = [await docker.user('cat'), await docker.user('dog')]
    await docker.call('POST', '/v2/apps/', { id: 'milk' }, cat)
    await docker.call('POST', '/v2/apps/', { id: 'bone' }, dog)
    const body = { image: '127.0.0.1:5211/bone:git-1', procfile: { web: 'serve' } }
    expect((await docker.call('POST', '/v2/apps/milk/builds/', body, cat)).status).toBe(403)
    expect((await docker.call('POST', '/v2/apps/bone/builds/', body, dog)).status).toBe(201)
  } finally {
    await docker.close()
  }
})

it('the app’s credentials go to the registry they are for, and to no other', async () => {
  await f.call(
    'POST',
    '/v2/apps/tea/config/',
    { values: { PORT: '5000' }, registry: { username: 'ann', password: 'pw', hostname: 'private.test' } },
    ann,
  )
  for (const image of ['private.test/x:1', 'evil.test/x:1']) expect((await pull('tea', image, ann)).status).toBe(201)
  expect(f.asked().slice(-2)).toEqual([
    { image: 'private.test/x:1', credentials: { username: 'ann', password: 'pw' } },
    { image: 'evil.test/x:1', credentials: null },
  ])
})

it('an invalid image name is refused with the reason', async () => {
  expect(await pull('tea', 'https://registry.test/x', ann)).toMatchObject({
    status: 400,
    body: { detail: expect.stringContaining('begins with a scheme') },
  })
})
