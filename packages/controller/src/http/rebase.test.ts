// Does an app get another run image as a release of its own, only where that is possible, and what does its image consist of?
import { PassThrough } from 'node:stream'
import { afterEach, expect, it } from 'vitest'
import { BuildFailure, type Builder, type BuildResult, type RebaseRequest, type SbomRequest } from '@deis/ports/builder'
import { ImageError } from '@deis/ports/registry'
import { receivePush } from '../domain/builds/push.ts'
import { type Fixture, openFixture } from './fixture.ts'

let f: Fixture
afterEach(() => f.close())

const reference = (digit: string): string => `registry.test/tea@sha256:${digit.repeat(64)}`
const run = (digit: string): string => `heroku/heroku@sha256:${digit.repeat(64)}`
const facts = {
  builder: 'heroku/builder:24',
  runImage: 'heroku/heroku:24',
  runReference: run('a'),
  buildpacks: [{ id: 'heroku/nodejs', version: '5.7.6' }],
  procfileTypes: ['worker'],
}
const processes = { web: 'node .', worker: 'node worker' }

async function open(more: Partial<Builder> = {}, env: Record<string, string> = {}) {
  let builds = 0
  f = await openFixture({
    env,
    builder: {
      cnb: true,
      build: async (): Promise<BuildResult> => ({
        artifact: { kind: 'image', reference: reference(String(++builds)), launcher: 'cnb' },
        processes,
        dockerfile: false,
        port: null,
        cnb: facts,
      }),
      ...more,
    },
  })
  const ann = await f.user('ann')
  await f.call('POST', '/v2/apps/', { id: 'tea' }, ann)
  return {
    ann,
    ask: async (method: string, of: string, body?: object, who = ann) => {
      const answer = await f.call(method, `/v2/apps/tea/${of}`, body, who)
      return [answer.status, answer.body] as const
    },
    push: async (sha = '1'.repeat(40)): Promise<void> =>
      receivePush(f.core, {
        app: 'tea',
        username: 'ann',
        address: null,
        sha,
        ref: 'refs/heads/master',
        options: [],
        submodules: [],
        withSubmodules: null,
        source: () => new PassThrough().end(),
        output: () => {},
        signal: new AbortController().signal,
        ended: Promise.resolve(),
      }),
  }
}

it('the new image is a build and a release, which runs as the old one did, and is rolled back', async () => {
  const asked: RebaseRequest[] = []
  const { ask, push } = await open({
    rebase: async (request) => {
      asked.push(request)
      return { reference: reference('9'), runReference: run('b') }
    },
  })
  await push()
  await ask('POST', 'scale/', { web: 2, worker: 1 })
  const [status, answer] = await ask('POST', 'rebase/', {})
  const { build } = answer as { build: string }
  expect([status, answer]).toEqual([
    200,
    { rebased: true, version: 3, build, run_image: 'heroku/heroku:24', run_reference: run('b') },
  ])
  expect(asked).toEqual([
    {
      id: build,
      app: 'tea',
      sha: '1'.repeat(40),
      image: reference('1'),
      runImage: 'heroku/heroku:24',
      credentials: null,
    },
  ])
  expect(f.memory.applied('tea')).toMatchObject({
    artifact: { kind: 'image', reference: reference('9'), launcher: 'cnb' },
    processes: { web: { command: null, replicas: 2 }, worker: { command: 'node worker', replicas: 1 } },
  })
  expect(await ask('GET', `builds/${build}/`)).toMatchObject([
    200,
    {
      source: 'rebase',
      status: 'succeeded',
      owner: 'ann',
      sha: '11111111',
      image: reference('9'),
      procfile: processes,
      cnb: { builder: facts.builder, run_image: 'heroku/heroku:24', run_reference: run('b') },
    },
  ])
  expect(await ask('GET', 'releases/v3/')).toMatchObject([200, { build, summary: 'ann rebased onto heroku/heroku:24' }])
  expect(await ask('POST', 'releases/rollback/', { version: 2 })).toEqual([201, { version: 4 }])
  expect(f.memory.applied('tea')).toMatchObject({ artifact: { reference: reference('1') } })
})

it('another image is asked for with the credentials of the app for its registry only, and remembered', async () => {
  const asked: RebaseRequest[] = []
  const { ask, push } = await open({
    rebase: async (request) => {
      asked.push(request)
      return { reference: reference('9'), runReference: run('b') }
    },
  })
  await push()
  const credentials = { username: 'bob', password: 'tea' }
  await ask('POST', 'config/', { values: { PORT: '5000' }, registry: { ...credentials, hostname: 'r.test' } })
  for (const run_image of ['r.test/run:2', ' q.test/run:2 ', null]) await ask('POST', 'rebase/', { run_image })
  expect(asked.map(({ runImage, credentials }) => [runImage, credentials])).toEqual([
    ['r.test/run:2', credentials],
    ['q.test/run:2', null],
    ['q.test/run:2', null],
  ])
})

it('when it is current, nothing is changed', async () => {
  const { ask, push } = await open({ rebase: async () => null })
  await push()
  const before = await ask('GET', 'releases/')
  expect(await ask('POST', 'rebase/', {})).toMatchObject([200, { rebased: false, version: 2, run_reference: run('a') }])
  expect(await ask('GET', 'releases/')).toEqual(before)
  expect(await ask('GET', 'builds/')).toMatchObject([200, { count: 1 }])
})

it('what was deployed meanwhile is not taken back', async () => {
  const { ask, push } = await open({
    rebase: async () => {
      await push('2'.repeat(40))
      return { reference: reference('9'), runReference: run('b') }
    },
  })
  await push()
  expect(await ask('POST', 'rebase/', {})).toMatchObject([
    409,
    { detail: expect.stringContaining('"tea" was deployed while its run image was changed') as string },
  ])
  expect(await ask('GET', 'releases/')).toMatchObject([200, { count: 3 }])
  expect(await ask('GET', 'builds/')).toMatchObject([200, { count: 2 }])
  expect(f.memory.applied('tea')).toMatchObject({ artifact: { reference: reference('2') } })
})

it.each([
  [new BuildFailure('The app cannot run on it.'), 409, 'The app cannot run on it.'],
  [new ImageError('it is not there', 'check the name'), 400, 'it is not there\ncheck the name'],
])('what the registry says is told: %s', async (error, status, detail) => {
  const { ask, push } = await open({ rebase: () => Promise.reject(error), sbom: () => Promise.reject(error) })
  await push()
  expect(await ask('POST', 'rebase/', {})).toEqual([status, { detail }])
  const [, builds] = await ask('GET', 'builds/')
  const [{ uuid } = { uuid: '' }] = (builds as { results: { uuid: string }[] }).results
  expect(await ask('GET', `builds/${uuid}/sbom/`)).toEqual([status, { detail }])
  expect(await ask('GET', 'releases/')).toMatchObject([200, { count: 2 }])
})

it('only what Cloud Native Buildpacks built, by those who may use the app, on images that they may use', async () => {
  const { ask, push } = await open(
    { rebase: async () => null },
    { DEIS_REGISTRY_HOSTNAME: 'registry.test', DEIS_REGISTRY_ORGANIZATION: 'own' },
  )
  expect(await ask('POST', 'rebase/', {})).toMatchObject([
    422,
    { detail: '"tea" runs no build yet. Deploy with git push.' },
  ])
  await ask('POST', 'builds/', { image: 'x:1' })
  expect(await ask('POST', 'rebase/', {})).toMatchObject([
    422,
    { detail: expect.stringContaining('was not made by Cloud Native Buildpacks') as string },
  ])
  await push()
  const bob = await f.user('bob')
  expect((await ask('POST', 'rebase/', {}, bob))[0]).toBe(403)
  await f.call('POST', '/v2/apps/', { id: 'bobs' }, bob)
  const cat = await f.user('cat')
  await ask('POST', 'perms/', { username: 'cat' })
  expect(await ask('POST', 'rebase/', { run_image: 'registry.test/own/bobs:1' }, cat)).toMatchObject([
    403,
    { detail: expect.stringContaining('belongs to the app "bobs"') as string },
  ])
  expect(await ask('POST', 'rebase/', {}, cat)).toMatchObject([200, { rebased: false }])
  for (const [body, status] of [
    [{ run_image: 'https://x' }, 400],
    [{ run_image: 5 }, 400],
    [{ run_image: '' }, 400],
    [{ run_image: 'x'.repeat(301) }, 400],
  ] as const)
    expect((await ask('POST', 'rebase/', body))[0]).toBe(status)
})

it('where nothing builds like that, it is refused', async () => {
  const { ask, push } = await open({ cnb: false })
  await push()
  expect(await ask('POST', 'rebase/', {})).toEqual([
    422,
    { detail: expect.stringContaining('does not build with Cloud Native Buildpacks') as string },
  ])
})

it('the bill of materials is that of the build, in the format that was asked for', async () => {
  const asked: SbomRequest[] = []
  const { ask, push } = await open({
    sbom: async (request) => {
      asked.push(request)
      return request.format === 'syft' ? [] : [{ buildpack: 'heroku/nodejs', layer: null, text: '{"a":1}' }]
    },
  })
  await push()
  await ask('POST', 'builds/', { image: 'x:1' })
  const [, builds] = await ask('GET', 'builds/')
  const uuids = (builds as { results: { uuid: string; source: string }[] }).results
  const of = (source: string): string => uuids.find((one) => one.source === source)?.uuid ?? ''
  const documents = [{ buildpack: 'heroku/nodejs', layer: null, text: '{"a":1}' }]
  expect(await ask('GET', `builds/${of('git')}/sbom/`)).toEqual([200, { format: 'cyclonedx', documents }])
  expect(await ask('GET', `builds/${of('git')}/sbom/?format=spdx`)).toEqual([200, { format: 'spdx', documents }])
  expect(asked).toEqual(
    ['cyclonedx', 'spdx'].map((format) => ({ image: reference('1'), format, buildpacks: facts.buildpacks })),
  )
  expect(await ask('GET', `builds/${of('git')}/sbom/?format=syft`)).toMatchObject([
    404,
    { detail: expect.stringContaining('in the format syft: its buildpacks wrote none') as string },
  ])
  expect(await ask('GET', `builds/${of('git')}/sbom/?format=xml`)).toEqual([
    400,
    { format: ['The format is one of cyclonedx, spdx, syft.'] },
  ])
  expect((await ask('GET', `builds/${of('pull')}/sbom/`))[0]).toBe(422)
  expect((await ask('GET', 'builds/none/sbom/'))[0]).toBe(404)
})
