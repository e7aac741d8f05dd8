// When is the next backup due, and what does doctor say of the last?
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { checkBackups, type LastBackup, nextBackup } from './backups.ts'
import { readConfig } from '../config.ts'
import { backupAge } from '../metrics-backup.ts'
import { writeProven } from '../store/proven.ts'

const last: LastBackup = {
  startedAt: '2026-11-29T03:10:00.000Z',
  endedAt: '2026-11-29T03:12:00.000Z',
  code: 0,
  line: 'proven in 3 s',
}

test.each([
  ['none yet: now', null, 24, '1970-01-01T00:00:00.000Z'],
  ['proven', last, 24, '2026-11-30T03:10:00.000Z'],
  ['failed', { ...last, code: 1 }, 24, '2026-11-29T04:10:00.000Z'],
  ['killed', { ...last, endedAt: null, code: null }, 24, '2026-11-29T04:10:00.000Z'],
])('%s', (_, before, hours, due) => expect(nextBackup(before, hours).toISOString()).toBe(due))

test('doctor says how the last one ended', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'deis-backups-'))
  try {
    await mkdir(join(dataDir, 'state'))
    const { backup } = readConfig({ DEIS_BACKUP_EVERY_HOURS: '24' }, dataDir)
    const check = async (content: string | null) => {
      if (content !== null) await writeFile(join(dataDir, 'state/last-backup.json'), content)
      return checkBackups({ dataDir, backup })
    }
    expect(await checkBackups({ dataDir, backup: readConfig({}, dataDir).backup })).toBeNull()
    expect(await check(null)).toMatchObject({ status: 'limited', detail: 'none was made yet' })
    expect(await check('{')).toMatchObject({ status: 'limited', detail: 'none was made yet' })
    expect(await check(JSON.stringify(last))).toEqual({
      name: 'backups',
      status: 'ok',
      detail: 'the last was proven at 2026-11-29T03:12:00.000Z',
    })
    expect(await check(JSON.stringify({ ...last, code: 1, line: 'The disk is full.' }))).toMatchObject({
      concern: 'broken',
      detail: 'the last failed at 2026-11-29T03:12:00.000Z: The disk is full.',
    })
    // Of whoever made it.
    await writeProven(dataDir, '2026-11-29T03:10:00.000Z')
    const at = (time: string) => checkBackups({ dataDir, backup }, Date.parse(time))
    expect(await at('2026-12-01T03:11:00.000Z')).toMatchObject({
      concern: 'broken',
      detail:
        'the newest that is proven is 2 days old, and one is due every 24 hours; the last failed: The disk is full.',
    })
    await writeFile(join(dataDir, 'state/last-backup.json'), JSON.stringify(last))
    expect(await at('2026-11-30T03:11:00.000Z')).toMatchObject({ status: 'ok' })
    const byHand = { dataDir, backup: readConfig({}, dataDir).backup }
    expect(await checkBackups(byHand, Date.parse('2026-11-29T08:11:00.000Z'))).toEqual({
      name: 'backups',
      status: 'ok',
      detail: 'the newest that is proven is 5 hour(s) old',
    })
    // A clock that was set back.
    expect(await backupAge(dataDir, Date.parse('2026-11-28T00:00:00.000Z'))).toBe(0)
  } finally {
    await rm(dataDir, { recursive: true })
  }
})
