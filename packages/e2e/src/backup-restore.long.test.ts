// Does a platform come back when its restore is killed, or its backup was made for a key, and is a proof of no app told?
import { existsSync } from 'node:fs'
import { readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Checkout, settings } from './app.ts'
import { type Backups, backupsOf, inFolder, isSqlite, serverProgram } from './backup-steps.ts'
import { run, start } from './child.ts'
import { mustWork } from './client.ts'
import { type Database, testDatabase } from './database.ts'
import { serving } from './http.ts'
import { cleanEnv, type Platform } from './platform.ts'
import { withApp } from './with-app.ts'

let platform: Platform
let shop: Checkout
let server: Backups['server']
let newest: Backups['newest']

withApp(async (given) => {
  ;({ platform, shop } = given)
  ;({ server, newest } = backupsOf(platform))
})

describe.sequential('a platform that is used', () => {
  beforeAll(async () => {
    await shop.deploy(settings({ message: 'third' }))
  })

  test('comes back whole however often its restore is killed, and is never started half restored', async () => {
    mustWork(await server(['backup']), 'backup')
    const backup = await newest()
    await platform.endController('SIGINT')
    const kept = join(platform.folder, 'kept')
    await rename(platform.dataDir, kept)
    await platform.database.empty()
    let refusals = 0
    for (let ms = 120, ended = false; !ended; ms += isSqlite ? 25 : 100) {
      const restoring = start(
        process.execPath,
        [serverProgram, 'restore', backup, '--to', platform.dataDir, '--replace'],
        {
          cwd: platform.folder,
          env: { ...cleanEnv(), ...platform.database.env },
        },
      )
      const timer = setTimeout(() => restoring.signal('SIGKILL'), ms)
      ended = (await restoring.ended).code === 0
      clearTimeout(timer)
      if (ended || !existsSync(join(platform.dataDir, '.restoring'))) continue
      refusals++
      if (refusals > 3) continue
      const { code, said } = await platform.secondController()
      expect(code).toBe(1)
      expect(said).toContain('has not ended, so nothing is started on it')
    }
    // A busy machine may let one end early.
    expect(refusals).toBeGreaterThan(0)
    expect(existsSync(join(platform.dataDir, '.restoring'))).toBe(false)
    await platform.startController()
    await serving(platform, 'shop', { message: 'third' })
    await rm(kept, { recursive: true })
  })
})

describe.sequential('a backup', () => {
  /** Of the machine that backups are restored on. */
  let elsewhere: Database
  beforeAll(async () => {
    elsewhere = await testDatabase()
  })
  afterAll(() => elsewhere?.drop())

  test('for a public key is read with the private one, and with age itself', async ({ skip }) => {
    const key = join(platform.folder, 'key.txt')
    const made = mustWork(await server(['backup-key', key]), 'backup-key')
    const [, recipient = ''] = /DEIS_BACKUP_RECIPIENTS=(age1\S+)/.exec(made) ?? []
    mustWork(await server(['backup'], { DEIS_BACKUP_RECIPIENTS: recipient }), 'backup')
    const backup = await newest()
    const to = join(platform.folder, 'by-key')
    mustWork(await server(['restore', backup, '--to', to, '--identity', key], elsewhere.env), 'restore')
    expect((await readdir(to)).toSorted()).toEqual(inFolder)
    await rm(to, { recursive: true })
    const age = await run('sh', ['-c', 'command -v age'], { cwd: '/', env: cleanEnv() })
    skip(age.code !== 0, 'age is not installed')
    const tar = join(platform.folder, 'plain.tar.gz')
    const options = { cwd: '/', env: cleanEnv() }
    mustWork(await run('age', ['-d', '-i', key, '-o', tar, backup], options), 'age -d')
    expect(
      mustWork(await run('tar', ['-tzf', tar], options), 'tar')
        .split('\n')
        .slice(0, 2),
    ).toEqual(['manifest.json', isSqlite ? 'database.sqlite' : 'database.rows'])
  })

  test('is not proven by an app that is not there', async () => {
    const made = await server(['backup'], { DEIS_BACKUP_PROOF_APP: 'shed' })
    expect(made.stderr).toBe(
      'The backup was made but is not proven: there is no app "shed" with a build (DEIS_BACKUP_PROOF_APP).\n',
    )
  })
})
