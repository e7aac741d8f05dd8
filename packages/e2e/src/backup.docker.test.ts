// Do images that the engine alone has come back from a backup, and is an image named that is not there?
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Checkout, newCheckout } from './app.ts'
import { type Result, run } from './child.ts'
import { type Person, registered } from './client.ts'
import { containersOf, docker, type EnginePlatform, startOnDocker, testEngine } from './engine.ts'
import { ask } from './http.ts'
import { cleanEnv, root } from './platform.ts'
import { until } from './until.ts'

describe.skipIf(testEngine === null).sequential('a backup of a platform on Docker', () => {
  let platform: EnginePlatform
  let ann: Person
  let app: string
  let checkout: Checkout
  beforeAll(async () => {
    platform = await startOnDocker()
    ann = await registered(platform, 'ann')
    app = platform.name('tea')
    checkout = await newCheckout(ann, app, {
      Dockerfile: `FROM ${platform.registry}/busybox:1\nRUN mkdir -p /srv && echo kept > /srv/index.html\nEXPOSE 7070\nCMD ["httpd", "-f", "-p", "7070", "-h", "/srv"]\n`,
    })
    await checkout.does('create', app)
    await checkout.push()
    await until({ what: 'it answers' }, answers)
  })
  afterAll(() => platform?.stop())

  const answers = async (): Promise<boolean> => (await ask(platform, app)).body.startsWith('kept')
  const server = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Result> =>
    run(process.execPath, [join(root, 'dist/server/main.js'), ...args], {
      cwd: platform.folder,
      env: {
        ...cleanEnv(),
        DEIS_DATA_DIR: platform.dataDir,
        DEIS_SCHEDULER: 'docker',
        DEIS_DOCKER_HOST: testEngine?.host,
        DEIS_BACKUP_TO: join(platform.folder, 'backups'),
        ...env,
      },
    })
  const images = async (): Promise<string[]> =>
    (await docker('images', '--no-trunc', '--quiet', '--filter', `label=io.deis.app=${app}`))
      .split('\n')
      .filter(Boolean)
  /** Containers go on when their controller ends, and hold their images. */
  const loseImages = async (): Promise<void> => {
    await docker('rm', '--force', ...(await containersOf(app)))
    await docker('rmi', '--force', ...(await images()))
  }
  const newest = async (): Promise<string> => (await readdir(join(platform.folder, 'backups'))).toSorted().at(-2) ?? ''

  test('has them, proves them, and brings them into an engine that has lost them', async () => {
    const made = await server(['backup'])
    expect([made.code, made.stderr]).toEqual([0, ''])
    expect(made.stdout).toContain('images: 1 whole')
    const backup = await newest()
    await platform.endController('SIGINT')
    const before = await images()
    expect(before.length).toBeGreaterThan(0)
    await loseImages()
    expect(await images()).toEqual([])
    await rm(join(platform.dataDir, 'state'), { recursive: true })
    const restored = await server(['restore', backup, '--replace'])
    expect([restored.code, restored.stderr]).toEqual([0, ''])
    expect(restored.stdout).toContain('images: 1 loaded into the engine')
    expect(restored.stdout).not.toContain('is not in the engine')
    expect(await images()).toEqual(before)
    await platform.startController()
    await until({ what: 'it answers again' }, answers)
  })

  test('without them says so, and a restore names the app', async () => {
    const made = await server(['backup'], { DEIS_BACKUP_IMAGES: 'none' })
    expect([made.code, made.stderr]).toEqual([0, ''])
    expect(made.stdout).toContain(
      `without images of 1 app(s), such as "${app}", that the engine alone has (DEIS_BACKUP_IMAGES): they have to be built again`,
    )
    const backup = await newest()
    await platform.endController('SIGINT')
    await loseImages()
    const restored = await server(['restore', backup, '--to', join(platform.folder, 'elsewhere')])
    expect([restored.code, restored.stderr]).toEqual([0, ''])
    expect(restored.stdout).toContain(
      `images: that of "${app}" v2 is not in the engine: push the app again to build it`,
    )
    await platform.startController()
  })
})
