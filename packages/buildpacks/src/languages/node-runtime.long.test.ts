// Does an app get the Node.js that it asks for, from a registry, once, and in its slug?
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, realpath } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create } from 'tar'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Files, execute, openTestBuilder, path, runIn, type TestBuilder, writeFiles } from '../testing.ts'

const runtime = `node-${process.platform}-${process.arch}`
let t: TestBuilder
let server: Server
let registry: string
let asked: string[] = []
let damaged = false

/** A package as the registry sends it. */
async function packed(files: Files): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'deis-package-'))
  await writeFiles(join(folder, 'package'), files)
  const file = join(folder, 'package.tgz')
  await create({ cwd: folder, file, gzip: true, portable: true }, ['package'])
  return readFile(file)
}

beforeAll(async () => {
  t = await openTestBuilder()
  const npm = await realpath((await execute('sh', ['-c', 'command -v npm'])).stdout.trim())
  // A stand-in for the registry's packages: a "Node.js 99" that is this machine's and says another version, and its npm.
  const stand: Record<string, { version: string; engines?: object; bin: object; tarball: Buffer }> = {}
  const add = async (name: string, version: string, more: { bin: object; engines?: object }, files: Files) => {
    const tarball = await packed({ 'package.json': JSON.stringify({ name, version, ...more }), ...files })
    stand[name] = { version, ...more, tarball }
  }
  const fake = `#!/bin/sh\n[ "$1" = --version ] && exec echo v99.1.0\nexec "${process.execPath}" "$@"\n`
  await add(runtime, '99.1.0', { bin: { node: 'bin/node' } }, { 'bin/node': fake, 'include/node/node.h': '' })
  const ownNpm = `#!/bin/sh\n[ "$1" = --version ] && exec echo 10.99.0\nexec node "${npm}" "$@"\n`
  await add('npm', '10.99.0', { bin: { npm: 'bin/npm' }, engines: { node: '>=99' } }, { 'bin/npm': ownNpm })
  server = createServer((request, response) => {
    asked.push(request.url ?? '')
    const name = (request.url ?? '').split('/')[1] ?? ''
    const found = stand[name]
    if (!found) return void response.writeHead(404).end('{}')
    if (request.url?.endsWith('.tgz')) return void response.end(damaged ? Buffer.alloc(9) : found.tarball)
    const { version, bin, engines, tarball } = found
    const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`
    const dist = { integrity, tarball: `${registry}/${name}/-/${name}-${version}.tgz` }
    response.setHeader('content-type', 'application/json')
    const versions = { [version]: { name, version, bin, engines, dist } }
    response.end(JSON.stringify({ name, 'dist-tags': { latest: version }, versions }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  registry = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(async () => {
  server.close()
  await t.close()
})

const build = (node: unknown, app: string): ReturnType<TestBuilder['build']> => {
  asked = []
  const scripts = { start: 'node -p process.argv0', build: 'node --version > built' }
  return t.build(
    { 'package.json': JSON.stringify({ engines: { node }, scripts }) },
    { app, config: { NPM_CONFIG_REGISTRY: registry, NPM_CONFIG_FETCH_RETRIES: '0' } },
  )
}

test('another version: builds with it, carries it, and fetches it once', { timeout: 60_000 }, async () => {
  const first = await build('^99', 'myapp')
  expect(first.output).toContain('       Installing Node.js 99.1.0 with npm 10.99.0\n')
  expect(first.output).toContain('       Node.js 99.1.0\n')
  const app = await t.unpack(first.result)
  expect(await runIn(t, app, 'cat built; node --version; command -v node; type -aP npm | head -n 2')).toBe(
    `v99.1.0\nv99.1.0\n${app}/.deis/node/bin/node\n${app}/.deis/npm-start/npm\n${app}/.deis/node/bin/npm\n`,
  )
  expect(await runIn(t, app, `ls .deis/node/lib/node_modules/${runtime}`)).not.toContain('include')
  const second = await build('^99', 'myapp')
  expect(second.output).not.toContain('Installing Node.js')
  expect(asked.filter((url) => url.endsWith('.tgz'))).toEqual([])
  expect(second.result.artifact).toEqual(first.result.artifact)
})

test('the version of this machine needs no request', async () => {
  const { output, result } = await build(`>=${process.versions.node.split('.')[0]}`, 'own')
  expect(output).toContain(`       Node.js ${process.versions.node}\n`)
  expect(asked).toEqual([])
  expect(await runIn(t, await t.unpack(result), 'command -v node', { PATH: path })).not.toContain('.deis')
})

test('what there is not, and what is not a range, is refused by name', { timeout: 60_000 }, async () => {
  await expect(build('>=100', 'none')).rejects.toThrow(
    `engines.node in package.json asks for Node.js >=100, which does not exist: this machine has ${process.versions.node}, and the npm registry has 99.1.0 and older ones.`,
  )
  await expect(build('newest please', 'none')).rejects.toThrow(
    'engines.node in package.json is "newest please", which is not a range of versions: write one such as "22.x".',
  )
})

test('what arrives damaged is not used', { timeout: 60_000 }, async () => {
  damaged = true
  await expect(build('99', 'damaged')).rejects.toThrow(`npm install ${runtime}@99.1.0 npm@10.99.0 exited with code 1`)
  expect(t.output()).toContain('EINTEGRITY')
  damaged = false
  expect((await build('99', 'damaged')).output).toContain('Installing Node.js 99.1.0')
})
