// Do builds take no more of the disk than they may, and is nothing of others deleted for it?
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BuildFailure } from '@deis/ports/builder'
import { until } from '@deis/ports/testing/contract-steps'
import type { Static } from 'typebox'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openEngine } from '../engine/engine.ts'
import { isEngineThere } from '../scheduler/testbed.ts'
import { All } from './layers.ts'
import { type BuilderTestbed, openBuilderTestbed } from './testbed.ts'
import { diskUsage } from './usage.ts'

const here = { host: process.env.TEST_DOCKER_HOST ?? '', certPath: null }
const busybox = `${process.env.TEST_DOCKER_REGISTRY}/busybox:1`
const megabytes = (count: number, salt: string): string =>
  `RUN echo ${salt} && head -c ${count}000000 /dev/urandom > /made`
const layersIn = (output: string): string[] =>
  [...output.matchAll(/Step \d+\/\d+ : RUN[^]*? ---> ([0-9a-f]{12})\n/g)].map(([, id]) => id ?? '')

describe.skipIf(!isEngineThere)('the disk of Docker', () => {
  let bed: BuilderTestbed
  beforeAll(async () => {
    bed = await openBuilderTestbed('dbd')
  })
  afterAll(async () => {
    await bed?.close()
  })
  const exists = async (image: string): Promise<boolean> =>
    bed.docker('inspect', image).then(
      () => true,
      () => false,
    )
  const left = async (images: readonly string[]): Promise<boolean[]> => Promise.all(images.map(exists))

  test('layers of builds that failed stay within a limit; those of images and of others stay', async () => {
    const never = new AbortController().signal
    const folder = await mkdtemp(join(tmpdir(), 'deis-by-hand-'))
    await writeFile(
      join(folder, 'Dockerfile'),
      `FROM ${busybox}\n${megabytes(3, `${bed.prefix}by hand`)}\nRUN exit 9\n`,
    )
    const printed = await bed.docker('build', '--force-rm', folder).catch((error: { stdout: string }) => error.stdout)
    const byHand = layersIn(printed)[0] ?? ''
    await rm(folder, { recursive: true })
    const engine = await openEngine(here, never)
    const images = await engine.read('listing images', All, { method: 'GET', path: '/images/json?all=1' }, never)
    engine.close()
    const sizeOf = (is: (image: Static<typeof All>[number]) => boolean) => images.find(is)?.Size ?? Number.NaN
    // The store of containerd keeps a layer twice, packed and unpacked.
    const layer =
      sizeOf(({ Id }) => Id.startsWith(`sha256:${byHand}`)) -
      sizeOf(({ RepoTags }) => RepoTags?.includes(busybox) === true)
    const builder = await bed.another({ layerCacheBytes: layer * 1.5, dockerfileBuilder: 'classic' })
    const fails = async (salt: string): Promise<string> => {
      const Dockerfile = `FROM ${busybox}\n${megabytes(3, bed.prefix + salt)}\nRUN exit 9\n`
      await expect(bed.build({ Dockerfile }, {}, never, builder)).rejects.toBeInstanceOf(BuildFailure)
      return layersIn(bed.output())[0] ?? ''
    }
    const all = [byHand]
    try {
      expect(await exists(byHand)).toBe(true)
      const Dockerfile = `FROM ${busybox}\n${megabytes(9, `${bed.prefix}good`)}\nCMD ["true"]\n`
      const good = await bed.build({ Dockerfile }, {}, never, builder)
      const [ofImage = ''] = layersIn(good.output)
      const first = await fails('first')
      all.push(first)
      expect(await left([byHand, ofImage, first])).toEqual([true, true, true])
      const second = await fails('second')
      all.push(second)
      expect(await left([byHand, ofImage, first, second])).toEqual([true, true, false, true])
      // A build that uses it again keeps it from being the next to go.
      const third = await fails('second')
      expect(await left([byHand, ofImage, third])).toEqual([true, true, true])
    } finally {
      for (const id of all) await bed.docker('rmi', id).catch(() => {})
    }
  })

  test('once a day caches that are too large go, and the registry frees what was deleted; builds work on', async () => {
    const engine = await openEngine(here, AbortSignal.timeout(20_000))
    const measure = () =>
      diskUsage({ engine, platform: bed.platform, own: `${bed.host}/` }, 60_000, AbortSignal.timeout(60_000))
    const builder = await bed.another({ buildpackCacheBytes: 10 })
    const files = {
      'package.json': JSON.stringify({ scripts: { start: 'echo hello' } }),
      large: Array.from({ length: 200_000 }, () => Math.random().toString(36)).join(''),
    }
    try {
      const { result } = await bed.build(files, {}, new AbortController().signal, builder)
      const before = await measure()
      expect(before.caches.map(({ app, bytes }) => [app, bytes > 10])).toEqual([[`${bed.prefix}app`, true]])
      expect(before.registry).toBeGreaterThan(1e6)
      const reference = result.artifact.kind === 'image' ? result.artifact.reference : ''
      expect(await bed.registry.remove(reference, AbortSignal.timeout(20_000))).toBe(true)
      await builder.prune(new Set(), new AbortController().signal)
      await until('the space is free', async () => (await measure()).registry < before.registry - 1e6)
      // The registry gets once more what it had before.
      const again = await bed.build(files, { noCache: true }, new AbortController().signal, builder)
      const image = again.result.artifact.kind === 'image' ? again.result.artifact.reference : ''
      expect(await bed.docker('run', '--rm', '--entrypoint', '/cnb/process/web', image)).toBe('hello')
      expect(bed.logged.filter((line) => line.startsWith('info the cache of builds'))).toHaveLength(1)
      const [disk] = (await builder.checks()).filter(({ name }) => name === 'disk of Docker')
      expect(disk).toMatchObject({
        status: 'ok',
        detail: expect.stringMatching(
          /^images of apps \d+\.\d GB \(\d+\), caches of buildpacks 0\.0 GB, cache of Dockerfiles \d+\.\d GB, registry \d+\.\d GB, \d+\.\d GB free in \//,
        ) as string,
      })
    } finally {
      engine.close()
    }
  })
})
