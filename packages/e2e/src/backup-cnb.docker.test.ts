// Do images of Cloud Native Buildpacks, which the platform's own registry has, come back from a backup on a machine that lost it?
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Checkout } from './app.ts'
import { type Result, run } from './child.ts'
import { type BuilderPlatform, startWithBuilder } from './engine-builder.ts'
import { containersOf, docker, type EnginePlatform, testEngine } from './engine.ts'
import { ask } from './http.ts'
import { cleanEnv, root } from './platform.ts'
import { until } from './until.ts'

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '')

describe.skipIf(testEngine === null).sequential('a backup of a platform on Docker with a registry of its own', () => {
  let started: BuilderPlatform
  let platform: EnginePlatform
  let settings: Readonly<Record<string, string>>
  let shop: Checkout
  beforeAll(async () => {
    started = await startWithBuilder()
    ;({ platform, settings, shop } = started)
    await shop.commit({
      'package.json': JSON.stringify({ scripts: { start: 'exec node server.js' } }),
      'server.js': `require('http').createServer((q, s) => s.end('kept ' + process.env.TEST_LAYER)).listen(process.env.PORT)\n`,
    })
    await shop.deploy()
    await until({ what: 'it answers' }, answers)
  })
  afterAll(() => started?.stop())

  const answers = async (): Promise<boolean> => (await ask(platform, shop.app)).body === 'kept of all'
  const server = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Result> =>
    run(process.execPath, [join(root, 'dist/server/main.js'), ...args], {
      cwd: platform.folder,
      env: {
        ...cleanEnv(),
        ...settings,
        DEIS_DATA_DIR: platform.dataDir,
        DEIS_SCHEDULER: 'docker',
        DEIS_DOCKER_HOST: testEngine?.host,
        DEIS_DOCKER_REGISTRY_IMAGE: 'deis-test/registry:1',
        DEIS_BACKUP_TO: join(platform.folder, 'backups'),
        ...env,
      },
    })
  const copies = async (): Promise<string[]> =>
    lines(
      await docker(
        'images',
        '--digests',
        '--format',
        '{{.Repository}}@{{.Digest}}',
        `127.0.0.1:${settings.DEIS_DOCKER_REGISTRY_PORT}/*`,
      ),
    )
  /** With the registry, its volume and the engine's copies, as on a new machine. */
  const loseAll = async (): Promise<void> => {
    await docker('rm', '--force', ...(await containersOf(shop.app)))
    const filters = ['--filter', `publish=${settings.DEIS_DOCKER_REGISTRY_PORT}`]
    const [registry = ''] = lines(await docker('ps', '--all', '--quiet', ...filters))
    const volume = await docker('inspect', '--format', '{{(index .Mounts 0).Name}}', registry)
    await docker('rm', '--force', registry)
    await docker('volume', 'rm', volume)
    for (const one of await copies()) await docker('rmi', '--force', one)
    expect(await copies()).toEqual([])
  }
  const newest = async (): Promise<string> => (await readdir(join(platform.folder, 'backups'))).toSorted().at(-2) ?? ''

  test('has them, proves them, and puts them into a new registry, out of which the app serves', async () => {
    const made = await server(['backup'])
    expect([made.code, made.stderr]).toEqual([0, ''])
    expect(made.stdout).toContain("images of the platform's own registry: 1 whole")
    expect(made.stdout).not.toContain('images of 1 app(s)')
    const backup = await newest()
    await platform.endController('SIGINT')
    await loseAll()
    await rm(join(platform.dataDir, 'state'), { recursive: true })
    const restored = await server(['restore', backup, '--replace'])
    expect([restored.code, restored.stderr]).toEqual([0, ''])
    expect(restored.stdout).toContain("images: 1 put into the platform's own registry")
    await platform.startController()
    await until({ what: 'it answers again', seconds: 60 }, answers)
  })

  test('without them says so', async () => {
    const made = await server(['backup'], { DEIS_BACKUP_IMAGES: 'none' })
    expect([made.code, made.stderr]).toEqual([0, ''])
    expect(made.stdout).toContain(
      `images of 1 app(s), such as "${shop.app}", that the platform's own registry has (DEIS_BACKUP_IMAGES)`,
    )
  })
})
