// Does a map of what was kept lately forget in time, and stay bounded?
import { expect, it } from 'vitest'
import { createRecent } from './recent.ts'

const minute = 60_000

it('forgets a value a quarter of an hour after it was kept last', () => {
  let at = 0
  const recent = createRecent<number>(() => at)
  recent.keep('ann', 1)
  at = 14 * minute
  expect(recent.get('ann')).toBe(1)
  recent.keep('ann', 2)
  at = 28 * minute
  expect(recent.get('ann')).toBe(2)
  at = 29 * minute
  expect(recent.get('ann')).toBeUndefined()
})

it('deletes the one that was kept longest ago when there are more than 10,000', () => {
  const recent = createRecent<number>(() => 0)
  for (let n = 0; n < 10_000; n++) recent.keep(`user ${n}`, n)
  recent.keep('user 0', 0)
  recent.keep('one more', 1)
  expect([recent.get('user 0'), recent.get('user 1'), recent.get('user 2')]).toEqual([0, undefined, 2])
  recent.delete('user 2')
  expect(recent.get('user 2')).toBeUndefined()
})
