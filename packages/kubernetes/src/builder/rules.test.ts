// Do the pure rules of builds on a cluster hold: names, manifests, build arguments, registries, what is pruned?
import { Readable } from 'node:stream'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKube } from '../client/client.ts'
import { dockerConfig } from '../cluster/registry-credentials.ts'
import { testArchiver } from '@deis/machine/archive-testing'
import { createRegistry } from '@deis/registry/create'
import { tarOf } from '@deis/buildpacks/testing'
import { buildArguments, buildTarget } from '@deis/container/build-arguments'
import { buildDockerfile, registriesConf } from './dockerfile-build.ts'
import { dockerfileJob } from './dockerfile-job.ts'
import { createHandOff } from './handoff.ts'
import { appsOf, unneeded } from '@deis/container/registry-images'
import { cacheRepositoryOf, imageTag, repositoryOf, tagTime } from '@deis/container/image-names'
import { jobName } from './names.ts'
import { complete, type JobBuilderOptions } from './options.ts'
import type { BuildContext } from './context.ts'
import { slugJob } from './slug-job.ts'
import { isDockerfileApp, keepSource, processesOf } from '@deis/container/source'

const sha = '0123456789abcdef0123456789abcdef01234567'
const target = { host: 'r.example:5000', organization: 'deis' }

const options: JobBuilderOptions = {
  kube: createKube({
    send: () => Promise.reject(new Error('no cluster')),
    dial: () => Promise.reject(new Error('no cluster')),
    close: () => {},
  }),
  registry: createRegistry({ insecure: [], mirrors: {}, credentials: {} }),
  archiver: testArchiver,
  handOff: createHandOff(() => 'http://controller'),
  images: { stack: 'stack', run: 'run', buildah: 'buildah', tools: null },
  target,
  credentials: null,
  insecure: [],
  timeoutSeconds: 600,
  limits: { memory: '1Gi', cpu: '2', disk: '4Gi' },
  cacheFolder: '/nowhere',
  instance: 'c-1',
  alive: async () => true,
  runnerFile: '/nowhere/runner.js',
  log: () => {},
}

describe('names', () => {
  test.each([
    ['slugbuild', 'a', /^slugbuild-a-01234567-[0-9a-f]{8}$/],
    ['slugbuild', 'x'.repeat(60), /^slugbuild-x{35}-01234567-[0-9a-f]{8}$/],
    ['dockerbuild', 'x'.repeat(60), /^dockerbuild-x{33}-01234567-[0-9a-f]{8}$/],
  ] as const)('%s of %s', (kind, app, pattern) => {
    const name = jobName(kind, { app, sha, id: 'b1' })
    expect(name).toMatch(pattern)
    expect(name.length).toBeLessThanOrEqual(63)
    expect(jobName(kind, { app, sha, id: 'b2' })).not.toBe(name)
  })
  test('a tag says when', () => {
    const tag = imageTag({ sha, id: 'b1' }, new Date(1_700_000_000_999))
    expect(tag).toMatch(/^git-01234567-1700000000-[0-9a-f]{8}$/)
    expect(tagTime(tag)?.getTime()).toBe(1_700_000_000_000)
    expect(tagTime('latest')).toBeNull()
    expect(tagTime('git-01234567')).toBeNull()
  })
  test('repositories', () => {
    expect(repositoryOf(target, 'app')).toBe('r.example:5000/deis/app')
    expect(repositoryOf({ host: 'r', organization: '' }, 'app')).toBe('r/app')
    expect(cacheRepositoryOf(target, 'app')).toBe('r.example:5000/deis/app/cache')
  })
})

describe('what is pruned', () => {
  const now = 1_700_010_000_000
  const old = 'git-01234567-1700000000-aaaaaaaa'
  const young = 'git-01234567-1700009999-bbbbbbbb'
  test.each([
    ['old and unknown', { [old]: 'd1' }, [], ['d1']],
    ['kept by a release', { [old]: 'd1' }, ['d1'], []],
    ['of a release in the making', { [young]: 'd1' }, [], []],
    ['old and young', { [old]: 'd1', [young]: 'd1' }, [], []],
    ['tagged by somebody', { [old]: 'd1', stable: 'd1', other: 'd2' }, [], []],
  ])('%s', (_, tags, keep, expected) => {
    expect(unneeded(new Map(Object.entries(tags)), (digest) => keep.includes(digest as never), now)).toEqual(expected)
  })
  test('apps are found by their references', () => {
    const references = ['r.example:5000/deis/a@sha256:1', 'r.example:5000/deis/b@sha256:2', 'elsewhere/deis/c@sha256:3']
    expect([...appsOf(target, [...references, 'sha256:4', 'r.example:5000/deis/a/cache@sha256:5'])]).toEqual(['a', 'b'])
  })
})

describe('Jobs', () => {
  const urls = { runner: 'http://c/runner', order: 'http://c/order' }
  const slug = slugJob(complete(options), { name: 'slugbuild-a', app: 'a', build: 'b1', urls })
  const docker = (more: Partial<JobBuilderOptions> = {}): ReturnType<typeof dockerfileJob> =>
    dockerfileJob(complete({ ...options, ...more }), {
      name: 'dockerbuild-a',
      app: 'a',
      build: 'b1',
      urls,
      image: 'r/deis/a:git-1',
      cache: null,
      target: null,
      noCache: false,
    })

  test.each([
    ['slug', slug],
    ['Dockerfile', docker()],
  ])('every %s Job is bounded, ours, and alone', (_, job) => {
    expect(job.metadata?.labels).toEqual({
      heritage: 'deis',
      app: 'a',
      'deis.io/build': 'b1',
      'deis.io/controller': 'c-1',
    })
    expect(job.spec).toMatchObject({ backoffLimit: 0, activeDeadlineSeconds: 630, ttlSecondsAfterFinished: 600 })
    const pod = job.spec?.template.spec
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      restartPolicy: 'Never',
    })
    for (const container of [...(pod?.initContainers ?? []), ...(pod?.containers ?? [])]) {
      expect(container.resources?.limits).toEqual({ memory: '1Gi', cpu: '2', 'ephemeral-storage': '4Gi' })
      expect(container.securityContext?.privileged ?? false).toBe(false)
    }
  })
  test('a slug is built without any privilege', () => {
    const pod = slug.spec?.template.spec
    expect(pod?.securityContext).toEqual({
      runAsNonRoot: true,
      runAsUser: 1000,
      runAsGroup: 1000,
      fsGroup: 1000,
      seccompProfile: { type: 'RuntimeDefault' },
    })
    for (const container of [...(pod?.initContainers ?? []), ...(pod?.containers ?? [])])
      expect(container.securityContext).toEqual({ allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } })
  })
  test('of a Dockerfile only the containers of buildah do without the profiles of the runtime', () => {
    const template = docker().spec?.template
    const { initContainers = [], containers = [] } = template?.spec ?? {}
    const free = [...initContainers, ...containers].filter(
      ({ securityContext }) => securityContext?.seccompProfile?.type === 'Unconfined',
    )
    expect(free.map(({ name }) => name)).toEqual(['build', 'push'])
    for (const { securityContext } of free) expect(securityContext?.appArmorProfile).toEqual({ type: 'Unconfined' })
    // Kubernetes before 1.30 has no such field; later ones demand that both agree.
    expect(template?.metadata?.annotations).toEqual({
      'container.apparmor.security.beta.kubernetes.io/build': 'unconfined',
      'container.apparmor.security.beta.kubernetes.io/push': 'unconfined',
    })
    expect(slug.spec?.template.metadata?.annotations).toBeUndefined()
  })
  test('only the first container knows addresses', () => {
    for (const job of [slug, docker()]) {
      const { initContainers = [], containers = [] } = job.spec?.template.spec ?? {}
      const [fetch, ...others] = [...initContainers, ...containers]
      expect(JSON.stringify(fetch)).toContain('http://c/order')
      expect(JSON.stringify(others)).not.toContain('http://c/')
    }
  })
  test('credentials are where nothing of the user runs', () => {
    const job = docker({ credentials: { username: 'u', password: 'p' } })
    const { initContainers = [], containers = [], volumes = [], imagePullSecrets } = job.spec?.template.spec ?? {}
    expect(JSON.stringify(volumes)).toContain('deis-build-registry')
    expect(imagePullSecrets).toEqual([{ name: 'deis-build-registry' }])
    expect(initContainers.flatMap(({ volumeMounts = [] }) => volumeMounts.map(({ name }) => name))).not.toContain(
      'auth',
    )
    expect(containers.flatMap(({ volumeMounts = [] }) => volumeMounts.map(({ name }) => name))).toContain('auth')
    expect(JSON.stringify(job)).not.toContain('"p"')
    expect(JSON.stringify(docker())).not.toContain('deis-build-registry')
  })
  test('node comes from the tools image where there is one', () => {
    const settings = complete({ ...options, images: { ...options.images, tools: 'tools' } })
    const { initContainers = [], containers = [] } =
      slugJob(settings, { name: 'n', app: 'a', build: 'b', urls }).spec?.template.spec ?? {}
    expect(initContainers[0]?.image).toBe('tools')
    expect(containers[0]).toMatchObject({ image: 'stack', command: ['/deis/node', '/deis/runner.mjs', 'build'] })
    expect(slug.spec?.template.spec?.containers[0]?.command?.[0]).toBe('node')
  })
  test('an instance that is not a label value is refused', () => {
    expect(() => complete({ ...options, instance: 'a/b' })).toThrow('is not a valid label value')
  })
})

describe('Dockerfile builds', () => {
  test.each([
    ['not asked for', { A: '1' }, { args: {}, skipped: [] }],
    [
      'all of the config',
      { DEIS_DOCKER_BUILD_ARGS_ENABLED: '', A: '1', name: '2' },
      { args: { DEIS_DOCKER_BUILD_ARGS_ENABLED: '', A: '1', name: '2' }, skipped: [] },
    ],
    [
      'not what steers the tools',
      {
        DEIS_DOCKER_BUILD_ARGS_ENABLED: '1',
        PATH: '/x',
        LD_PRELOAD: 'y',
        __cache: 'z',
        BUILDKIT_SYNTAX: 's',
        'a-b': 'c',
        HTTP_PROXY: 'p',
      },
      {
        args: { DEIS_DOCKER_BUILD_ARGS_ENABLED: '1', HTTP_PROXY: 'p' },
        skipped: ['PATH', 'LD_PRELOAD', '__cache', 'BUILDKIT_SYNTAX', 'a-b'],
      },
    ],
  ])('build arguments: %s', (_, config, expected) => {
    expect(buildArguments(config as Record<string, string>)).toEqual(expected)
  })
  test.each([
    [{}, null],
    [{ DEIS_DOCKER_BUILD_TARGET: '' }, null],
    [{ DEIS_DOCKER_BUILD_TARGET: 'web-1.x_y' }, 'web-1.x_y'],
    [{ DEIS_DOCKER_BUILD_TARGET: '0' }, '0'],
  ])('the stage of %j: %j', (config, expected) => {
    expect(buildTarget(config)).toBe(expected)
  })
  test.each(['-x', 'a b', 'a\n', '$(id)', 'x'.repeat(129)])('%j is not a stage', (DEIS_DOCKER_BUILD_TARGET) => {
    expect(() => buildTarget({ DEIS_DOCKER_BUILD_TARGET })).toThrow('is not the name of a stage')
  })
  test('a release command of the Procfile is named as not run, before anything is built', async () => {
    const said = async (procfile: string): Promise<string> => {
      let text = ''
      const context = {
        settings: complete(options),
        request: { id: 'b1', app: 'a', sha, config: {}, noCache: false },
        source: { dockerfile: true, buildpacks: false, project: null, procfile },
        sourceFile: '/nowhere',
        now: new Date(0),
        write: (more: string) => void (text += more),
        signal: new AbortController().signal,
      }
      await expect(buildDockerfile(context as unknown as BuildContext)).rejects.toThrow('no cluster')
      return text
    }
    const line = ' !     The release command of the Procfile is not run by a push: run it yourself, with `deis run`.\n'
    expect(await said('web: x\nrelease: migrate\n')).toContain(line)
    expect(await said('web: x\n')).not.toContain('release')
  })
  test('registries.conf', () => {
    expect(registriesConf({ insecure: ['r:5000', 'm'], mirrors: { 'docker.io': 'm/hub' } })).toBe(
      [
        'unqualified-search-registries = ["docker.io"]',
        'short-name-mode = "disabled"',
        '',
        '[[registry]]',
        'location = "r:5000"',
        'insecure = true',
        '',
        '[[registry]]',
        'location = "m"',
        'insecure = true',
        '',
        '[[registry]]',
        'location = "docker.io"',
        'insecure = false',
        '[[registry.mirror]]',
        'location = "m/hub"',
        'insecure = true',
        '',
      ].join('\n'),
    )
  })
  test('credentials by host', () => {
    const config = JSON.parse(dockerConfig({ r: { username: 'u', password: 'p' } })) as object
    expect(config).toEqual({ auths: { r: { auth: 'dTpw' } } })
    expect(dockerConfig({ 'docker.io': { username: 'u', password: 'p' } })).toContain('https://index.docker.io/v1/')
  })
})

describe('the source', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'deis-source-'))
  })
  afterAll(() => rm(folder, { recursive: true }))
  const keep = (tar: Buffer): ReturnType<typeof keepSource> =>
    keepSource(testArchiver, Readable.from([tar]), join(folder, 'x.tar'), new AbortController().signal)

  test('is looked through and kept as it came', async () => {
    const tar = await tarOf({ Dockerfile: 'FROM x', Procfile: 'web: x\n', 'sub/.buildpacks': '' })
    expect(await keep(tar)).toEqual({ dockerfile: true, buildpacks: false, project: null, procfile: 'web: x\n' })
    expect((await readFile(join(folder, 'x.tar'))).equals(tar)).toBe(true)
    expect(await keep(await tarOf({ '.buildpacks': 'x', 'Dockerfile/x': '', 'project.toml': '[_]\n' }))).toEqual({
      dockerfile: false,
      buildpacks: true,
      project: '[_]\n',
      procfile: null,
    })
  })
  test('is refused when it is not a tar', async () => {
    await expect(keep(Buffer.alloc(2048, 'x'))).rejects.toThrow('The source cannot be unpacked:')
  })
  test('its Procfile is read by the rules', async () => {
    expect(processesOf({ dockerfile: true, buildpacks: false, project: null, procfile: null })).toEqual({})
    expect(() => processesOf({ dockerfile: true, buildpacks: false, project: null, procfile: '-web: x' })).toThrow(
      'Procfile line 1:',
    )
  })
  test.each([
    [{ dockerfile: true, buildpacks: false }, {}, true],
    [{ dockerfile: true, buildpacks: true }, {}, false],
    [{ dockerfile: true, buildpacks: false }, { BUILDPACK_URL: 'x' }, false],
    [{ dockerfile: false, buildpacks: false }, {}, false],
  ])('%j with %j is a Dockerfile app: %s', (source, config, expected) => {
    expect(isDockerfileApp(source, config as Record<string, string>)).toBe(expected)
  })
})
