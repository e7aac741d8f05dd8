// When is the next backup due, and what does doctor say of the last?
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { checkBackups, type LastBackup, nextBackup } from './backups.ts'
import { readConfig } from '../config.ts'

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
  } finally {
    await rm(dataDir, { recursive: true })
  }
})
