// Does an app of Cloud Native Buildpacks move to another installation with its image, and is it run and shown there as before?
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { Checkout, Files } from './app.ts'
import type { Person } from './client.ts'
import { ask } from './http.ts'
import type { Platform } from './platform.ts'
import { until } from './until.ts'

const files: Files = {
  'package.json': JSON.stringify({ scripts: { start: 'exec node server.js' } }),
  'server.js': `require('http').createServer((q, s) => s.end([process.env.GREETING, process.env.TEST_LAYER, process.env.WORKFLOW_RELEASE].join(' '))).listen(process.env.PORT)\nprocess.on('SIGTERM', () => process.exit())\n`,
  Procfile: 'worker: echo "working, $TEST_LAYER"; sleep 100000\n',
}

type Side = { readonly person: Person; readonly name: string; readonly platform: Pick<Platform, 'routerPort'> }

export async function movesWithImage(shop: Checkout, to: Side): Promise<void> {
  await shop.commit(files)
  expect(await shop.deploy()).toContain('Building with Cloud Native Buildpacks')
  await shop.does('config:set', 'GREETING=hello')
  await shop.does('apps:export', '-o', 'shop.tar')
  const file = join(to.person.home, 'shop.tar')
  await cp(join(shop.folder, 'shop.tar'), file)
  // Only what came in the archive can run there.
  await shop.does('destroy', '--confirm', shop.app)
  const does = (...args: string[]): Promise<string> => to.person.does([...args, '-a', to.name])
  const imported = await to.person.deis(['apps:import', file, '-a', to.name])
  expect([imported.code, imported.stdout, imported.stderr]).toEqual([
    0,
    `Importing ${file}... done, ${to.name} is at v4\n`,
    `Note: to push to it from a checkout: deis git:remote -a ${to.name}\n`,
  ])
  const answers = (text: string): Promise<unknown> =>
    until({ what: `it answers ${text}`, seconds: 60 }, async () => (await ask(to.platform, to.name)).body === text)
  await answers('hello of all v4')
  // By the launcher, with the environment of its layers.
  expect(await to.person.does(['run', '-a', to.name, '--', 'echo "in $PWD, $TEST_LAYER"'])).toContain(
    'in /workspace, of all',
  )
  await does('scale', 'worker=1')
  await until({ what: 'the worker works', seconds: 60 }, async () => (await does('logs')).includes('working, of all'))
  const info = await does('builds:info')
  for (const part of ['Cloud Native Buildpacks', 'test/node', 'run image: ']) expect(info).toContain(part)
  expect(await does('builds:sbom')).toContain('"components"')
  await does('config:set', 'GREETING=bonjour')
  await answers('bonjour of all v5')
  await does('rollback', 'v4')
  await answers('hello of all v6')
}
