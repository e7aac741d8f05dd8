// Does an app on Docker run an image of a registry with a password, by the account that its owner names?
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hasDockerRegistry, startRegistry, type TestRegistry, testUser } from '@deis/registry/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newCheckout } from './app.ts'
import { registered } from './client.ts'
import { containersOf, docker, type EnginePlatform, startOnDocker, testEngine } from './engine.ts'
import { ask } from './http.ts'
import { until } from './until.ts'

const { username, password } = testUser

describe.skipIf(testEngine === null || !hasDockerRegistry).sequential('on a Docker Engine', () => {
  let closed: TestRegistry
  let platform: EnginePlatform
  let image: string
  beforeAll(async () => {
    closed = await startRegistry({ auth: 'basic' })
    platform = await startOnDocker({ DEIS_REGISTRY_INSECURE: `${testEngine?.registry},${closed.host}` })
    image = `${closed.host}/${platform.name('tea')}:1`
    const folder = await mkdtemp(join(tmpdir(), 'deis-private-'))
    try {
      const page = 'RUN mkdir /srv && echo private > /srv/index.html'
      const text = `FROM ${platform.registry}/busybox:1\n${page}\nEXPOSE 7070\nCMD ["httpd", "-f", "-p", "7070", "-h", "/srv"]\n`
      await writeFile(join(folder, 'Dockerfile'), text)
      const config = ['--config', join(folder, 'config')]
      await docker(...config, 'build', '--quiet', '--tag', image, folder)
      await docker(...config, 'login', '--username', username, '--password', password, closed.host)
      await docker(...config, 'push', '--quiet', image)
      await docker('rmi', image)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
  afterAll(async () => {
    await platform?.stop()
    await closed?.close()
  })

  test('deis pull is refused without it; with it, the engine pulls the image, also when it has lost it', async () => {
    const app = platform.name('tea')
    const checkout = await newCheckout(await registered(platform, 'ann'), app, { file: 'x' })
    await checkout.does('create', app)
    await checkout.does('config:set', 'PORT=7070')
    expect(await checkout.deis('pull', image)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(image) as string,
    })
    await checkout.does('registry:set', `username=${username}`, `password=${password}`)
    await checkout.does('pull', image)
    const answers = async (): Promise<boolean> => (await ask(platform, app)).body === 'private\n'
    await until({ what: 'it answers' }, answers)
    const [container = ''] = await containersOf(app)
    const pulled = await docker('inspect', '--format', '{{.Config.Image}}', container)
    expect(pulled).toMatch(new RegExp(`^${closed.host}/${app}@sha256:`))
    await checkout.does('scale', 'cmd=0')
    await until({ what: 'nothing runs' }, async () => (await containersOf(app)).length === 0)
    await docker('rmi', pulled)
    await checkout.does('registry:set', `hostname=${closed.host}`)
    await checkout.does('scale', 'cmd=1')
    await until({ what: 'it answers again' }, answers)
    await checkout.does('destroy', `--confirm=${app}`)
    await docker('rmi', pulled)
  })
})
