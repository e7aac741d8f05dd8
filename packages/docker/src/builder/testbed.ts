// How do tests build apps on the real engine, with a builder of Cloud Native Buildpacks and a registry of their own?
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import {
  publishTestBuilder,
  type TestBuilderImages,
  type TestBuilderOptions,
} from '@deis/buildpacks/cnb/testing/builder'
import { type Files, tarOf } from '@deis/buildpacks/testing'
import { testArchiver } from '@deis/machine/archive-testing'
import type { Builder, BuildRequest, BuildResult } from '@deis/ports/builder'
import type { Registry } from '@deis/ports/registry'
import { createRegistry } from '@deis/registry/create'
import { ofPlatform } from '../labels.ts'
import { openTestbed, type Testbed } from '../scheduler/testbed.ts'
import { createDockerBuilder } from './create.ts'
import type { DockerBuilderOptions } from './options.ts'
import { openOwnRegistry } from './registry.ts'

export type Attempt = { readonly result: BuildResult; readonly output: string }

export type BuilderTestbed = Pick<Testbed, 'docker' | 'platform' | 'prefix' | 'logged'> & {
  readonly registry: Registry
  /** `127.0.0.1:port` of the registry that the builder runs. */
  readonly host: string
  /** Of that registry. */
  readonly password: string
  readonly builder: Builder
  another(options: Partial<DockerBuilderOptions>): Promise<Builder>
  publish(options?: TestBuilderOptions): Promise<TestBuilderImages>
  /** Output so far of the newest build. */
  output(): string
  build(files: Files, more?: Partial<BuildRequest>, signal?: AbortSignal, builder?: Builder): Promise<Attempt>
  /** Containers, volumes and networks that builds left, but caches. */
  left(): Promise<string[]>
  /** What an image prints. */
  run(reference: string, ...args: string[]): Promise<string>
  close(): Promise<void>
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '')

export async function openBuilderTestbed(name: string): Promise<BuilderTestbed> {
  const testbed = await openTestbed(name)
  const { platform, prefix } = testbed
  const { engine, networks, log } = await testbed.options()
  const folder = await mkdtemp(join(tmpdir(), 'deis-docker-builder-'))
  const port = await freePort()
  const host = `127.0.0.1:${port}`
  const testRegistry = process.env.TEST_DOCKER_REGISTRY ?? ''
  const registries = { insecure: [testRegistry], mirrors: {}, credentials: {} }
  const target = { image: 'deis-test/registry:1', port, password: randomBytes(32).toString('base64url') }
  const own = openOwnRegistry({ engine, platform, networks, ...target })
  await own.ensure(AbortSignal.timeout(60_000))
  const auth = Buffer.from(`deis:${target.password}`).toString('base64')
  await writeFile(join(folder, 'config.json'), JSON.stringify({ auths: { [host]: { auth } } }), { mode: 0o600 })
  const docker: Testbed['docker'] = (...args) => testbed.docker('--config', folder, ...args)
  const registry = createRegistry({ ...registries, insecure: [testRegistry, host], credentials: own.credentials })
  const publish = (options: TestBuilderOptions = {}): Promise<TestBuilderImages> =>
    publishTestBuilder(registry, host, { base: `${testRegistry}/stack:1`, ...options })
  const { builder: image } = await publish()
  let folders = 0
  const open = (more: Partial<DockerBuilderOptions> = {}): Promise<Builder> =>
    createDockerBuilder({
      engine,
      platform,
      archiver: testArchiver,
      folder: join(folder, String(folders)),
      stateFolder: join(folder, `state-${folders++}`),
      layerCacheBytes: 1e9,
      buildpackCacheBytes: 1e9,
      appRegistry: async () => ({}),
      registries,
      networks,
      images: { stack: `${testRegistry}/stack:1`, run: `${testRegistry}/stack:1` },
      buildpacks: [],
      maxSlugBytes: 1e9,
      runnerFile: '',
      node: null,
      target,
      cnb: { builder: image, allowed: [], lifecycleImage: null, plain: 'cnb' },
      dockerfileBuilder: 'buildkit',
      frontends: ['docker/dockerfile'],
      timeoutSeconds: 120,
      limits: { memory: '256Mi', cpu: '1' },
      env: {},
      log,
      ...more,
    })
  const builder = await open()
  let text = ''
  const filter = ['--quiet', '--filter', `label=${ofPlatform(platform)}`]
  return {
    docker,
    platform,
    prefix,
    logged: testbed.logged,
    registry,
    host,
    password: target.password,
    builder,
    another: open,
    publish,
    output: () => text,
    async build(files, more = {}, signal = new AbortController().signal, by = builder) {
      // Before anything is awaited: whoever waits for output must not see that of the build before.
      text = ''
      const source = await tarOf(files)
      const request: BuildRequest = {
        id: `b-${randomBytes(6).toString('hex')}`,
        app: `${prefix}app`,
        sha: '0123456789abcdef0123456789abcdef01234567',
        config: {},
        source: () => Readable.from([source]),
        noCache: false,
        ...more,
      }
      const result = await by.build(request, (chunk) => (text += chunk), signal)
      return { result, output: text }
    },
    async left() {
      const kind = ['--filter', 'label=io.deis.kind=build']
      const networks = lines(
        await docker('network', 'ls', '--filter', `label=${ofPlatform(platform)}`, '--format', '{{.Name}}'),
      )
      return [
        ...lines(await docker('ps', '--all', ...filter, ...kind)),
        ...lines(await docker('volume', 'ls', ...filter, ...kind)),
        ...networks.filter((network) => network.startsWith('deis-build.')),
      ]
    },
    run: (reference, ...args) => docker('run', '--rm', ...args.slice(0, -1), reference, ...args.slice(-1)),
    async close() {
      await testbed.remove()
      const images = lines(await docker('images', '--quiet', '--no-trunc', '--filter', `label=${ofPlatform(platform)}`))
      for (const one of new Set(images)) await docker('rmi', '--force', one)
      const copies = lines(await docker('images', '--digests', '--format', '{{.Repository}}@{{.Digest}}', `${host}/*`))
      const deeper = lines(
        await docker('images', '--digests', '--format', '{{.Repository}}@{{.Digest}}', `${host}/*/*`),
      )
      for (const one of [...copies, ...deeper]) await docker('rmi', one)
      const volumes = lines(await docker('volume', 'ls', ...filter))
      if (volumes.length > 0) await docker('volume', 'rm', ...volumes)
      await rm(folder, { recursive: true, force: true })
    },
  }
}
