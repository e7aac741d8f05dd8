// Does a push without a Dockerfile go all its way through Cloud Native Buildpacks: built, served, changed, rolled back?
import { expect, test } from 'vitest'
import type { Checkout, Files } from './app.ts'
import { ask } from './http.ts'
import type { Platform } from './platform.ts'
import { until } from './until.ts'

export type Stage = {
  readonly platform: Pick<Platform, 'routerPort'>
  readonly shop: Checkout
  readonly builder: string
}

/** The stand-in's buildpack for Node.js starts what package.json says. */
const cnbApp: Files = {
  'package.json': JSON.stringify({ name: 'shop', scripts: { start: 'exec node server.js' } }),
  'server.js': `require('http').createServer((q, s) => s.end([process.env.GREETING ?? 'hello', process.env.TEST_LAYER, process.env.WORKFLOW_RELEASE].join(' '))).listen(process.env.PORT)\nprocess.on('SIGTERM', () => process.exit())\n`,
  Procfile: 'worker: sleep 100000\n',
}

export function cnbWorks(open: () => Stage): void {
  const answers = async (text: string): Promise<void> => {
    const { platform, shop } = open()
    await until({ what: `it answers ${text}`, seconds: 60 }, async () => (await ask(platform, shop.app)).body === text)
  }

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
    await shop.commit({ 'broken-build': null })
    await shop.does('destroy', `--confirm=${shop.app}`)
  })
}
