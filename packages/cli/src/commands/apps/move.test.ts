// Do archives of apps arrive in files, and leave from them, wholly or not at all?
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { deis, type Replies } from '../../testbed.ts'
import { against, archive, exports, imported } from './move-testing.ts'

test('an export is a new file that only its owner reads', async () => {
  const { home, cwd } = await against(exports)
  const outcome = await deis(['apps:export', '-a', 'foo'], { home, cwd })
  expect(outcome).toMatchObject({ code: 0, stdout: 'Exporting foo to foo.deis.tar... done, 100 kB\n' })
  expect(outcome.stderr).toContain('private keys')
  const file = join(cwd, 'foo.deis.tar')
  expect(readFileSync(file, 'utf8')).toBe(archive)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  const again = await deis(['apps:export', '-a', 'foo'], { home, cwd })
  expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('foo.deis.tar exists already') })
  expect(readFileSync(file, 'utf8')).toBe(archive)
})

test('an export leaves the image out on request', async () => {
  const { home, cwd, controller } = await against({
    'GET /v2/apps/foo/export/?image=0': exports['GET /v2/apps/foo/export/'],
  })
  expect(await deis(['apps:export', '-a', 'foo', '--without-image'], { home, cwd })).toMatchObject({ code: 0 })
  expect(controller.requests[0]).toContain('?image=0')
})

test.each<[string, Replies, string]>([
  ['a refusal', { 'GET /v2/apps/foo/export/': { status: 403, json: { detail: 'no' } } }, 'no'],
  ['another answer', { 'GET /v2/apps/foo/export/': { text: 'hello' } }, 'did not answer with an archive'],
  [
    'an archive that is cut off',
    { 'GET /v2/apps/foo/export/': { text: archive, headers: { 'content-length': '200000' } } },
    'was lost before the whole archive',
  ],
])('%s leaves no file', async (_, replies, message) => {
  const { home, cwd } = await against(replies)
  const given = { home, cwd }
  const running = deis(['apps:export', '-a', 'foo'], given)
  const { code, stderr } = await running
  expect([code, stderr]).toEqual([expect.any(Number), expect.stringContaining(message)])
  expect(code).not.toBe(0)
  expect(existsSync(join(cwd, 'foo.deis.tar'))).toBe(false)
})

test('an import sends the file and says what became of it', async () => {
  const warnings = ['These collaborators have no account here, and were not given access: cal.']
  const { home, cwd, controller } = await against({
    'POST /v2/import/?app=bar&owner=eve&rebuild=1&domains=0': {
      status: 201,
      json: { ...imported, built: 'A new build was asked for', warnings },
    },
  })
  writeFileSync(join(cwd, 'a.tar'), archive)
  const options = ['-a', 'bar', '--owner', 'eve', '--rebuild', '--without-domains']
  expect(await deis(['apps:import', 'a.tar', ...options], { home, cwd })).toMatchObject({
    code: 0,
    stdout: 'Importing a.tar... done, foo is at v4\n',
    stderr: [
      'Note: it was built here. A new build was asked for.',
      `Note: ${warnings[0]}`,
      'Note: to push to it from a checkout: deis git:remote -a foo',
      '',
    ].join('\n'),
  })
  expect(controller.requests[0]).toBe(`POST /v2/import/?app=bar&owner=eve&rebuild=1&domains=0 ${archive}`)
  expect(controller.headers[0]).toMatchObject({
    'content-type': 'application/x-tar',
    'content-length': String(archive.length),
  })
})

test('what is not an archive is not sent', async () => {
  const { home, cwd, controller } = await against({})
  writeFileSync(join(cwd, 'other'), 'hello')
  expect(await deis(['apps:import', 'other'], { home, cwd })).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('other is not an archive of an app'),
  })
  expect(await deis(['apps:import', '.'], { home, cwd })).toMatchObject({ code: 1 })
  expect(await deis(['apps:import', 'none'], { home, cwd })).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('no such file'),
  })
  expect(controller.requests).toEqual([])
})
