// Does an app that is renamed keep everything but its name, as docs/contract/api.md §2.3 says, wholly or not at all?
import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { DeployFailure, NameTaken, type Scheduler } from '@deis/ports/scheduler'
import type { ImageFacts, StoredImage } from '@deis/ports/registry'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { insertBuild } from '../domain/builds/build.ts'
import { buildLogFolder } from '../domain/builds/log.ts'
import { leafCert, leafKey } from '../domain/edge/certs.testing.ts'
import { appRow } from '../domain/releases/converge.ts'
import { releaseBuild } from '../domain/releases/release-build.ts'
import { resumeApps } from '../domain/releases/start.ts'
import { mayPush } from '../domain/accounts/access.ts'
import { type Answer, type Fixture, openFixture } from './fixture.ts'

const digest = `sha256:${'d'.repeat(64)}`
/** What was asked of the backend, and what fails there. */
let calls: string[] = []
let failing: Partial<Record<string, Error>> = {}
let during: (() => Promise<void>) | null = null
let resumed: (app: string) => void = () => {}
const watched = (scheduler: Scheduler): Scheduler => ({
  ...scheduler,
  async prepare(app, signal) {
    if (failing['prepare']) throw failing['prepare']
    await scheduler.prepare(app, signal)
  },
  async apply(formation, signal, progress) {
    calls.push(`apply ${formation.app}`)
    await during?.()
    if (failing[`apply ${formation.app}`]) throw failing[`apply ${formation.app}`]
    await scheduler.apply(formation, signal, progress)
  },
  async resume(formation, signal) {
    resumed(formation.app)
    return scheduler.resume(formation, signal)
  },
  async remove(app, signal) {
    calls.push(`remove ${app}`)
    if (failing[`remove ${app}`]) throw failing[`remove ${app}`]
    await scheduler.remove(app, signal)
  },
})

let f: Fixture
let root: string
let ann: string
beforeEach(async () => {
  calls = []
  failing = {}
  during = null
  f = await openFixture({
    wrap: watched,
    builder: {
      images: {
        platform: { os: 'linux', architecture: 'amd64' },
        read: (reference, use) => use({ manifest: { digest: reference.split('@')[1] } } as StoredImage),
        write: async (app, { manifest }) => ({ reference: `registry.test/${app}@${manifest.digest}` }) as ImageFacts,
      },
    },
  })
  root = await f.user('root')
  ann = await f.user('ann')
  await f.user('bob')
})
afterEach(() => f.close())

const post = async (path: string, body: unknown): Promise<void> => {
  const { status, text } = await f.call('POST', path, body, ann)
  if (status >= 300) throw new Error(`${path}: ${text}`)
}
const rename = (from: string, id: string, token = ann): Promise<Answer> =>
  f.call('POST', `/v2/apps/${from}/rename/`, { id }, token)
const get = async (path: string): Promise<unknown> => (await f.call('GET', path, undefined, ann)).body

/** A build of these sources that is released. */
async function deploy(app: string, image: string, reference: string | null, source: 'git' | 'pull' = 'git') {
  const row = await appRow(f.core, app)
  if (!row) throw new Error('there is no app')
  const about = { source, image, reference, sha: 'abc', ref: 'refs/heads/main', dockerfile: '', port: null } as const
  return releaseBuild(f.core, row, await insertBuild(f.core, row, 'ann', about, { web: 'serve' }, 'succeeded'))
}

async function makeTea(): Promise<string> {
  await post('/v2/apps/', { id: 'tea' })
  await post('/v2/apps/tea/config/', { values: { SECRET: 'of tea' } })
  await deploy('tea', digest, null)
  await post('/v2/apps/tea/scale/', { web: 2 })
  await post('/v2/apps/tea/domains/', { domain: 'tea.example.org' })
  await post('/v2/certs/', { name: 'leaf', certificate: leafCert, key: leafKey })
  await post('/v2/certs/leaf/domain/', { domain: 'tea.example.org' })
  await post('/v2/apps/tea/perms/', { username: 'bob' })
  await post('/v2/apps/tea/drains/', { url: 'https://9.9.9.9/' })
  await post('/v2/apps/tea/settings/', { label: { team: 'drinks' } })
  const repo = join(f.core.config.dataDir, 'repos/tea.git')
  const git = async (...args: string[]): Promise<string> =>
    (
      await promisify(execFile)('git', ['-c', 'user.name=a', '-c', 'user.email=a@b.c', `--git-dir=${repo}`, ...args])
    ).stdout.trim()
  await mkdir(repo, { recursive: true })
  await git('init', '--quiet', '--bare')
  const sha = await git('commit-tree', '-m', 'first', await git('hash-object', '-t', 'tree', '-w', '/dev/null'))
  await git('update-ref', 'refs/heads/main', sha)
  await mkdir(buildLogFolder(f.core, 'tea'), { recursive: true })
  await writeFile(join(buildLogFolder(f.core, 'tea'), 'one.log'), 'built')
  return sha
}

const parts = ['releases/', 'config/', 'builds/', 'perms/', 'drains/', 'settings/', 'tls/', 'whitelist/']
/** Everything that the API says of an app, without its name. */
async function facts(app: string): Promise<unknown> {
  const all = await Promise.all(parts.map((part) => get(`/v2/apps/${app}/${part}`)))
  return JSON.parse(JSON.stringify(all).replaceAll(`"app":"${app}"`, '"app":"…"')) as unknown
}
const domainsOf = async (app: string): Promise<string[]> =>
  ((await get(`/v2/apps/${app}/domains/`)) as { results: { domain: string }[] }).results.map(({ domain }) => domain)

describe('an app that runs', () => {
  it('has many processes, and waits for the requests of all old ones without a warning of Node.js', async () => {
    const warnings: string[] = []
    const warned = ({ stack }: Error): void => void warnings.push(stack ?? '')
    process.on('warning', warned)
    await post('/v2/apps/', { id: 'tea' })
    await deploy('tea', digest, null)
    await post('/v2/apps/tea/scale/', { web: 12 })
    let epoch = ''
    const acknowledge = (seq: number): void => f.core.routes.report({ router: 'r1', port: 80, epoch, seq, busy: [] })
    const end = f.core.routes.subscribe('r1', (event) => {
      if (event.type === 'snapshot') ({ epoch } = event)
      if ('seq' in event) setImmediate(acknowledge, event.seq)
    })
    expect((await rename('tea', 'chai')).status).toBe(200)
    end()
    process.off('warning', warned)
    expect(warnings).toEqual([])
  })

  it('keeps everything, and nothing of the old name is left', async () => {
    const sha = await makeTea()
    const before = await facts('tea')
    const { uuid } = (await get('/v2/apps/tea/')) as { uuid: string }
    calls = []
    const { status, body } = await rename('tea', 'chai')
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { id: 'chai', uuid, owner: 'ann', structure: { web: 2 } },
    })
    // Started under the new name before it ends under the old one.
    expect(calls).toEqual(['apply chai', 'remove tea'])
    expect(await facts('chai')).toEqual(before)
    expect(await domainsOf('chai')).toEqual(['chai', 'tea.example.org'])
    expect(f.memory.applied('chai')).toMatchObject({
      app: 'chai',
      artifact: { kind: 'slug', digest },
      env: { DEIS_APP: 'chai', SECRET: 'of tea' },
    })
    expect((await f.memory.observe('chai')).filter(({ state }) => state === 'up')).toHaveLength(2)
    expect(await f.memory.observe('tea')).toEqual([])
    const repo = join(f.core.config.dataDir, 'repos/chai.git')
    expect((await promisify(execFile)('git', [`--git-dir=${repo}`, 'rev-parse', 'main'])).stdout.trim()).toBe(sha)
    expect(await readFile(join(buildLogFolder(f.core, 'chai'), 'one.log'), 'utf8')).toBe('built')
    const logs = await f.call('GET', '/v2/apps/chai/logs?log_lines=100', undefined, ann)
    expect(logs.text).toContain('ann created initial release')
    expect(logs.text).toContain('ann renamed tea to chai')
    expect((await f.call('GET', '/v2/apps/tea/', undefined, ann)).status).toBe(404)
    const { results } = (await get('/v2/apps/chai/events/')) as { results: { action: string; app: string }[] }
    expect(results[0]).toMatchObject({ action: 'apps.rename', app: 'tea', target: 'chai', result: 'ok' })
    // The name is free, and a release goes on counting.
    await post('/v2/apps/', { id: 'tea' })
    await post('/v2/apps/chai/config/', { values: { MORE: '1' } })
    expect(f.memory.applied('chai')).toMatchObject({ release: 4, env: { MORE: '1' } })
  })

  it('is always reached: routes lead to the new name before those to the old one end', async () => {
    await makeTea()
    const seen: string[] = []
    let epoch = ''
    const leave = f.core.routes.subscribe('router', (event) => {
      if (event.type === 'snapshot') epoch = event.epoch
      if (event.type === 'app')
        seen.push(`${event.app.app}: ${event.app.hosts.join(' ')} ${event.app.upstreams.length}`)
      if (event.type === 'gone') seen.push(`${event.app} is gone`)
      // As a router without requests does.
      const { seq } = event
      setImmediate(() => f.core.routes.report({ router: 'router', epoch, seq, port: 1, busy: [] }))
    })
    await rename('tea', 'chai')
    leave()
    expect(seen.filter((line) => !line.endsWith(' 0'))).toEqual(['chai: chai tea.example.org 2', 'tea is gone'])
  })

  it('gets its images under the new name, those of older releases too', async () => {
    await post('/v2/apps/', { id: 'tea' })
    const images = ['a', 'b'].map((letter) => `sha256:${letter.repeat(64)}`)
    for (const image of images) await deploy('tea', `registry.test/tea@${image}`, `registry.test/tea@${image}`)
    await deploy('tea', 'acme/shop:1', `registry.test/acme@${digest}`, 'pull')
    expect((await rename('tea', 'chai')).status).toBe(200)
    const builds = await f.core.db.build.findMany({ orderBy: { createdAt: 'asc' } })
    expect(builds.map(({ reference }) => reference)).toEqual([
      ...images.map((image) => `registry.test/chai@${image}`),
      `registry.test/acme@${digest}`,
    ])
  })

  it('is left as it was when it does not start under the new name', async () => {
    await makeTea()
    const before = await facts('tea')
    failing['apply chai'] = new DeployFailure('web crashed', ['boom'], 'Look at it.')
    const { status, body } = await rename('tea', 'chai')
    expect(status).toBe(400)
    expect(JSON.stringify(body)).toContain('"tea\\" keeps its name, because it does not run as \\"chai\\": web crashed')
    expect(await facts('tea')).toEqual(before)
    expect(await domainsOf('tea')).toEqual(['tea', 'tea.example.org'])
    expect(await f.core.db.app.count()).toBe(1)
    expect(calls.at(-1)).toBe('remove chai')
    expect(f.core.here.renaming.size).toBe(0)
    // And it can be renamed when that is mended.
    failing = {}
    expect((await rename('tea', 'chai')).status).toBe(200)
  })

  it('does not take what the backend has under that name', async () => {
    await makeTea()
    failing['prepare'] = new NameTaken('There is a namespace "chai" already')
    expect(await rename('tea', 'chai')).toMatchObject({
      status: 409,
      body: { detail: 'There is a namespace "chai" already. Nothing was changed.' },
    })
    expect(calls).not.toContain('remove chai')
    expect(await f.core.db.app.count()).toBe(1)
  })

  it('refuses changes that waited, and pushes meanwhile', async () => {
    await makeTea()
    let waiting: Promise<Answer> | undefined
    during = async () => {
      during = null
      expect(await mayPush(f.core, 'ann', 'tea')).toBe('busy')
      expect(await rename('tea', 'other')).toMatchObject({ status: 409 })
      waiting = f.call('POST', '/v2/apps/tea/config/', { values: { LATE: '1' } }, ann)
      // A second one behind it shows that the first one is in the queue.
      await f.call('GET', '/v2/apps/tea/config/', undefined, ann)
    }
    expect((await rename('tea', 'chai')).status).toBe(200)
    expect([404, 409]).toContain((await waiting)?.status)
    expect(JSON.stringify(await get('/v2/apps/chai/config/'))).not.toContain('LATE')
    expect(await mayPush(f.core, 'ann', 'chai')).toBe('ok')
  })
})

describe('an app without a release', () => {
  it('is renamed too', async () => {
    await post('/v2/apps/', { id: 'tea' })
    expect(await rename('tea', 'chai')).toMatchObject({ status: 200, body: { id: 'chai' } })
    expect(await domainsOf('chai')).toEqual(['chai'])
    expect(calls).toEqual(['remove tea'])
  })

  it('does not get back the platform’s name that was removed', async () => {
    await post('/v2/apps/', { id: 'tea' })
    await f.call('DELETE', '/v2/apps/tea/domains/tea', undefined, ann)
    await rename('tea', 'chai')
    expect(await domainsOf('chai')).toEqual([])
  })
})

describe('is refused', () => {
  it.each([
    ['a name that is not one', 'Not_One', 400, 'App name must start'],
    ['its own name', 'tea', 400, 'the name of the app already'],
    ['the name of another app', 'soup', 400, 'Application with this id already exists.'],
    ['the domain of another app', 'broth', 400, 'broth is already a domain of another app'],
  ])('%s', async (_, id, code, text) => {
    for (const app of ['tea', 'soup']) await post('/v2/apps/', { id: app })
    await f.call('POST', '/v2/apps/soup/domains/', { domain: 'broth' }, root)
    const { status, text: said } = await rename('tea', id)
    expect(status).toBe(code)
    expect(said).toContain(text)
    expect((await f.call('GET', '/v2/apps/tea/', undefined, ann)).status).toBe(200)
  })

  it('while a build runs', async () => {
    await makeTea()
    await f.core.db.build.updateMany({ data: { status: 'running' } })
    expect(await rename('tea', 'chai')).toMatchObject({
      status: 409,
      body: { detail: expect.stringMatching(/^A build of "tea" is running\./) as string },
    })
    await f.core.db.build.updateMany({ data: { status: 'succeeded' } })
    expect((await rename('tea', 'chai')).status).toBe(200)
  })

  it('by collaborators and strangers', async () => {
    await makeTea()
    const bob = await f.user('bob')
    expect((await rename('tea', 'chai', bob)).status).toBe(403)
    expect((await rename('tea', 'chai', root)).status).toBe(200)
  })
})

describe('a controller that still resumes its apps', () => {
  it('leaves the new name alone', async () => {
    await makeTea()
    await post('/v2/apps/', { id: 'zoo' })
    await deploy('zoo', 'busybox', null)
    let resuming = Promise.resolve()
    during = async () => {
      during = null
      // Apps are resumed in the order of their names: "chai" is done when it is at "zoo".
      const atLast = new Promise<void>((resolve) => {
        resumed = (app) => app === 'zoo' && resolve()
      })
      resuming = resumeApps(f.core)
      await atLast
    }
    expect(await rename('tea', 'chai')).toMatchObject({ status: 200, body: { id: 'chai' } })
    await resuming
    expect(await f.core.db.app.findMany({ select: { id: true }, orderBy: { id: 'asc' } })).toEqual([
      { id: 'chai' },
      { id: 'zoo' },
    ])
    expect((await f.memory.observe('chai')).filter(({ state }) => state === 'up')).toHaveLength(2)
    expect(calls).not.toContain('remove chai')
  })
})

describe('a controller that died', () => {
  it('before the names were swapped leaves the app with its old name', async () => {
    await makeTea()
    const now = new Date()
    const { ownerId } = (await appRow(f.core, 'tea'))!
    const left = { uuid: 'left', id: 'chai', ownerId, structure: {}, destroying: true, createdAt: now, updatedAt: now }
    await f.core.db.app.create({ data: left })
    await f.core.scheduler.prepare('chai', new AbortController().signal)
    await resumeApps(f.core)
    expect(await f.core.db.app.findMany({ select: { id: true } })).toEqual([{ id: 'tea' }])
    expect((await f.memory.observe('tea')).filter(({ state }) => state === 'up')).toHaveLength(2)
  })

  it('after that leaves it with the new one', async () => {
    await makeTea()
    failing['remove tea'] = new Error('the backend is away')
    expect((await rename('tea', 'chai')).status).toBe(200)
    expect((await f.call('POST', '/v2/apps/', { id: 'tea' }, ann)).status).toBe(400)
    failing = {}
    await resumeApps(f.core)
    expect(await f.core.db.app.findMany({ select: { id: true } })).toEqual([{ id: 'chai' }])
    expect(await f.memory.observe('tea')).toEqual([])
    expect((await f.memory.observe('chai')).filter(({ state }) => state === 'up')).toHaveLength(2)
  })
})
