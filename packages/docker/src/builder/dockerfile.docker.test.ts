// Is a Dockerfile built of what its app sends, and of nothing else?
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Files } from '@deis/buildpacks/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isEngineThere } from '../scheduler/testbed.ts'
import { type BuilderTestbed, openBuilderTestbed } from './testbed.ts'

const busybox = `${process.env.TEST_DOCKER_REGISTRY}/busybox:1`
const listing = `FROM ${busybox}\nWORKDIR /app\nCOPY . .\nCMD ["find", "."]\n`

describe.skipIf(!isEngineThere)('a Dockerfile', () => {
  let bed: BuilderTestbed
  beforeAll(async () => {
    bed = await openBuilderTestbed('dbf')
  })
  afterAll(async () => {
    await bed?.close()
  })
  const filesOf = async (image: string): Promise<string[]> =>
    (await bed.docker('run', '--rm', image, 'find', '-type', 'f')).split('\n').toSorted()
  const built = async (files: Files): Promise<string[]> => {
    const { artifact } = (await bed.build({ Dockerfile: listing, ...files })).result
    return filesOf(artifact.kind === 'image' ? artifact.reference : '')
  }
  const files = {
    secret: 'x',
    'a.log': 'x',
    'kept.log': 'x',
    'src/node_modules/a/b': 'x',
    'src/index.js': 'x',
  }

  test('what .dockerignore names is left out, as by the command line of Docker', async () => {
    const all = { ...files, '.dockerignore': 'secret\n*.log\n!kept.log\n**/node_modules\n' }
    const folder = await mkdtemp(join(tmpdir(), 'deis-by-hand-'))
    try {
      for (const [path, text] of Object.entries({ Dockerfile: listing, ...all })) {
        await mkdir(dirname(join(folder, path)), { recursive: true })
        await writeFile(join(folder, path), text)
      }
      const byHand = (await bed.docker('build', '--quiet', folder)).split('\n').at(-1) ?? ''
      const expected = await filesOf(byHand)
      await bed.docker('rmi', '--force', byHand)
      expect(await built(all)).toEqual(expected)
      expect(expected).toEqual(['./.dockerignore', './Dockerfile', './kept.log', './src/index.js'])
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
    expect(await bed.left()).toEqual([])
  })

  test('Dockerfile.dockerignore is taken before .dockerignore', async () => {
    const ignored = { 'Dockerfile.dockerignore': '**\n!src\n**/node_modules', '.dockerignore': 'src\n' }
    expect(await built({ ...files, ...ignored })).toEqual(['./Dockerfile', './src/index.js'])
  })

  test('a Dockerfile that is a link is read where it leads', async () => {
    const link = { link: 'docker/real' }
    expect(await built({ Dockerfile: link, 'docker/real': listing, a: 'x' })).toContain('./a')
    const foreign = `FROM ${bed.host}/other@sha256:${'a'.repeat(64)}\n`
    await expect(built({ Dockerfile: link, 'docker/real': foreign })).rejects.toThrow('Dockerfile may not use')
    for (const way of ['none', 'docker/../real', '/real'])
      await expect(built({ Dockerfile: { link: way }, real: listing })).rejects.toThrow('Dockerfile cannot be built: ')
    const long = `${'#'.repeat(140_000)}\n${listing}`
    await expect(built({ Dockerfile: long })).rejects.toThrow('it has more than 131072 bytes')
  })

  test('heredocs are built, or the failure says which Docker has them', async () => {
    const text = `FROM ${busybox}\nWORKDIR /app\nRUN <<EOF\necho made > made\nEOF\n`
    const isKnown = !(await bed.docker('version', '--format', '{{.Server.Version}}')).startsWith('20.10')
    const classic = await bed.another({ dockerfileBuilder: 'classic' })
    const never = new AbortController().signal
    const hint = (by: string): string => `The Dockerfile has heredocs (<<EOF), which ${by}`
    await expect(bed.build({ Dockerfile: text }, {}, never, classic)).rejects.toThrow(hint('the classic builder'))
    if (isKnown) expect(await built({ Dockerfile: text })).toContain('./made')
    else await expect(built({ Dockerfile: text })).rejects.toThrow(hint('Docker 20.10'))
  })

  test('a reader that the engine cannot get is named, with what to do', async () => {
    const reader = `${process.env.TEST_DOCKER_REGISTRY}/no-such-reader`
    const by = await bed.another({ frontends: [reader] })
    const Dockerfile = `# syntax=${reader}:1\nFROM ${busybox}\n`
    await expect(bed.build({ Dockerfile }, {}, new AbortController().signal, by)).rejects.toThrow(
      `: not found. The Dockerfile wants to be read by ${reader}:1 (# syntax=), which the engine could not get`,
    )
  })

  test('a .dockerignore that Docker would refuse is refused', async () => {
    await expect(built({ '.dockerignore': 'a\n[' })).rejects.toThrow(
      '.dockerignore cannot be used: line 2: a [ has no ].',
    )
  })
})
