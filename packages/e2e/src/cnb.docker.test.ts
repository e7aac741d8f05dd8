// Do Cloud Native Buildpacks build and run apps on Docker, with a stand-in builder and the platform's own registry?
import { createHmac } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { publishTestBuilder } from '@deis/buildpacks/cnb/testing/builder'
import { createRegistry } from '@deis/registry/create'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { newApp } from './app.ts'
import { registered } from './client.ts'
import { cnbWorks, type Stage } from './cnb-steps.ts'
import { docker, type EnginePlatform, startOnDocker, testEngine } from './engine.ts'
import { freePort } from './port.ts'

async function ofBuilds(app: string): Promise<string[]> {
  const filters = [`--filter=label=io.deis.app=${app}`, '--filter=label=io.deis.kind=build', '--quiet']
  const [containers, volumes] = await Promise.all([
    docker('ps', '--all', ...filters),
    docker('volume', 'ls', ...filters),
  ])
  return `${containers}\n${volumes}`.split('\n').filter((line) => line !== '')
}

describe.skipIf(testEngine === null).sequential('on a Docker Engine', () => {
  let platform: EnginePlatform
  let stage: Stage
  beforeAll(async () => {
    const port = await freePort()
    const own = `127.0.0.1:${port}`
    const host = testEngine?.registry ?? ''
    const runImage = `${own}/deis-test/run:1`
    const registry = createRegistry({ insecure: [host], mirrors: {}, credentials: {} })
    const made = await publishTestBuilder(registry, host, { runImage })
    const { builder } = made
    platform = await startOnDocker({
      DEIS_STACK_IMAGE: '',
      DEIS_BUILDER_IMAGE: builder,
      DEIS_DOCKER_REGISTRY_PORT: String(port),
      DEIS_REGISTRY_INSECURE: `${host},${own}`,
    })
    const shop = await newApp(await registered(platform, 'ann'), platform.name('shop'), { 'package.json': '{}' })
    // It starts the registry, which phases of a build reach; the run image is not in it yet.
    expect((await shop.push()).stderr).toContain('deis-test/run')
    // As the controller does: the password is made of the installation's key.
    const key = await readFile(join(platform.dataDir, 'keys/secret.key'), 'utf8')
    const password = createHmac('sha256', Buffer.from(key.trim(), 'hex')).update('registry').digest('base64url')
    const auth = Buffer.from(`deis:${password}`).toString('base64')
    await writeFile(join(platform.folder, 'config.json'), JSON.stringify({ auths: { [own]: { auth } } }))
    const offer = async (image: string): Promise<void> => {
      await docker('pull', '--quiet', image)
      await docker('tag', image, runImage)
      await docker('--config', platform.folder, 'push', '--quiet', runImage)
    }
    await offer(made.run)
    const newRunImage = async (): Promise<void> =>
      offer((await publishTestBuilder(registry, host, { runImage, runVersion: '2' })).run)
    stage = { platform, shop, builder, newRunImage, ofBuilds }
  })
  afterAll(() => platform?.stop())

  cnbWorks(() => stage)
})
