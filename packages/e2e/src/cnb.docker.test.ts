// Do Cloud Native Buildpacks build and run apps on Docker, with a stand-in builder in the platform's own registry?
import { randomBytes } from 'node:crypto'
import { publishTestBuilder } from '@deis/buildpacks/cnb/testing/builder'
import { createRegistry } from '@deis/registry/create'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { newApp } from './app.ts'
import { registered } from './client.ts'
import { cnbWorks, type Stage } from './cnb-steps.ts'
import { docker, type EnginePlatform, startOnDocker, testEngine } from './engine.ts'
import { freePort } from './port.ts'

describe.skipIf(testEngine === null).sequential('on a Docker Engine', () => {
  let platform: EnginePlatform
  let stage: Stage
  let own = ''
  beforeAll(async () => {
    const port = await freePort()
    own = `127.0.0.1:${port}`
    const builder = `${own}/deis-test/builder-${randomBytes(4).toString('hex')}:1`
    platform = await startOnDocker({
      DEIS_STACK_IMAGE: '',
      DEIS_BUILDER_IMAGE: builder,
      DEIS_DOCKER_REGISTRY_IMAGE: 'deis-test/registry:1',
      DEIS_DOCKER_REGISTRY_PORT: String(port),
      DEIS_REGISTRY_INSECURE: `${testEngine?.registry},${own}`,
    })
    const shop = await newApp(await registered(platform, 'ann'), platform.name('shop'), { 'package.json': '{}' })
    // The first push starts the registry, in which there is no builder yet.
    const first = await shop.push()
    expect(first.stderr).toContain(`image ${builder} not found`)
    const registry = createRegistry({ insecure: [own, testEngine?.registry ?? ''], mirrors: {}, credentials: {} })
    const made = await publishTestBuilder(registry, own, { base: `${testEngine?.registry}/stack:1` })
    await docker('pull', '--quiet', made.builder)
    await docker('tag', made.builder, builder)
    await docker('push', '--quiet', builder)
    stage = { platform, shop, builder }
  })
  afterAll(async () => {
    await platform?.stop()
    const left = await docker('ps', '--all', '--quiet', '--filter', `publish=${own.split(':')[1]}`)
    if (left !== '') await docker('rm', '--force', '--volumes', left)
  })

  cnbWorks(() => stage)
})
