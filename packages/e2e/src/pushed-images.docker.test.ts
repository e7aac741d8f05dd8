// Are images that Docker builds pushed to the operator's registry, pulled again when the engine has lost them, and what if it is closed?
import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { hasDockerRegistry, startRegistry, type TestRegistry, testUser } from '@deis/registry/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Checkout, newApp } from './app.ts'
import { type Person, registered } from './client.ts'
import { containersOf, docker, type EnginePlatform, startOnDocker, testEngine } from './engine.ts'
import { ask } from './http.ts'
import { until } from './until.ts'

const organization = 'of-tests'

describe.skipIf(testEngine === null || !hasDockerRegistry).sequential('on a Docker Engine', () => {
  let closed: TestRegistry
  /** With the registry that has the images which others begin with. */
  let platform: EnginePlatform
  /** With an account, for a registry that goes away. */
  let second: EnginePlatform
  let ann: Person
  beforeAll(async () => {
    closed = await startRegistry({ auth: 'basic' })
    const host = testEngine?.registry ?? ''
    platform = await startOnDocker({ DEIS_REGISTRY_HOSTNAME: host, DEIS_REGISTRY_ORGANIZATION: organization })
    second = await startOnDocker({
      DEIS_REGISTRY_INSECURE: `${host},${closed.host}`,
      DEIS_REGISTRY_HOSTNAME: closed.host,
      DEIS_REGISTRY_USERNAME: testUser.username,
      DEIS_REGISTRY_PASSWORD: testUser.password,
    })
    ann = await registered(platform, 'ann')
  })
  afterAll(async () => {
    await platform?.stop()
    await second?.stop()
    await closed?.close()
  })

  const dockerfile = (page: string): string =>
    [
      `FROM ${platform.registry}/busybox:1`,
      `RUN mkdir /srv && echo ${page} > /srv/index.html`,
      'EXPOSE 7070',
      'CMD ["httpd", "-f", "-p", "7070", "-h", "/srv"]',
      '',
    ].join('\n')
  const imageOf = async (app: string): Promise<string> => {
    const [container = ''] = await containersOf(app)
    return docker('inspect', '--format', '{{.Config.Image}}', container)
  }
  const answers =
    (app: string, text: string, of = platform) =>
    async (): Promise<boolean> =>
      (await ask(of, app)).body.includes(text)

  /** As on a new machine: the engine has nothing of it. */
  const comesBack = async ({ app, does }: Checkout, type: string, text: string): Promise<void> => {
    await until({ what: 'it answers' }, answers(app, text))
    const image = await imageOf(app)
    expect(image).toMatch(new RegExp(`^${platform.registry}/${organization}/${app}@sha256:[0-9a-f]{64}$`))
    await does('scale', `${type}=0`)
    await until({ what: 'nothing runs' }, async () => (await containersOf(app)).length === 0)
    await docker('rmi', '--force', await docker('inspect', '--format', '{{.Id}}', image))
    await does('scale', `${type}=1`)
    await until({ what: 'it answers again' }, answers(app, text))
    expect(await imageOf(app)).toBe(image)
  }

  test('that of a Dockerfile, by BuildKit and by the classic builder', async () => {
    const shop = await newApp(ann, platform.name('shop'), { Dockerfile: dockerfile('first') })
    const output = await shop.deploy()
    expect(output).toContain(`Pushing the image to ${platform.registry}`)
    await comesBack(shop, 'cmd', 'first')
    await shop.commit({ Dockerfile: null, real: dockerfile('second') })
    await symlink('real', join(shop.folder, 'Dockerfile'))
    await shop.commit({})
    expect(await shop.deploy()).toContain('the classic one of Docker')
    await comesBack(shop, 'cmd', 'second')
    await shop.does('rollback', 'v2')
    await until({ what: 'the first answers' }, answers(shop.app, 'first'))
    await shop.does('destroy', `--confirm=${shop.app}`)
    expect(await docker('images', '--quiet', `${platform.registry}/${organization}/${shop.app}`)).toBe('')
  })

  test('that of a slug', async () => {
    const node = await newApp(ann, platform.name('node'))
    await node.deploy({ 'package.json': '{ "name": "node", "private": true }' })
    await comesBack(node, 'web', '"message":"hello"')
    await node.does('destroy', `--confirm=${node.app}`)
  })

  test('when the registry is away, the push says which one and why, and what ran runs on', async () => {
    const late = await newApp(await registered(second, 'bob'), second.name('late'), {
      Dockerfile: dockerfile('before'),
    })
    await late.deploy()
    await until({ what: 'it answers' }, answers(late.app, 'before', second))
    expect(await imageOf(late.app)).toMatch(new RegExp(`^${closed.host}/${late.app}@sha256:`))
    await closed.close()
    await late.commit({ Dockerfile: dockerfile('after') })
    const { code, stderr } = await late.push()
    expect(code).toBe(1)
    const told = stderr.replaceAll(/\s*\nremote:\s*/g, ' ')
    expect(told).toContain(`The image could not be pushed to the registry ${closed.host}: `)
    expect(told).toContain('connection refused')
    expect(await answers(late.app, 'before', second)()).toBe(true)
    expect(await late.does('releases')).not.toContain('v3')
    expect((await late.deis('doctor')).stdout).toMatch(/missing +registry for builds/)
    await late.does('destroy', `--confirm=${late.app}`)
    expect(await docker('images', '--quiet', '--filter', `label=io.deis.app=${late.app}`)).toBe('')
  })
})
