// Do archives of apps arrive in files, and leave from them, wholly or not at all?
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { deis, homeOf, type Replies, startController, temporaryFolder } from '../../testbed.ts'

const archive = `manifest.json\0${'x'.repeat(100_000)}`
const app = {
  uuid: 'u',
  id: 'foo',
  owner: 'bob',
  structure: {},
  created: '2026-01-02T03:04:05Z',
  updated: '2026-01-02T03:04:05Z',
}
const imported = { app, version: 4, built: null, warnings: [] }
const exports = { 'GET /v2/apps/foo/export/': { text: archive, headers: { 'content-length': String(archive.length) } } }

async function against(replies: Replies) {
  const controller = await startController(replies)
  return { controller, home: homeOf(controller), cwd: temporaryFolder() }
}

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

test('an archive is encrypted with a passphrase, and decrypted with the same one only', async () => {
  const { home, cwd, controller } = await against({ ...exports, 'POST /v2/import/': { status: 201, json: imported } })
  const differ = await deis(['apps:export', '-a', 'foo', '--passphrase'], { home, cwd, answers: ['one', 'other'] })
  expect(differ).toMatchObject({ code: 1, stderr: expect.stringContaining('differ') })
  const made = await deis(['apps:export', '-a', 'foo', '--passphrase'], {
    home,
    cwd,
    answers: ['quite secret', 'quite secret'],
  })
  expect(made).toMatchObject({ code: 0, stderr: '' })
  const file = join(cwd, 'foo.deis.tar.age')
  const sealed = readFileSync(file)
  expect(sealed.subarray(0, 21).toString()).toBe('age-encryption.org/v1')
  expect(sealed.includes('xxxx')).toBe(false)
  expect(statSync(file).mode & 0o777).toBe(0o600)

  writeFileSync(join(cwd, 'phrase'), 'quite secret\n')
  const from = ['apps:import', 'foo.deis.tar.age']
  expect(await deis([...from, '--passphrase-file', 'phrase'], { home, cwd })).toMatchObject({ code: 0 })
  expect(controller.requests.at(-1)).toBe(`POST /v2/import/ ${archive}`)
  const wrong = await deis(from, { home, cwd, answers: ['wrong'] })
  expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining('the passphrase is another one') })
  expect(await deis(from, { home, cwd })).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('--passphrase-file'),
  })

  sealed[sealed.length - 100] = (sealed.at(-100) ?? 0) ^ 1
  writeFileSync(file, sealed)
  const damaged = await deis([...from, '--passphrase-file', 'phrase'], { home, cwd })
  expect(damaged).toMatchObject({ code: 1, stderr: expect.stringContaining('Nothing was changed') })
})
