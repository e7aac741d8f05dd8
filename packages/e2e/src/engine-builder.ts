// How does a platform on the test engine get a builder of Cloud Native Buildpacks that its builds reach?
import { createHmac } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { publishTestBuilder } from '@deis/buildpacks/cnb/testing/builder'
import { createRegistry } from '@deis/registry/create'
import { type Checkout, newApp } from './app.ts'
import { type Person, registered } from './client.ts'
import { docker, type EnginePlatform, startOnDocker, testEngine } from './engine.ts'
import { freePort } from './port.ts'

export type BuilderPlatform = {
  readonly platform: EnginePlatform
  /** What it was started with. */
  readonly settings: Readonly<Record<string, string>>
  readonly builder: string
  readonly ann: Person
  /** An app whose first push failed: it started the registry. */
  readonly shop: Checkout
  /** Puts other content under the name of the run image, as its makers do when it gets security fixes. */
  newRunImage(): Promise<void>
  stop(): Promise<void>
}

/** The run image is in the platform's own registry, which phases of a build reach; the builder in that of the tests. */
export async function startWithBuilder(): Promise<BuilderPlatform> {
  const port = await freePort()
  const own = `127.0.0.1:${port}`
  const host = testEngine?.registry ?? ''
  const repository = `${own}/deis-test/run`
  const runImage = `${repository}:1`
  const registry = createRegistry({ insecure: [host], mirrors: {}, credentials: {} })
  const made = await publishTestBuilder(registry, host, { runImage })
  const settings = {
    DEIS_STACK_IMAGE: '',
    DEIS_BUILDER_IMAGE: made.builder,
    DEIS_DOCKER_REGISTRY_PORT: String(port),
    DEIS_REGISTRY_INSECURE: `${host},${own}`,
  }
  const platform = await startOnDocker(settings)
  const ann = await registered(platform, 'ann')
  const shop = await newApp(ann, platform.name('shop'), { 'package.json': '{}' })
  // It starts the registry; the run image is not in it yet.
  const { stderr } = await shop.push()
  if (!stderr.includes('deis-test/run')) throw new Error(`the first push did not miss the run image: ${stderr}`)
  // As the controller does: the password is made of the installation's key.
  const key = await readFile(join(platform.dataDir, 'keys/secret.key'), 'utf8')
  const password = createHmac('sha256', Buffer.from(key.trim(), 'hex')).update('registry').digest('base64url')
  const credentials = { [own]: { username: 'deis', password } }
  const both = createRegistry({ insecure: [host, own], mirrors: {}, credentials })
  // Not by way of the engine, where other tests use the same image.
  const offer = async (image: string): Promise<void> => {
    const signal = AbortSignal.timeout(120_000)
    await both.readStored(image, (stored) => both.writeStored(repository, '1', stored, signal), signal)
  }
  await offer(made.run)
  return {
    platform,
    settings,
    builder: made.builder,
    ann,
    shop,
    newRunImage: async () => offer((await publishTestBuilder(registry, host, { runImage, runVersion: '2' })).run),
    async stop() {
      await platform.stop()
      // The engine has pulled it by its digest, for the first build.
      const [name = ''] = made.builder.split(/:\d+$/)
      const copies = await docker('images', '--digests', '--format', '{{.Repository}}@{{.Digest}}', name)
      for (const copy of copies.split('\n').filter((line) => line !== '')) await docker('rmi', copy)
    },
  }
}
