// Does a push without a Dockerfile go all its way through Cloud Native Buildpacks: built, served, changed, rolled back?
import { expect, test } from 'vitest'
import type { Checkout, Files } from './app.ts'
import { ask } from './http.ts'
import { startLoad } from './load.ts'
import type { Platform } from './platform.ts'
import { until } from './until.ts'

export type Stage = {
  /** Puts other content under the name of the run image, as its makers do when it gets security fixes. */
  readonly newRunImage: () => Promise<void>
  /** Names of what there is of builds of the app, but what is kept between them. */
  readonly ofBuilds: (app: string) => Promise<readonly string[]>
  readonly platform: Pick<Platform, 'routerPort'>
  readonly shop: Checkout
  readonly builder: string
}

/** The stand-in's buildpack for Node.js starts what package.json says. */
const cnbApp: Files = {
  'package.json': JSON.stringify({ name: 'shop', scripts: { start: 'exec node server.js' } }),
  'server.js': `require('http').createServer((q, s) => q.method === 'POST' ? q.pipe(s) : s.end(q.url === '/run-image' ? require('fs').readFileSync('/etc/test-run-image') : [process.env.GREETING ?? 'hello', process.env.TEST_LAYER, process.env.WORKFLOW_RELEASE].join(' '))).listen(process.env.PORT)\nprocess.on('SIGTERM', () => process.exit())\n`,
  Procfile: 'worker: sleep 100000\n',
}

export function cnbWorks(open: () => Stage): void {
  const answers = async (text: string): Promise<void> => {
    const { platform, shop } = open()
    await until({ what: `it answers ${text}`, seconds: 60 }, async () => (await ask(platform, shop.app)).body === text)
  }

  test('a push that is interrupted goes on as a build; when that is cancelled, nothing of it is left', async () => {
    const { shop, ofBuilds } = open()
    await shop.commit({ slow: '' })
    const push = shop.startPush()
    await push.says('a slow build begins')
    expect(await ofBuilds(shop.app)).not.toEqual([])
    push.signal('SIGINT')
    expect((await push.ended).code).not.toBe(0)
    expect(await shop.does('builds:list', '--all')).toContain(' running\n')
    await shop.does('builds:cancel')
    // Objects of a cluster are gone a moment after they are deleted.
    await until({ what: 'nothing of it is left' }, async () => (await ofBuilds(shop.app)).length === 0)
    expect(await shop.does('builds:list', '--all')).toMatch(/^\S+ \S+ canceled$/m)
    await shop.commit({ slow: null })
  })

  test('a push is built by the builder, and its web serves with the environment of its layers', async () => {
    const { shop, builder } = open()
    const output = await shop.deploy(cnbApp)
    expect(output).toContain('-----> Building with Cloud Native Buildpacks')
    expect(output).toContain(builder)
    expect(output).toContain(`${shop.app}:v2 deployed to Workflow`)
    await answers('hello of all v2')
    const info = await shop.does('builds:info')
    for (const part of [builder, 'test/node', 'test/procfile']) expect(info).toContain(part)
  })

  test('config makes a release of the same image; commands and other types start by the launcher', async () => {
    const { shop } = open()
    await shop.does('config:set', 'GREETING=bonjour')
    await answers('bonjour of all v3')
    expect(await shop.does('run', '--', 'echo "in $PWD, $TEST_LAYER, $GREETING"')).toContain(
      'in /workspace, of all, bonjour',
    )
    expect((await shop.deis('run', '--', 'exit 7')).code).toBe(7)
    expect(await shop.does('exec', 'web', '--', 'echo "beside, $TEST_LAYER"')).toContain('beside, of all')
    await shop.does('scale', 'worker=1')
    expect(await shop.does('ps')).toMatch(/--- worker:\n.* up /)
  })

  test('the next push uses the layers of the last one; one that fails changes nothing; rollback', async () => {
    const { shop } = open()
    const again = await shop.deploy({ 'note.txt': 'again' })
    expect(again).toContain('Restoring data for "test/node:deps" from cache')
    await answers('bonjour of all v4')
    await shop.commit({ 'broken-build': '' })
    const failed = await shop.push()
    expect(failed.code).not.toBe(0)
    expect(failed.stderr).toContain('could not build the app')
    await answers('bonjour of all v4')
    await shop.does('rollback', 'v2')
    await answers('hello of all v5')
  })

  test('a newer run image is put under it without a build, while it serves; rollback; nothing to do', async () => {
    const { platform, shop, newRunImage } = open()
    const runImage = async (): Promise<string> => (await ask(platform, shop.app, { path: '/run-image' })).body
    const current = 'on the newest run image already'
    expect(await runImage()).toBe('1')
    expect(await shop.does('rebase')).toContain(current)
    await newRunImage()
    const load = startLoad(platform, shop.app, { clients: 2 })
    expect(await shop.does('rebase')).toMatch(/^Rebasing .* done, v6\n.*: v6 runs on .*@sha256:[0-9a-f]{64}\n$/)
    expect(await load.stop(load.sent() + 20)).toEqual([])
    await answers('hello of all v6')
    expect(await runImage()).toBe('2')
    const info = await shop.does('builds:info')
    for (const part of ['test/node', 'run image: ', 'succeeded']) expect(info).toContain(part)
    expect(await shop.does('releases')).toMatch(/^v6\t.*rebased onto /m)
    expect(await shop.does('run', '--', 'cat /etc/test-run-image; from-layer')).toContain('2from a layer')
    expect(await shop.does('rebase', '--all')).toContain(`${shop.app}: ${current}\n0 rebased, 1 current,`)
    expect(await shop.does('releases')).not.toContain('v7')
    await shop.does('rollback', 'v5')
    await answers('hello of all v7')
    expect(await runImage()).toBe('1')
  })

  test('what its image consists of is listed in each format that its buildpacks wrote', async () => {
    const { shop } = open()
    const listed = await shop.does('builds:sbom')
    const documents = listed
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { components: { name: string }[] })
    expect(documents.map(({ components }) => components[0]?.name)).toEqual(['app', 'dependencies'])
    expect(JSON.parse(await shop.does('builds:sbom', '--format', 'spdx'))).toMatchObject({ spdxVersion: 'SPDX-2.3' })
    const none = await shop.deis('builds:sbom', '--format=syft')
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining('its buildpacks wrote none')])
    // The same layers on the newer run image: pushes take it as well.
    await shop.deploy({ 'broken-build': null })
    expect((await ask(open().platform, shop.app, { path: '/run-image' })).body).toBe('2')
    await shop.does('destroy', `--confirm=${shop.app}`)
  })
}
