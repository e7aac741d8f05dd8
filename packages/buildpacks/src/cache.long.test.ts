// Is what a build leaves in its cache there for the next one, and for how long?
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { BuildFailure } from '@deis/ports/builder'
import { bash, type Files, openTestBuilder, scriptBuildpack, type TestBuilder } from './testing.ts'

let t: TestBuilder
let buildpack: string
beforeAll(async () => {
  t = await openTestBuilder()
  buildpack = await scriptBuildpack(t)
})
afterAll(() => t.close())

test('the cache is kept, compared, dropped on wish and with another buildpack', async () => {
  const files = { 'build.sh': bash('cat "$2/count" 2>/dev/null || true; [ -n "$(ls "$2")" ] || echo one > "$2/count"') }
  const config = { BUILDPACK_URL: buildpack }
  const app = 'cached'
  const run = async (more: object = {}): Promise<string> => (await t.build(files, { app, config, ...more })).output
  const first = await run()
  expect(first).toContain('No cache file found')
  expect(first).toMatch(
    /Files inside cache folder changed, uploading new cache\.\.\.\n {7}Done: Uploaded cache \(4B\)\n/,
  )
  const second = await run()
  expect(second).toContain('-----> Restoring cache...\n       Done!\n')
  expect(second).toContain('       one\n')
  expect(second).toContain('       Cache unchanged, not updating\n')
  const without = await run({ noCache: true })
  expect(without).not.toMatch(/one|cache/)
  expect(await run()).toContain('No cache file found')
  expect(await run({ config: { ...config, DEIS_DISABLE_CACHE: '' } })).not.toMatch(/one|cache/)
  await run()
  expect(await run({ config: { BUILDPACK_URL: `${buildpack}#main` } })).toContain('No cache file found')
  await t.builder.forget(app, [])
  expect(await readdir(join(t.folder, 'builder', 'cache'))).not.toContain(app)
})

test('a cache outlives a failed build, but not three', async () => {
  const files = (end: string): Files => ({ 'build.sh': bash(`ls "$2"; touch "$2/kept"; ${end}`) })
  const run = (end: string): Promise<{ output: string }> =>
    t.build(files(end), { app: 'unlucky', config: { BUILDPACK_URL: buildpack } })
  const failing = (build: Promise<unknown>) => expect(build).rejects.toBeInstanceOf(BuildFailure)
  await run('true')
  await failing(run('exit 1'))
  await failing(run('exit 1'))
  expect((await run('true')).output).toContain('Done!\n')
  for (let count = 0; count < 3; count++) await failing(run('exit 1'))
  expect((await run('true')).output).toContain('No cache file found')
})
