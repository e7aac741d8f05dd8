// Do submodules come with a push, exactly as they were committed, and does nothing else come or go with them?
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { testArchiver } from '@deis/machine/archive-testing'
import type { Submodule } from '@deis/lib/git-tree/measure'
import {
  type Copy,
  deferred,
  makeCopy,
  type Platform,
  remote,
  remoteLines,
  type Result,
  run,
  type User,
  type WithUser,
  withUser,
} from '../fixture.ts'
import { type Host, startHost, testAuthority } from './testing.ts'

let folder: string
let ann: User
let startServer: WithUser['start']
let host: Host
let platform: Platform
let app: Copy
let lib: Copy
let count = 0
let caFile: string
/** What the last deploy saw. */
let seen: { files: Record<string, string>; left: readonly Submodule[]; said: string }

withUser(async (given) => {
  ;({ folder, ann, start: startServer } = given)
  caFile = join(folder, 'ca.pem')
  await writeFile(caFile, testAuthority)
})

beforeEach(async () => {
  const n = ++count
  await mkdir(join(folder, `hosted-${n}`))
  host = await startHost(join(folder, `hosted-${n}`))
  platform = await startServer({ submodules: { hosts: [host.name, 'localhost:1'], caFile } })
  lib = await hosted('lib', { 'lib.js': 'lib 1\n' })
  app = await makeCopy(ann, join(folder, `app-${n}`), { 'index.js': 'hello\n' })
  platform.state.deploy = async (push) => {
    const target = join(folder, `deployed-${n}`)
    await rm(target, { recursive: true, force: true })
    await mkdir(target)
    let said = ''
    const whole = await push.withSubmodules?.((text) => (said += text), push.signal)
    await testArchiver.unpack((whole?.source ?? push.source)(), target)
    await whole?.close()
    const names = (await readdir(target, { recursive: true, withFileTypes: true })).filter((one) => one.isFile())
    const files = names.map(async ({ parentPath, name }) => {
      const path = join(parentPath, name)
      return [path.slice(target.length + 1), await readFile(path, 'utf8')] as const
    })
    seen = { files: Object.fromEntries(await Promise.all(files)), left: whole?.submodules ?? push.submodules, said }
  }
})
afterEach(async () => {
  await platform.close()
  await host.close()
})

async function hosted(name: string, files: Record<string, string>): Promise<Copy> {
  return makeCopy(ann, join(folder, `hosted-${count}`, name), files)
}

/** Adds gitlinks and their .gitmodules; commits. */
async function refer(copy: Copy, modules: Record<string, { sha: string; url: string }>): Promise<string> {
  const text = Object.entries(modules)
    .map(([path, { url }]) => `[submodule "${path}"]\n\tpath = ${path}\n\turl = ${url}\n`)
    .join('')
  await writeFile(join(copy.folder, '.gitmodules'), text)
  await copy.git('add', '.gitmodules')
  for (const [path, { sha }] of Object.entries(modules))
    await copy.git('update-index', '--add', '--cacheinfo', `160000,${sha},${path}`)
  await copy.git('commit', '-q', '-m', 'modules')
  return (await copy.git('rev-parse', 'HEAD')).stdout.trim()
}

const push = (): Promise<Result> => app.git('push', remote(platform, 'app'), 'main')
const url = (name: string): string => `https://${host.name}/${name}`
const said = ({ stderr }: Result): string => remoteLines(stderr).join('\n')

/** Nothing of the fetch is left. */
async function clean(): Promise<void> {
  const names = await readdir(join(platform.folder, 'repos'))
  expect(names.filter((name) => name.startsWith('.new-'))).toEqual([])
}

test('the exact commit comes, not the newest, with its own submodules by relative addresses', async () => {
  const deep = await hosted('deep', { 'deep.js': 'deep\n' })
  const sha = await refer(lib, { 'vendor/deep': { sha: deep.sha, url: '../deep' } })
  await lib.commit({ 'lib.js': 'lib 2\n' })
  await refer(app, { 'libs/lib': { sha, url: url('lib') } })
  const result = await push()
  expect(result.code, result.stderr).toBe(0)
  expect(seen.files).toMatchObject({
    'index.js': 'hello\n',
    'libs/lib/lib.js': 'lib 1\n',
    'libs/lib/vendor/deep/deep.js': 'deep\n',
  })
  expect(seen.left).toEqual([])
  expect(seen.said).toBe(
    `-----> Fetching submodule libs/lib from ${url('lib')}\n-----> Fetching submodule libs/lib/vendor/deep from ${url('deep')}\n`,
  )
  expect(host.credentials).toEqual([])
  await clean()
})

test('what may not be fetched stays empty, and is told with the reason', async () => {
  const sha = '1'.repeat(40)
  await refer(app, {
    lib: { sha: lib.sha, url: url('lib') },
    ssh: { sha, url: 'git@github.com:a/b.git' },
    elsewhere: { sha, url: 'https://elsewhere.example/a' },
    relative: { sha, url: '../b' },
  })
  expect((await push()).code).toBe(0)
  expect(Object.keys(seen.files).toSorted()).toEqual(['.gitmodules', 'index.js', 'lib/lib.js'])
  expect(Object.fromEntries(seen.left.map(({ path, why }) => [path, why]))).toEqual({
    ssh: '"git@github.com:a/b.git" is not an https:// address',
    elsewhere: 'DEIS_GIT_SUBMODULES does not allow elsewhere.example',
    relative: '"../b" is relative, and a pushed repository has no address',
  })
})

test('without the setting nothing is asked for', async () => {
  await platform.restart({ submodules: { hosts: [], caFile } })
  await refer(app, { lib: { sha: lib.sha, url: url('lib') } })
  expect((await push()).code).toBe(0)
  expect(seen.left).toEqual([{ path: 'lib', sha: lib.sha }])
  expect(host.asked).toEqual([])
})

test.each<[string, () => Promise<void> | void, RegExp]>([
  [
    'a commit that is not there',
    async () => void (await refer(app, { lib: { sha: '1'.repeat(40), url: url('lib') } })),
    /it does not have the commit 111111111111: push it there first/,
  ],
  [
    'a repository that is not there',
    async () => void (await refer(app, { lib: { sha: lib.sha, url: url('none') } })),
    /repository 'https:[^']*none\/?' not found/,
  ],
  [
    'one that asks for credentials',
    () => {
      host.instead = (_request, response) => {
        response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end()
        return true
      }
    },
    /it is not public: credentials are never sent/,
  ],
  [
    'one that leads elsewhere',
    () => {
      host.instead = (request, response) => {
        if (request.url?.startsWith('/other')) return false
        response.writeHead(302, { location: `https://${host.name}/other${request.url}` }).end()
        return true
      }
    },
    /it has moved, and redirects are not followed/,
  ],
  [
    'a host that is not there',
    async () => void (await refer(app, { lib: { sha: lib.sha, url: 'https://localhost:1/lib' } })),
    /(refused|Couldn't connect|Failed to connect)/i,
  ],
])('%s fails the push, with the reason', async (_title, prepare, reason) => {
  await refer(app, { lib: { sha: lib.sha, url: url('lib') } })
  await prepare()
  const result = await push()
  expect(result.code).toBe(1)
  expect(said(result)).toMatch(reason)
  expect(said(result)).toMatch(/^Submodule "lib" could not be fetched from https:/m)
  expect(said(result)).toContain('Nothing was deployed. Fix it and push again')
  expect(host.asked.filter((path) => path.startsWith('/other'))).toEqual([])
  await clean()
})

test('a certificate of an authority that is not trusted is refused', async () => {
  await platform.restart({ submodules: { hosts: [host.name], caFile: null } })
  await refer(app, { lib: { sha: lib.sha, url: url('lib') } })
  const result = await push()
  expect(result.code).toBe(1)
  expect(said(result)).toMatch(/certificate/i)
  expect(host.asked).toEqual([])
})

test('an address of this machine that the operator did not name is not asked', async () => {
  await platform.restart({ submodules: { hosts: ['*'], caFile } })
  await refer(app, { lib: { sha: lib.sha, url: 'https://localhost/lib' } })
  const result = await push()
  expect(result.code).toBe(1)
  expect(said(result)).toMatch(/localhost is at \S+, which is not an address on the public internet/)
})

test('submodules that contain themselves end at the third, and too many are refused', async () => {
  // A commit cannot name itself, but its parent: a chain of them.
  let sha = lib.sha
  for (let i = 0; i < 5; i++) sha = await refer(lib, { again: { sha, url: url('lib') } })
  await refer(app, { lib: { sha, url: url('lib') } })
  expect((await push()).code).toBe(0)
  expect(seen.files['lib/again/again/lib.js']).toBe('lib 1\n')
  expect(seen.left).toMatchObject([
    { path: 'lib/again/again/again', why: 'submodules of submodules are fetched 3 deep' },
  ])
  await refer(
    app,
    Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`m${i}`, { sha: lib.sha, url: url('lib') }])),
  )
  expect(said(await push())).toContain('more than 50 submodules')
  await clean()
}, 60_000)

test('what comes counts as the source does, and what is downloaded has a limit', async () => {
  const sha = await lib.commit({ large: 'x'.repeat(11_000_000) })
  await refer(app, { lib: { sha, url: url('lib') } })
  expect(said(await push())).toMatch(/"large" alone is 10 MB; at most 10 MB/)
  await platform.restart({ maxPackBytes: 100_000, sourceLimits: { entries: 1000, bytes: 1e9 } })
  const { randomBytes } = await import('node:crypto')
  const more = await lib.commit({ large: randomBytes(1_000_000).toString('hex') })
  await refer(app, { lib: { sha: more, url: url('lib') } })
  expect(said(await push())).toMatch(/could not be fetched .*: it is larger than 0 MB/)
  await clean()
})

test('a push that is cancelled while a host says nothing ends at once, and so does git', async () => {
  const reached = deferred()
  host.instead = () => {
    reached.resolve()
    return true
  }
  await refer(app, { lib: { sha: lib.sha, url: url('lib') } })
  const pushing = push()
  await reached.resolved
  const cancelled = performance.now()
  await platform.server.cancelPushes('app')
  expect(performance.now() - cancelled).toBeLessThan(3000)
  expect((await pushing).code).toBe(1)
  const { stdout } = await run('ps', ['-eo', 'args'], folder, { PATH: process.env['PATH'] ?? '' })
  expect(stdout.split('\n').filter((line) => line.includes(host.name) && !line.includes('git push'))).toEqual([])
  await clean()
})

test('a host that never ends is left after its time', async () => {
  await platform.restart({ limits: { fetchMs: 1000 } })
  host.instead = () => true
  await refer(app, { lib: { sha: lib.sha, url: url('lib') } })
  expect(said(await push())).toMatch(/did not end within 1 s and was stopped/)
  await clean()
})

test('all of them together have a time, whatever each one may take', async () => {
  await platform.restart({ limits: { submodulesMs: 1500 } })
  const slow = await hosted('slow', { 'slow.js': 'slow\n' })
  host.instead = (request) => request.url?.startsWith('/slow') ?? false
  await refer(app, { lib: { sha: lib.sha, url: url('lib') }, slow: { sha: slow.sha, url: url('slow') } })
  const started = performance.now()
  const result = await push()
  expect(performance.now() - started).toBeLessThan(10_000)
  expect(result.code).toBe(1)
  expect(said(result)).toContain(
    'The submodules could not be fetched within 1.5 s; 1 of them were.\nNothing was deployed. Push again,',
  )
  await clean()
})

test('commands and settings of the project are nothing to the fetch', async () => {
  await refer(app, { lib: { sha: lib.sha, url: url('lib') } })
  const set = (name: string, value: string): Promise<Result> =>
    app.git('config', '--file', '.gitmodules', '--add', name, value)
  await set('include.path', '/etc/passwd')
  await set('http.sslVerify', 'false')
  await set('url.file:///etc/.insteadOf', 'https://')
  await app.git('commit', '-qm', 'settings', '.gitmodules')
  const taken = await push()
  expect(taken.code, taken.stderr).toBe(0)
  expect(seen.files['lib/lib.js']).toBe('lib 1\n')
  await set('submodule.lib.update', '!touch /tmp/deis-evil')
  await app.git('commit', '-qm', 'a command', '.gitmodules')
  expect(said(await push())).toContain('disallowed submodule update setting')
})
