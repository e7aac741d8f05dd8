// Are Dockerfiles built on the real cluster, with a layer cache, without the platform's credentials in reach?
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createRegistry } from '@deis/registry/create'
import { hasDockerRegistry, startRegistry, type TestRegistry, testUser } from '@deis/registry/testing'
import type { BuildResult } from '@deis/ports/builder'
import { openTestCluster, type TestCluster } from './testing.ts'
import { isClusterThere } from '../client/testing.ts'

const host = process.env.TEST_REGISTRY ?? ''
const address = process.env.TEST_NODE_IP ?? ''

function imageOf({ artifact }: BuildResult): string {
  if (artifact.kind !== 'image') throw new Error('no image')
  return artifact.reference
}

const soon = (): AbortSignal => AbortSignal.timeout(10_000)

describe.skipIf(!isClusterThere)('Dockerfiles on the cluster', () => {
  let t: TestCluster
  beforeAll(async () => {
    t = await openTestCluster(host, address)
  })
  afterAll(() => t.close())

  const dockerfile = `FROM ${host}/busybox:1\nRUN echo working hard >/made\nCOPY hello /hello\nEXPOSE 8080\nCMD ["cat", "/made", "/hello"]\n`

  test('becomes an image with its port; the next build uses its layers', async () => {
    const files = { Dockerfile: dockerfile, hello: 'hello\n', Procfile: 'web: httpd -f\n' }
    const app = 'layers'
    const first = await t.build(files, { app })
    expect(first.result).toMatchObject({
      artifact: { kind: 'image', launcher: 'none' },
      processes: { web: 'httpd -f' },
      dockerfile: true,
      port: 8080,
    })
    expect(imageOf(first.result)).toMatch(new RegExp(`^${t.target}/layers@sha256:[0-9a-f]{64}$`))
    expect(first.output).toContain('RUN echo working hard >/made\n')
    expect(first.output).toContain('Pushing to registry\n')
    expect((await t.run(imageOf(first.result), [])).log).toBe('working hard\nhello\n')
    const { labels } = await t.registry.inspect(imageOf(first.result), null, soon())
    expect(labels).toMatchObject({ 'io.deis.app': app, 'io.deis.builder': 'dockerfile' })

    const second = await t.build({ ...files, hello: 'other\n' }, { app })
    expect(second.output).toMatch(/RUN echo working hard >\/made\n--> Cache pulled from remote /)
    expect(second.output).toContain('COPY hello /hello\n--> Pushing cache')
    expect((await t.run(imageOf(second.result), [])).log).toBe('working hard\nother\n')
    const again = await t.build(files, { app, noCache: true })
    expect(again.output).not.toContain('Cache pulled')
    expect((await t.registry.tags(`${t.target}/layers/cache`, soon())).size).toBeGreaterThan(0)
    await t.builder.forget(app, [imageOf(first.result), imageOf(second.result)])
    expect((await t.registry.tags(`${t.target}/layers`, soon())).size).toBe(0)
    expect((await t.registry.tags(`${t.target}/layers/cache`, soon())).size).toBe(0)
  })

  test('build arguments only when asked for; never the config otherwise', async () => {
    const app = 'arguments'
    const files = {
      Dockerfile: `FROM ${host}/busybox:1\nARG WORD=none\nRUN echo "[$WORD] [$OTHER]"; ls /deis 2>&1 || true\nCMD ["true"]\n`,
    }
    const config = { WORD: "it's $(id) \n", OTHER: 'undeclared', PATH: '/nowhere' }
    const without = await t.build(files, { app, config })
    expect(without.output).toContain('\n[none] []\n')
    expect(without.result).toMatchObject({ processes: {}, port: null })
    const asked = { ...config, DEIS_DOCKER_BUILD_ARGS_ENABLED: '1' }
    const withThem = await t.build(files, { app, config: asked })
    expect(withThem.output).toContain("\n[it's $(id)\n] []\n")
    expect(withThem.output).toContain('Not passed as build arguments: PATH\n')
    expect(JSON.stringify([await t.jobs(), await t.pods()])).not.toContain('$(id)')
  })

  test('what .dockerignore names is left out, steps mount caches, and the config names the stage', async () => {
    const app = 'stages'
    const steps = ['WORKDIR /app', 'COPY . .', 'RUN --mount=type=cache,target=/kept echo made >/kept/a && cat /kept/a']
    const list = 'RUN find . -type f | sort >/list; ls /kept >>/list 2>/dev/null || true'
    const files = {
      Dockerfile: `FROM ${host}/busybox:1 AS base\n${steps.join('\n')}\n${list}\nCMD ["cat", "/list"]\nFROM base\nRUN exit 9\n`,
      '.dockerignore': 'secret\n**/*.log\n!kept.log\n',
      secret: 'x',
      'a/b.log': 'x',
      'kept.log': 'x',
      'a/c': 'x',
    }
    const { result, output } = await t.build(files, { app, config: { DEIS_DOCKER_BUILD_TARGET: 'base' } })
    expect(output).toContain('\nmade\n')
    expect((await t.run(imageOf(result), [])).log).toBe('./.dockerignore\n./Dockerfile\n./a/c\n./kept.log\n')
    await expect(t.build(files, { app, config: { DEIS_DOCKER_BUILD_TARGET: 'none' } })).rejects.toThrow(
      'stopping build',
    )
    expect(t.output()).toContain('none')
  })

  test('heredocs are built, or the failure says which buildah has them', async () => {
    const Dockerfile = `FROM ${host}/busybox:1\nRUN <<EOF\necho made >/made\nEOF\nCMD ["cat", "/made"]\n`
    const building = t.build({ Dockerfile }, { app: 'heredocs' })
    const found = await building.catch(() => null)
    if (found) return expect((await t.run(imageOf(found.result), [])).log).toBe('made\n')
    await expect(building).rejects.toThrow('stopping build.')
    expect(t.output()).toMatch(/[Uu]nknown instruction/)
    expect(t.output()).toContain('The Dockerfile has heredocs (<<EOF), which buildah knows from 1.33 on')
  })

  test.each([
    ['a step', `FROM ${host}/busybox:1\nRUN echo so far; exit 3\n`, /so far\n[^]*exit status 3/],
    ['an unknown instruction', `FROM ${host}/busybox:1\nBOGUS x\n`, /[Uu]nknown instruction: "?BOGUS/],
    ['a base that is not there', `FROM ${host}/no-such-base:1\n`, /no-such-base/],
  ])('fails with its own words: %s', async (_, text, words) => {
    await expect(t.build({ Dockerfile: text }, { app: 'failing' })).rejects.toThrow(
      /^Build pod exited with code [1-9]\d*, stopping build\.$/,
    )
    expect(t.output()).toMatch(words)
    expect((await t.jobs()).filter(({ metadata }) => metadata?.labels?.app === 'failing')).toEqual([])
  })

  test('an invalid Procfile is reported before anything is built', async () => {
    const files = { Dockerfile: dockerfile, hello: '', Procfile: 'web-: x\n' }
    await expect(t.build(files)).rejects.toThrow('Procfile line 1: ')
    expect(t.output()).toBe('')
  })

  test('cancelled in the middle of a step', async () => {
    const cancel = new AbortController()
    const files = { Dockerfile: `FROM ${host}/busybox:1\nRUN echo begun; sleep 1000\n` }
    const building = t.build(files, { app: 'cancelled' }, cancel.signal)
    await t.said('\nbegun\n')
    cancel.abort(new Error('the user wants it no more'))
    await expect(building).rejects.toThrow('the user wants it no more')
    expect((await t.pods()).filter(({ metadata }) => metadata?.labels?.app === 'cancelled')).toEqual([])
    expect((await t.jobs()).filter(({ metadata }) => metadata?.labels?.app === 'cancelled')).toEqual([])
  })

  describe.skipIf(!hasDockerRegistry)('a registry with a password', () => {
    let closed: TestRegistry
    let listener: Server
    let own = ''
    beforeAll(async () => {
      closed = await startRegistry({ auth: 'basic' })
      const [name = '', port = ''] = closed.host.split(':')
      // Pods reach the host, not its loopback.
      listener = createServer((socket) => {
        const through = connect(Number(port), name)
        socket.pipe(through).pipe(socket)
        for (const end of [socket, through]) end.on('error', () => [socket, through].forEach((each) => each.destroy()))
      })
      await new Promise<void>((resolve) => listener.listen(0, address, resolve))
      own = `${address}:${(listener.address() as AddressInfo).port}`
    })
    afterAll(async () => {
      listener.close()
      await closed.close()
    })

    test('is pushed to, and its password is nowhere near the build', async () => {
      const builder = await t.another({
        target: { host: own, organization: 'deis' },
        credentials: testUser,
        insecure: [host, own],
        registry: createRegistry({ insecure: [host, own], mirrors: {}, credentials: { [own]: testUser } }),
      })
      const files = {
        Dockerfile: `FROM ${host}/busybox:1\nRUN env; ls /registry /proc/1/root/registry 2>&1; cat /deis/auth.json /proc/1/root/deis/auth.json 2>&1; echo looked\n`,
      }
      const { result, output } = await t.build(files, {}, undefined, builder)
      expect(imageOf(result)).toMatch(new RegExp(`^${own}/deis/myapp@sha256:`))
      expect(output).toMatch(/ls: \/registry: No such file or directory\n[^]*\nlooked\n/)
      expect(output).not.toContain(testUser.password)
      expect(output).not.toContain(Buffer.from(`${testUser.username}:${testUser.password}`).toString('base64'))
      const checks = await builder.checks()
      expect(checks.find(({ name }) => name === 'layer cache of Dockerfile builds')).toMatchObject({
        status: 'limited',
      })
    })

    test("an app's own credentials are for its base images", async () => {
      const registry = createRegistry({ insecure: [host, own], mirrors: {}, credentials: { [own]: testUser } })
      const pushing = await t.another({
        target: { host: own, organization: 'deis' },
        credentials: testUser,
        insecure: [host, own],
        registry,
      })
      const base = await t.build({ Dockerfile: `FROM ${host}/busybox:1\nCMD ["true"]\n` }, {}, undefined, pushing)
      const files = { Dockerfile: `FROM ${imageOf(base.result)}\nRUN echo from a private base\n` }
      const appRegistry = (): Promise<Record<string, typeof testUser>> => Promise.resolve({ [own]: testUser })
      const allowed = await t.another({ insecure: [host, own], appRegistry })
      expect((await t.build(files, {}, undefined, allowed)).output).toContain('\nfrom a private base\n')
      const stranger = await t.another({ insecure: [host, own] })
      await expect(t.build(files, {}, undefined, stranger)).rejects.toThrow('stopping build.')
      expect(t.output()).toMatch(/unauthorized|authentication required/)
    })

    test('that refuses the platform is named', async () => {
      const wrong = { username: 'ann', password: 'wrong' }
      const builder = await t.another({
        target: { host: own, organization: 'deis' },
        credentials: wrong,
        insecure: [host, own],
        registry: createRegistry({ insecure: [host, own], mirrors: {}, credentials: { [own]: wrong } }),
      })
      const files = { Dockerfile: `FROM ${host}/busybox:1\nRUN true\n` }
      await expect(t.build(files, {}, undefined, builder)).rejects.toThrow(
        'The image could not be pushed to the registry.',
      )
      expect(t.output()).toMatch(/unauthorized|authentication required/)
    })
  })
})
