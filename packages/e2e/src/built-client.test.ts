// Does the client work as it is built: through a proxy, and without the compiled code that the build stores?
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { run, type Result } from './child.ts'
import { cleanEnv, root } from './platform.ts'

const built = join(root, 'dist/cli')
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
