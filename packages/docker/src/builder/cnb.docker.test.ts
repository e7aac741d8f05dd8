// Do Cloud Native Buildpacks build an app on one machine, with what it may see and use, and is nothing left?
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BuildFailure } from '@deis/ports/builder'
import { isEngineThere } from '../scheduler/testbed.ts'
import { type BuilderTestbed, openBuilderTestbed } from './testbed.ts'

const app = {
  'package.json': JSON.stringify({ scripts: { start: 'echo $GREETING of $TEST_LAYER; from-layer' } }),
  Procfile: 'worker: echo working\n',
}

describe.skipIf(!isEngineThere)('Cloud Native Buildpacks', () => {
  let bed: BuilderTestbed
  beforeAll(async () => {
    bed = await openBuilderTestbed('dbc')
  })
  afterAll(async () => {
    await bed?.close()
  })

  test('the first build, the next one from its cache, and what they leave', async () => {
    const first = await bed.build(app, { config: { GREETING: 'hello', PORT: '1' } })
    expect(first.output).toContain('Installing dependencies')
    expect(first.output).toContain('Not passed to the build: PORT')
    expect(first.result).toMatchObject({
      artifact: { kind: 'image', launcher: 'cnb' },
      processes: { web: 'echo $GREETING of $TEST_LAYER; from-layer', worker: 'echo working' },
      dockerfile: false,
      cnb: { buildpacks: [{ id: 'test/node' }, { id: 'test/procfile' }] },
    })
    const { artifact } = first.result
    const reference = artifact.kind === 'image' ? artifact.reference : ''
    expect(reference).toMatch(new RegExp(`^${bed.host}/${bed.prefix}app@sha256:`))
    expect(await bed.docker('run', '--rm', '--env', 'GREETING=hi', '--entrypoint', '/cnb/process/web', reference)).toBe(
      'hi of of all\nfrom a layer',
    )
    expect(await bed.left()).toEqual([])

    const second = await bed.build(app, { previous: reference })
    expect(second.output).toContain('Using the dependencies of the last build')
    expect(second.output).toContain('Using the runtime of the last image')

    const third = await bed.build(app, { previous: reference, noCache: true })
    expect(third.output).toContain('Installing dependencies')
    expect(await bed.left()).toEqual([])
  })

  test.each([
    [{ 'README.md': 'x' }, 20, /^No buildpack of .* recognises this app/],
    [{ ...app, 'broken-detect': '' }, null, null],
    [{ 'broken-detect': '' }, 21, /One of them failed while it looked/],
    [{ 'broken-build': '' }, 51, /^The buildpack test\/broken 0\.0\.1 could not build the app/],
    [{ hungry: '' }, 51, /^The build ran out of memory \(OOMKilled\): it may use 256Mi/],
  ])('%o ends with %s', async (files, code, message) => {
    const failure = await bed.build(files).then(
      () => null,
      (error: unknown) => error as BuildFailure,
    )
    if (code === null) expect(failure).toBeNull()
    else {
      expect(failure).toBeInstanceOf(BuildFailure)
      expect(failure?.message).toMatch(message ?? /./)
    }
    expect(await bed.left()).toEqual([])
  })

  test.each(['analyzer', 'restorer', 'exporter'])('a %s that fails', async (fails) => {
    const { builder } = await bed.publish({ fails })
    const by = await bed.another({ cnb: { builder, allowed: [], lifecycleImage: null, plain: 'cnb' } })
    await expect(bed.build(app, {}, undefined, by)).rejects.toBeInstanceOf(BuildFailure)
    expect(await bed.left()).toEqual([])
  })

  test('layers that cannot be restored cost no build', async () => {
    const { builder } = await bed.publish({ fails: 'restorer-with-layers' })
    const by = await bed.another({ cnb: { builder, allowed: [], lifecycleImage: null, plain: 'cnb' } })
    const { output, result } = await bed.build(app, {}, undefined, by)
    expect(output).toContain('What the last build kept cannot be restored: building again without it.')
    expect(output.match(/Installing dependencies/g)).toHaveLength(1)
    expect(result.processes).toMatchObject({ worker: 'echo working' })
    expect(await bed.left()).toEqual([])
  })

  test.each([
    ['exclude = ["/manual", "*.txt", "!keep.txt"]', 'Procfile keep.txt package.json project.toml src src/a.js'],
    ['include = ["package.json", "Procfile", "src/**", "!src/b.txt"]', 'Procfile package.json src src/a.js'],
  ])('a project.toml with %s', async (patterns, expected) => {
    const files = {
      ...app,
      'project.toml': `[_]\nschema-version = "0.2"\n[io.buildpacks]\n${patterns}\n`,
      'manual/a.html': 'x',
      'src/a.js': 'x',
      'src/b.txt': 'x',
      'notes.txt': 'x',
      'keep.txt': 'x',
    }
    const { result } = await bed.build(files)
    const reference = result.artifact.kind === 'image' ? result.artifact.reference : ''
    const list = ['find', reference, '/workspace', '-mindepth', '1', '-printf', '%P %U\\n']
    const found = await bed.docker('run', '--rm', '--entrypoint', ...list)
    const lines = found.split('\n').toSorted()
    expect(lines).toEqual(expected.split(' ').map((path) => `${path} 1000`))
    expect(await bed.left()).toEqual([])
  })

  test('a build that is cancelled is over at once, and leaves nothing', async () => {
    const stop = new AbortController()
    const building = bed.build({ slow: '' }, {}, stop.signal)
    building.catch(() => {})
    await expect.poll(() => bed.output(), { timeout: 60_000 }).toContain('a slow build begins')
    stop.abort(new Error('cancelled'))
    await expect(building).rejects.toThrow('cancelled')
    expect(await bed.left()).toEqual([])
  })

  test('a build that takes too long is ended', async () => {
    const by = await bed.another({ timeoutSeconds: 8 })
    await expect(bed.build({ slow: '' }, {}, undefined, by)).rejects.toThrow('The build took longer than 8 seconds')
    expect(await bed.left()).toEqual([])
  })

  test('what a killed controller left is deleted, and builds that run here are not', async () => {
    const labels = ['--label', `io.deis.platform=${bed.platform}`, '--label', 'io.deis.kind=build']
    await bed.docker('volume', 'create', ...labels, '--label', 'io.deis.build=gone', `${bed.prefix}left`)
    const stop = new AbortController()
    const building = bed.build({ slow: '' }, {}, stop.signal)
    building.catch(() => {})
    await expect.poll(() => bed.output(), { timeout: 60_000 }).toContain('a slow build begins')
    const running = await bed.left()
    await bed.builder.recover()
    const kept = await bed.left()
    expect(kept).not.toContain(`${bed.prefix}left`)
    expect(kept).toHaveLength(running.length - 1)
    // Another controller after a kill: none of these builds is its own.
    await (await bed.another({})).recover()
    await expect(building).rejects.toThrow()
    expect(await bed.left()).toEqual([])
  })

  test('images of no release go after an hour, and everything of an app with it', async () => {
    const { result } = await bed.build(app)
    const reference = result.artifact.kind === 'image' ? result.artifact.reference : ''
    await bed.builder.prune(new Set(), new AbortController().signal)
    // It is not an hour old.
    expect((await bed.registry.inspect(reference, null, AbortSignal.timeout(10_000))).reference).toBe(reference)
    await bed.builder.forget(`${bed.prefix}app`, [reference])
    await expect(bed.registry.inspect(reference, null, AbortSignal.timeout(10_000))).rejects.toThrow()
    const caches = await bed.docker('volume', 'ls', '--quiet', '--filter', `label=io.deis.app=${bed.prefix}app`)
    expect(caches).toBe('')
  })

  test('the registry is adopted by the next controller, and checked', async () => {
    const by = await bed.another({})
    expect(await by.checks()).toContainEqual({ name: 'registry for builds', status: 'ok', detail: bed.host })
  })
})
