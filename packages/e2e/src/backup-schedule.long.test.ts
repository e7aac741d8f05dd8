// Does a controller make backups by itself, and does doctor tell of them?
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Person, registered } from './client.ts'
import { type Platform, startPlatform } from './platform.ts'
import { until } from './until.ts'

describe('a controller with DEIS_BACKUP_EVERY_HOURS', () => {
  let platform: Platform
  let ann: Person
  beforeAll(async () => {
    platform = await startPlatform({ DEIS_BACKUP_EVERY_HOURS: '24' })
    ann = await registered(platform, 'ann')
  })
  afterAll(() => platform?.stop())

  test('makes one at its start and not another one at the next', async () => {
    const backups = join(platform.dataDir, 'backups')
    const doctor = async (): Promise<string> => (await ann.deis(['doctor'])).stdout
    await until({ what: 'the first is proven' }, async () =>
      /^ok +backups +the last was proven at /m.test(await doctor()),
    )
    const first = await readdir(backups)
    expect(first).toHaveLength(2)
    await platform.endController('SIGTERM')
    await platform.startController()
    expect(await doctor()).toMatch(/^ok +backups +the last was proven at /m)
    expect(await readdir(backups)).toEqual(first)
  })
})
