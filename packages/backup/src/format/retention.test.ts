// Are the right backups kept?
import { expect, test } from 'vitest'
import { expired } from './retention.ts'

const none = { last: 0, daily: 0, weekly: 0, monthly: 0 }
/** Days of 2026, `!` for one that is not proven. */
const backups = (...days: string[]) =>
  days.map((day) => ({ name: day, at: new Date(`2026-${day.replace('!', '')}Z`), proven: !day.endsWith('!') }))

test.each([
  ['nothing proven: nothing is deleted', none, ['01-01 00:00!', '02-01 00:00!'], []],
  ['the newest proven one stays whatever the numbers are', none, ['01-01 00:00', '01-02 00:00'], ['01-01 00:00']],
  ['what is newer than it stays', none, ['01-01 00:00', '01-02 00:00!', '01-03 00:00!'], []],
  ['an unproven one goes when a newer one is proven', none, ['01-01 00:00!', '01-02 00:00'], ['01-01 00:00!']],
  ['last', { ...none, last: 2 }, ['01-01 00:00', '01-01 01:00', '01-01 02:00'], ['01-01 00:00']],
  [
    'unproven ones take no place',
    { ...none, last: 2 },
    ['01-01 00:00', '01-01 01:00!', '01-01 02:00'],
    ['01-01 01:00!'],
  ],
  [
    'the newest of each day',
    { ...none, daily: 2 },
    ['01-01 00:00', '01-02 00:00', '01-02 01:00', '01-03 00:00'],
    ['01-02 00:00', '01-01 00:00'],
  ],
  [
    'a week begins on Monday (2026-01-05)',
    { ...none, weekly: 2 },
    ['01-02 00:00', '01-04 23:59', '01-05 00:00', '01-11 23:59'],
    ['01-05 00:00', '01-02 00:00'],
  ],
  [
    'the newest of each month',
    { ...none, monthly: 12 },
    ['01-01 00:00', '01-31 00:00', '02-01 00:00'],
    ['01-01 00:00'],
  ],
])('%s', (_, keep, days, gone) => {
  const now = new Date('2026-12-31Z')
  expect(expired(backups(...days), keep, now)).toEqual(gone)
  // In whatever order they are listed.
  expect(expired(backups(...days.toReversed()), keep, now)).toEqual(gone)
})

test('after the clock was set back, those of the time to come stay, and what is made now does, too', () => {
  const all = backups('01-01 00:00', '01-02 00:00', '06-01 00:00', '06-02 00:00')
  expect(expired(all, { ...none, last: 1 }, new Date('2026-01-02T00:00:30Z'))).toEqual(['01-01 00:00'])
})
