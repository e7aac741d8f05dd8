// Does the bundled program live with pipes, signals and proxies?
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { followHeader } from '@deis/types'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { homeOf } from './testbed.ts'

let bundle = ''
beforeAll(async () => {
  bundle = mkdtempSync(join(tmpdir(), 'deis-bundle-'))
  await build({
    entryPoints: [join(import.meta.dirname, 'main.ts')],
    outdir: bundle,
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    outExtension: { '.js': '.mjs' },
    banner: { js: "import { createRequire as __cr } from 'node:module'; const require = __cr(import.meta.url);" },
  })
})
afterAll(() => rmSync(bundle, { recursive: true, force: true }))

type Program = ChildProcessByStdio<Writable, Readable, Readable>

function start(
  argv: readonly string[],
  home: string,
  env: Record<string, string> = {},
): { child: Program; ended: Promise<unknown> } {
  const child = spawn(process.execPath, [join(bundle, 'main.mjs'), ...argv], {
    cwd: home,
    env: { PATH: process.env['PATH'], HOME: home, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const code = new Promise((resolve) => child.on('close', resolve))
  const ended = Promise.all([code, text(child.stdout).catch(() => 'closed'), text(child.stderr)])
  return { child, ended: ended.then(([code, stdout, stderr]) => ({ code, stdout, stderr })) }
}

async function listen(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer((request, response) => {
    response.setHeader('DEIS_API_VERSION', '2.3')
    answer(request, response)
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('ends with the exit code of the remote command', async () => {
  const home = homeOf({ url: await listen((_, response) => response.end('{"exit_code":42,"output":"no\\n"}')) })
  const { ended } = start(['run', '-a', 'foo', 'false'], home)
  expect(await ended).toEqual({ code: 42, stdout: "Running 'false'...\n", stderr: 'no\n' })
})

test('takes a confirmation from a pipe that stays open', async () => {
  const home = homeOf({ url: await listen((_, response) => response.writeHead(204).end()) })
  const { child, ended } = start(['destroy', '-a', 'foo'], home)
  child.stdin.write('foo\n')
  expect(await ended).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/Destroying foo\.\.\.\ndone in \d+s\n$/) as string,
  })
})

test('reads variables from a pipe', async () => {
  let body = Promise.resolve('')
  const url = await listen((request, response) => {
    if (request.method === 'POST') body = text(request)
    response.end('{"values":{"A":"1"}}')
  })
  const { child, ended } = start(['config:push', '-a', 'foo'], homeOf({ url }))
  child.stdin.end('A=1\n')
  expect(await ended).toMatchObject({ code: 0 })
  expect(await body).toBe('{"values":{"A":"1"}}')
})

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
  // The terminal was closed.
  ['SIGHUP', 129],
] as const)('%s ends a waiting command', async (signal, code) => {
  let arrived = (): void => {}
  const waiting = new Promise<void>((resolve) => (arrived = resolve))
  const home = homeOf({ url: await listen(() => arrived()) })
  const { child, ended } = start(['scale', 'web=1', '-a', 'foo'], home)
  await waiting
  child.kill(signal)
  expect(await ended).toMatchObject({
    code,
    stderr: 'Error: interrupted; the controller may still be working\n',
  })
})

test('Ctrl-C at a prompt prints "cancelled" and nothing else', async () => {
  const { child, ended } = start(['destroy', '-a', 'foo'], homeOf({ url: 'http://127.0.0.1:1' }))
  await once(child.stdout, 'readable')
  child.kill('SIGINT')
  expect(await ended).toMatchObject({ code: 130, stderr: 'cancelled\n' })
})

test('is quiet when stdout is closed', async () => {
  const url = await listen((_, response) => {
    program.child.stdout.destroy()
    response.end('line\n'.repeat(100_000))
  })
  const program = start(['logs', '-a', 'foo'], homeOf({ url }))
  expect(await program.ended).toMatchObject({ code: 0, stderr: '' })
})

/** Responses that continue after one line. */
function following(): Promise<string> {
  return listen((_, response) => void response.writeHead(200, { [followHeader]: '1' }).write('one\n'))
}

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s ends a followed log without an error', async (signal, code) => {
  const { child, ended } = start(['logs', '-f', '-a', 'foo'], homeOf({ url: await following() }))
  await once(child.stdout, 'readable')
  child.kill(signal)
  expect(await ended).toEqual({ code, stdout: 'one\n', stderr: '' })
})

test('a followed log ends when stdout is closed', async () => {
  let more = (): void => {}
  const url = await listen((_, response) => {
    response.writeHead(200, { [followHeader]: '1' }).write('one\n')
    more = () => response.write('two\n')
  })
  const { child, ended } = start(['logs', '-f', '-a', 'foo'], homeOf({ url }))
  await once(child.stdout, 'readable')
  child.stdout.destroy()
  await once(child.stdout, 'close')
  more()
  expect(await ended).toMatchObject({ code: 0, stderr: '' })
})

test('goes through the proxy of the environment', async () => {
  let asked: string | undefined
  const proxy = await listen((request, response) => {
    asked = request.url
    response.end('{"count":0,"results":[]}')
  })
  const home = homeOf({ url: 'http://deis.example.com' })
  expect(await start(['apps'], home, { HTTP_PROXY: proxy }).ended).toMatchObject({ code: 0, stdout: '=== Apps\n' })
  expect(asked).toBe('http://deis.example.com/v2/apps/?limit=100')
})

test('uses no proxy for this machine', async () => {
  const home = homeOf({ url: await listen((_, response) => response.end('{"count":0,"results":[]}')) })
  const { ended } = start(['apps'], home, { http_proxy: 'http://127.0.0.1:1' })
  expect(await ended).toMatchObject({ code: 0, stdout: '=== Apps\n' })
})
