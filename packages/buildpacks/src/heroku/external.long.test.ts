// Are buildpacks from git and from archives fetched and used as the buildpack API says (docs/contract/build-and-route.md §2.1)?
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Files, openTestBuilder, read, repository, tarOf, type TestBuilder, writeFiles } from '../testing.ts'

let t: TestBuilder
let server: Server
let archive = Buffer.alloc(0)
const requests: (string | undefined)[] = []

const bash = (text: string): string => `#!/bin/bash\nset -e\n${text}\n`
const speaking = (word: string, more: Files = {}): Files => ({
  'bin/detect': bash(`echo ${word}`),
  'bin/compile': bash(`echo says ${word}; echo ${word} >> "$1/said"`),
  'bin/release': bash(`echo 'default_process_types: {web: ${word}}'`),
  ...more,
})

beforeAll(async () => {
  t = await openTestBuilder()
  server = createServer((request, response) => {
    requests.push(request.headers.authorization)
    if (request.url === '/missing.tgz') response.writeHead(404).end()
    else response.end(archive)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterAll(async () => {
  server.closeAllConnections()
  server.close()
  await t.close()
})

const at = (name: string): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}/${name}`
const build = (url: string, files: Files = { x: '' }): ReturnType<TestBuilder['build']> =>
  t.build(files, { config: { BUILDPACK_URL: url } })

test('a branch, a tag, a commit, the default branch', async () => {
  const folder = join(t.folder, 'versions')
  const git = await repository(folder, speaking('one'))
  const first = (await git('rev-parse', 'HEAD')).stdout.trim()
  await git('tag', 'v1')
  await git('checkout', '--quiet', '-b', 'next')
  await writeFiles(folder, speaking('two'))
  await git('commit', '--quiet', '--all', '--message=two')
  await git('checkout', '--quiet', '-b', 'trunk')
  await writeFiles(folder, speaking('three'))
  await git('commit', '--quiet', '--all', '--message=three')
  const said = async (url: string): Promise<string> => /says (\w+)/.exec((await build(url)).output)?.[1] ?? ''
  expect(await said(`file://${folder}`)).toBe('three')
  expect(await said(`file://${folder}#v1`)).toBe('one')
  expect(await said(`file://${folder}#next`)).toBe('two')
  expect(await said(`${folder}#${first}`)).toBe('one')
  expect(await said(`${folder}#${first.slice(0, 10)}`)).toBe('one')
  await expect(build(`${folder}#nowhere`)).rejects.toThrow('Build exited with code 1, stopping build.')
  expect(t.output()).toMatch(
    /-----> Fetching custom buildpack\n !     The buildpack has no branch, tag or commit nowhere\.\n$/,
  )
})

test('what cannot be fetched, or is not a URL: the reason, and one line', async () => {
  await expect(build('file:///nonexistent/x')).rejects.toThrow('Build exited with code 1, stopping build.')
  expect(t.output()).toMatch(/-----> Fetching custom buildpack\n !     .*\/nonexistent\/x/)
  await expect(build('ext::evil')).rejects.toThrow('Build exited with code 1, stopping build.')
  expect(t.output()).toMatch(
    /-----> Fetching custom buildpack\n !     BUILDPACK_URL is not a valid buildpack: it must be a git URL/,
  )
  await expect(build(at('missing.tgz'))).rejects.toThrow('Build exited with code 1, stopping build.')
  expect(t.output()).toMatch(
    / !     http:\/\/127.*\/missing.tgz could not be fetched: the server answered 404 Not Found\n$/,
  )
})

test('an archive, with credentials in the URL and one folder inside', async () => {
  archive = gzipSync(
    await tarOf(
      Object.fromEntries(Object.entries(speaking('tar')).map(([name, text]) => [`buildpack-v1/${name}`, text])),
    ),
  )
  requests.length = 0
  const { output, result } = await build(at('b.tgz').replace('//', '//me:hidden@'))
  expect(output).toContain('-----> tar app detected\n       says tar\n')
  expect(output).not.toContain('hidden')
  expect(result.processes).toEqual({ web: 'tar' })
  expect(requests).toEqual([`Basic ${btoa('me:hidden')}`])
})

test('an archive without programs, and a file that is not an archive', async () => {
  archive = gzipSync(await tarOf({ 'bin/detect': { link: '/etc' }, x: '' }))
  // The link itself is harmless; there is just no compile.
  await expect(build(at('c.tgz'))).rejects.toThrow('bin/compile could not be started')
  archive = Buffer.from('no archive at all')
  await expect(build(at('c.tgz'))).rejects.toThrow('Build exited with code 1, stopping build.')
  expect(t.output()).toContain('could not be fetched')
})

test('the only buildpack is used even if its detect fails; without release there are no defaults', async () => {
  const folder = join(t.folder, 'stubborn')
  await repository(folder, { 'bin/detect': bash('exit 1'), 'bin/compile': bash('echo working') })
  const { output, result } = await build(folder)
  expect(output).toContain(
    '-----> Custom app detected\n       working\n-----> Discovering process types\n       None: add a Procfile',
  )
  expect(result.processes).toEqual({})
})

test('a buildpack that is not executable, or fails in release', async () => {
  const folder = join(t.folder, 'plain')
  const git = await repository(folder, speaking('plain'))
  await git('update-index', '--chmod=-x', 'bin/compile')
  await git('commit', '--quiet', '--message=x')
  await expect(build(folder)).rejects.toThrow('bin/compile could not be started: it is not executable.')
  const other = join(t.folder, 'unreleased')
  await repository(other, speaking('x', { 'bin/release': bash('echo sorry >&2; exit 4') }))
  await expect(build(other)).rejects.toThrow('bin/release of the buildpack exited with code 4, stopping build.')
  expect(t.output()).toContain(' !     sorry\n')
})

test('.buildpacks: in order, export in between, the last release wins', async () => {
  const one = join(t.folder, 'first')
  const two = join(t.folder, 'second')
  await repository(
    one,
    speaking('first', { export: 'export FROM_FIRST="in between"\nexport PATH="/first/bin:$PATH"\n' }),
  )
  await repository(
    two,
    speaking('second', { 'bin/compile': bash('echo "got $FROM_FIRST"; echo ${PATH%%:*}; echo 2 >> "$1/said"') }),
  )
  const list = `# both\n${one}#main\n\nfile://${two}\n`
  const { lines, result } = await t.build({ '.buildpacks': list, 'bin/pre-compile': bash('echo once') })
  expect(lines.slice(2, 13)).toEqual([
    '-----> Fetching custom buildpack',
    `       file://${one}#main`,
    `       file://${two}`,
    '-----> first app detected',
    '-----> Running pre-compile hook',
    '       once',
    '       says first',
    '-----> second app detected',
    '       got in between',
    '       /first/bin',
    '-----> Discovering process types',
  ])
  expect(result.processes).toEqual({ web: 'second' })
  expect(await read(await t.unpack(result), 'said')).toBe('first\n2\n')
})

test('.buildpacks: each must detect', async () => {
  const yes = join(t.folder, 'yes')
  const no = join(t.folder, 'no')
  await repository(yes, speaking('yes'))
  await repository(no, speaking('no', { 'bin/detect': bash('echo not mine >&2; exit 1') }))
  await expect(t.build({ '.buildpacks': `${yes}\n${no}\n` })).rejects.toThrow(
    'Build exited with code 1, stopping build.',
  )
  expect(t.output()).toContain(
    ` !     The buildpack file://${no} does not apply to this app: its bin/detect failed.\n !     not mine\n`,
  )
  await expect(t.build({ '.buildpacks': '# none\n' })).rejects.toThrow('.buildpacks does not name a buildpack')
})

test('SSH_KEY is a file of the build only, and ssh is told by a fixed command', async () => {
  const folder = join(t.folder, 'keyed')
  await repository(
    folder,
    speaking('key', {
      'bin/compile': bash('stat -c %a "$DEIS_SSH_KEY"; cat "$DEIS_SSH_KEY"; echo "$GIT_SSH_COMMAND"'),
    }),
  )
  const key = '-----BEGIN OPENSSH PRIVATE KEY-----\nnot really\n-----END OPENSSH PRIVATE KEY-----\n'
  const config = { BUILDPACK_URL: folder, SSH_KEY: Buffer.from(key).toString('base64') }
  const { output } = await t.build({ x: '' }, { config })
  expect(output).toContain('       600\n-----BEGIN')
  expect(output).toContain('       not really\n')
  expect(output).toContain('       ssh -i "$DEIS_SSH_KEY" -o IdentitiesOnly=yes')
  await expect(t.build({ x: '' }, { config: { ...config, SSH_KEY: 'rubbish; evil' } })).rejects.toThrow(
    'The config variable SSH_KEY is not a private key',
  )
})

test("the platform's own buildpacks: the first that detects is used, else a built-in one", async () => {
  const no = join(t.folder, 'own-no')
  const yes = join(t.folder, 'own-yes')
  await repository(no, speaking('no', { 'bin/detect': bash('exit 1') }))
  await repository(yes, speaking('own', { 'bin/detect': bash('test -e "$1/own" && echo Own') }))
  const other = await openTestBuilder({ buildpacks: [no, yes] })
  try {
    const own = await other.build({ own: '', Procfile: 'worker: x\n' })
    expect(own.lines).toContain('-----> Own app detected')
    expect(own.result.processes).toEqual({ worker: 'x' })
    expect((await other.build({ Procfile: 'worker: x\n' })).lines).toContain('-----> Procfile app detected')
    const named = await other.build({ own: '', x: '' }, { config: { BUILDPACK_URL: no } })
    expect(named.result.processes).toEqual({ web: 'no' })
  } finally {
    await other.close()
  }
})

test.skipIf(process.getuid?.() !== 0)(
  'a buildpack that turns into links to folders of root: nothing in there is found',
  async () => {
    const secret = join(t.folder, 'of-root')
    await mkdir(secret)
    await writeFile(join(secret, 'release'), 'mine')
    await chmod(secret, 0o700)
    const folder = join(t.folder, 'turning')
    await repository(folder, {
      'bin/detect': bash('echo Turning'),
      'bin/compile': bash(`cd "\${0%/*}/.."; rm -rf bin; ln -s ${secret} bin`),
    })
    const { result } = await build(folder, { Procfile: 'web: here' })
    expect(result.processes).toEqual({ web: 'here' })
  },
)
