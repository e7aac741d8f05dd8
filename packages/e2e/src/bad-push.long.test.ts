// What does a push that cannot work leave behind, and does the same push work once its cause is mended?
import { beforeAll, describe, expect, test } from 'vitest'
import { type Checkout, type Files, newApp, settings } from './app.ts'
import type { Result } from './child.ts'
import type { Person } from './client.ts'
import { ask, self, serving } from './http.ts'
import type { Platform } from './platform.ts'
import { processesAround, shown } from './processes.ts'
import { withUser } from './with-app.ts'

let platform: Platform
let ann: Person

withUser((given) => void ({ platform, ann } = given))

function declined({ code, stderr }: Result): string {
  expect({ code, stderr }).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(' ! [remote rejected] master -> master (pre-receive hook declined)\n') as string,
  })
  return stderr
}

/** What the server's branch points at; empty when there is none. */
async function serverRef({ owner, folder }: Checkout): Promise<string> {
  return (await owner.git(['ls-remote', 'deis', 'refs/heads/master'], folder)).stdout.slice(0, 40)
}

/** The processes that run in the app's name. */
async function podsOf(app: string): Promise<string[]> {
  const found = await processesAround(platform.dataDir)
  return shown(found.filter(({ env }) => env['DEIS_APP'] === app))
}

type BadPush = {
  readonly name: string
  readonly files: Files
  /** In this order, in what the person sees. */
  readonly says: readonly string[]
  readonly build: 'failed' | 'deploy failed'
}

const failing = JSON.stringify({
  scripts: { build: 'echo compiling; echo "Error: no module named luck" >&2; exit 1' },
})

const badPushes: readonly BadPush[] = [
  {
    name: 'a build script that fails',
    files: { 'package.json': failing },
    says: ['Node.js app detected', 'compiling', 'Error: no module named luck', 'exited with code 1, stopping build.'],
    build: 'failed',
  },
  {
    name: 'an app that crashes at boot',
    files: { 'package.json': null, ...settings({ boot: 'crash' }) },
    says: [
      'Launching App...',
      'There was a problem deploying v',
      'web exited with code 7 before it was ready',
      'cannot live without luck',
      'deploy again',
    ],
    build: 'deploy failed',
  },
  {
    name: 'an app that never listens',
    files: settings({ boot: 'silent' }),
    says: ['Launching App...', 'web did not listen on PORT', 'within 4 s', 'forgets to listen', 'DEIS_DEPLOY_TIMEOUT'],
    build: 'deploy failed',
  },
  {
    name: 'a command that is not there',
    files: { ...settings({}), Procfile: 'web: nodee server.mjs\n' },
    says: ['web exited with code 127', 'nodee', 'The command was not found'],
    build: 'deploy failed',
  },
  {
    name: 'a Dockerfile',
    files: { Procfile: 'web: node server.mjs\n', Dockerfile: 'FROM scratch\n' },
    says: ['This app has a Dockerfile', 'BUILDPACK_URL', 'Kubernetes'],
    build: 'failed',
  },
]

describe.sequential('an app that runs goes on', () => {
  let shop: Checkout
  let good: string
  let pid: number

  beforeAll(async () => {
    shop = await newApp(ann, 'shop')
    await shop.deploy()
    await shop.does('config:set', 'DEIS_DEPLOY_TIMEOUT=4')
    good = await serverRef(shop)
    ;({ pid } = await self(platform, 'shop'))
  })

  test.each(badPushes)('after $name', async ({ files, says, build }) => {
    await shop.commit(files)
    const said = declined(await shop.push())
    let at = 0
    for (const text of says) {
      expect(said.slice(at)).toContain(text)
      at = said.indexOf(text, at) + text.length
    }
    expect(await self(platform, 'shop')).toMatchObject({ message: 'hello', release: 'v3', pid })
    expect(await serverRef(shop)).toBe(good)
    const [, newestBuild] = (await shop.does('builds:list', '--all')).split('\n')
    expect(newestBuild).toMatch(new RegExp(` ${build}$`))
    const [, newestRelease] = (await shop.does('releases')).split('\n')
    expect(newestRelease).toMatch(build === 'failed' ? /^v\d+\t/ : /^v\d+\t\S+\tann deployed [0-9a-f]{7} which failed$/)
    expect(await podsOf('shop')).toHaveLength(1)
  })

  test('and takes the mended source, with a number that was not used yet', async () => {
    const said = await shop.deploy({ Dockerfile: null, ...settings({ message: 'mended' }) })
    expect(said).toContain('Done, shop:v7 deployed to Workflow')
    await serving(platform, 'shop', { message: 'mended', release: 'v7' })
    expect(await shop.does('rollback', 'v3')).toContain('done, v8')
    await serving(platform, 'shop', { message: 'hello', release: 'v8' })
  })

  test('the same commit can be pushed again after the missing variable is set', async () => {
    const wanting = await shop.commit(settings({ message: 'with database', needs: 'DATABASE' }))
    expect(declined(await shop.push())).toContain('cannot live without DATABASE')
    expect(declined(await shop.push())).toContain('cannot live without DATABASE')
    await shop.does('config:set', 'DATABASE=there')
    await serving(platform, 'shop', { message: 'hello', release: 'v11' })
    expect(await shop.push()).toMatchObject({ code: 0 })
    expect(await serverRef(shop)).toBe(wanting)
    await serving(platform, 'shop', { message: 'with database' })
  })

  test('config that breaks it is refused, and the old values stay', async () => {
    const before = await self(platform, 'shop')
    const { code, stderr } = await shop.deis('config:set', 'BOOT=crash')
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('exited with code 7') as string })
    expect(stderr).toContain('Rolling back process types to release')
    expect(await self(platform, 'shop')).toEqual(before)
    expect(await shop.does('config')).not.toContain('BOOT')
  })
})

describe.sequential('a first deploy that fails leaves nothing running', () => {
  test('no process, no release that counts, no branch; then the mended one works', async () => {
    const fresh = await newApp(ann, 'fresh')
    await fresh.commit(settings({ boot: 'crash' }))
    expect(declined(await fresh.push())).toContain('cannot live without luck')
    expect(await podsOf('fresh')).toEqual([])
    expect(await fresh.does('ps')).toBe('=== fresh Processes\n')
    expect(await ask(platform, 'fresh')).toMatchObject({ status: 503 })
    expect(await serverRef(fresh)).toBe('')
    expect(await fresh.deploy(settings({ message: 'alive' }))).toContain(' * [new branch]      master -> master')
    await serving(platform, 'fresh', { message: 'alive', release: 'v3' })
  })
})

describe('Procfiles that cannot be used', () => {
  let procs: Checkout
  beforeAll(async () => {
    procs = await newApp(ann, 'procs')
  })
  test.each([
    ['no command', 'web:\n', `Procfile line 1: Command can't be empty for process type "web"`],
    ['no colon', 'web: node server.mjs\nworker node worker.mjs\n', 'Procfile line 2: this is not of the form'],
    ['a type that ends in a dash', 'web-: node server.mjs\n', '"web-" is not one'],
    ['a type twice', 'web: node a\nweb: node b\n', 'Procfile line 2: process type "web" is declared twice'],
    ['a control character', 'web: node \u0007\n', 'Procfile line 1: control characters are not allowed'],
  ])('%s', async (_, content, says) => {
    await procs.commit({ Procfile: content })
    expect(declined(await procs.push())).toContain(says)
    expect(await procs.does('releases')).not.toContain('v2')
  })
})

describe.sequential('a release with nothing to serve says so, with the command that mends it', () => {
  const started = 'Start one with: deis scale worker=1 -a quiet'
  const idle = `No process of "quiet" runs, because every process type is scaled to 0. ${started}`
  const routes =
    'Nothing answers requests to "quiet", because its Procfile has no type web. Add a line "web: <command>" and push again, or disable routing with: deis routing:disable -a quiet'
  let quiet: Checkout

  beforeAll(async () => {
    quiet = await newApp(ann, 'quiet')
    await quiet.deploy()
  })

  test('at the push that loses web', async () => {
    const said = await quiet.deploy({ Procfile: 'worker: exec sleep 1000\nrelease: migrate\n' })
    expect(said).toContain(`remote:  !     ${idle}`)
    expect(said).toContain('remote:  !     The release command of the Procfile is not run by a push')
    expect(said.indexOf(idle)).toBeLessThan(said.indexOf('Done, quiet:v3 deployed to Workflow'))
    await quiet.does(...(/deis (scale.*)/.exec(started)?.[1]?.split(' ') ?? []))
    expect(await quiet.deploy({ note: 'x' })).toContain(`remote:  !     ${routes}`)
  })
  test('not at one that has it again', async () => {
    expect(await quiet.deploy({ Procfile: 'web: node server.mjs\n' })).not.toContain(' !     Nothing')
    await serving(platform, 'quiet', { release: 'v5' })
  })
  test('at a rollback to it', async () => {
    const back = await quiet.deis('rollback', 'v4')
    expect(back).toMatchObject({ code: 0, stdout: 'Rolling back to v4... done, v6\n', stderr: ` !    ${routes}\n` })
    const again = await quiet.deis('rollback', 'v2')
    expect(again).toMatchObject({ code: 0, stderr: '' })
    await serving(platform, 'quiet', { release: 'v7' })
  })
})
