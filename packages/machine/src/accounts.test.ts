// Does each app get a user of its own, the same one for ever, and does nobody else get it?
import { chmod, mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openAccounts } from './accounts.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deis-accounts-'))
})
afterEach(async () => {
  await rm(folder, { recursive: true })
})

const root = process.getuid?.() === 0

test.skipIf(root)('without root all apps share the platform’s user, and it says so', async () => {
  const accounts = await openAccounts(folder)
  expect(accounts).toMatchObject({ isolated: false })
  expect(accounts.reason).toContain('root')
  expect(await accounts.of('tea')).toBeNull()
})

describe.skipIf(!root)('as root', () => {
  test('a folder that others cannot enter means no isolation, with the remedy', async () => {
    await chmod(folder, 0o700)
    const accounts = await openAccounts(folder)
    expect(accounts).toMatchObject({ isolated: false })
    expect(accounts.reason).toContain('DEIS_DATA_DIR')
    expect(await accounts.of('tea')).toBeNull()
    await accounts.release('tea')
  })

  test('each app has its user, also when asked at the same time and after a restart', async () => {
    await chmod(folder, 0o755)
    const accounts = await openAccounts(folder)
    expect(accounts.isolated).toBe(true)
    const apps = ['tea', 'coffee', 'milk', 'tea', 'coffee']
    const users = await Promise.all(apps.map((app) => accounts.of(app)))
    expect(new Set(users.map((user) => user?.uid)).size).toBe(3)
    expect(users[3]).toEqual(users[0])
    for (const user of users) {
      expect(user?.gid).toBe(user?.uid)
      expect(user?.uid).toBeGreaterThan(40_000)
      expect(user?.uid).toBeLessThan(60_000)
    }
    const again = await openAccounts(folder)
    expect(await Promise.all(apps.map((app) => again.of(app)))).toEqual(users)
    expect((await stat(join(folder, 'users.json'))).mode & 0o777).toBe(0o600)
  })

  test('a user that was given back is not the next app’s', async () => {
    await chmod(folder, 0o755)
    const accounts = await openAccounts(folder)
    const before = await accounts.of('tea')
    await accounts.release('tea')
    await accounts.release('tea')
    expect(JSON.parse(await readFile(join(folder, 'users.json'), 'utf8'))).toEqual({})
    expect(await accounts.of('coffee')).not.toEqual(before)
  })

  test('two platforms on a machine do not share users', async () => {
    const other = await mkdtemp(join(tmpdir(), 'deis-accounts-'))
    try {
      await Promise.all([chmod(folder, 0o755), chmod(other, 0o755)])
      const [one, two] = await Promise.all([openAccounts(folder), openAccounts(other)])
      // One in 20,000 pairs of folders begins at the same user.
      expect(await one.of('tea')).not.toEqual(await two.of('tea'))
    } finally {
      await rm(other, { recursive: true })
    }
  })

  test('a user whose number could not be written down is not used', async () => {
    await chmod(folder, 0o755)
    const accounts = await openAccounts(folder)
    await rm(folder, { recursive: true })
    await expect(accounts.of('tea')).rejects.toThrow('ENOENT')
    await mkdir(folder)
    expect(await accounts.of('tea')).not.toBeNull()
  })
})
