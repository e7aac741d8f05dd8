// Are apps built by Cloud Native Buildpacks on the real cluster, with a stand-in builder?
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  publishTestBuilder,
  type TestBuilderImages,
  type TestBuilderOptions,
} from '@deis/buildpacks/cnb/testing/builder'
import type { Files } from '@deis/buildpacks/testing'
import type { Builder, BuildResult } from '@deis/ports/builder'
import { cnbLauncher, cnbProcess } from '@deis/ports/scheduler'
import { isClusterThere } from '../client/testing.ts'
import { cacheRepositoryOf } from '@deis/container/image-names'
import { openTestCluster, type TestCluster } from './testing.ts'

const host = process.env.TEST_REGISTRY ?? ''
const address = process.env.TEST_NODE_IP ?? ''
const soon = (): AbortSignal => AbortSignal.timeout(10_000)

const app: Files = {
  'package.json': JSON.stringify({
    name: 'x',
    scripts: {
      start: 'echo "web on $PORT, $TEST_LAYER, $TEST_WEB"; from-layer',
      build: 'echo "secret: $SECRET, ci: ${PORT-none}"',
    },
  }),
  Procfile: 'worker: echo "worker in $PWD"\nbad.type: x\n',
  'docs/a.txt': 'a',
  'src/a.txt': 'b',
}

function imageOf({ artifact }: BuildResult): string {
  if (artifact.kind !== 'image') throw new Error('no image')
  return artifact.reference
}

describe.skipIf(!isClusterThere)('Cloud Native Buildpacks on the cluster', () => {
  let t: TestCluster
  let images: TestBuilderImages
  let builder: Builder
  beforeAll(async () => {
    t = await openTestCluster(host, address)
    images = await publishTestBuilder(t.registry, host)
    builder = await another({})
  })
  afterAll(() => t.close())

  /** A platform whose builder is such a one. */
  const another = async (
    options: TestBuilderOptions,
    more: Parameters<TestCluster['another']>[0] = {},
  ): Promise<Builder> => {
    const { builder: image } = await publishTestBuilder(t.registry, host, options)
    return t.another({ cnb: { builder: image, allowed: [], lifecycleImage: null, plain: 'cnb' }, ...more })
  }
  const build = (files: Files, more: Parameters<TestCluster['build']>[1] = {}, by = builder, signal?: AbortSignal) =>
    t.build(files, more, signal, by)
  const nothingLeft = async (name: string): Promise<void> => {
    expect((await t.jobs()).filter(({ metadata }) => metadata?.labels?.app === name)).toEqual([])
  }

  test('an app becomes an image; the next build uses its layers', async () => {
    const config = { SECRET: 'tea', PORT: '9000', CNB_X: '1' }
    const first = await build(app, { config })
    expect(first.output).toMatch(
      /^-----> Building with Cloud Native Buildpacks\n {7}Builder: \S+\/deis-test\/cnb-builder-/,
    )
    expect(first.output).toContain('       Not passed to the build: PORT, CNB_X\n')
    expect(first.output).toContain('\n-----> Detecting\n')
    expect(first.output).toContain('test/node     0.0.1\ntest/procfile 0.0.1\n-----> Building\n')
    expect(first.output).toContain('secret: tea, ci: none\n')
    expect(first.output).toContain("Adding layer 'test/node:deps'\nAdding layer 'test/node:runtime'\n")
    expect(first.output).not.toContain('Adding label')
    expect(first.output).not.toContain('not found')
    expect(first.result).toEqual({
      artifact: {
        kind: 'image',
        reference: expect.stringMatching(`^${t.target}/myapp@sha256:`) as string,
        launcher: 'cnb',
      },
      processes: { web: 'echo "web on $PORT, $TEST_LAYER, $TEST_WEB"; from-layer', worker: 'echo "worker in $PWD"' },
      dockerfile: false,
      port: null,
      cnb: {
        builder: images.builder,
        runImage: images.run,
        runReference: expect.stringMatching(/deis-test\/cnb-run-[0-9a-f]+@sha256:/) as string,
        buildpacks: [
          { id: 'test/node', version: '0.0.1' },
          { id: 'test/procfile', version: '0.0.1' },
        ],
      },
    })
    const again = await build(app, { config, previous: imageOf(first.result) })
    expect(again.output).toContain('Restoring data for "test/node:deps" from cache\n')
    expect(again.output).toContain('Using the dependencies of the last build\nUsing the runtime of the last image\n')
    expect(again.output).toContain("Reusing layer 'test/node:deps'\nReusing layer 'test/node:runtime'\n")
    const fresh = await build(app, { config, previous: imageOf(first.result), noCache: true })
    expect(fresh.output).toContain('Installing dependencies\nInstalling the runtime\n')
    expect(JSON.stringify([await t.jobs(), await t.pods()])).not.toContain('tea')
    const caches = await t.registry.tags(cacheRepositoryOf({ host, organization: t.namespace }, 'myapp'), soon())
    expect([...caches.keys()]).toEqual([expect.stringMatching(/^cnb-/)])
  })

  test('its types, and any command, start by the launcher', async () => {
    const { result } = await build(app, { app: 'starts' })
    const image = imageOf(result)
    const web = await t.run(image, [], undefined, [cnbProcess('web')])
    expect(web).toMatchObject({ log: 'web on , of all, of web\nfrom a layer\n', code: 0 })
    // The only type of the Procfile is the default.
    for (const command of [[cnbProcess('worker')], undefined])
      expect(await t.run(image, [], undefined, command)).toMatchObject({ log: 'worker in /workspace\n' })
    const own = await t.run(image, ['echo "$TEST_LAYER, $TEST_WEB"; from-layer; exit 3'], undefined, [cnbLauncher])
    expect(own).toMatchObject({ log: 'of all, \nfrom a layer\n', code: 3 })
  })

  test('project.toml: what is left out, which buildpacks', async () => {
    const toml =
      '[_]\nschema-version = "0.2"\n[io.buildpacks]\nexclude = ["docs/"]\n[[io.buildpacks.group]]\nid = "test/procfile"\n'
    const files = { ...app, 'project.toml': toml }
    const { result } = await build(files, { app: 'project' })
    expect(result.processes).toEqual({ worker: 'echo "worker in $PWD"' })
    const listed = await t.run(imageOf(result), ['ls'], undefined, [cnbLauncher])
    expect(listed.log).toBe('Procfile\npackage.json\nproject.toml\nsrc\n')
    await expect(build(files, { app: 'project', buildpacks: ['test/none'] })).rejects.toThrow(
      /^The buildpack "test\/none" is not in the builder /,
    )
    await expect(build(files, { app: 'project', builder: 'evil.example.com/builder' })).rejects.toThrow(
      'The builder "evil.example.com/builder" is not one that this platform allows',
    )
  })

  test('nothing detects: which files were looked for', async () => {
    await expect(build({ 'x.txt': '' }, { app: 'none' })).rejects.toThrow(
      `No buildpack of ${images.builder} recognises this app. They look for package.json (test/node), Procfile (test/procfile). Add such a file, a Procfile or a Dockerfile, or name the buildpacks in project.toml.`,
    )
    expect(t.output()).toContain('ERROR: No buildpack groups passed detection.')
    await nothingLeft('none')
  })

  test.each<[string, Files, TestBuilderOptions, string, string]>([
    [
      'the run image is not there',
      app,
      { runImage: 'HOST/deis-test/no-such-run:1' },
      'The registry refused the build: ',
      'ERROR: failed to initialize analyzer',
    ],
    [
      'detect',
      { 'broken-detect': '' },
      {},
      'One of them failed while it looked: its output is above.',
      'this buildpack is broken\n',
    ],
    [
      'build',
      { 'broken-build': '' },
      {},
      'The buildpack test/broken 0.0.1 could not build the app. Its own output above says why.',
      'this app cannot be built\n',
    ],
    [
      'restore',
      app,
      { fails: 'restorer' },
      'What the last build kept could not be restored',
      'building again without it',
    ],
    [
      'export',
      app,
      { fails: 'exporter' },
      'The image could not be pushed to the registry: failed to exporter: told to fail.',
      'ERROR: failed to exporter',
    ],
  ])('a failure says what and where: %s', async (_, files, options, message, output) => {
    const runImage = options.runImage?.replace('HOST', host)
    const broken = await another({ ...options, ...(runImage === undefined ? {} : { runImage }) })
    await expect(build(files, { app: 'failing' }, broken)).rejects.toThrow(message)
    expect(t.output()).toContain(output)
    await nothingLeft('failing')
  })

  test('memory, time, cancel', async () => {
    const small = await another({}, { limits: { memory: '128Mi', cpu: null, disk: null } })
    await expect(build({ hungry: '' }, { app: 'hungry' }, small)).rejects.toThrow(
      'The build ran out of memory (OOMKilled): it may use 128Mi.',
    )
    const quick = await another({}, { timeoutSeconds: 8 })
    await expect(build({ slow: '' }, { app: 'slow' }, quick)).rejects.toThrow(
      'The build took longer than 8 seconds and was stopped',
    )
    const cancel = new AbortController()
    const building = build({ slow: '' }, { app: 'slow' }, builder, cancel.signal)
    await t.said('a slow build begins')
    cancel.abort(new Error('the user wants it no more'))
    await expect(building).rejects.toThrow('the user wants it no more')
    expect((await t.pods()).filter(({ metadata }) => metadata?.labels?.app === 'slow')).toEqual([])
  })

  test('a killed controller leaves a build that the next one ends', async () => {
    const dead = await another({}, { instance: 'dead', alive: async () => false })
    const lost = build({ slow: '' }, { app: 'lost', id: 'lost-cnb' }, dead)
    await t.said('a slow build begins')
    const seen = expect(lost).rejects.toThrow('The pod of the build was deleted from outside')
    const next = await another({}, { instance: 'next', alive: async () => false })
    await next.recover()
    await seen
    await nothingLeft('lost')
  })

  test('a builder that is not one, and what doctor says of both', async () => {
    const cnb = { builder: `${host}/stack:1`, allowed: [], lifecycleImage: null, plain: 'cnb' as const }
    const wrong = await t.another({ cnb })
    await expect(build(app, { app: 'wrong' }, wrong)).rejects.toThrow(
      `The platform cannot build with the builder ${host}/stack:1: it is not an image of Cloud Native Buildpacks that can be read.`,
    )
    const line = async (one: Builder) => (await one.checks()).find(({ name }) => name === 'Cloud Native Buildpacks')
    expect(await line(wrong)).toMatchObject({ status: 'missing' })
    expect(await line(builder)).toMatchObject({ status: 'ok', detail: images.builder })
  })

  test('the phases with credentials may run in the image of the lifecycle alone; forgotten with its app', async () => {
    const apart = await t.another({
      cnb: { builder: 'x', allowed: [images.builder], lifecycleImage: images.lifecycle, plain: 'classic' },
    })
    const { result } = await build(app, { app: 'apart', builder: images.builder }, apart)
    expect(result.processes).toHaveProperty('web')
    const repository = cacheRepositoryOf({ host, organization: t.namespace }, 'apart')
    expect((await t.registry.tags(repository, soon())).size).toBe(1)
    await apart.forget('apart', [imageOf(result)])
    expect((await t.registry.tags(repository, soon())).size).toBe(0)
    await expect(t.registry.inspect(imageOf(result), null, soon())).rejects.toThrow()
  })
})
