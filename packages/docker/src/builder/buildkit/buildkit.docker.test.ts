// Does BuildKit in the engine build Dockerfiles for an app, with what is its own and nothing else, and can it be stopped?
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { tarOf } from '@deis/buildpacks/testing'
import { BuildFailure, type Builder } from '@deis/ports/builder'
import { until } from '@deis/ports/testing/contract-steps'
import { startRegistry, testUser } from '@deis/registry/testing'
import { build, type Plugin } from 'esbuild'
import { Type } from 'typebox'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Engine, openEngine } from '../../engine/engine.ts'
import { isEngineThere } from '../../scheduler/testbed.ts'
import { type BuilderTestbed, openBuilderTestbed } from '../testbed.ts'
import type { Orders } from './victim.ts'

const busybox = `${process.env.TEST_DOCKER_REGISTRY}/busybox:1`
const host = process.env.TEST_DOCKER_HOST ?? ''
const never = new AbortController().signal
const programs = new URL('../../../../../scripts/programs.mjs', import.meta.url).href
const Usage = Type.Object({
  BuildCache: Type.Array(Type.Object({ Description: Type.String(), InUse: Type.Boolean(), Size: Type.Number() })),
})

describe.skipIf(!isEngineThere)('BuildKit', () => {
  let bed: BuilderTestbed
  let engine: Engine
  let classic: Builder
  beforeAll(async () => {
    bed = await openBuilderTestbed('dbk')
    engine = await openEngine({ host, certPath: null }, AbortSignal.timeout(20_000))
    classic = await bed.another({ dockerfileBuilder: 'classic' })
  })
  afterAll(async () => {
    engine?.close()
    await bed?.close()
  })
  const imageOf = ({ result }: Awaited<ReturnType<BuilderTestbed['build']>>): string =>
    result.artifact.kind === 'image' ? result.artifact.reference : ''
  const failing = (...given: Parameters<BuilderTestbed['build']>): Promise<string> =>
    bed.build(...given).then(
      () => 'it was built',
      (error: unknown) => {
        if (!(error instanceof BuildFailure)) throw error
        return error.message
      },
    )
  /** Not built before, by anybody. */
  const fresh = (text: string): string => `FROM ${busybox}\nENV TEST=${bed.prefix}${Math.random()}\n${text}\n`
  const call = { method: 'GET', path: '/system/df?type=build-cache' } as const
  /** The engine measures for one at a time: other tests ask as well. */
  const usage = async () =>
    until('the engine has measured', async () => {
      try {
        return (await engine.read('measuring', Usage, call, AbortSignal.timeout(60_000))).BuildCache
      } catch (error) {
        if (!/already running/.test((error as Error).message)) throw error
        return false
      }
    })

  /** Whether a step with this word in its command has something open. */
  const isRunning = async (word: string): Promise<boolean> =>
    (await usage()).some(({ Description, InUse }) => InUse && Description.includes(word))

  test('the builder is said first, steps as they begin and end, and the image is as the classic builder makes it', async () => {
    const Dockerfile = [
      `FROM ${busybox} AS made`,
      'ARG WORD=none',
      'RUN echo "made of [$WORD]" | tee /made',
      `FROM ${busybox}`,
      'ENV A="b c" D=e',
      'WORKDIR /app',
      'COPY --from=made /made .',
      'COPY page sub/',
      'USER 1000:1000',
      'EXPOSE 7070 7071/udp',
      'VOLUME /data',
      'LABEL own=label',
      'STOPSIGNAL SIGINT',
      'HEALTHCHECK --interval=9s CMD true',
      'ENTRYPOINT ["sh", "-c"]',
      'CMD ["cat made sub/page"]',
      '',
    ].join('\n')
    const files = { Dockerfile, page: 'page\n' }
    const config = { DEIS_DOCKER_BUILD_ARGS_ENABLED: '1', WORD: `it's ${bed.prefix}`, BUILDKIT_SYNTAX: 'evil/frontend' }
    const attempts = [await bed.build(files, { config }), await bed.build(files, { config }, never, classic)]
    const [byBuildKit, byClassic] = attempts.map(({ output }) => output)
    expect(byBuildKit).toMatch(
      /^-----> .*\n.*Not passed as build arguments: BUILDKIT_SYNTAX\n.*Builder: BuildKit of Docker /,
    )
    expect(byBuildKit).toMatch(/#\d+ \[made 2\/2\] RUN echo "made of[^\n]*\n/)
    expect(byBuildKit).toContain(` made of [it's ${bed.prefix}]\n`)
    expect(byBuildKit).toMatch(/#\d+ DONE \d+\.\ds\n/)
    expect(byBuildKit).not.toContain('[internal]')
    expect(byClassic).toContain(
      'Builder: the classic one of Docker, without cache mounts and heredocs (DEIS_DOCKER_BUILDER)\n',
    )
    const fields = [
      'Entrypoint',
      'Cmd',
      'Env',
      'User',
      'WorkingDir',
      'ExposedPorts',
      'Volumes',
      'StopSignal',
      'Healthcheck',
    ]
    const configOf = async (image: string): Promise<Record<string, unknown>> => {
      const all = JSON.parse(await bed.docker('inspect', '--format', '{{json .Config}}', image)) as Record<
        string,
        unknown
      >
      const labels = Object.entries(all.Labels as Record<string, string>)
      // These two are different in each build.
      const same = labels.filter(([name]) => !name.startsWith('io.deis.build') && !name.endsWith('.created'))
      return { ...Object.fromEntries(fields.map((field) => [field, all[field]])), labels: Object.fromEntries(same) }
    }
    const [one = '', other = ''] = attempts.map(imageOf)
    const found = await configOf(one)
    expect(found).toEqual(await configOf(other))
    expect(Object.entries(found).filter(([, value]) => value === undefined || value === null)).toEqual([])
    expect(found.labels).toMatchObject({ own: 'label', 'io.deis.app': `${bed.prefix}app` })
    expect(await bed.docker('run', '--rm', one)).toBe(await bed.docker('run', '--rm', other))
    expect(attempts[0]?.result).toEqual({
      ...attempts[1]?.result,
      artifact: { kind: 'image', reference: one, launcher: 'none' },
    })
    expect(await bed.left()).toEqual([])
  })

  test('the stage that the config names', async () => {
    const Dockerfile = `FROM ${busybox} AS base\nCMD ["echo", "base"]\nFROM base AS last\nRUN exit 9\n`
    for (const by of [bed.builder, classic]) {
      const built = await bed.build({ Dockerfile }, { config: { DEIS_DOCKER_BUILD_TARGET: 'base' } }, never, by)
      expect(await bed.docker('run', '--rm', imageOf(built))).toBe('base')
    }
    expect(await failing({ Dockerfile }, { config: { DEIS_DOCKER_BUILD_TARGET: 'none' } })).toContain('none')
    expect(await failing({ Dockerfile }, { config: { DEIS_DOCKER_BUILD_TARGET: '--x' } })).toContain(
      'is not the name of a stage',
    )
  })

  test('what steps mount as a cache is kept for the app, for no other, and not against its will', async () => {
    const steps =
      'RUN --mount=type=cache,id=common,target=/cache echo "found [$(cat /cache/word 2>&1)]"; echo kept > /cache/word'
    const found = async (app: string, more: object = {}): Promise<string> => {
      const { output } = await bed.build({ Dockerfile: fresh(steps) }, { app: `${bed.prefix}${app}`, ...more })
      return / found \[(.*)\]\n/.exec(output)?.[1] ?? ''
    }
    const nothing = "cat: can't open '/cache/word': No such file or directory"
    expect(await found('one')).toBe(nothing)
    expect(await found('one')).toBe('kept')
    expect(await found('two')).toBe(nothing)
    expect(await found('one', { noCache: true })).toBe(nothing)
    expect(await found('one')).toBe('kept')
    const config = { DEIS_DOCKER_BUILD_ARGS_ENABLED: '1', BUILDKIT_CACHE_MOUNT_NS: '' }
    expect(await found('three', { config })).toBe(nothing)
    await bed.builder.forget(`${bed.prefix}one`, [])
    expect(await found('one')).toBe(nothing)
    // The image has nothing of it: from BuildKit 0.13 on not even the folder.
    const built = await bed.build({ Dockerfile: fresh(`${steps}\nCMD ["find", "/", "-path", "/cache/*"]`) })
    expect(await bed.docker('run', '--rm', imageOf(built))).toBe('')
  })

  test('a step that fails is named, with its last lines and its exit code', async () => {
    const Dockerfile = fresh('RUN echo so far; echo and so on; exit 9')
    expect(await failing({ Dockerfile })).toMatch(
      /^The image could not be built: \[[^\]]*2\/2\] RUN echo so far; echo and so on; exit 9 ended with exit code 9\.$/,
    )
    expect(bed.output()).toMatch(/The last lines of \[.*\] RUN echo so far[^\n]*:\n *so far\n *and so on\n$/)
    expect(await failing({ Dockerfile: 'BOGUS x\n' })).toMatch(/unknown instruction: BOGUS/)
    expect(await failing({ Dockerfile: `FROM ${busybox}-no-such\n` })).toMatch(/busybox:1-no-such/)
  })

  test('its output is live, and what is cancelled ends at once', async () => {
    const cancel = new AbortController()
    const word = `${bed.prefix}${Math.random()}`
    const building = bed.build({ Dockerfile: fresh(`RUN echo begun; sleep 1000; echo ${word}`) }, {}, cancel.signal)
    await until('its output comes', async () => /#\d+ begun\n/.test(bed.output()))
    expect(await isRunning(word)).toBe(true)
    cancel.abort(new Error('the user wants it no more'))
    await expect(building).rejects.toThrow('the user wants it no more')
    await until('the engine has ended it', async () => !(await isRunning(word)))
    expect(
      await bed.docker(
        'images',
        '--quiet',
        '--filter',
        `label=io.deis.app=${bed.prefix}app`,
        '--filter',
        `label=own=${word}`,
      ),
    ).toBe('')
    expect(await bed.left()).toEqual([])
  })

  test('with its controller killed, the engine ends a build by itself, and keeps no image', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'deis-victim-'))
    try {
      const program = join(folder, 'victim.mjs')
      const { embedPrograms } = (await import(programs)) as { embedPrograms: Plugin }
      await build({
        entryPoints: [fileURLToPath(new URL('victim.ts', import.meta.url))],
        outfile: program,
        bundle: true,
        platform: 'node',
        format: 'esm',
        logLevel: 'error',
        plugins: [embedPrograms],
        // Some libraries are older than import.
        banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)" },
      })
      const word = `${bed.prefix}${Math.random()}`
      const file = join(folder, 'source.tar')
      await writeFile(file, await tarOf({ Dockerfile: fresh(`RUN echo begun; sleep 1000; echo ${word}`) }))
      const orders: Orders = { host, platform: bed.platform, app: `${bed.prefix}killed`, file }
      const child = spawn(process.execPath, [program, JSON.stringify(orders)], { stdio: ['ignore', 'pipe', 'inherit'] })
      let said = ''
      child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
      await until('it builds', async () => /#\d+ begun\n/.test(said))
      expect(await isRunning(word)).toBe(true)
      child.kill('SIGKILL')
      await until('the engine has ended it', async () => !(await isRunning(word)))
      expect(await bed.docker('images', '--quiet', '--filter', `label=io.deis.app=${orders.app}`)).toBe('')
      expect(await bed.left()).toEqual([])
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })

  test('a build reaches nothing that listens on this machine only, gets no further rights, no secrets and no keys', async () => {
    const asked: string[] = []
    const server = createServer((request, response) => {
      asked.push(request.url ?? '')
      response.end('open')
    }).listen(0, '127.0.0.1')
    try {
      await new Promise((resolve) => server.once('listening', resolve))
      const { port } = server.address() as AddressInfo
      const ask = `wget -T 3 -q -O - http://127.0.0.1:${port}/ || echo refused`
      const { output } = await bed.build({
        Dockerfile: fresh(`RUN ${ask}\nRUN --mount=type=secret,id=x ls /run/secrets 2>&1 || true`),
      })
      expect(output).toMatch(/#\d+ refused\n/)
      for (const steps of [
        `RUN --network=host ${ask}`,
        'RUN --security=insecure true',
        'RUN --mount=type=secret,id=x,required=true true',
        'RUN --mount=type=ssh,required=true true',
      ])
        expect(await failing({ Dockerfile: fresh(steps) })).toMatch(/^The image could not be built/)
      expect(asked).toEqual([])
    } finally {
      server.close()
    }
  })

  test('a Dockerfile that others than those allowed should read is refused', async () => {
    const Dockerfile = `# syntax=${busybox}\n${fresh('')}`
    expect(await failing({ Dockerfile })).toContain('wants to be read by')
    expect(bed.output()).not.toContain('#1')
    const open = await bed.another({ frontends: [busybox.replace(/:1$/, '')] })
    // It is not such a program, but it is asked.
    expect(await failing({ Dockerfile }, {}, never, open)).toMatch(/^The image could not be built/)
    expect(bed.output()).toMatch(/busybox/)
  })

  test('a base image of a registry with a password, by the credentials of the app', async () => {
    const closed = await startRegistry({ auth: 'basic' })
    try {
      const { username, password } = testUser
      const name = `${closed.host}/${bed.prefix}base:1`
      await bed.docker('login', '--username', username, '--password', password, closed.host)
      await bed.docker('tag', busybox, name)
      await bed.docker('push', '--quiet', name)
      await bed.docker('rmi', name)
      await bed.docker('logout', closed.host)
      const Dockerfile = `FROM ${name}\nCMD ["echo", "from the closed one"]\n`
      expect(await failing({ Dockerfile })).toMatch(/^The image could not be built/)
      const by = await bed.another({ appRegistry: async () => ({ [closed.host]: { username, password } }) })
      expect(await bed.docker('run', '--rm', imageOf(await bed.build({ Dockerfile }, {}, never, by)))).toBe(
        'from the closed one',
      )
    } finally {
      await closed.close()
    }
  })

  test('the cache is kept within its limit', async () => {
    const by = await bed.another({ layerCacheBytes: 1e6 })
    await bed.build({ Dockerfile: fresh('RUN head -c 5000000 /dev/urandom > /made\nRUN rm /made') }, {}, never, by)
    await until('it is small', async () => (await usage()).reduce((sum, { Size }) => sum + Size, 0) < 20e6)
  })
})
