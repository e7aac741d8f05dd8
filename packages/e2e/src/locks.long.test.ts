// Who may push what, when, and what does a refused push say?
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Checkout, newApp, newCheckout, settings } from './app.ts'
import { newPerson, password, type Person, registered } from './client.ts'
import { heldBuild, newBarrier } from './barrier.ts'
import { serving } from './http.ts'
import type { Platform } from './platform.ts'
import { until } from './until.ts'
import { withApp } from './with-app.ts'

let platform: Platform
let ann: Person
let shop: Checkout

withApp((given) => void ({ platform, ann, shop } = given))

const ongoing = 'fatal: remote error: Another git push is ongoing\n'

describe.sequential('one push at a time', () => {
  test('a second one is told so, and the first goes on to its end', async () => {
    const barrier = await newBarrier(platform, 'first')
    await shop.commit(heldBuild(barrier))
    const first = shop.startPush()
    await barrier.arrived()
    expect(await shop.push()).toMatchObject({ code: 128, stderr: ongoing })
    await barrier.open()
    expect(await first.ended).toMatchObject({ code: 0 })
    expect(first.output()).toContain('Done, shop:v2 deployed to Workflow')
  })

  test('a push that is interrupted is built and deployed all the same', async () => {
    const barrier = await newBarrier(platform, 'interrupted')
    await shop.commit({ ...heldBuild(barrier), ...settings({ message: 'after all' }) })
    const push = shop.startPush()
    await barrier.arrived()
    push.signal('SIGINT')
    expect((await push.ended).code).not.toBe(0)
    expect(await shop.push()).toMatchObject({ code: 128, stderr: ongoing })
    await barrier.open()
    const again = await until({ what: 'the lock is free again' }, async () => {
      const result = await shop.push()
      return result.code !== 128 && result
    })
    expect(again).toMatchObject({ code: 0, stderr: 'Everything up-to-date\n' })
    await serving(platform, 'shop', { message: 'after all', release: 'v3' })
  })

  test('two apps are built side by side', async () => {
    const barrier = await newBarrier(platform, 'both')
    const apps = [await newApp(ann, 'left'), await newApp(ann, 'right')]
    for (const app of apps) await app.commit(heldBuild(barrier))
    const pushes = apps.map((app) => app.startPush())
    await barrier.arrived(2)
    await barrier.open()
    for (const [index, push] of pushes.entries()) {
      expect(await push.ended).toMatchObject({ code: 0 })
      await serving(platform, apps[index]?.app ?? '', { release: 'v2' })
    }
  })
})

describe.sequential('strangers', () => {
  test('a key that is not uploaded gives no access', async () => {
    const eve = await newPerson(platform, 'eve')
    const { code, stderr } = await eve.git(['ls-remote', `${platform.git}/shop.git`], eve.home)
    expect({ code, stderr }).toMatchObject({
      code: 128,
      stderr: expect.stringContaining('Permission denied (publickey)') as string,
    })
  })

  test('another user’s app can be neither pushed nor fetched', async () => {
    const bob = await registered(platform, 'bob')
    const own = await newCheckout(bob, 'own', 'plain')
    const url = `${platform.git}/shop.git`
    expect(await bob.git(['push', url, 'master'], own.folder)).toMatchObject({
      code: 128,
      stderr: 'fatal: remote error: You do not have permission to push to shop\n',
    })
    expect(await bob.git(['fetch', url, 'master'], own.folder)).toMatchObject({
      code: 128,
      stderr: 'fatal: remote error: You do not have permission to fetch from shop\n',
    })
    expect(await bob.git(['push', `${platform.git}/nothing.git`, 'master'], own.folder)).toMatchObject({
      code: 128,
      stderr: 'fatal: remote error: App nothing does not exist\n',
    })
    await serving(platform, 'shop', { release: 'v3' })
  })

  test('a key that was removed, or whose account is gone, opens nothing any more', async () => {
    const carl = await registered(platform, 'carl')
    expect(await carl.ssh(['ping'])).toMatchObject({ code: 0, stdout: 'pong' })
    await carl.does(['keys:remove', 'carl@laptop'])
    expect(await carl.ssh(['ping'])).toMatchObject({ code: 255 })
    await carl.does(['keys:add'])
    expect(await carl.ssh(['ping'])).toMatchObject({ code: 0 })
    await carl.does(['auth:cancel', '--username', 'carl', '--password', password, '--yes'])
    expect(await carl.ssh(['ping'])).toMatchObject({ code: 255 })
  })
})

describe.sequential('branches, tags and history', () => {
  test('only the deployed branch is taken, tags and deletes are not built', async () => {
    const refused = await shop.push('deis', 'master:feature')
    expect(refused).toMatchObject({ code: 1 })
    expect(refused.stderr).toContain(
      'feature is not deployed here, only main or master is. To deploy it: git push deis feature:master',
    )
    expect(refused.stderr).toMatch(/ ! \[remote rejected\] master -> feature \(/)
    await ann.git(['tag', 'first'], shop.folder)
    expect(await shop.push('deis', 'first')).toMatchObject({ code: 0 })
    expect(await shop.push('deis', ':first')).toMatchObject({ code: 0 })
    await serving(platform, 'shop', { release: 'v3' })
    expect((await shop.does('builds:list', '--all')).trimEnd().split('\n')).toHaveLength(3)
  })

  test('main works as well as master, but not both at once', async () => {
    const modern = await newApp(ann, 'modern')
    const both = await modern.push('deis', 'master:main', 'master:master')
    expect(both).toMatchObject({ code: 1 })
    expect(both.stderr).toContain('Push them one at a time')
    expect(await modern.push('deis', 'master:main')).toMatchObject({ code: 0 })
    await serving(platform, 'modern', { release: 'v2' })
  })

  test('a shallow clone is enough', async () => {
    const folder = join(ann.home, 'shallow')
    await shop.commit(settings({ message: 'shallow' }))
    await ann.git(['clone', '--quiet', '--depth', '1', `file://${shop.folder}`, folder], ann.home)
    expect(await ann.does(['create', 'shallow'], { cwd: folder })).toContain('created shallow')
    expect(await ann.git(['push', 'deis', 'master'], folder)).toMatchObject({ code: 0 })
    await serving(platform, 'shallow', { message: 'shallow' })
  })
})

describe('forms of the address', () => {
  test.each(['shop.git', '/shop.git', '/shop', 'shop'])('%s', async (path) => {
    const { port, hostname } = new URL(platform.git)
    const env = { GIT_SSH_COMMAND: `${ann.env['GIT_SSH_COMMAND']} -p ${port}` }
    const { code, stdout } = await ann.git(['ls-remote', `git@${hostname}:${path}`], ann.home, env)
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('refs/heads/master') as string })
  })

  test('ssh:// without .git', async () => {
    expect(await ann.git(['ls-remote', `${platform.git}/shop`], ann.home)).toMatchObject({ code: 0 })
  })
})

describe('commands that are none of git’s', () => {
  const pwned = (): string => join(platform.folder, 'pwned')

  test.each([
    ['sh -c "touch PWNED"'],
    ["git-upload-pack 'shop.git'; touch PWNED"],
    ["git-upload-pack '$(touch PWNED)'"],
    ["git-upload-pack '`touch PWNED`'"],
    ["git-receive-pack '../../state'"],
    ["git-receive-pack '/shop.git/../left.git'"],
    ["git-receive-pack '/etc/passwd'"],
    ["git-upload-pack '--upload-pack=touch PWNED'"],
    ["git-upload-pack --exec=touch 'shop.git'"],
    ["git-upload-archive 'shop.git'"],
    ["git-shell -c 'touch PWNED'"],
    ['git-receive-pack'],
    ["git-receive-pack 'shop\n.git'"],
    ['scp -t PWNED'],
    ['/bin/sh'],
  ])('%j', async (command) => {
    const { code, stdout, stderr } = await ann.ssh([command.replaceAll('PWNED', pwned())])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/is not allowed: only git push and git fetch|is not an app's repository|^No repo given/)
    await expect(access(pwned())).rejects.toThrow('ENOENT')
  })

  test('no shell and no subsystem', async () => {
    expect(await ann.ssh([])).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('Hi ann! There is no shell here') as string,
    })
    expect(await ann.ssh(['-s', 'sftp'])).not.toMatchObject({ code: 0 })
    expect(await ann.ssh(['ping'])).toMatchObject({ code: 0, stdout: 'pong' })
  })
})
