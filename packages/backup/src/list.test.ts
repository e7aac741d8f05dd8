// What is said of backups that are there?
import { expect, test } from 'vitest'
import { freeName, timeOfName } from './format/names.ts'
import { readRecord, type Record } from './format/record.ts'
import { sizeText } from './format/size.ts'
import { concernOf, listText, type StoredBackup } from './list.ts'

const record: Record = {
  name: 'deis-20261129T031000Z.tar.gz',
  createdAt: '2026-11-29T03:10:00.000Z',
  bytes: 2_500_000,
  sha256: '0'.repeat(64),
  apps: 12,
  encryption: 'none',
  leftOut: [],
  proof: { at: '2026-11-29T03:12:00.000Z', seconds: 100, failed: null, checks: ['a'] },
}
const at = new Date(record.createdAt)
const stored = (more: Partial<StoredBackup>): StoredBackup => ({
  name: record.name,
  at,
  bytes: record.bytes,
  record,
  proven: true,
  ...more,
})
const failed = { ...record, proof: { ...record.proof!, failed: 'a slug is missing' } }

test('proven ones have the time, others the reason in red', () => {
  const lines = listText(
    [
      stored({}),
      stored({ record: failed, proven: false }),
      stored({ record: { ...record, proof: null }, proven: false }),
      stored({ record: null, proven: false }),
      stored({ bytes: 5, proven: false }),
    ],
    (text) => `<${text}>`,
  ).map((line) => line.replace(/ \d\d:\d\d/g, ' TIME'))
  expect(lines).toEqual([
    'deis-20261129T031000Z.tar.gz  2026-11-29 TIME   2.4 MB  12 app(s)   proven TIME',
    'deis-20261129T031000Z.tar.gz  2026-11-29 TIME   2.4 MB  12 app(s)   <not proven: a slug is missing>',
    'deis-20261129T031000Z.tar.gz  2026-11-29 TIME   2.4 MB  12 app(s)   <not proven: its proof did not end>',
    'deis-20261129T031000Z.tar.gz  2026-11-29 TIME   2.4 MB              <not proven: nothing is known of it: its record is missing>',
    'deis-20261129T031000Z.tar.gz  2026-11-29 TIME      5 B  12 app(s)   <not proven: it has 5 bytes, and had 2500000 when it was made>',
  ])
})

const later = (hours: number): { now: Date; everyHours: number } => ({
  now: new Date(at.getTime() + hours * 3_600_000),
  everyHours: 24,
})
test.each([
  ['none', [], later(0), 'There is no backup.'],
  ['proven', [stored({})], later(47), null],
  ['too old', [stored({})], later(49), 'The newest proven backup is 49 hours old; one is made every 24 hours.'],
  ['old, without a schedule', [stored({})], { ...later(999), everyHours: 0 }, null],
  [
    'from a time to come',
    [stored({})],
    later(-1),
    'Every backup is from a time that is yet to come: look at the clock, and make one.',
  ],
  ['one of now counts before those', [stored({ at: later(9).now }), stored({})], later(1), null],
  [
    'the newest counts',
    [stored({ record: failed, proven: false }), stored({})],
    later(1),
    'The newest backup is not proven: a slug is missing.',
  ],
])('%s', (_, backups, options, concern) => expect(concernOf(backups, options)).toBe(concern))

test('names sort by time, and other files are not backups', () => {
  const name = freeName([], at, true)
  expect(name).toBe('deis-20261129T031000Z.tar.gz.age')
  expect(freeName([{ name }], at, true)).toBe('deis-20261129T031001Z.tar.gz.age')
  expect(timeOfName(name)).toEqual(at)
  for (const other of [`${name}.json`, `${name}.partial`, 'deis-20261329T031000Z.tar.gz', 'x', `x${name}`])
    expect(timeOfName(other)).toBeNull()
})

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1536, '1.5 KB'],
  [10 * 2 ** 20, '10 MB'],
  [3 * 2 ** 40, '3.0 TB'],
])('%d bytes are %s', (bytes, text) => expect(sizeText(bytes)).toBe(text))

test('a record that somebody changed into something else is none', () => {
  expect(readRecord(JSON.stringify(record))).toEqual(record)
  for (const text of ['', '{}', 'null', '[1]', JSON.stringify({ ...record, proof: 'yes' })])
    expect(readRecord(text)).toBeNull()
})
