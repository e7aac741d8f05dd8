// Does a platform come back whole from a backup that was made while it was used, and is a backup that would not come back told?
import { copyFile, mkdir, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { credentials, startStandIn } from '@deis/backup/targets/s3-stand-in'
import type { Release } from '@deis/types'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Checkout, settings } from './app.ts'
import { type Backups, backupsOf, inFolder, isSqlite } from './backup-steps.ts'
import { mustWork, password, type Person } from './client.ts'
import { type Database, testDatabase } from './database.ts'
import { ask, callApi, self, serving } from './http.ts'
import { startLoad } from './load.ts'
import type { Platform } from './platform.ts'
import { withApp } from './with-app.ts'

let platform: Platform
let ann: Person
let shop: Checkout
let server: Backups['server']
let names: Backups['names']
let newest: Backups['newest']

async function releases(): Promise<Release[]> {
  const { body } = await callApi(platform, await ann.token(), 'GET', '/v2/apps/shop/releases/')
  return (JSON.parse(body) as { results: Release[] }).results
}

/** What a restore may not touch when it fails. */
async function content(folder: string): Promise<string[]> {
  return readdir(folder, { recursive: true }).catch(() => [])
}

withApp(async (given) => {
  ;({ platform, ann, shop } = given)
  ;({ server, names, newest } = backupsOf(platform))
})

describe.sequential('a platform that is used', () => {
  beforeAll(async () => {
    await shop.deploy()
    await shop.does('config:set', 'GREETING=before')
  })

  test('is backed up and proven while requests, changes and pushes go on, and no request fails', async () => {
    expect((await server(['backups'], { DEIS_BACKUP_TO: '' })).stderr).toBe('There is no backup.\n')
    const load = startLoad(platform, 'shop')
    const making = { ended: false }
    const backup = server(['backup']).finally(() => (making.ended = true))
    const changes: number[] = []
    for (let turn = 0; !making.ended || turn < 2; turn++) {
      const from = performance.now()
      await shop.does('config:set', `TURN=${turn}`)
      changes.push(performance.now() - from)
    }
    const made = await backup
    expect(await load.stop(load.sent() + 50)).toEqual([])
    expect(made.stderr).toBe('')
    expect(made.code).toBe(0)
    expect(made.stdout).toMatch(
      /^deis-\d{8}T\d{6}Z\.tar\.gz: .* not encrypted\n(.*\n)* {2}secrets: \d+ values decrypt\n {2}repositories: 1 whole\n {2}slugs: 1 readable\n {2}controller: starts and answers with 1 app\(s\)\n {2}app: "shop" v\d+ unpacks, and `command -v node` works in it\nproven in \d+ s\n$/,
    )
    const listed = await server(['backups'])
    expect(listed.code).toBe(0)
    expect(listed.stdout).toMatch(/^deis-\S+\.tar\.gz {2}\S+ \S+ +\S+ [KM]B {2}1 app\(s\) +proven \d\d:\d\d\n$/)
    // Nothing of its work is left, and nothing of the platform has changed.
    expect(await readdir(join(platform.dataDir, '.backup'))).toEqual(['lock'])
  })

  test('comes back from it on a bare machine: the app runs, numbers go on, accounts and keys work', async () => {
    await shop.deploy(settings({ message: 'second' }))
    await shop.does('config:set', 'GREETING=after')
    await shop.does('domains:add', 'shop.example.com')
    mustWork(await server(['backup']), 'backup')
    const before = await releases()
    // Made after the backup, so it is gone afterwards.
    await shop.does('config:set', 'GREETING=lost')
    await platform.endController('SIGINT')
    await rm(platform.dataDir, { recursive: true })
    await platform.database.empty()

    const restored = await server(['restore', await newest(), '--to', platform.dataDir])
    expect(restored.stderr).toBe('')
    expect(restored.stdout).toContain(`"${platform.dataDir}" has the platform of `)
    await platform.startController()
    await serving(platform, 'shop', { message: 'second', greeting: 'after' })
    expect(await releases()).toEqual(before)
    expect((await ask(platform, 'shop', { headers: { host: 'shop.example.com' } })).status).toBe(200)
    await ann.does(['login', platform.api, '--username', 'ann', '--password', password])
    // The same commit is not "up to date" without being deployed, and a new one is the next release.
    expect((await shop.push()).stderr).toContain('Everything up-to-date')
    await shop.deploy(settings({ message: 'third' }))
    await serving(platform, 'shop', { message: 'third' })
    const numbers = (await releases()).map(({ version }) => version)
    expect(numbers).toEqual(numbers.map((_, index) => numbers.length - index))
    expect(numbers.length).toBe(before.length + 1)
    // Host keys are the same: git did not ask whether to trust another server.
  })

  test('is not overwritten while it runs, nor without --replace; with it what was there is moved aside', async () => {
    const backup = await newest()
    const refused = await server(['restore', backup])
    expect(refused.stderr).toBe(
      `Error: "${platform.dataDir}" is not empty, so nothing was restored into it.\nUse --replace to move what is there aside, or --to with an empty folder.\n`,
    )
    expect((await server(['restore', backup, '--replace'])).stderr).toMatch(/^Error: The platform in ".*" is running: /)
    expect((await self(platform, 'shop')).message).toBe('third')
    // Its apps run on, and would be nobody's.
    await platform.endController('SIGTERM')
    expect((await server(['restore', backup, '--replace'])).stderr).toMatch(
      /^Error: Processes of apps in ".*" are running/,
    )
    await platform.startController()
    // Afterwards the app is resumed.
    await shop.does('scale', 'web=1')
    await platform.endController('SIGINT')
    const replaced = await server(['restore', backup, '--replace'])
    expect(replaced.stderr).toBe('')
    const [, aside = 'not said'] = /What was there is in "([^"]+\/\.replaced-[^"]+)"/.exec(replaced.stdout) ?? []
    expect(await readdir(aside)).toEqual(
      expect.arrayContaining(['keys', 'repos', 'slugs', ...(isSqlite ? ['state'] : [])]),
    )
    await platform.startController()
    await serving(platform, 'shop', { message: 'second', greeting: 'after' })
    await shop.deploy()
    await serving(platform, 'shop', { message: 'third' })
  })
})

describe.sequential('a backup', () => {
  const passphrase = 'nine wrong horses on a staple'
  let file: string
  /** Of the machine that backups are restored on. */
  let elsewhere: Database

  beforeAll(async () => {
    file = join(platform.folder, 'passphrase')
    await writeFile(file, `${passphrase}\n`, { mode: 0o600 })
    elsewhere = await testDatabase()
  })
  afterAll(() => elsewhere?.drop())

  test('that is cut, changed or of another key is refused with the reason, and nothing is made of it', async () => {
    mustWork(await server(['backup'], { DEIS_BACKUP_PASSPHRASE_FILE: file }), 'backup')
    const whole = await newest()
    expect(whole).toMatch(/\.tar\.gz\.age$/)
    const bytes = await readFile(whole)
    for (const secret of [platform.dataDir, 'secret.key', 'GREETING']) expect(bytes.includes(secret)).toBe(false)
    const to = join(platform.folder, 'restored')
    const damaged = join(platform.folder, 'damaged.age')
    const refusal = async (...args: string[]): Promise<string> => {
      const { code, stderr } = await server(['restore', damaged, '--to', to, ...args], elsewhere.env)
      expect(code).toBe(1)
      expect(await content(to)).toEqual([])
      return stderr
    }
    const other = join(platform.folder, 'other')
    await writeFile(other, 'some other passphrase\n', { mode: 0o600 })
    await copyFile(whole, damaged)
    expect(await refusal()).toMatch(/^Error: The backup is encrypted\.\nUse --identity FILE/)
    expect(await refusal('--passphrase-file', other)).toBe('Error: The passphrase does not open this backup.\n')
    await truncate(damaged, bytes.length - 1)
    expect(await refusal('--passphrase-file', file)).toMatch(/^Error: The backup is cut off or damaged/)
    const changed = Buffer.from(bytes)
    changed[5000] = (changed[5000] ?? 0) ^ 1
    await writeFile(damaged, changed)
    expect(await refusal('--passphrase-file', file)).toMatch(/^Error: The backup is cut off or damaged/)
  })

  test('is not made with a passphrase that every user can read, nor looked for where nothing is', async () => {
    const open = join(platform.folder, 'open')
    await writeFile(open, `${passphrase}\n`, { mode: 0o644 })
    const { code, stderr } = await server(['backup'], { DEIS_BACKUP_PASSPHRASE_FILE: open })
    expect([code, stderr]).toEqual([1, expect.stringContaining(`Every user of this machine can read the passphrase`)])
    const missing = join(platform.folder, 'missing')
    const listed = await server(['backups', '--to', missing])
    expect([listed.code, listed.stderr]).toEqual([1, expect.stringContaining(`There is no folder "${missing}".`)])
    await expect(stat(missing)).rejects.toThrow(/ENOENT/)
  })

  test('that would not restore is not proven, is listed with the reason, and no other is deleted for it', async () => {
    const before = await names()
    const key = join(platform.dataDir, 'keys/secret.key')
    const right = await readFile(key)
    await writeFile(key, `${'5'.repeat(64)}\n`)
    const env = {
      DEIS_BACKUP_KEEP_LAST: '1',
      DEIS_BACKUP_KEEP_DAILY: '0',
      DEIS_BACKUP_KEEP_WEEKLY: '0',
      DEIS_BACKUP_KEEP_MONTHLY: '0',
    }
    const reason = 'a value of Config.values cannot be decrypted with keys/secret.key'
    try {
      const made = await server(['backup'], env)
      expect(made.code).toBe(1)
      expect(made.stderr).toBe(`The backup was made but is not proven: ${reason}.\n`)
      const listed = await server(['backups'])
      expect(listed.code).toBe(1)
      expect(listed.stdout.split('\n')[0]).toContain(`not proven: ${reason}`)
      expect(await names()).toEqual(expect.arrayContaining(before))
    } finally {
      await writeFile(key, right, { mode: 0o600 })
    }
    // With the key, it is proven again, and the old ones go.
    const made = await server(['backup'], env)
    expect(made.code).toBe(0)
    expect(await names()).toHaveLength(1)
    expect((await server(['backups'])).code).toBe(0)
  })

  test('without the slug that runs is not proven', async () => {
    const slugs = join(platform.dataDir, 'slugs')
    const aside = join(platform.folder, 'slugs-aside')
    await mkdir(aside)
    for (const name of await readdir(slugs)) await rename(join(slugs, name), join(aside, name))
    const made = await server(['backup'])
    for (const name of await readdir(aside)) await rename(join(aside, name), join(slugs, name))
    expect(made.stderr).toMatch(/^The backup was made but is not proven: the slug of "shop" v\d+ is missing/)
  })

  test('in a store that speaks S3 (a stand-in) is proven there and comes back from there; none goes there unencrypted', async () => {
    const store = await startStandIn()
    const to = 's3://backups/deis'
    const env = {
      DEIS_BACKUP_TO: to,
      DEIS_BACKUP_S3_ENDPOINT: store.url,
      DEIS_BACKUP_S3_PATH_STYLE: 'true',
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    }
    try {
      const refused = await server(['backup'], env)
      expect(refused.code).toBe(1)
      expect(refused.stderr).toMatch(
        /^Error: A backup contains the keys of the platform, so it is not sent to "s3:\/\//,
      )
      expect(store.objects.size).toBe(0)

      const key = join(platform.folder, 'store-key.txt')
      const made = mustWork(await server(['backup-key', key]), 'backup-key')
      const [, recipient = ''] = /DEIS_BACKUP_RECIPIENTS=(age1\S+)/.exec(made) ?? []
      const backup = await server(['backup'], { ...env, DEIS_BACKUP_RECIPIENTS: recipient })
      expect([backup.code, backup.stderr]).toEqual([0, ''])
      const listed = await server(['backups'], env)
      expect(listed.stdout).toMatch(/^deis-\S+\.age .* proven \d\d:\d\d\n$/)
      const [name = ''] = listed.stdout.split(' ')
      const folder = join(platform.folder, 'from-store')
      await elsewhere.empty()
      const restored = await server(['restore', `${to}/${name}`, '--to', folder, '--identity', key], {
        ...env,
        ...elsewhere.env,
      })
      expect([restored.code, restored.stderr]).toEqual([0, ''])
      expect((await readdir(folder)).toSorted()).toEqual(inFolder)
      await rm(folder, { recursive: true })
    } finally {
      await store.close()
    }
  })

  test('is proven by an app that the operator names, which runs apart, with its config', async () => {
    const made = await server(['backup'], { DEIS_BACKUP_PROOF_APP: 'shop' })
    expect([made.code, made.stderr]).toEqual([0, ''])
    expect(made.stdout).toMatch(/^ {2}app: "shop" v\d+ runs: its process "web" answered on its port$/m)
    expect(existsSync(join(platform.dataDir, '.backup-app'))).toBe(false)
    // The platform's own process is another one, and was left alone.
    expect((await self(platform, 'shop')).message).toBe('third')
  })

  test('is made by one program at a time', async () => {
    const [one, other] = await Promise.all([server(['backup']), server(['backup'])])
    expect(Number(one.code) + Number(other.code)).toBe(1)
    expect(one.stderr + other.stderr).toBe(
      `Error: Another backup of "${platform.dataDir}" is being made.\nWait until it has ended.\n`,
    )
  })
})
