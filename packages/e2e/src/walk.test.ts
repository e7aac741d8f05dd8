// Does the whole way work, from an account to a running app and back, with the real command, git and ssh?
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Checkout, newApp, settings } from './app.ts'
import { newPerson, password, type Person } from './client.ts'
import { ask, pidsOf, self, type Self, serving } from './http.ts'
import { type Platform, startPlatform } from './platform.ts'
import { until } from './until.ts'

let platform: Platform
let ann: Person
let shop: Checkout

beforeAll(async () => {
  platform = await startPlatform({ KUBERNETES_POD_TERMINATION_GRACE_PERIOD_SECONDS: '3' })
})
afterAll(() => platform.stop())

/** What the platform said during a push, without git's own lines. */
function remoteLines(stderr: string): string[] {
  return stderr
    .split('\n')
    .filter((line) => line.startsWith('remote:'))
    .map((line) => line.slice('remote: '.length).trimEnd())
}

describe.sequential('from nothing to an app', () => {
  test('an account, a login, a key', async () => {
    ann = await newPerson(platform, 'ann')
    const account = ['--username', 'ann', '--password', password]
    expect(await ann.does(['register', platform.api, ...account, '--email', 'ann@example.com'])).toMatch(
      /^Registered ann\nLogged in as ann\n/,
    )
    expect(await ann.does(['whoami'])).toBe(`You are ann at ${platform.api}\n`)
    expect(await ann.does(['logout'])).toBe('Logged out\n')
    expect(await ann.deis(['whoami'])).toMatchObject({ code: 1, stdout: '' })
    await ann.does(['login', platform.api, ...account])
    expect(await ann.does(['whoami', '--all'])).toContain('Is Superuser: true\n')
    expect(await ann.does(['keys:add'])).toBe('Uploading id_ed25519.pub to deis... done\n')
    expect(await ann.does(['keys:list'])).toMatch(/^=== ann Keys\nann@laptop ssh-ed25519 AAAA/)
  })

  test('an app comes with a remote, a release and no processes', async () => {
    shop = await newApp(ann, 'shop')
    const { stdout } = await ann.git(['remote', '-v'], shop.folder)
    expect(stdout).toContain(`deis\t${platform.git}/shop.git (push)`)
    expect(await shop.does('releases')).toMatch(/^=== shop Releases\nv1\t\S+\tann created initial release\n$/)
    expect(await ask(platform, 'shop')).toMatchObject({ status: 503 })
  })

  test('a push says what it does, in order, and the app answers', async () => {
    const { code, stdout, stderr } = await shop.push()
    expect({ code, stdout, stderr }).toMatchObject({ code: 0, stdout: '' })
    expect(remoteLines(stderr)).toEqual([
      'Starting build... but first, coffee!',
      expect.stringMatching(
        /^If this connection breaks, see the rest with: deis builds:logs [0-9a-f-]{36} --follow --app shop$/,
      ),
      '-----> Restoring cache...',
      '       No cache file found. If this is the first deploy, it will be created now.',
      '-----> Procfile app detected',
      '-----> Discovering process types',
      '       Procfile declares types -> web, worker',
      '-----> Checking for changes inside the cache directory...',
      "       No files were added to the cache folder, cache wasn't updated",
      expect.stringMatching(/^-----> Compiled slug size is \d+(\.\d)?[KM]$/),
      'Build complete.',
      'Launching App...',
      'Done, shop:v2 deployed to Workflow',
      '',
      "Use 'deis open' to view this application in your browser",
      '',
      "To learn more, use 'deis help'",
      '',
      `http://shop.localhost:${platform.routerPort}`,
    ])
    expect(stderr).toContain(' * [new branch]      master -> master\n')
    await serving(platform, 'shop', { message: 'hello', greeting: null, release: 'v2' })
    expect(await shop.push()).toMatchObject({ code: 0, stderr: 'Everything up-to-date\n' })
  })
})

/** The types of the processes in a listing that are not on their way out. */
function upTypes(listing: string): (string | undefined)[] {
  return [...listing.matchAll(/^shop-(\w+)-\S+ up /gm)].map(([, type]) => type)
}

/** Waits until another process answers. */
function anotherThan({ pid }: Self): Promise<Self> {
  return until({ what: `another process than ${pid} answers` }, async () => {
    const found = await self(platform, 'shop')
    return found.pid !== pid && found
  })
}

describe.sequential('an app that runs', () => {
  test('ps and scale: as many processes answer as were asked for', async () => {
    expect(await shop.does('ps')).toMatch(/^=== shop Processes\n--- web:\nshop-web-\S+ up \(v2\)\n$/)
    const scaled = await shop.does('scale', 'web=3')
    expect(scaled.match(/^shop-web-\S+ up \(v2\)$/gm)).toHaveLength(3)
    expect(new Set(await pidsOf(platform, 'shop', 3)).size).toBe(3)
    expect(upTypes(await shop.does('scale', 'worker=1', 'web=1'))).toEqual(['web', 'worker'])
    expect(await shop.deis('scale', 'nothing=1')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Container type nothing does not exist in application') as string,
    })
    expect(await shop.deis('scale', 'cmd=1')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('No command for process type cmd') as string,
    })
    expect(await shop.deis('scale', 'web=-1')).toMatchObject({ code: 1 })
    expect(upTypes(await shop.does('ps'))).toEqual(['web', 'worker'])
    await shop.does('scale', 'worker=0')
  })

  test('config makes a release, rollback makes another with the old values', async () => {
    const set = await shop.does('config:set', 'GREETING=good morning')
    expect(set).toMatch(/^Creating config\.\.\. done\n\n=== shop Config\nGREETING +good morning\n$/)
    await serving(platform, 'shop', { greeting: 'good morning', release: 'v3' })
    expect(await shop.does('rollback')).toBe('Rolling back one release... done, v4\n')
    await serving(platform, 'shop', { greeting: null, release: 'v4' })
    await shop.does('rollback', 'v3')
    await serving(platform, 'shop', { greeting: 'good morning', release: 'v5' })
    expect(await shop.does('config:unset', 'GREETING')).toContain('done\n')
    await serving(platform, 'shop', { greeting: null, release: 'v6' })
    expect((await shop.does('releases')).replaceAll(/\t\S+\t/g, ' ').split('\n')).toEqual([
      '=== shop Releases',
      'v6 ann deleted GREETING',
      'v5 ann rolled back to v3',
      'v4 ann rolled back to v2',
      'v3 ann added GREETING',
      expect.stringMatching(/^v2 ann deployed [0-9a-f]{7,8}$/),
      'v1 ann created initial release',
      '',
    ])
    expect(await shop.does('releases:info', 'v3')).toMatch(/^=== shop Release v3\n/)
  })

  test('variables travel in files', async () => {
    const file = join(shop.folder, '..', 'vars.env')
    await writeFile(file, '# for the shop\nGREETING="two words"\nexport LEVEL=3\n')
    await shop.does('config:push', '--path', file)
    await serving(platform, 'shop', { greeting: 'two words', release: 'v7' })
    expect(await shop.does('config:pull')).toBe('GREETING=two words\nLEVEL=3\n')
    expect(await shop.does('config', '--oneline')).toBe('GREETING=two words LEVEL=3\n')
  })

  test('run ends with the command’s own code, its output on stderr then', async () => {
    expect(await shop.deis('run', 'echo $GREETING')).toMatchObject({
      code: 0,
      stdout: "Running 'echo $GREETING'...\ntwo words\n",
    })
    expect(await shop.deis('run', '--', 'echo good-bye; echo loud >&2; exit 3')).toMatchObject({
      code: 3,
      stdout: "Running 'echo good-bye; echo loud >&2; exit 3'...\n",
      stderr: 'good-bye\nloud\n',
    })
  })

  test('run:detached ends by itself, with its output and its end in the log', async () => {
    const [, name = ''] = /done, (shop-run-\S+)\n/.exec(await shop.does('run:detached', 'echo $GREETING; exit 4')) ?? []
    await until({ what: 'its end is in the log' }, async () => {
      const all = await shop.does('logs', '-n', '50')
      return all.includes(`${name} ended with exit code 4`) && /^\S+ app\[run\.\S+\]: two words$/m.test(all)
    })
  })

  test('logs have the lines of app and controller, the newest n of them', async () => {
    await until({ what: 'the newest process says that it listens' }, async () =>
      (await shop.does('logs', '-n', '50')).includes('listening in v7'),
    )
    const lines = (await shop.does('logs', '-n', '3')).trimEnd().split('\n')
    expect(lines).toHaveLength(3)
    const all = await shop.does('logs', '-n', '200')
    expect(all.trimEnd().split('\n').slice(-3)).toEqual(lines)
    expect(all).toMatch(/^\S+ deis\[controller\]: INFO .*/m)
    expect(all).toMatch(/^\S+ app\[web\S*\]: booting v2$/m)
  })

  test('restart, by all, type and name', async () => {
    const before = await self(platform, 'shop')
    expect(await shop.does('ps:restart')).toMatch(/^shop-web-\S+ up \(v7\)$/m)
    const after = await anotherThan(before)
    const [, name = ''] = /^(shop-web-\S+) up /m.exec(await shop.does('ps')) ?? []
    expect(await shop.does('ps:restart', name)).toMatch(/^shop-web-\S+ up \(v7\)$/m)
    await anotherThan(after)
    expect(await shop.deis('ps:restart', 'nothing')).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('Could not find any processes to restart\n') as string,
    })
  })

  test('builds and their logs', async () => {
    const [, uuid = ''] = /^=== shop Builds\n(\S+) \S+\n$/.exec(await shop.does('builds')) ?? []
    expect(await shop.does('builds:list', '--all')).toContain(' succeeded\n')
    const log = await shop.does('builds:logs', uuid)
    expect(log).toMatch(/^Starting build\.\.\. but first, coffee!\n/)
    expect(log).toContain('Done, shop:v2 deployed to Workflow\n')
    expect(await shop.does('builds:logs')).toBe(log)
    for (const command of ['rebase', 'builds:sbom'])
      expect(await shop.deis(command)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('Cloud Native Buildpacks') as string,
      })
    expect(await shop.deis('builds:create', 'nginx:latest')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('The process scheduler cannot run container images') as string,
    })
  })

  test('info, open and doctor', async () => {
    const info = await shop.does('info')
    expect(info).toContain(`url:      shop.localhost:${platform.routerPort}\n`)
    expect(info).toContain('owner:    ann\n')
    const folder = join(ann.home, 'bin')
    await mkdir(folder)
    await writeFile(join(folder, 'xdg-open'), '#!/bin/sh\necho "$@" > "$HOME/opened"\n')
    await chmod(join(folder, 'xdg-open'), 0o755)
    const opened = await ann.does(['open'], { cwd: shop.folder, env: { PATH: `${folder}:${ann.env.PATH}` } })
    expect(opened).toBe(`http://shop.localhost:${platform.routerPort}\n`)
    expect(await readFile(join(ann.home, 'opened'), 'utf8')).toBe(opened)
    expect(await ann.does(['doctor'])).toMatch(/^=== Doctor\nscheduler: +process\n/)
  })

  test('remotes come and go', async () => {
    await shop.does('git:remove')
    expect(await ann.git(['remote'], shop.folder)).toMatchObject({ stdout: '' })
    expect(await shop.does('git:remote')).toBe('Git remote deis successfully created for app shop.\n')
    expect(await shop.push()).toMatchObject({ code: 0, stderr: 'Everything up-to-date\n' })
  })

  test('a second push is the next release, and git fetch brings it elsewhere', async () => {
    const said = await shop.deploy(settings({ message: 'second' }))
    expect(said).toContain('Done, shop:v8 deployed to Workflow')
    await serving(platform, 'shop', { message: 'second', greeting: 'two words', release: 'v8' })
    const copy = join(ann.home, 'copy')
    expect(await ann.git(['clone', '--quiet', `${platform.git}/shop.git`, copy], ann.home)).toMatchObject({ code: 0 })
    expect(await readFile(join(copy, 'settings.json'), 'utf8')).toContain('second')
  })
})
