// Is an archive encrypted so that only its passphrase opens it? Each key takes a second to derive, as it should.
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { deis } from '../../testbed.ts'
import { against, archive, exports, imported } from './move-testing.ts'

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
