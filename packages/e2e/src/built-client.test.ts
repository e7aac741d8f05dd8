// Does the client work as it is built: through a proxy, through links, without the compiled code that the build stores, and as
// the package that npm installs?
import { createHash } from 'node:crypto'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { run, type Result } from './child.ts'
import { cleanEnv, root } from './platform.ts'
import manifest from '../../cli/package.json' with { type: 'json' }

const built = join(root, 'dist/cli')
const version = { code: 0, stdout: `v${manifest.version}\n`, stderr: '' }
let folder = ''
let proxy = ''
let seen: string[] = []

/** Answers as a controller, and refuses tunnels. */
const server = createServer((request, response) => {
  seen.push(`${request.method} ${request.url}`)
  response.setHeader('DEIS_API_VERSION', '2.3').end('{"count":1,"results":[{"id":"tea"}]}')
})
server.on('connect', (request, socket) => {
  seen.push(`CONNECT ${request.url}`)
  socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
})

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deis-built-'))
  await mkdir(join(folder, '.deis'))
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  proxy = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(async () => {
  server.close()
  await rm(folder, { recursive: true })
})

async function apps(controller: string, env: NodeJS.ProcessEnv, client = built): Promise<Result> {
  seen = []
  await writeFile(join(folder, '.deis/client.json'), JSON.stringify({ controller, token: 'x' }))
  const all = { PATH: cleanEnv().PATH, HOME: folder, DEIS_WAIT_SECONDS: '0', ...env }
  return run(process.execPath, [join(client, 'deis.js'), 'apps'], { cwd: folder, env: all })
}

test('a controller without TLS behind a proxy', async () => {
  const result = await apps('http://deis.example.test', { http_proxy: proxy })
  expect(result).toMatchObject({ code: 0, stdout: '=== Apps\ntea\n', stderr: '' })
  expect(seen).toEqual(['GET http://deis.example.test/v2/apps/?limit=100'])
})

test('a controller with TLS is reached by a tunnel', async () => {
  const { code, stderr } = await apps('https://deis.example.test', { https_proxy: proxy })
  expect({ code, stderr }).toEqual({ code: 1, stderr: 'Error: You do not have permission to perform this action.\n' })
  expect(seen).toEqual(['CONNECT deis.example.test:443'])
})

test.each([
  ['another version of V8 stored it', 'not what V8 stores'],
  ['it is gone', null],
])('without compiled code: %s', async (_, content) => {
  const client = join(folder, 'client')
  await cp(built, client, { recursive: true })
  const stored = (await readdir(client)).filter((file) => file.endsWith('.cache'))
  expect(stored.toSorted()).toEqual(['axios.js.cache', 'main.js.cache'])
  for (const file of stored) await (content === null ? rm(join(client, file)) : writeFile(join(client, file), content))
  expect(await apps(proxy, {}, client)).toMatchObject({ code: 0, stdout: '=== Apps\ntea\n', stderr: '' })
})

test('bin/deis through links, absolute and relative', async () => {
  const bin = join(folder, 'bin')
  await mkdir(bin)
  await symlink(join(root, 'dist/bin/deis'), join(bin, 'first'))
  await symlink('first', join(bin, 'deis'))
  await symlink(bin, join(folder, 'linked'))
  const env = { PATH: `${join(folder, 'linked')}:${cleanEnv().PATH}`, HOME: folder }
  for (const word of ['version', '--version']) expect(await run('deis', [word], { cwd: folder, env })).toEqual(version)
  expect(await run('sh', ['deis', 'version'], { cwd: bin, env })).toEqual(version)
  expect(await run('./dist/bin/deis', ['version'], { cwd: root, env })).toEqual(version)
})

test('the package is installed by npm without a network, with completion, and is the same each time', async () => {
  const client = join(root, 'dist/client')
  const [name = ''] = (await readdir(client)).filter((file) => file.endsWith('.tgz'))
  const content = await readFile(join(client, name))
  const sum = createHash('sha256').update(content).digest('hex')
  expect(await readFile(join(client, 'SHA256SUMS'), 'utf8')).toBe(`${sum}  ${name}\n`)
  const again = await run(process.execPath, [join(root, 'scripts/client-package.mjs'), folder], {
    cwd: folder,
    env: cleanEnv(),
  })
  expect(again).toMatchObject({ code: 0, stderr: '' })
  expect((await readFile(join(folder, name))).equals(content)).toBe(true)

  const prefix = join(folder, 'prefix')
  // A registry that nothing serves: the package must not need one.
  const npm = ['install', '--global', '--prefix', prefix, '--registry', 'http://127.0.0.1:9', join(folder, name)]
  const env = { PATH: cleanEnv().PATH, HOME: join(folder, 'empty') }
  expect(await run('npm', npm, { cwd: folder, env })).toMatchObject({ code: 0 })
  const program = join(prefix, 'bin/deis')
  expect(await run(program, ['version'], { cwd: folder, env })).toEqual(version)
  const installed = join(prefix, 'lib/node_modules/deis')
  const { stdout } = await run(program, ['completion', 'bash'], { cwd: folder, env })
  expect(await readFile(join(installed, 'completions/deis.bash'), 'utf8')).toBe(stdout)
  const notices = 'THIRD-PARTY-NOTICES.txt'
  const files = ['LICENSE', 'README.md', notices, 'completions', 'lib', 'package.json']
  expect((await readdir(installed)).toSorted()).toEqual(files)
  const licences = await readFile(join(installed, notices), 'utf8')
  // What the client itself bundles, and a library that only one of its libraries brings.
  for (const library of ['axios', 'commander', 'proxy-from-env'])
    expect(licences).toMatch(new RegExp(`^${library} \\d+\\.\\d+\\.\\d+ \\(MIT\\)$`, 'm'))
  expect(licences).toContain('Copyright (c) 2011 TJ Holowaychuk')
})
