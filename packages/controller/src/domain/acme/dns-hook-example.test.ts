// Does the program that docs/acme-dns.md shows set and remove records at a real name server (Debian packages bind9, bind9-dnsutils)?
import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { Resolver } from 'node:dns/promises'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { cleanUp, present } from './dns-hook.ts'

const path = '/usr/sbin:/usr/bin:/bin'
const has = (program: string): boolean => spawnSync(program, ['-V'], { env: { PATH: path } }).error === undefined

async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.close()
  return port
}

/** BIND as the document configures it, for example.com only. */
async function startNamed(folder: string, port: number): Promise<void> {
  const key = `key deis-acme { algorithm hmac-sha256; secret "${randomBytes(32).toString('base64')}"; };\n`
  await writeFile(join(folder, 'key'), key, { mode: 0o600 })
  const zone = '$TTL 60\n@ SOA ns hostmaster 1 60 60 60 60\n@ NS ns\nns A 127.0.0.1\n'
  await writeFile(join(folder, 'zone'), `${zone}_acme-challenge.far CNAME elsewhere\n`)
  const document = await readFile(new URL('../../../../../docs/acme-dns.md', import.meta.url), 'utf8')
  const zoneStatement = /^zone "example\.com" \{\n[^`]+/m
    .exec(document)![0]
    .replace('/var/lib/bind/example.com', 'zone')
  const options = `options { directory "${folder}"; listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; }; pid-file none; session-keyfile none; recursion no; dnssec-validation no; };`
  await writeFile(join(folder, 'named.conf'), [options, 'controls {};', key, zoneStatement].join('\n'))
  const child = spawn('named', ['-g', '-c', join(folder, 'named.conf')], {
    env: { PATH: path },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  let said = ''
  await new Promise<void>((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk
      // At its begin it says "running as" as well.
      if (/ running\n/.test(said)) resolve()
    })
    child.once('exit', () => reject(new Error(said)))
  })
}

test.skipIf(!has('named') || !has('nsupdate'))('the example of docs/acme-dns.md', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'deis-named-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const port = await freePort()
  await startNamed(folder, port)
  const document = await readFile(new URL('../../../../../docs/acme-dns.md', import.meta.url), 'utf8')
  const program = /```sh\n(#!\/bin\/sh\n[^`]+)```/.exec(document)![1]!
  const dnsHook = join(folder, 'hook')
  const here = program.replace(/^port=53$/m, `port=${port}`).replace(/^key=\S+/m, `key=${join(folder, 'key')}`)
  await writeFile(dnsHook, here, { mode: 0o700 })
  const settings = {
    directory: 'https://ca.example/dir',
    staging: null,
    email: null,
    eab: null,
    resolvers: [`127.0.0.1:${port}`],
    publicAddresses: [],
    httpPort: 80,
    dnsHook,
    dnsWaitMs: 20_000,
  }
  const resolver = new Resolver()
  resolver.setServers(settings.resolvers)
  const values = async (): Promise<string[]> =>
    (await resolver.resolveTxt('_acme-challenge.apps.example.com').catch(() => [])).flat().toSorted()
  const never = new AbortController().signal

  await present(settings, '*.apps.example.com', 'one-_', path, never)
  await present(settings, 'apps.example.com', 'two', path, never)
  expect(await values()).toEqual(['one-_', 'two'])
  await cleanUp(settings, '*.apps.example.com', 'one-_', path)
  expect(await values()).toEqual(['two'])
  await cleanUp(settings, '*.apps.example.com', 'two', path)
  expect(await values()).toEqual([])
  // What is not there any more, as after a kill.
  await cleanUp(settings, '*.apps.example.com', 'two', path)
  // Another record than the key is for.
  await expect(present(settings, 'www.example.com', 'v', path, never)).rejects.toThrow(/update failed: REFUSED/)
})
