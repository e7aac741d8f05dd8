// Does an app move from one Docker platform to another with the image that was built of its Dockerfile, and nothing else?
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { createRegistry } from '@deis/registry/create'
import { hasDockerRegistry } from '@deis/registry/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Checkout, newCheckout } from './app.ts'
import { type Person, registered } from './client.ts'
import { docker, type EnginePlatform, startOnDocker, testEngine } from './engine.ts'
import { type HoldingRegistry, startHoldingRegistry } from './holding-registry.ts'
import { ask } from './http.ts'
import { until } from './until.ts'

describe.skipIf(testEngine === null || !hasDockerRegistry).sequential('between two platforms on Docker', () => {
  let old: EnginePlatform
  let fresh: EnginePlatform
  let registry: HoldingRegistry
  let ann: Person
  let eve: Person
  let tea: Checkout
  let name = ''
  let file = ''
  beforeAll(async () => {
    registry = await startHoldingRegistry()
    const theirs = { DEIS_REGISTRY_HOSTNAME: registry.host, DEIS_REGISTRY_ORGANIZATION: 'fresh' }
    const insecure = { DEIS_REGISTRY_INSECURE: `${testEngine?.registry},${registry.host}` }
    ;[old, fresh] = await Promise.all([startOnDocker(), startOnDocker({ ...theirs, ...insecure })])
    ;[ann, eve] = await Promise.all([registered(old, 'ann'), registered(fresh, 'eve')])
    name = fresh.name('tea')
    const app = old.name('tea')
    tea = await newCheckout(ann, app, {
      Dockerfile: [
        `FROM ${old.registry}/busybox:1`,
        // No other build makes the same image.
        `RUN mkdir -p /www && echo ${app} > /www/index.html`,
        'EXPOSE 7070',
        'CMD ["httpd", "-f", "-p", "7070", "-h", "/www"]',
        '',
      ].join('\n'),
    })
    await tea.does('create', app)
    await tea.deploy()
    await tea.does('config:set', 'GREETING=hello')
    await tea.does('apps:export', '-o', 'tea.tar')
    file = join(eve.home, 'tea.tar')
    await cp(join(tea.folder, 'tea.tar'), file)
    await tea.does('destroy', '--confirm', app)
  })
  afterAll(async () => {
    await old?.stop()
    await fresh?.stop()
    await registry?.close()
  })

  const tags = () =>
    createRegistry({ insecure: [registry.host], mirrors: {}, credentials: {} }).tags(
      `${registry.host}/fresh/${name}`,
      new AbortController().signal,
    )

  test('what was exported leaves nothing where it came from', async () => {
    const images = await docker('images', '--all', '--format', '{{.Repository}}:{{.Tag}}')
    expect(images).not.toContain(tea.app)
    expect(images).not.toContain('/exports/')
  })

  test('a controller that is killed while it stores the image leaves nothing of it', async () => {
    const held = registry.hold()
    const importing = eve.deis(['apps:import', file, '-a', name])
    await held
    expect((await tags()).size).toBe(1)
    await fresh.endController('SIGKILL')
    expect((await importing).code).not.toBe(0)
    await fresh.startController()
    await until({ what: 'the image is gone' }, async () => (await tags()).size === 0)
    expect(await eve.does(['apps'])).not.toContain(name)
  })

  test('it serves there, its releases go on, and it rolls back', async () => {
    // What the start deletes has its name until the end.
    const { code, stdout, stderr } = await until({ what: 'the name is free' }, async () => {
      const result = await eve.deis(['apps:import', file, '-a', name])
      return result.stderr.includes('exists here already') ? null : result
    })
    expect([code, stdout, stderr]).toEqual([
      0,
      `Importing ${file}... done, ${name} is at v4\n`,
      `Note: to push to it from a checkout: deis git:remote -a ${name}\n`,
    ])
    const body = async (): Promise<string> => (await ask(fresh, name)).body.trim()
    expect(await body()).toBe(tea.app)
    await eve.does(['config:set', 'GREETING=bonjour', '-a', name])
    expect(await eve.does(['ps', '-a', name])).toMatch(/ up \(v5\)/)
    await eve.does(['rollback', 'v2', '-a', name])
    expect(await eve.does(['ps', '-a', name])).toMatch(/ up \(v6\)/)
    expect(await eve.does(['config:list', '-a', name])).not.toContain('GREETING')
    expect(await body()).toBe(tea.app)
  })

  test('it goes with its app', async () => {
    await eve.does(['destroy', '-a', name, '--confirm', name])
    expect((await tags()).size).toBe(0)
  })
})
