// Does an app that is exported arrive elsewhere as docs/contract/api.md §3.17 says, wholly or not at all?
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import type { Builder, BuildRequest } from '@deis/ports/builder'
import { DeployFailure } from '@deis/ports/scheduler'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { destroyApp } from '../domain/apps/apps.ts'
import { insertBuild } from '../domain/builds/build.ts'
import { leafCert, leafKey } from '../domain/edge/certs.testing.ts'
import { appRow } from '../domain/releases/converge.ts'
import { releaseBuild } from '../domain/releases/release-build.ts'
import { type Answer, type Fixture, openFixture } from './fixture.ts'

const slug = Buffer.from('this stands for a gzipped tar of an app')
const digest = `sha256:${createHash('sha256').update(slug).digest('hex')}`

async function download(
  f: Fixture,
  app: string,
  token: string,
): Promise<{ status: number; archive: Buffer; text: string }> {
  const answer = await f.server.inject({
    method: 'GET',
    url: `/v2/apps/${app}/export/`,
    headers: { authorization: `token ${token}` },
  })
  if (answer.statusCode === 200) expect(Number(answer.headers['content-length'])).toBe(answer.rawPayload.length)
  return { status: answer.statusCode, archive: answer.rawPayload, text: answer.body }
}

async function upload(f: Fixture, archive: Buffer, token: string, query = ''): Promise<Answer> {
  const { statusCode, body, headers } = await f.server.inject({
    method: 'POST',
    url: `/v2/import/${query}`,
    headers: { authorization: `token ${token}`, 'content-type': 'application/x-tar' },
    payload: archive,
  })
  return { status: statusCode, text: body, body: JSON.parse(body) as unknown, headers }
}

/** An app with one of everything. Returns the commit that it runs. */
async function fill(f: Fixture, token: string, app = 'tea'): Promise<string> {
  const post = async (path: string, body: unknown): Promise<void> => {
    const { status, text } = await f.call('POST', path, body, token)
    if (status >= 300) throw new Error(`${path}: ${text}`)
  }
  await post('/v2/apps/', { id: app })
  const repo = join(f.core.config.dataDir, 'repos', `${app}.git`)
  const git = async (...args: string[]): Promise<string> =>
    (
      await promisify(execFile)('git', ['-c', 'user.name=a', '-c', 'user.email=a@b.c', `--git-dir=${repo}`, ...args])
    ).stdout.trim()
  await mkdir(repo, { recursive: true })
  await git('init', '--quiet', '--bare')
  const file = join(f.core.config.dataDir, 'Procfile')
  await writeFile(file, 'web: node server.js')
  const blob = await git('hash-object', '-w', file)
  await git('update-index', '--add', '--cacheinfo', `100644,${blob},Procfile`)
  const sha = await git('commit-tree', '-m', 'first', await git('write-tree'))
  await git('update-ref', 'refs/heads/main', sha)
  await post(`/v2/apps/${app}/config/`, {
    values: { SECRET: 'of tea', PORT: '5000' },
    memory: { web: '64M' },
    cpu: { web: '500m' },
    tags: {},
    registry: { username: 'ann', password: 'registry password' },
    healthcheck: { web: { livenessProbe: { tcpSocket: { port: 5000 } } } },
  })
  await post(`/v2/apps/${app}/config/`, { values: { HEALTHCHECK_URL: '/ok' } })
  f.slugs.all.set(digest, slug)
  const row = await appRow(f.core, app)
  if (!row) throw new Error('there is no app')
  const about = {
    source: 'git',
    image: digest,
    reference: null,
    sha,
    ref: 'refs/heads/main',
    dockerfile: '',
    port: null,
  } as const
  const procfile = { web: 'node server.js', worker: 'node worker.js' }
  await releaseBuild(f.core, row, await insertBuild(f.core, row, 'ann', about, procfile, 'succeeded'))
  await post(`/v2/apps/${app}/scale/`, { web: 2, worker: 1 })
  await post('/v2/certs/', { name: 'leaf', certificate: leafCert, key: leafKey })
  await post(`/v2/apps/${app}/domains/`, { domain: 'tea.example.org' })
  await post('/v2/certs/leaf/domain/', { domain: 'tea.example.org' })
  await post(`/v2/apps/${app}/perms/`, { username: 'bob' })
  await post(`/v2/apps/${app}/perms/`, { username: 'cal' })
  await post(`/v2/apps/${app}/settings/`, {
    maintenance: true,
    label: { team: 'drinks' },
    autoscale: { worker: { min: 1, max: 3, cpu_percent: 50 } },
  })
  await post(`/v2/apps/${app}/whitelist/`, { addresses: ['10.0.0.0/8'] })
  await post(`/v2/apps/${app}/tls/`, { https_enforced: true, hsts: 300 })
  return sha
}

/** What users see of an app, without what is new at each installation. */
async function seen(f: Fixture, token: string, app: string): Promise<Record<string, unknown>> {
  const get = async (path: string): Promise<unknown> =>
    (await f.call('GET', `/v2/apps/${app}/${path}`, undefined, token)).body
  const fresh = new Set(['uuid', 'created', 'updated', 'app', 'owner', 'config', 'build', 'id'])
  const plain = (value: unknown): unknown =>
    Array.isArray(value)
      ? value.map(plain)
      : typeof value === 'object' && value !== null
        ? Object.fromEntries(
            Object.entries(value)
              .filter(([key]) => !fresh.has(key))
              .map(([key, one]) => [key, plain(one)]),
          )
        : value
  const names = ['', 'config/', 'domains/', 'settings/', 'whitelist/', 'tls/', 'perms/', 'releases/'] as const
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, plain(await get(name))] as const)))
}

describe('moving an app', () => {
  let from: Fixture
  let to: Fixture
  let ann: string
  let there: Record<'root' | 'eve', string>
  let sha: string
  let archive: Buffer
  const built: BuildRequest[] = []
  let fails: Error | null = null
  const build: Builder['build'] = async (request, output) => {
    built.push(request)
    output('-----> building\n')
    if (fails) throw fails
    const source = (await buffer(request.source())).toString('latin1')
    if (!source.includes('web: node server.js')) throw new Error('the source is another one')
    return {
      artifact: { kind: 'image', reference: `own.test/${request.app}@sha256:${'e'.repeat(64)}`, launcher: 'slug' },
      processes: { web: 'node built.js' },
      dockerfile: false,
      port: null,
    }
  }
  let deploys: Error | null = null
  beforeAll(async () => {
    from = await openFixture()
    to = await openFixture({
      builder: { build },
      wrap: (scheduler) => ({
        ...scheduler,
        apply: (formation, ...rest) => (deploys ? Promise.reject(deploys) : scheduler.apply(formation, ...rest)),
      }),
    })
    await from.user('root')
    ann = await from.user('ann')
    await from.user('bob')
    await from.user('cal')
    there = { root: await to.user('root'), eve: await to.user('eve') }
    await to.user('bob')
    sha = await fill(from, ann)
    const answer = await download(from, 'tea', ann)
    expect(answer.status, answer.text).toBe(200)
    archive = answer.archive
  })
  afterAll(async () => {
    await from.close()
    await to.close()
  })
  const clean = async (): Promise<void> => {
    for (const app of await to.core.db.app.findMany({})) await destroyApp(to.core, app)
    await to.core.db.certificate.deleteMany({})
  }
  afterEach(clean)
  const nothingChanged = async (): Promise<void> => {
    expect(await to.core.db.app.count()).toBe(0)
    expect(await to.core.db.certificate.count()).toBe(0)
    expect(await to.core.db.domain.count()).toBe(0)
    expect(await readdir(join(to.core.config.dataDir, 'moves'))).toEqual([])
    expect(
      (await readdir(join(to.core.config.dataDir, 'repos'))).filter((name) => name.endsWith('.git') && name !== '.git'),
    ).toEqual([])
  }

  it('everything of it arrives, releases go on, and it runs', async () => {
    const { status, body } = await upload(to, archive, there.eve)
    expect(body).toMatchObject({
      app: { id: 'tea', owner: 'eve', structure: { web: 2, worker: 1 } },
      version: 5,
      built: null,
      warnings: [expect.stringContaining('cal')],
    })
    expect(status).toBe(201)
    expect(to.memory.applied('tea')).toMatchObject({
      release: 5,
      artifact: { kind: 'slug', digest },
      env: { SECRET: 'of tea', WORKFLOW_RELEASE: 'v5' },
      processes: { web: { replicas: 2, memory: '64M', command: 'node server.js' }, worker: { replicas: 1 } },
    })
    expect(to.slugs.all.get(digest)).toEqual(slug)
    const [before, after] = [await seen(from, ann, 'tea'), await seen(to, there.eve, 'tea')]
    const { 'releases/': oldReleases, 'perms/': perms, ...rest } = before
    expect(perms).toEqual({ users: ['bob', 'cal'] })
    expect(after).toMatchObject({ ...rest, 'perms/': { users: ['bob'] } })
    const [first, ...others] = (after['releases/'] as { results: unknown[] }).results
    expect(first).toMatchObject({ version: 5, summary: 'eve imported tea from localhost', failed: false })
    expect(others).toEqual((oldReleases as { results: unknown[] }).results)
    const { body: cert } = await to.call('GET', '/v2/certs/leaf', undefined, there.eve)
    expect(cert).toMatchObject({ domains: ['tea.example.org'], owner: 'eve' })
    // It rolls back to a release from before, changes and is exported as any other.
    const back = await to.call('POST', '/v2/apps/tea/releases/rollback/', { version: 4 }, there.eve)
    expect(back.body).toEqual({ version: 6 })
    expect(to.memory.applied('tea')).toMatchObject({ release: 6, artifact: { digest } })
    expect((await to.call('POST', '/v2/apps/tea/config/', { values: { MORE: '1' } }, there.eve)).status).toBe(201)
    const again = await download(to, 'tea', there.eve)
    expect(again.status).toBe(200)
    const returned = await upload(from, again.archive, ann, '?app=tea-copy')
    // The domain and the certificate are still those of the app that it comes from.
    expect([returned.status, returned.text]).toEqual([400, expect.stringContaining('tea.example.org')])
    expect(returned.text).not.toContain('leaf')
  })

  it('has another name, another owner', async () => {
    expect((await upload(to, archive, there.eve, '?owner=bob')).status).toBe(403)
    expect((await upload(to, archive, there.root, '?owner=nobody')).status).toBe(404)
    const { status, body } = await upload(to, archive, there.root, '?owner=bob&app=coffee')
    expect(body).toMatchObject({ app: { id: 'coffee', owner: 'bob' } })
    expect(status).toBe(201)
    const domains = await to.call('GET', '/v2/apps/coffee/domains/', undefined, there.root)
    expect((domains.body as { results: { domain: string }[] }).results.map(({ domain }) => domain)).toEqual([
      'coffee',
      'tea.example.org',
    ])
    expect(await to.core.db.certificate.findMany({ include: { owner: true } })).toMatchObject([
      { name: 'leaf', owner: { username: 'bob' } },
    ])
    expect(await to.core.db.event.findMany({ where: { action: 'apps.import', result: 'ok' } })).toContainEqual(
      expect.objectContaining({ app: 'coffee', actor: 'root' }),
    )
  })

  it('is built again on request, by what this installation builds with', async () => {
    const { body } = await upload(to, archive, there.eve, '?rebuild=1')
    expect(body).toMatchObject({ version: 5, built: 'A new build was asked for' })
    expect(built.at(-1)).toMatchObject({ app: 'tea', sha, config: { SECRET: 'of tea' } })
    expect(to.memory.applied('tea')).toMatchObject({
      release: 5,
      artifact: { kind: 'image', reference: `own.test/tea@sha256:${'e'.repeat(64)}` },
      processes: { web: { replicas: 2, command: 'node built.js' } },
    })
    const back = await to.call('POST', '/v2/apps/tea/releases/rollback/', { version: 4 }, there.eve)
    expect([back.status, back.text]).toEqual([400, expect.stringContaining('its build was left behind')])
    expect(to.memory.applied('tea')).toMatchObject({ release: 5 })
  })

  it('is built again when its image is one that a platform built, and no images come along', async () => {
    const where = { image: digest }
    const stored = await from.core.db.build.findFirstOrThrow({ where })
    const own = `own.test/tea@sha256:${'d'.repeat(64)}`
    await from.core.db.build.update({
      where: { uuid: stored.uuid },
      data: { image: own, reference: own, source: 'rebase' },
    })
    const other = await download(from, 'tea', ann)
    await from.core.db.build.update({
      where: { uuid: stored.uuid },
      data: { image: digest, reference: null, source: 'git' },
    })
    const { body } = await upload(to, other.archive, there.eve)
    expect(body).toMatchObject({ version: 5, built: 'The memory scheduler runs no images' })
    expect(await to.core.db.build.findMany({ select: { image: true }, orderBy: { createdAt: 'asc' } })).toEqual([
      { image: '' },
      { image: `own.test/tea@sha256:${'e'.repeat(64)}` },
    ])
  })

  it('leaves nothing behind when it cannot be built', async () => {
    fails = new Error('no buildpack wants it')
    const { status, text } = await upload(to, archive, there.eve, '?rebuild=1')
    fails = null
    expect([status, text]).toEqual([
      400,
      expect.stringMatching(/nothing was changed: no buildpack wants it.*-----> building/s),
    ])
    await nothingChanged()
  })

  it('says everything that stands against it, and changes nothing', async () => {
    await to.call('POST', '/v2/apps/', { id: 'tea' }, there.root)
    await to.call('POST', '/v2/apps/', { id: 'milk' }, there.root)
    await to.call('POST', '/v2/apps/milk/domains/', { domain: '*.example.org' }, there.root)
    await to.call('POST', '/v2/certs/', { name: 'leaf', certificate: leafCert, key: leafKey }, there.root)
    const { status, body } = await upload(to, archive, there.eve)
    const { detail } = body as { detail: string }
    expect(status).toBe(400)
    expect(detail).toContain('"tea" cannot be imported, and nothing was changed:')
    expect(detail).toContain('An app "tea" exists here already')
    expect(detail).toContain('"tea.example.org" is under "*.example.org"')
    expect(detail).toContain('Another certificate is named "leaf" here')
    expect((await appRow(to.core, 'tea'))?.owner.username).toBe('root')
    await clean()
    await nothingChanged()
  })

  it('stays when it does not run, and says so', async () => {
    deploys = new DeployFailure('web crashed', ['it has no database'], 'Set DATABASE_URL.')
    const { status, text } = await upload(to, archive, there.eve)
    deploys = null
    expect([status, text]).toEqual([
      400,
      expect.stringMatching(/was imported as v5, but it does not run here: web crashed.*no database/),
    ])
    expect((await to.call('POST', '/v2/apps/tea/config/', { values: { DATABASE_URL: 'x' } }, there.eve)).status).toBe(
      201,
    )
    expect(to.memory.applied('tea')).toMatchObject({ release: 6, artifact: { digest } })
  })

  it.each([
    ['a cut archive', (whole: Buffer) => whole.subarray(0, whole.length - 2_000), 'is cut off'],
    [
      'a damaged history',
      (whole: Buffer) => Buffer.from(whole.toString('latin1').replace('PACK', 'KCAP'), 'latin1'),
      'checksum',
    ],
    ['another file', () => Buffer.from('hello'), 'is cut off'],
  ])('%s is refused and leaves nothing', async (_, spoil, message) => {
    const { status, text } = await upload(to, spoil(archive), there.eve)
    expect([status, text]).toEqual([400, expect.stringContaining(message)])
    await nothingChanged()
  })

  it('is for those who may', async () => {
    const bob = await from.user('bob')
    expect((await download(from, 'tea', bob)).status).toBe(403)
    const root = await from.user('root')
    expect((await download(from, 'tea', root)).status).toBe(200)
    expect((await from.call('GET', '/v2/apps/nothing/export/', undefined, ann)).status).toBe(404)
    expect((await from.call('POST', '/v2/import/', undefined)).status).toBe(401)
    expect((await from.call('POST', '/v2/import/', {}, ann)).status).toBe(415)
    expect(
      (
        await from.server.inject({
          method: 'HEAD',
          url: '/v2/apps/tea/export/',
          headers: { authorization: `token ${ann}` },
        })
      ).statusCode,
    ).toBe(200)
  })

  it('other endpoints take no archives', async () => {
    const answer = await from.server.inject({
      method: 'POST',
      url: '/v2/apps/',
      headers: { authorization: `token ${ann}`, 'content-type': 'application/x-tar' },
      payload: archive,
    })
    expect(answer.statusCode).toBe(415)
  })
})

describe('an installation that runs images only', () => {
  it('pulls the images that it can, and refuses those that it cannot', async () => {
    const [from, to] = [await openFixture(), await openFixture({ slugs: false, env: {} })]
    const [ann, eve] = [await from.user('ann'), await to.user('eve')]
    await from.call('POST', '/v2/apps/', { id: 'tea' }, ann)
    await from.call('POST', '/v2/apps/tea/config/', { values: { PORT: '5000' } }, ann)
    await from.call('POST', '/v2/apps/tea/builds/', { image: 'acme/tea:1' }, ann)
    const { archive } = await download(from, 'tea', ann)
    const { status, body } = await upload(to, archive, eve)
    expect([status, body]).toMatchObject([201, { version: 4, built: null }])
    // By the digest that ran before, whatever its tag means now.
    expect(to.asked().at(-1)?.image).toMatch(/^registry\.test\/acme\/tea@sha256:[0-9a-f]{64}$/)
    expect(to.memory.applied('tea')).toMatchObject({ release: 4, artifact: { kind: 'image' } })
    await from.close()
    await to.close()
  })

  it('an installation without images refuses them, and what it cannot enforce', async () => {
    const from = await openFixture()
    const to = await openFixture({ capabilities: { images: false, memoryLimits: false, autoscale: false } })
    const [ann, eve] = [await from.user('ann'), await to.user('eve')]
    await from.call('POST', '/v2/apps/', { id: 'tea' }, ann)
    await from.call('POST', '/v2/apps/tea/config/', { values: { PORT: '5000' }, memory: { cmd: '64M' } }, ann)
    await from.call('POST', '/v2/apps/tea/settings/', { autoscale: { cmd: { min: 1, max: 2, cpu_percent: 50 } } }, ann)
    await from.call('POST', '/v2/apps/tea/builds/', { image: 'acme/tea:1' }, ann)
    const { archive } = await download(from, 'tea', ann)
    const { status, text } = await upload(to, archive, eve)
    expect(status).toBe(400)
    expect(text).toContain('cannot run container images')
    expect(text).toContain('cannot enforce memory limits')
    expect(text).toContain('cannot autoscale')
    expect(await to.core.db.app.count()).toBe(0)
    await from.close()
    await to.close()
  })
})
