// Are source apps built by buildpacks on the real cluster, and do their images run as they should?
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Files, tarOf } from '@deis/buildpacks/testing'
import type { BuildResult } from '@deis/ports/builder'
import { openTestCluster, type TestCluster } from './testing.ts'
import { isClusterThere } from '../client/testing.ts'

const host = process.env.TEST_REGISTRY ?? ''
const address = process.env.TEST_NODE_IP ?? ''

const bash = (script: string): string => `#!/bin/bash\nset -e\n${script}\n`
const node: Files = {
  'package.json': JSON.stringify({ name: 'x', version: '1.0.0' }),
  'package-lock.json': JSON.stringify({ name: 'x', version: '1.0.0', lockfileVersion: 3, packages: { '': {} } }),
  'web.js': 'console.log("web here")',
  Procfile: 'web: node web.js\nworker: sleep 1000\n',
}

function imageOf({ artifact }: BuildResult): string {
  if (artifact.kind !== 'image') throw new Error('no image')
  return artifact.reference
}

describe.skipIf(!isClusterThere)('buildpacks on the cluster', () => {
  let t: TestCluster
  let server: Server
  let pack = Buffer.alloc(0)
  beforeAll(async () => {
    t = await openTestCluster(host, address)
    server = createServer((_, response) => response.end(pack))
    await new Promise<void>((resolve) => server.listen(0, address, resolve))
    const files = {
      'bin/detect': bash('test -e "$1/for-pack" && echo Packed'),
      'bin/compile': bash(
        'echo "packing $(ls "$3")"; n=$(cat "$2/n" 2>/dev/null || echo 0); echo $((n+1)) | tee "$2/n"; sleep 0.01',
      ),
      'bin/release': bash('echo "default_process_types: {web: cat for-pack}"'),
    }
    pack = gzipSync(await buffer(Readable.from([await tarOf(files)])))
  })
  afterAll(async () => {
    server.closeAllConnections()
    server.close()
    await t.close()
  })
  const packUrl = (): string => `http://${address}:${(server.address() as AddressInfo).port}/pack.tgz`

  test('a node app becomes an image whose types start', async () => {
    const { result, output } = await t.build(node)
    expect(result).toMatchObject({ dockerfile: false, port: null, artifact: { kind: 'image', launcher: 'slug' } })
    expect(result.processes).toEqual({ web: 'node web.js', worker: 'sleep 1000' })
    expect(imageOf(result)).toMatch(new RegExp(`^${t.target}/myapp@sha256:[0-9a-f]{64}$`))
    expect(output).toContain('-----> Node.js app detected\n')
    expect(output).toContain('-----> Discovering process types\n       Procfile declares types -> web, worker\n')
    expect(await t.run(imageOf(result), ['start', 'web'])).toMatchObject({ log: 'web here\n', code: 0 })
    const facts = await t.registry.inspect(imageOf(result), null, AbortSignal.timeout(10_000))
    expect(facts).toMatchObject({ entrypoint: ['/runner/init'], user: '1000', ports: [] })
    expect(facts.labels).toMatchObject({
      'org.opencontainers.image.revision': '0123456789abcdef0123456789abcdef01234567',
      'io.deis.app': 'myapp',
      'io.deis.builder': 'slug',
    })
  })

  test('the image: its user, its profile, its signals', async () => {
    const files = {
      Procfile: 'web: trap "echo got TERM; exit 0" TERM; echo ready; while :; do sleep 0.1; done\n',
      '.profile.d/10-x.sh': 'export FROM_PROFILE="$FROM_ENV and more"\n',
    }
    const { result } = await t.build(files)
    const looked = await t.run(imageOf(result), [
      'echo "$FROM_PROFILE in $PWD, $HOME as $(id -u)"; touch mine; ls; exit 3',
    ])
    expect(looked).toMatchObject({ log: 'yes and more in /app, /app as 1000\nProcfile\nmine\n', code: 3 })
    const stopped = await t.run(imageOf(result), ['start', 'web'], 'ready')
    expect(stopped.log).toMatch(/^got TERM$/m)
    expect(stopped.milliseconds).toBeLessThan(10_000)
  })

  test('the config is in ENV_DIR, never in the environment; nothing of the platform is to be seen', async () => {
    const files = {
      Procfile: 'web: x\n',
      'bin/pre-compile': bash(
        'echo "dir $(cat "$3/SECRET")"; echo "env [$SECRET]"; env | grep -c -e handoff -e DEIS_ORDER || true; ls /var/run/secrets/kubernetes.io 2>&1 || true; id -u; ls /deis',
      ),
    }
    const { output } = await t.build(files, { config: { SECRET: 'tell nobody' } })
    expect(output).toContain('dir tell nobody\n       env []\n       0\n')
    expect(output).toContain("cannot access '/var/run/secrets/kubernetes.io'")
    expect(output).toMatch(/ 1000\n {7}runner\.mjs\n {7}source\.tar\n {7}state\n/)
    expect(JSON.stringify([await t.jobs(), await t.pods()])).not.toContain('tell nobody')
  })

  test('BUILDPACK_URL, and a cache that is used again, reported, and dropped', async () => {
    const files = { 'for-pack': 'packed\n' }
    const config = { BUILDPACK_URL: packUrl(), OTHER: '1' }
    const app = 'cached'
    const first = await t.build(files, { app, config })
    expect(first.output).toContain('packing BUILDPACK_URL\n       OTHER\n       1\n')
    expect(first.output).toContain('Done: Uploaded cache (2B)')
    expect(first.result.processes).toEqual({ web: 'cat for-pack' })
    expect((await t.run(imageOf(first.result), ['start', 'web'])).log).toBe('packed\n')
    const second = await t.build(files, { app, config })
    expect(second.output).toContain('-----> Restoring cache...\n       Done!\n')
    expect(second.output).toContain('       2\n')
    const again = await t.build(files, { app, config, noCache: true })
    expect(again.output).toContain('       OTHER\n       1\n')
    expect((await t.build(files, { app, config })).output).toContain('No cache file found.')
  })

  test("the platform's own buildpacks come before the built-in ones; node may come from a tools image", async () => {
    const images = {
      stack: `${host}/stack:1`,
      run: `${host}/stack:1`,
      buildah: `${host}/buildah:1`,
      tools: `${host}/stack:1`,
    }
    const own = await t.another({ buildpacks: [packUrl()], images })
    const { output } = await t.build({ 'for-pack': '', Procfile: 'web: x\n' }, {}, undefined, own)
    expect(output).toContain('-----> Packed app detected\n')
    const other = await t.build({ Procfile: 'web: x\n' }, {}, undefined, own)
    expect(other.output).toContain('-----> Procfile app detected\n')
  })

  test.each([
    [
      'a hook',
      { Procfile: 'web: x\n', 'bin/post-compile': bash('echo before; exit 3') },
      'exited with code 3, stopping build.',
      3,
    ],
    ['a Procfile', { Procfile: 'web-: x\n' }, 'Procfile line 1: ', null],
    ['no buildpack', { 'x.txt': '' }, 'Build exited with code 1, stopping build.', 1],
  ])('fails with the words of the runner: %s', async (_, files, message, exitCode) => {
    const failing = t.build(files, { app: 'failing' })
    await expect(failing).rejects.toMatchObject({
      name: 'BuildFailure',
      message: expect.stringContaining(message) as string,
    })
    await failing.catch((error: { exitCode: number }) => {
      if (exitCode !== null) expect(error.exitCode).toBe(exitCode)
    })
    expect((await t.jobs()).filter(({ metadata }) => metadata?.labels?.app === 'failing')).toEqual([])
  })

  test('pruned when old and unknown, forgotten with its app', async () => {
    const { result } = await t.build({ Procfile: 'web: x\n' }, { app: 'gone' })
    await t.builder.prune(new Set(), new AbortController().signal)
    const tags = await t.registry.tags(`${t.target}/gone`, AbortSignal.timeout(10_000))
    expect([...tags.values()]).toEqual([imageOf(result).split('@')[1]])
    await t.builder.forget('gone', [imageOf(result)])
    await expect(t.registry.inspect(imageOf(result), null, AbortSignal.timeout(10_000))).rejects.toThrow()
  })

  test('what doctor says', async () => {
    const checks = await t.builder.checks()
    expect(checks.map(({ name, status }) => `${name}: ${status}`)).toEqual([
      'build namespace: ok',
      'registry for builds: ok',
      'stack image: ok',
      'run image: ok',
      'Dockerfile builds: ok',
      'layer cache of Dockerfile builds: ok',
    ])
  })
})
