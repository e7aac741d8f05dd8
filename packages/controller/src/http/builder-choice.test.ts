// May an app choose how Cloud Native Buildpacks build it, and do its builds get that?
import { PassThrough } from 'node:stream'
import { afterEach, expect, it } from 'vitest'
import type { BuildRequest, BuildResult } from '@deis/ports/builder'
import { receivePush } from '../domain/builds/push.ts'
import { type Fixture, openFixture } from './fixture.ts'

let f: Fixture
afterEach(() => f.close())

const path = '/v2/apps/tea/settings/'
const reference = (digit: string): string => `registry.test/tea@sha256:${digit.repeat(64)}`
const facts = {
  builder: 'heroku/builder:24',
  runImage: 'heroku/heroku:24',
  runReference: `heroku/heroku@sha256:${'a'.repeat(64)}`,
  buildpacks: [{ id: 'heroku/nodejs', version: '5.7.6' }],
}

async function open(cnb: boolean, requests: BuildRequest[] = []) {
  f = await openFixture({
    env: { DEIS_BUILDER_IMAGES: 'heroku/builder:26,docker.io/acme/builder' },
    builder: {
      ...(cnb ? { cnb } : {}),
      build: async (request): Promise<BuildResult> => {
        requests.push(request)
        return {
          artifact: { kind: 'image', reference: reference(String(requests.length)), launcher: 'cnb' },
          processes: { web: 'node .', worker: 'node worker' },
          dockerfile: false,
          port: null,
          cnb: facts,
        }
      },
    },
  })
  const ann = await f.user('ann')
  await f.call('POST', '/v2/apps/', { id: 'tea' }, ann)
  return {
    set: async (body: object) => {
      const answer = await f.call('POST', path, body, ann)
      return [answer.status, answer.body]
    },
    shown: async () => (await f.call('GET', path, undefined, ann)).body,
    ask: async (method: string, of: string, body?: object) =>
      (await f.call(method, `/v2/apps/tea/${of}`, body, ann)).body,
    push: async (sha: string): Promise<string> => {
      let said = ''
      await receivePush(f.core, {
        app: 'tea',
        username: 'ann',
        address: null,
        sha,
        ref: 'refs/heads/master',
        options: [],
        submodules: [],
        withSubmodules: null,
        source: () => new PassThrough().end(),
        output: (text) => void (said += text),
        signal: new AbortController().signal,
        ended: Promise.resolve(),
      })
      return said
    },
  }
}

it('it chooses among what the operator allows, and takes that back', async () => {
  const { set, shown } = await open(true)
  expect(await shown()).toMatchObject({ builder: null, buildpacks: [] })
  expect(await set({ builder: 'docker.io/heroku/builder:26' })).toMatchObject([201, { builder: 'heroku/builder:26' }])
  expect(await set({ builder: 'acme/builder:latest' })).toMatchObject([201, { builder: 'docker.io/acme/builder' }])
  expect(await set({ buildpacks: ['heroku/nodejs@5.7.6', ' heroku/procfile '] })).toMatchObject([
    201,
    { builder: 'docker.io/acme/builder', buildpacks: ['heroku/nodejs@5.7.6', 'heroku/procfile'] },
  ])
  expect(await set({ maintenance: true })).toMatchObject([201, { builder: 'docker.io/acme/builder' }])
  expect(await set({ builder: null, buildpacks: [] })).toMatchObject([201, { builder: null, buildpacks: [] }])
  expect(await set({ builder: null })).toEqual([409, { detail: 'ann changed nothing' }])
})

it('what cannot be is refused, and nothing is changed', async () => {
  const { set, shown } = await open(true)
  const before = await shown()
  const allowed = 'heroku/builder:24, heroku/builder:26, docker.io/acme/builder'
  for (const [body, field, message] of [
    [
      { builder: 'evil/builder:1' },
      'builder',
      `This platform does not allow the builder "evil/builder:1". Choose one of ${allowed}, or ask the operator to allow it (DEIS_BUILDER_IMAGES).`,
    ],
    [
      { builder: 'https://x' },
      'builder',
      '"https://x" is not the name of an image: it begins with a scheme; leave that out.',
    ],
    [{ builder: '' }, 'builder', expect.any(String)],
    [{ builder: 5 }, 'builder', expect.any(String)],
    [{ builder: 'x'.repeat(301) }, 'builder', expect.any(String)],
    [
      { buildpacks: ['https://github.com/heroku/heroku-buildpack-go'] },
      'buildpacks',
      expect.stringContaining('BUILDPACK_URL'),
    ],
    [{ buildpacks: ['a/b@1', 'a/b'] }, 'buildpacks', 'The buildpack "a/b" is named twice.'],
    [
      { buildpacks: Array.from({ length: 51 }, (_, i) => `a/${i}`) },
      'buildpacks',
      'At most 50 buildpacks are allowed.',
    ],
    [{ buildpacks: Array.from({ length: 101 }, (_, i) => `a/${i}`) }, 'buildpacks', expect.any(String)],
  ] as const)
    expect(await set(body)).toEqual([400, expect.objectContaining({ [field]: [message] })])
  expect(await shown()).toEqual(before)
})

it('where nothing builds like that, a choice is refused', async () => {
  const { set } = await open(false)
  for (const body of [{ builder: 'heroku/builder:24' }, { buildpacks: ['heroku/nodejs'] }])
    expect(await set(body)).toEqual([
      400,
      {
        detail: expect.stringContaining(
          'does not build with Cloud Native Buildpacks, so nothing was changed',
        ) as string,
      },
    ])
  expect(await set({ builder: null })).toEqual([409, { detail: 'ann changed nothing' }])
})

it('builds get it, and the image that runs; the release starts types of the image by themselves', async () => {
  const requests: BuildRequest[] = []
  const { set, ask, push } = await open(true, requests)
  await push('1'.repeat(40))
  await set({ builder: 'heroku/builder:26', buildpacks: ['heroku/nodejs'] })
  await push('2'.repeat(40))
  expect(requests[0]).not.toHaveProperty('builder')
  expect(requests[0]).not.toHaveProperty('previous')
  expect(requests[1]).toMatchObject({
    builder: 'heroku/builder:26',
    buildpacks: ['heroku/nodejs'],
    previous: reference('1'),
  })
  expect(f.memory.applied('tea')).toMatchObject({
    artifact: { kind: 'image', reference: reference('2'), launcher: 'cnb' },
    port: 5000,
    processes: { web: { command: null, replicas: 1 } },
  })
  expect(await f.core.db.build.findMany({ select: { cnb: true } })).toEqual([{ cnb: facts }, { cnb: facts }])
  const { results } = (await ask('GET', 'builds/?limit=1')) as { results: object[] }
  expect(results).toMatchObject([
    {
      source: 'git',
      cnb: {
        builder: facts.builder,
        run_image: facts.runImage,
        run_reference: facts.runReference,
        buildpacks: facts.buildpacks,
      },
    },
  ])
  expect(await ask('POST', 'scale/', { worker: 1 })).toBeNull()
  expect(f.memory.applied('tea')?.processes.worker).toMatchObject({ command: null, replicas: 1 })
  expect(await ask('POST', 'releases/rollback/', { version: 2 })).toEqual({ version: 4 })
  expect(f.memory.applied('tea')).toMatchObject({ artifact: { reference: reference('1'), launcher: 'cnb' } })
})
