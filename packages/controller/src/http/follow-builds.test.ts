// Can a build be followed to its end, and be cancelled, by the users of its app?
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text as textOf } from 'node:stream/consumers'
import type { Build } from '@deis/types'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BuildFailure, type BuildRequest, type BuildResult } from '@deis/ports/builder'
import { buildRow, insertBuild } from '../domain/builds/build.ts'
import { appRow } from '../domain/releases/converge.ts'
import type { Core } from '../domain/core.ts'
import { followBuild } from '../domain/builds/follow-build.ts'
import { createHere } from '../domain/here.ts'
import { receivePush } from '../domain/builds/push.ts'
import type { AppRow } from '../domain/apps/rows.ts'
import { watchPeers } from '../domain/releases/start.ts'
import { type Fixture, openFixture } from './fixture.ts'
import { hub } from './hub-testing.ts'

function result(processes: Record<string, string>): BuildResult {
  const digest = `sha256:${'a'.repeat(64)}`
  return { artifact: { kind: 'slug', digest }, processes, dockerfile: false, port: null }
}

const aPush = {
  app: 'tea',
  username: 'ann',
  address: null,
  sha: 'c'.repeat(40),
  ref: 'refs/heads/main',
  options: [],
  submodules: [],
  withSubmodules: null,
  source: () => Readable.from([]),
  signal: new AbortController().signal,
  ended: Promise.resolve(),
}

/** Resolves when the answer has begun, so that what a test does next cannot come before the request. */
async function follow(f: Fixture, uuid: string, token: string) {
  const answer = await f.server.inject({
    url: `/v2/apps/tea/builds/${uuid}/logs/?follow=1`,
    headers: { authorization: `token ${token}` },
    payloadAsStream: true,
  })
  return { status: answer.statusCode, headers: answer.headers, text: textOf(answer.stream()) }
}

/** What a test makes of a build that goes on. */
type Building = {
  readonly say: (text: string) => void
  readonly signal: AbortSignal
  readonly later: BuildRequest['later']
  succeed(processes?: Record<string, string>): void
  fail(error: Error): void
}

describe('builds that go on', () => {
  let f: Fixture
  let ann: string
  let app: AppRow
  /** Whether the builder finishes what it was told to leave. */
  let isStubborn = false
  let building: (one: Building) => void = () => {}
  beforeAll(async () => {
    f = await openFixture({ env: { DEIS_DEPLOY_TIMEOUT: '2' } })
    await f.user('root')
    ann = await f.user('ann')
    await f.call('POST', '/v2/apps/', { id: 'tea' }, ann)
    app = (await appRow(f.core, 'tea')) as AppRow
    Object.assign(f.core, {
      builder: {
        ...f.core.builder,
        build: ({ later }: BuildRequest, say: (text: string) => void, signal: AbortSignal) =>
          new Promise<BuildResult>((resolve, reject) => {
            signal.addEventListener('abort', () =>
              isStubborn ? resolve(result({ web: 'serve' })) : reject(signal.reason as Error),
            )
            building({ say, signal, later, succeed: (processes = {}) => resolve(result(processes)), fail: reject })
          }),
      },
    })
  })
  afterAll(() => f.close())

  /** A push that has come as far as its builder. `shown` is what git would show. */
  const push = async () => {
    const shown: string[] = []
    const started = new Promise<Building>((resolve) => {
      building = resolve
    })
    let letGo = (): void => {}
    const ended = new Promise<void>((resolve) => {
      letGo = resolve
    })
    const done = receivePush(f.core, { ...aPush, output: (text) => shown.push(text), ended })
      .then(
        () => 'taken',
        (error: Error) => error.message,
      )
      .finally(letGo)
    const one = await started
    const { uuid } = await f.core.db.build.findFirstOrThrow({ where: { status: 'running' } })
    return { ...one, uuid, done, shown }
  }
  const logs = (uuid: string, query = '') => f.call('GET', `/v2/apps/tea/builds/${uuid}/logs/${query}`, undefined, ann)
  const cancel = (uuid: string) => f.call('POST', `/v2/apps/tea/builds/${uuid}/cancel/`, '', ann)
  const status = async (uuid: string): Promise<string> => (await buildRow(f.core, app, uuid)).status
  const left = () => {
    const facts = { source: 'git', image: '', sha: '', ref: '', dockerfile: '', port: null, reference: null } as const
    return insertBuild(f.core, app, 'ann', facts, {}, 'running')
  }

  it('are followed from any moment to the end of their deploy', async () => {
    const { uuid, say, succeed, done } = await push()
    const early = await follow(f, uuid, ann)
    say('-----> one\n-----> tw')
    const middle = await follow(f, uuid, ann)
    say('o\n')
    succeed({ web: 'serve' })
    expect(await done).toBe('taken')
    const whole = await logs(uuid)
    expect(whole.text).toContain('-----> one\n-----> two\nBuild complete.\n')
    expect(whole.text).toContain('Done, tea:v2 deployed to Workflow\n')
    for (const { status: code, text, headers } of [early, middle, await follow(f, uuid, ann)]) {
      expect([code, await text]).toEqual([200, whole.text])
      expect(headers).toMatchObject({ 'content-type': 'text/plain; charset=utf-8', 'deis-follow': '1' })
    }
    expect(whole.headers['deis-follow']).toBeUndefined()
  })

  it('leave files whose deletion delays no push, only the end of the controller', async () => {
    const { later, succeed, done } = await push()
    let finish = (): void => {}
    later?.(() => new Promise((resolve) => (finish = resolve)))
    succeed({ web: 'serve' })
    expect(await done).toBe('taken')
    // The next push of the same app does not wait either.
    const next = await push()
    next.succeed({ web: 'serve' })
    expect(await next.done).toBe('taken')
    finish()
    await Promise.all(f.core.here.deleting)
    expect(f.core.here.deleting.size).toBe(0)
  })

  it('have old slugs and images deleted after the push, by one at a time', async () => {
    await Promise.all(f.core.here.deleting)
    const { builder } = f.core
    let times = 0
    let finish = (): void => {}
    const began = new Promise<void>((resolve) => {
      const prune = (_: ReadonlySet<string>, signal: AbortSignal): Promise<void> => {
        // A controller that stops does not wait for it.
        expect(signal).toBe(f.core.shutdown)
        times++
        resolve()
        return new Promise((done) => (finish = done))
      }
      Object.assign(f.core, { builder: { ...builder, prune } })
    })
    for (let pushes = 0; pushes < 2; pushes++) {
      const { succeed, done } = await push()
      succeed({ web: 'serve' })
      expect(await done).toBe('taken')
      await began
    }
    finish()
    await Promise.all(f.core.here.deleting)
    Object.assign(f.core, { builder })
    expect(times).toBe(1)
  })

  it('say why they failed, and end', async () => {
    const { uuid, fail, done } = await push()
    const following = await follow(f, uuid, ann)
    fail(new BuildFailure('npm install ended with code 1'))
    expect(await following.text).toMatch(/npm install ended with code 1\n$/)
    expect([await done, await status(uuid)]).toEqual(['npm install ended with code 1', 'failed'])
  })

  it('come in whole lines, with heartbeats between them, and whatever the size', async () => {
    const { uuid, say, succeed, done } = await push()
    const options = { signal: new AbortController().signal, isAllowed: async () => true, silenceMs: 30 }
    const readable = await followBuild(f.core, app, uuid, options)
    say('half')
    const big = 'é'.repeat(100_000)
    let got = ''
    let next = 0
    for await (const chunk of readable) {
      got += String(chunk)
      if (next === 0 && /coffee!\n(\.\.\.\n)+$/.test(got)) {
        say(` a line\n${big}\n`)
        next = 1
      }
      if (next === 1 && got.includes(`${big}\n`)) {
        succeed({ web: 'serve' })
        next = 2
      }
    }
    expect(await done).toBe('taken')
    expect(got.replaceAll(/^\.\.\.\n/gm, '')).toBe((await logs(uuid)).text)
    expect(got).toContain('...\nhalf a line\n')
  })

  it('are no longer followed after the permission ended or the client left', async () => {
    const { uuid, succeed, done } = await push()
    const client = new AbortController()
    const [refused, leaving] = await Promise.all([
      followBuild(f.core, app, uuid, { signal: client.signal, isAllowed: async () => false, checkEveryMs: 10 }),
      followBuild(f.core, app, uuid, { signal: client.signal, isAllowed: async () => true }),
    ])
    const soFar = /^(Starting build... but first, coffee!\n)?$/
    expect(await textOf(refused)).toMatch(soFar)
    const told = textOf(leaving)
    client.abort()
    expect(await told).toMatch(soFar)
    succeed({ web: 'serve' })
    await done
  })

  it('are cancelled: the push is declined with the name of who did it, and the next one is taken', async () => {
    const { uuid, done, shown, signal } = await push()
    const following = await follow(f, uuid, ann)
    const before = (await f.call('GET', '/v2/apps/tea/releases/', undefined, ann)).body
    const answer = await cancel(uuid)
    expect([answer.status, answer.body]).toMatchObject([200, { uuid, status: 'canceled', app: 'tea', owner: 'ann' }])
    expect(signal.aborted).toBe(true)
    expect(await done).toBe('ann cancelled this build; nothing was changed.')
    expect(shown.join('')).toBe(
      `Starting build... but first, coffee!\nIf this connection breaks, see the rest with: deis builds:logs ${uuid} --follow --app tea\n`,
    )
    expect(await following.text).toMatch(/\nann cancelled this build; nothing was changed.\n$/)
    expect((await f.call('GET', '/v2/apps/tea/releases/', undefined, ann)).body).toEqual(before)
    expect((await f.call('GET', '/v2/apps/tea/logs', undefined, ann)).text).toContain(
      `INFO ann cancelled build tea-${uuid.slice(0, 7)}\n`,
    )
    const again = await cancel(uuid)
    expect([again.status, again.body]).toEqual([
      409,
      { detail: `Build "${uuid}" is no longer running: it was already cancelled.` },
    ])
    const next = await push()
    next.succeed({ web: 'serve' })
    expect(await next.done).toBe('taken')
    expect((await cancel(next.uuid)).body).toEqual({
      detail: `Build "${next.uuid}" is no longer running: it succeeded. To leave its release, use deis rollback.`,
    })
  })

  it('do not deploy what a builder finishes although it was told to end', async () => {
    const { uuid, done } = await push()
    isStubborn = true
    expect([(await cancel(uuid)).status, await status(uuid)]).toEqual([200, 'canceled'])
    isStubborn = false
    expect(await done).toBe('ann cancelled this build; nothing was changed.')
  })

  it('are cancelled while submodules are fetched for them, and get the source that has them', async () => {
    let fetching: (signal: AbortSignal) => Promise<void> = async () => {}
    let closed = 0
    const source = () => Readable.from(['whole'])
    const withSubmodules = async (say: (text: string) => void, signal: AbortSignal) => {
      say('-----> Fetching submodule lib\n')
      await fetching(signal)
      return { source, submodules: [], close: async () => void closed++ }
    }
    const begin = (): Promise<string> =>
      receivePush(f.core, { ...aPush, output: () => {}, withSubmodules }).then(
        () => 'taken',
        (error: Error) => error.message,
      )
    const stuck = new Promise<void>((resolve) => {
      fetching = (signal) => {
        resolve()
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
      }
    })
    const done = begin()
    await stuck
    const { uuid } = await f.core.db.build.findFirstOrThrow({ where: { status: 'running' } })
    expect([(await cancel(uuid)).status, await done]).toEqual([200, 'ann cancelled this build; nothing was changed.'])
    expect((await logs(uuid)).text).toContain('-----> Fetching submodule lib\n')
    fetching = async () => {
      throw new Error('Submodule "lib" could not be fetched')
    }
    expect([await begin(), closed]).toEqual(['Submodule "lib" could not be fetched', 0])
    fetching = async () => {}
    building = ({ succeed }) => succeed({ web: 'serve' })
    expect([await begin(), closed]).toEqual(['taken', 1])
  })
  it('are not cancelled any more while they are deployed', async () => {
    const { uuid, done, succeed, shown } = await push()
    const launching = expect.poll(() => shown.join(''), { timeout: 10_000 }).toContain('Launching App')
    succeed({ web: 'never-ready' })
    await launching
    const answer = await cancel(uuid)
    expect([answer.status, answer.body]).toEqual([
      409,
      {
        detail: `Build "${uuid}" has succeeded and its release is being deployed. When that has ended, undo it with deis rollback.`,
      },
    ])
    expect(await done).toContain('was not ready within 2 s')
  })

  it('that another controller ended stay so, and are not deployed', async () => {
    const { uuid, done, succeed } = await push()
    await f.core.db.build.update({ where: { uuid }, data: { status: 'abandoned' } })
    succeed({ web: 'serve' })
    expect(await done).toBe('Another controller ended this build; nothing was changed. Push again.')
    expect([await status(uuid), await f.core.db.release.count({ where: { buildUuid: uuid } })]).toEqual([
      'abandoned',
      0,
    ])
  })

  it('that are not there are not found', async () => {
    for (const uuid of ['nope', 'f0000000-0000-4000-8000-000000000000'])
      expect([(await cancel(uuid)).status, (await logs(uuid, '?follow=1')).status]).toEqual([404, 404])
  })

  it('that no controller runs end where they are', async () => {
    const { uuid } = await left()
    expect(await logs(uuid, '?follow=1')).toMatchObject({ status: 200, text: '' })
    const answer = await cancel(uuid)
    expect([answer.status, (answer.body as Build).status]).toEqual([200, 'canceled'])
  })
})

describe('builds of another controller', () => {
  it('are cancelled by way of it, or for it when it is gone; their end is told here', async () => {
    const f = await openFixture()
    try {
      const ann = await f.user('ann')
      await f.call('POST', '/v2/apps/', { id: 'tea' }, ann)
      const app = (await appRow(f.core, 'tea')) as AppRow
      const open = hub()
      Object.assign(f.core, { peers: open('here') })
      let started = (): void => {}
      const other: Core = {
        ...f.core,
        here: createHere(),
        peers: open('there'),
        config: { ...f.core.config, dataDir: join(f.core.config.dataDir, 'there') },
        builder: {
          ...f.core.builder,
          build: (_, __, signal) =>
            new Promise((___, reject) => {
              signal.addEventListener('abort', () => reject(signal.reason as Error))
              started()
            }),
        },
      }
      const endWatching = watchPeers(other)
      const push = async () => {
        const isStarted = new Promise<void>((resolve) => {
          started = resolve
        })
        const done = receivePush(other, { ...aPush, output: () => {} }).catch((error: Error) => error.message)
        await isStarted
        const { uuid } = await f.core.db.build.findFirstOrThrow({ where: { status: 'running' } })
        return { uuid, done }
      }
      const cancel = (uuid: string) => f.call('POST', `/v2/apps/tea/builds/${uuid}/cancel/`, '', ann)
      const first = await push()
      const following = await follow(f, first.uuid, ann)
      expect(await cancel(first.uuid)).toMatchObject({ status: 200, body: { status: 'canceled' } })
      expect(await first.done).toBe('ann cancelled this build; nothing was changed.')
      expect(await following.text).toBe(
        'Another controller runs this build and has its output. This ends when the build does.\n',
      )
      endWatching()
      const facts = { source: 'git', image: '', sha: '', ref: '', dockerfile: '', port: null, reference: null } as const
      const { uuid } = await insertBuild(f.core, app, 'ann', facts, {}, 'running')
      expect(await cancel(uuid)).toMatchObject({ status: 200, body: { status: 'canceled' } })
    } finally {
      await f.close()
    }
  })
})
